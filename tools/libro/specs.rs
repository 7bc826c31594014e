//! El estado que declara una especificación en la cabecera de su capítulo, y si se llega a él.
//!
//! `Running 2/2`, `Succeeded`, `Failed codigo=137`, `Running reinicios=2`, `error MP0101`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// La fase; vacía si lo que se espera es un error.
    pub phase: String,
    /// Contenedores listos, y cuántos hay.
    pub ready: Option<(usize, usize)>,
    /// Al menos estos reinicios, entre todos.
    pub restarts: u64,
    /// El código con que acabó algún contenedor.
    pub code: Option<i64>,
    pub error: Option<String>,
}

impl Expected {
    pub fn read(text: &str) -> Result<Expected, String> {
        let mut expected = Expected::default();
        let mut words = text.split_whitespace();
        match words.next().unwrap_or_default() {
            "error" => expected.error = Some(words.next().ok_or("falta el código del error")?.to_string()),
            phase @ ("Pending" | "Running" | "Succeeded" | "Failed") => expected.phase = phase.to_string(),
            other => return Err(format!("«{other}» no es una fase ni `error`")),
        }
        for word in words {
            let number = |value: &str| value.parse().map_err(|_| format!("«{word}»: falta un número"));
            match (word.split_once('/'), word.split_once('=')) {
                (Some((ready, all)), _) => {
                    expected.ready = Some((number(ready)? as usize, number(all)? as usize));
                }
                (_, Some(("reinicios", value))) => expected.restarts = number(value)?,
                (_, Some(("codigo", value))) => expected.code = Some(number(value)? as i64),
                _ => return Err(format!("no entiendo «{word}»: 2/2, reinicios=N o codigo=N")),
            }
        }
        Ok(expected)
    }

    /// ¿Ha llegado el Pod? `pod` es lo que imprime `micropod get pod NOMBRE -o json`.
    pub fn reached(&self, pod: &Value) -> bool {
        let status = &pod["status"];
        let containers = status["containerStatuses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ready = containers.iter().filter(|c| c["ready"] == true).count();
        let restarts: u64 = containers.iter().filter_map(|c| c["restartCount"].as_u64()).sum();
        let ended = |code: i64| {
            containers.iter().any(|c| {
                ["state", "lastState"].iter().any(|s| c[s]["terminated"]["exitCode"].as_i64() == Some(code))
            })
        };
        status["phase"] == self.phase.as_str()
            && self.ready.is_none_or(|wanted| wanted == (ready, containers.len()))
            && restarts >= self.restarts
            && self.code.is_none_or(ended)
    }

    /// Lo que se ve de un Pod, para decir a qué no ha llegado.
    pub fn describe(pod: &Value) -> String {
        let status = &pod["status"];
        let containers = status["containerStatuses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let each: Vec<String> = containers
            .iter()
            .map(|c| {
                format!("{} listo={} reinicios={} {}", c["name"], c["ready"], c["restartCount"], c["state"])
            })
            .collect();
        format!("fase {} · {}", status["phase"], each.join(" · "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lo_declarado_se_entiende() {
        let expected = Expected::read("Running 2/2 reinicios=1").unwrap();
        assert_eq!((expected.ready, expected.restarts), (Some((2, 2)), 1));
        assert_eq!(Expected::read("error MP0101").unwrap().error.as_deref(), Some("MP0101"));
        assert!(Expected::read("Runing").unwrap_err().contains("no es una fase"));
        assert!(Expected::read("Running dos").unwrap_err().contains("no entiendo"));
    }

    #[test]
    fn un_pod_llega_cuando_cumple_todo_lo_declarado() {
        let pod = |phase, ready, restarts| {
            json!({"status": {"phase": phase, "containerStatuses": [
                {"name": "a", "ready": ready, "restartCount": restarts,
                 "state": {"terminated": {"exitCode": 137}}}]}})
        };
        let expected = Expected::read("Running 1/1 reinicios=2 codigo=137").unwrap();
        assert!(expected.reached(&pod("Running", true, 2)));
        assert!(!expected.reached(&pod("Pending", true, 2)));
        assert!(!expected.reached(&pod("Running", false, 2)));
        assert!(!expected.reached(&pod("Running", true, 1)));
        assert!(!Expected::read("Failed codigo=1").unwrap().reached(&pod("Failed", false, 0)));
    }
}
