//! `micropod patch --subresource=status`: poner las condiciones que un Pod espera de alguien de fuera.
//!
//! Con `readinessGates`, un Pod no está listo hasta que otro programa lo dice. En Kubernetes lo dice por
//! la API, que es lo que hace `kubectl patch`; aquí, por el socket de su supervisor.

use super::pod_names;
use crate::control::{self, Request, Response};
use crate::error::{Error, exit};
use crate::logic::OutsideCondition;
use crate::state;
use clap::ArgMatches;
use serde_json::Value;

pub fn patch(args: &ArgMatches) -> Result<u8, Error> {
    super::require_root("cambiar un Pod")?;
    let names = pod_names(&super::words(args, "POD"))?;
    let [name] = names.as_slice() else {
        return Err(Error::usage("falta el nombre del Pod").with_hint("micropod patch pod NOMBRE …"));
    };
    if args.get_one::<String>("subresource").is_none_or(|part| part != "status") {
        return Err(Error::usage("de un Pod en marcha solo se cambian sus condiciones")
            .with_hint("di --subresource=status; lo demás, borrándolo y creándolo otra vez"));
    }
    let conditions = conditions(super::text(args, "patch"))?;
    let seen = super::see_in(args, name)?;
    let path = state::pod_dir(name).join("control");
    for condition in conditions {
        let known = seen.record.pod.spec.readiness_gates.iter().any(|g| g.condition_type == condition.kind);
        if !known {
            let kind = crate::spec::errors::visible(&condition.kind, 80);
            return Err(Error::failed(format!(
                "el Pod `{name}` no espera de fuera ninguna condición `{kind}`"
            ))
            .with_hint("ponla en spec.readinessGates, o mira las que tiene con `micropod describe pod`"));
        }
        let answer = control::ask(&path, &Request::Condition(condition)).map_err(|errno| {
            Error::failed(format!("el supervisor del Pod `{name}` no responde"))
                .because(crate::error::spanish(errno))
                .with_hint(format!("¿ha acabado? micropod get pod {name}"))
        })?;
        if let Response::Refused(why) = answer {
            return Err(Error::failed(why));
        }
    }
    println!("pod/{name} patched");
    Ok(exit::OK)
}

/// Las condiciones de un parche: no hay otra cosa que se pueda cambiar.
fn conditions(text: &str) -> Result<Vec<OutsideCondition>, Error> {
    const SHAPE: &str =
        r#"así: -p '{"status":{"conditions":[{"type":"ejemplo.es/lista","status":"True"}]}}'"#;
    let bad = |problem: String| Error::usage(problem).with_hint(SHAPE);
    let patch: Value = serde_json::from_slice(text.as_bytes())
        .map_err(|fault| bad(format!("el parche no es JSON: {fault}")))?;
    let only = |value: &Value, key: &str, place: &str| -> Result<Value, Error> {
        let object = value.as_object().ok_or_else(|| bad(format!("{place} ha de ser un objeto")))?;
        match object.keys().find(|other| *other != key) {
            Some(other) => {
                let other = crate::spec::errors::visible(other, 80);
                Err(bad(format!("en {place} no se puede cambiar `{other}`: solo `{key}`")))
            }
            None => object.get(key).cloned().ok_or_else(|| bad(format!("en {place} falta `{key}`"))),
        }
    };
    let status = only(&patch, "status", "el parche")?;
    let list = only(&status, "conditions", "`status`")?;
    let list = list.as_array().ok_or_else(|| bad("`conditions` ha de ser una lista".into()))?;
    if list.is_empty() {
        return Err(bad("`conditions` está vacía".into()));
    }
    list.iter().map(|value| condition(value).map_err(&bad)).collect()
}

fn condition(value: &Value) -> Result<OutsideCondition, String> {
    let text = |key: &str| match &value[key] {
        Value::Null => Ok(String::new()),
        Value::String(text) if text.len() <= 1024 => Ok(text.clone()),
        _ => Err(format!("`{key}` ha de ser un texto de 1024 bytes como mucho")),
    };
    let object = value.as_object().ok_or("cada condición ha de ser un objeto")?;
    let known = ["type", "status", "reason", "message", "lastTransitionTime", "lastProbeTime"];
    if let Some(other) = object.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("una condición no tiene `{}`", crate::spec::errors::visible(other, 80)));
    }
    if let Some(time) = ["lastTransitionTime", "lastProbeTime"].iter().find(|key| !value[**key].is_null()) {
        return Err(format!("`{time}` lo pone micropod: quítalo"));
    }
    let status = match text("status")?.as_str() {
        "True" => true,
        // para estar listo, no saberlo vale lo mismo que no
        "False" => false,
        _ => return Err("`status` ha de ser \"True\" o \"False\"".into()),
    };
    match text("type")? {
        kind if kind.is_empty() => Err("a una condición le falta `type`".into()),
        kind => Ok(OutsideCondition { kind, status, reason: text("reason")?, message: text("message")? }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn un_parche_solo_pone_condiciones_y_dice_lo_que_no_puede_cambiar() {
        let good = r#"{"status":{"conditions":[{"type":"a/b","status":"True","reason":"R"}]}}"#;
        let found = conditions(good).unwrap();
        assert_eq!((found[0].kind.as_str(), found[0].status, found[0].reason.as_str()), ("a/b", true, "R"));
        for (text, part) in [
            ("x", "no es JSON"),
            ("[]", "el parche ha de ser un objeto"),
            ("{}", "falta `status`"),
            (r#"{"spec":{}}"#, "no se puede cambiar `spec`"),
            (r#"{"status":{"phase":"Failed"}}"#, "no se puede cambiar `phase`"),
            (r#"{"status":{"conditions":[]}}"#, "está vacía"),
            (r#"{"status":{"conditions":[{"status":"True"}]}}"#, "le falta `type`"),
            (r#"{"status":{"conditions":[{"type":"a","status":"sí"}]}}"#, "`status` ha de ser"),
            (r#"{"status":{"conditions":[{"type":"a","status":"True","x":1}]}}"#, "no tiene `x`"),
            (r#"{"status":{"conditions":[{"type":"a","status":"True","lastProbeTime":"hoy"}]}}"#, "lo pone"),
        ] {
            let said = conditions(text).unwrap_err().to_string();
            assert!(said.contains(part), "{text}: {said}");
        }
    }
}
