//! Los códigos de error: qué significa cada uno, con un ejemplo mal y otro bien.
//!
//! Están en `codes.ron`. Los ejemplos no son adorno: una prueba comprueba que el que está mal da ese código y que el que
//! está bien se acepta.

use super::ron;
use crate::texts::{self, Entry};
use serde::Deserialize;
use std::sync::LazyLock;

/// Un código de error de los objetos que se escriben.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    pub code: String,
    pub title: String,
    pub text: String,
    pub place: Where,
    pub wrong: String,
    /// Vacío si no hay un equivalente correcto que enseñar.
    #[serde(default)]
    pub right: String,
}

/// Dónde irían los ejemplos dentro del fichero.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub enum Where {
    /// El ejemplo es el fichero entero.
    File,
    /// El fichero entero, escrito en YAML.
    Yaml,
    /// El fichero entero, escrito en JSON.
    Json,
    /// Dentro de una `List`, junto al Pod.
    Objects,
    /// Dentro de `metadata: (…)`.
    Metadata,
    /// Dentro de `spec: (…)`, que ya tiene un contenedor.
    Spec,
    /// Dentro de `containers: […]`.
    Containers,
    /// Dentro de un contenedor que ya tiene nombre e imagen.
    Container,
    /// El ejemplo es un comando.
    Command,
    /// El ejemplo es un comando que usa `micropod api`, o la lanza.
    Server,
    /// El ejemplo es un fichero de averías para un Pod con un contenedor `web`.
    Faults,
}

impl Where {
    /// El fichero entero que sale de poner el ejemplo en su sitio.
    pub fn file(self, example: &str) -> String {
        let pod =
            |metadata: &str, spec: &str| format!("Pod(\n  metadata: ({metadata}),\n  spec: ({spec}),\n)\n");
        let name = "name: \"ejemplo\"";
        match self {
            Where::File | Where::Yaml | Where::Json | Where::Command | Where::Server | Where::Faults => {
                example.to_string()
            }
            Where::Objects => {
                let pod = pod(name, "containers: [(name: \"web\", image: \"nginx\")]");
                format!("List(items: [\n{example}\n{}])\n", pod.trim_end())
            }
            Where::Metadata => pod(example, "containers: [(name: \"web\", image: \"nginx\")]"),
            Where::Spec => pod(name, &format!("containers: [(name: \"web\", image: \"nginx\")],\n{example}")),
            Where::Containers => pod(name, &format!("containers: [\n{example}\n]")),
            Where::Container => {
                pod(name, &format!("containers: [(name: \"web\", image: \"nginx\",\n{example}\n)]"))
            }
        }
    }

    /// Cómo se llamaría ese fichero: su nombre dice en qué está escrito.
    pub fn file_name(self) -> &'static str {
        match self {
            Where::Yaml => "ejemplo.yaml",
            Where::Json => "ejemplo.json",
            _ => "ejemplo.ron",
        }
    }

    pub fn describe(self) -> &'static str {
        match self {
            Where::File => "el fichero entero",
            Where::Yaml => "el fichero entero, en YAML",
            Where::Json => "el fichero entero, en JSON",
            Where::Objects => "dentro de `List(items: […])`, junto al Pod",
            Where::Metadata => "dentro de `metadata`",
            Where::Spec => "dentro de `spec`",
            Where::Containers => "dentro de `spec.containers`",
            Where::Container => "dentro de un contenedor",
            Where::Command => "en la terminal",
            Where::Server => "al usar la API",
            Where::Faults => "en un fichero de averías",
        }
    }
}

/// El código `name`; da igual cómo estén las mayúsculas.
pub fn find(name: &str) -> Option<&'static Code> {
    name.get(..2).filter(|start| start.eq_ignore_ascii_case("MP"))?;
    CODES.iter().find(|c| c.code.eq_ignore_ascii_case(name))
}

/// Los de `codes.ron`, en su orden.
pub static CODES: LazyLock<Vec<Code>> = LazyLock::new(|| {
    let text = texts::one("codes.ron");
    // está dentro del binario y las pruebas lo leen: no puede fallar
    let mut codes: Vec<Code> = ron::read(&text).unwrap_or_else(|wrong| panic!("codes.ron:{wrong}"));
    for code in &mut codes {
        code.text = code.text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    codes
});

/// La palabra `name` de las columnas STATUS y REASON; da igual cómo estén las mayúsculas.
pub fn find_reason(name: &str) -> Option<&'static Entry> {
    REASONS.iter().find(|r| r.name.eq_ignore_ascii_case(name))
}

/// Las de `reasons.txt`, en su orden: después del nombre, qué mirar después.
pub static REASONS: LazyLock<Vec<Entry>> = LazyLock::new(|| texts::entries("reasons.txt"));
