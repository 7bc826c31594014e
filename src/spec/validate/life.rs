//! La vida de los contenedores: reglas de reinicio y la anotación que las acelera.

use super::{Checks, containers};
use crate::logic::rules::{ACELERA, MAX_ACELERA, parse_acelera};
use crate::spec::errors::visible;
use crate::spec::types::{Container, ContainerRestartRule, Pod};

/// Reglas de reinicio de un contenedor, y códigos de una regla, como mucho.
const MAX_RULES: usize = 20;
const MAX_CODES: usize = 255;

pub fn check(checks: &mut Checks, pod: &Pod) {
    annotations(checks, pod);
    for (path, _, container) in containers(pod) {
        restart_rules(checks, &path, container);
    }
}

/// Las anotaciones de micropod cambian lo que hace: una que no existe es una errata.
fn annotations(checks: &mut Checks, pod: &Pod) {
    for (key, value) in pod.metadata.annotations.iter().filter(|(key, _)| key.starts_with("micropod/")) {
        let path = format!("metadata.annotations[\"{key}\"]");
        if key != ACELERA {
            let problem = format!("micropod no tiene ninguna anotación `{}`", visible(key, 80));
            checks.add("MP0170", path, problem, format!("la que hay es `{ACELERA}`"));
            checks.on_key();
        } else if parse_acelera(value).is_none() {
            let problem = format!("`{}` no dice por cuánto dividir las esperas", visible(value, 40));
            checks.add(
                "MP0170",
                path,
                problem,
                format!("un número entero de 1 a {MAX_ACELERA}, entre comillas"),
            );
        }
    }
}

fn restart_rules(checks: &mut Checks, path: &str, container: &Container) {
    let rules = &container.restart_policy_rules;
    let path = format!("{path}.restartPolicyRules");
    if rules.is_empty() {
        return;
    }
    if container.restart_policy.is_none() {
        let hint = "añade `restartPolicy` al contenedor: es lo que vale cuando ninguna regla casa";
        checks.add("MP0171", &path, "hay reglas de reinicio y falta `restartPolicy`", hint);
    }
    if rules.len() > MAX_RULES {
        let problem = format!("hay {} reglas de reinicio, y el máximo es {MAX_RULES}", rules.len());
        checks.add("MP0171", &path, problem, "junta códigos en una misma regla");
    }
    for (i, rule) in rules.iter().enumerate() {
        exit_codes(checks, &format!("{path}[{i}].exitCodes.values"), rule);
    }
}

fn exit_codes(checks: &mut Checks, path: &str, rule: &ContainerRestartRule) {
    let codes = &rule.exit_codes.values;
    if codes.is_empty() {
        let hint = "pon al menos uno: `values: [42]`";
        checks.add("MP0171", path, "la regla no dice ningún código", hint);
    }
    if codes.len() > MAX_CODES {
        let problem = format!("hay {} códigos, y el máximo es {MAX_CODES}", codes.len());
        checks.add("MP0171", path, problem, "usa `operator: NotIn` con los que faltan");
    }
    for (i, code) in codes.iter().enumerate() {
        let path = format!("{path}[{i}]");
        if !(0..=255).contains(code) {
            checks.add("MP0171", path, format!("{code} no es un código de salida"), "van de 0 a 255");
        } else if codes[..i].contains(code) {
            checks.add("MP0171", path, format!("el código {code} está repetido"), "deja uno solo");
        }
    }
}
