//! Lo que se contesta: un objeto, un texto o un `Status` de Kubernetes que dice qué ha ido mal.

use super::http::{self, Length, Request};
use crate::spec::errors::{SHOWN, SpecError, SpecErrors, visible};
use serde_json::{Value, json};

/// Una respuesta entera, que cabe en memoria.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub kind: &'static str,
    pub body: Vec<u8>,
    /// Se enseñan como `Warning: …`.
    pub warnings: Vec<String>,
}

pub const JSON: &str = "application/json";
pub const TEXT: &str = "text/plain; charset=utf-8";

impl Answer {
    pub fn json(value: &Value) -> Answer {
        Answer { status: 200, kind: JSON, body: bytes(value), warnings: Vec::new() }
    }

    pub fn text(text: &str) -> Answer {
        Answer { status: 200, kind: TEXT, body: text.as_bytes().to_vec(), warnings: Vec::new() }
    }

    pub fn with_status(mut self, status: u16) -> Answer {
        self.status = status;
        self
    }

    /// Los bytes que van por el socket. Quien se ha equivocado de idioma no puede seguir hablando.
    pub fn bytes(&self, close: bool) -> Vec<u8> {
        let mut out =
            http::head(self.status, self.kind, Length::Known(self.body.len()), close, &self.warnings);
        out.extend_from_slice(&self.body);
        out
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    let mut text = value.to_string().into_bytes();
    text.push(b'\n');
    text
}

/// Por qué no: el código de HTTP, la palabra de Kubernetes y lo que lee quien pregunta.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub status: u16,
    pub reason: &'static str,
    pub message: String,
    /// El Pod que no vale, si es eso, y de cada causa el campo y lo que le pasa: kubectl las enseña de otra manera.
    invalid: Option<(String, Vec<[String; 2]>)>,
}

impl Problem {
    pub fn new(status: u16, reason: &'static str, message: impl Into<String>) -> Problem {
        Problem { status, reason, message: message.into(), invalid: None }
    }

    /// Lo que se pide para el Pod `name` no vale: por cada causa, el campo y lo que le pasa.
    pub fn invalid(name: &str, causes: Vec<[String; 2]>) -> Problem {
        let name = visible(name, 100);
        let each: Vec<String> = causes.iter().map(|cause| cause.join(": ")).collect();
        Problem { invalid: Some((name, causes)), ..Problem::new(422, "Invalid", each.join("; ")) }
    }

    /// Los errores de un objeto que no ha escrito nadie en ningún fichero: con el camino de su campo.
    pub fn wrong(name: &str, errors: &SpecErrors) -> Problem {
        let cause = |error: &SpecError| {
            let field = if error.field.is_empty() { "pod" } else { &error.field };
            let mut said = vec![error.problem.clone()];
            said.extend(error.hint.clone());
            said.extend(error.possible().map(|(label, names)| format!("{label}: {names}")));
            [visible(field, 200), format!("{} [{}]", said.join("; "), error.code)]
        };
        Problem::invalid(name, errors.0.iter().take(SHOWN).map(cause).collect())
    }

    pub fn not_found(resource: &str, name: &str) -> Problem {
        let name = visible(name, 100);
        Problem::new(404, "NotFound", format!("{resource} \"{name}\" not found"))
    }

    pub fn bad_request(message: impl Into<String>) -> Problem {
        Problem::new(400, "BadRequest", message)
    }

    /// Lo que la API no tiene, dicho por su nombre.
    pub fn missing(what: &str) -> Problem {
        let what = visible(what, 100);
        Problem::new(404, "NotFound", format!("micropod api no tiene {what} [MP0335]"))
    }

    /// El objeto `Status`.
    pub fn object(&self) -> Value {
        let mut object = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.status,
        });
        if let Some((name, causes)) = &self.invalid {
            // de un objeto que no vale, kubectl solo lee las causas
            object["message"] = json!(format!("Pod \"{name}\" is invalid: {}", self.message));
            let causes: Vec<Value> =
                causes.iter().map(|[field, said]| json!({"field": field, "message": said})).collect();
            object["details"] = json!({"name": name, "kind": "Pod", "causes": causes});
        }
        object
    }

    pub fn answer(&self) -> Answer {
        Answer::json(&self.object()).with_status(self.status)
    }
}

/// ¿Se pide como tabla? `Accept` lleva lo que se prefiere, de más a menos.
pub fn wants_table(request: &Request) -> bool {
    let accept = request.header("accept").unwrap_or_default();
    let first = accept.split(',').map(str::trim).find(|one| one.starts_with("application/json"));
    first.is_some_and(|one| one.contains("as=Table") && one.contains("g=meta.k8s.io"))
}

/// ¿Vale JSON? Los clientes de Go prefieren a veces protobuf, pero admiten también JSON.
pub fn accepts_json(request: &Request) -> bool {
    let Some(accept) = request.header("accept") else { return true };
    let fine = |one: &str| {
        let one = one.trim();
        one.starts_with("application/json") || one.starts_with("*/*") || one.starts_with("application/*")
    };
    accept.trim().is_empty() || accept.split(',').any(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(accept: &str) -> Request {
        Request { headers: vec![("accept".into(), accept.into())], ..Request::default() }
    }

    #[test]
    fn se_da_una_tabla_a_quien_la_prefiere_y_json_a_quien_lo_admite() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert!(wants_table(&asking(kubectl)) && accepts_json(&asking(kubectl)));
        let typed = "application/vnd.kubernetes.protobuf,application/json";
        assert!(!wants_table(&asking(typed)) && accepts_json(&asking(typed)));
        assert!(!wants_table(&asking("application/json, application/json;as=Table;v=v1;g=meta.k8s.io")));
        assert!(!accepts_json(&asking("application/vnd.kubernetes.protobuf")));
        assert!(accepts_json(&Request::default()) && accepts_json(&asking("*/*")));
    }

    #[test]
    fn un_no_es_un_status_de_kubernetes_sin_nada_que_engane_a_una_terminal() {
        let problem = Problem::not_found("pods", "w\u{1b}[2Jeb");
        assert_eq!(problem.object()["message"], "pods \"w\u{fffd}[2Jeb\" not found");
        assert_eq!((problem.object()["code"].as_u64(), problem.answer().status), (Some(404), 404));
        let invalid = Problem::invalid("web", vec![["spec.x".into(), "no".into()]]).object();
        assert_eq!(invalid["details"]["causes"][0], json!({"field": "spec.x", "message": "no"}));
        assert_eq!(invalid["message"], "Pod \"web\" is invalid: spec.x: no");
        // de lo que llega por la API se dice el campo: las líneas son de un fichero que no ha escrito nadie
        let text = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "c",
            "image": "i", "tyt": true}]}}"#;
        let errors = crate::spec::parse::parse_all("", text).unwrap_err();
        let causes = Problem::wrong("a", &errors).object()["details"]["causes"].clone();
        assert_eq!(causes[0]["field"], "spec.containers[0].tyt");
        let said = causes[0]["message"].as_str().unwrap();
        assert!(
            said.starts_with("campo desconocido `tyt` en el contenedor `c`; ¿querías decir `tty`?"),
            "{said}"
        );
        assert!(said.ends_with(", tty [MP0101]") && !said.contains("-->"), "{said}");
    }
}
