//! Un hallazgo: una causa, lo segura que es, lo que la demuestra y qué hacer.

use super::causes::Cause;

/// De dónde sale una prueba.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Kernel,
    State,
    Events,
    Logs,
    Spec,
    Recording,
}

impl From {
    pub fn name(self) -> &'static str {
        match self {
            From::Kernel => "kernel",
            From::State => "estado",
            From::Events => "sucesos",
            From::Logs => "su log",
            From::Spec => "el fichero",
            From::Recording => "grabación",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub cause: Cause,
    /// ¿Lo dice el kernel, o se deduce?
    pub sure: bool,
    /// La respuesta, sin mayúscula ni punto: completa «… porque …».
    pub says: String,
    pub evidence: Vec<(From, String)>,
    /// Los comandos que vienen ahora.
    pub next: Vec<String>,
}

impl Finding {
    pub fn new(cause: Cause, says: impl Into<String>) -> Finding {
        Finding { cause, sure: true, says: says.into(), evidence: Vec::new(), next: Vec::new() }
    }

    pub fn unsure(mut self) -> Finding {
        self.sure = false;
        self
    }

    pub fn because(mut self, from: From, text: impl Into<String>) -> Finding {
        let text = text.into();
        if !text.is_empty() {
            self.evidence.push((from, text));
        }
        self
    }

    pub fn try_now(mut self, command: impl Into<String>) -> Finding {
        let command = command.into();
        // a los Pods solo los mira root; a lo que se explica y a las imágenes, cualquiera
        let free = ["explain", "doctor", "image"];
        self.next.push(match command.strip_prefix("micropod ") {
            Some(rest) if !free.iter().any(|verb| rest.starts_with(verb)) => format!("sudo {command}"),
            _ => command,
        });
        self
    }

    /// Lo que dice, con su duda delante si la hay.
    pub fn sentence(&self) -> String {
        if self.sure { self.says.clone() } else { format!("probablemente {}", self.says) }
    }
}
