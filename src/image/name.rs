//! Capítulo 11 · Cómo se llama una imagen.
//!
//! Un trozo de lo que admiten los registros: `nginx`, `nginx:1.27`, `curso/nginx:1.27`. Sin
//! etiqueta vale `latest`: `nginx` y `nginx:latest` son la misma. Las mayúsculas cuentan.
//!
//! El nombre es también el de un directorio, y ese directorio aparece en las opciones de montaje
//! de overlayfs, donde `:` separa capas y `,` separa opciones. Por eso en disco `:` se escribe `@` y
//! `/` se escribe `+`: ni `@` ni `+` caben en un nombre, así que se puede deshacer.

use super::HOST;
use crate::error::Error;
use std::fmt;

/// Caracteres como mucho.
const MAX_LENGTH: usize = 128;

/// Un nombre de imagen válido, sin `:latest`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    pub fn parse(text: &str) -> Result<Name, Error> {
        let bad = |why: &str| {
            Error::usage(format!("«{}» no es un nombre de imagen: {why}", text.escape_debug())).with_hint(
                "un nombre es como `nginx`, `nginx:1.27` o `curso/nginx`: letras, cifras, `.`, `_` y `-`",
            )
        };
        if text.len() > MAX_LENGTH {
            return Err(Error::usage(format!(
                "el nombre de la imagen tiene {} caracteres y como mucho puede tener {MAX_LENGTH}",
                text.chars().count()
            )));
        }
        // los dos puntos solo separan la etiqueta: un registro con puerto no cabe en estos nombres
        let (path, tag) = match text.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (text, None),
        };
        for part in path.split('/').chain(tag) {
            if let Some(why) = part_problem(part) {
                return Err(bad(why));
            }
        }
        Ok(Name(text.strip_suffix(":latest").unwrap_or(text).to_string()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// ¿Es la raíz de la propia máquina?
    pub fn is_host(&self) -> bool {
        self.0 == HOST
    }

    /// El nombre de su directorio en el almacén.
    pub(super) fn directory(&self) -> String {
        self.0.replace(':', "@").replace('/', "+")
    }

    /// Lo contrario de [`Name::directory`]; `None` si ese directorio no es una imagen.
    pub(super) fn of_directory(directory: &str) -> Option<Name> {
        let name = Name::parse(&directory.replace('@', ":").replace('+', "/")).ok()?;
        (name.directory() == directory).then_some(name)
    }
}

/// Por qué `part` no vale como trozo de un nombre.
fn part_problem(part: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if part.is_empty() {
        return Some("está vacío o le falta un trozo");
    }
    if !part.chars().all(allowed) {
        return Some("tiene un carácter que no cabe en él");
    }
    if part.starts_with(['.', '-']) {
        return Some("ningún trozo puede empezar por punto ni por guion");
    }
    part.contains("..").then_some("no puede llevar dos puntos seguidos («..»)")
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn los_nombres_validos_van_a_un_directorio_y_vuelven() {
        for name in
            ["nginx", "nginx:1.27", "curso/nginx:1.27-alpine", "a", "A_b.c-d", "docker.io/library/x:v1"]
        {
            let parsed = Name::parse(name).unwrap();
            let directory = parsed.directory();
            assert!(!directory.contains([':', ',', '/', '\\']), "{directory}");
            assert_eq!(Name::of_directory(&directory), Some(parsed));
        }
    }

    #[test]
    fn sin_etiqueta_es_lo_mismo_que_latest() {
        assert_eq!(Name::parse("nginx").unwrap(), Name::parse("nginx:latest").unwrap());
        assert!(Name::parse("host:latest").unwrap().is_host());
        assert_eq!(Name::of_directory("nginx@latest"), None, "no hay dos directorios para una imagen");
    }

    #[test]
    fn los_nombres_peligrosos_se_rechazan() {
        let long = "a".repeat(129);
        for name in [
            "", ".", "..", "../x", "a/../b", "/a", "a/", "a//b", "-a", ".a", "a/.b", "a/-b", "a:", ":a",
            "a:b:c", "a:.b", "a,b", "a b", "a\nb", "a\0b", "ñ", "a@b", "a+b", "a\\b", "a..b", "a:1/b", "a;b",
            &long,
        ] {
            assert!(Name::parse(name).is_err(), "{name:?}");
        }
        assert!(Name::parse(&"a".repeat(128)).is_ok());
    }
}
