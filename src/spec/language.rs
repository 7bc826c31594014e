//! Las tres maneras de escribir lo mismo: RON, YAML y JSON. Cuál es cada fichero, y cómo se dice en cada una.

use std::path::Path;

/// En qué está escrito un fichero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Ron,
    Yaml,
    Json,
}

impl Language {
    pub fn name(self) -> &'static str {
        match self {
            Language::Ron => "RON",
            Language::Yaml => "YAML",
            Language::Json => "JSON",
        }
    }

    /// Cómo acaba el nombre de sus ficheros.
    pub fn extension(self) -> &'static str {
        match self {
            Language::Ron => "ron",
            Language::Yaml => "yaml",
            Language::Json => "json",
        }
    }

    /// Lo que dice el nombre del fichero, si dice algo: `.ron`, `.yaml`, `.yml` o `.json`.
    pub fn of_name(file: &str) -> Option<Language> {
        Language::from_name(&Path::new(file).extension()?.to_str()?.to_ascii_lowercase())
    }

    pub fn from_name(name: &str) -> Option<Language> {
        match name {
            "ron" => Some(Language::Ron),
            "yaml" | "yml" => Some(Language::Yaml),
            "json" => Some(Language::Json),
            _ => None,
        }
    }

    /// Lo que parece el texto por cómo empieza, y la línea que lo delata.
    pub fn guess(text: &str) -> Option<(Language, usize)> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#') && !line.starts_with("//")
        });
        let (number, line) = lines.next()?;
        let line = line.trim();
        if let Some(inside) = line.strip_prefix('{') {
            // KYAML es YAML entre llaves, con las claves sin comillas
            let next = Some(inside.trim()).filter(|i| !i.is_empty()).or(lines.next().map(|(_, l)| l.trim()));
            let json = next.is_none_or(|next| next.starts_with(['"', '}']));
            return Some((if json { Language::Json } else { Language::Yaml }, number));
        }
        let key = line.split(':').next().unwrap_or_default();
        let word = key.trim_matches(['"', '\'']);
        let is_key = key.len() < line.len() && !word.is_empty() && word.chars().all(|c| c.is_alphanumeric());
        if key.len() == line.len() || line[..key.len()].contains('(') {
            let word = line.find(|c: char| !c.is_alphanumeric()).unwrap_or(line.len());
            if line[word..].trim_start().starts_with('(') {
                return Some((Language::Ron, number));
            }
        }
        let marks = ["---", "- ", "%YAML"].iter().any(|mark| line.starts_with(mark));
        let yaml = marks || is_key && !line[key.len() + 1..].trim_start().starts_with('(');
        yaml.then_some((Language::Yaml, number))
    }

    /// En qué está escrito `text`, que se llama `file`: lo dice el nombre y, si no, cómo empieza.
    pub fn of(file: &str, text: &str) -> Language {
        Language::of_name(file)
            .or_else(|| Language::guess(text).map(|(language, _)| language))
            .unwrap_or(Language::Ron)
    }

    /// Lo mínimo que es un Pod.
    pub fn shape_of_a_pod(self) -> &'static str {
        match self {
            Language::Ron => "un Pod se escribe `Pod(metadata: (name: \"…\"), spec: (containers: […]))`",
            Language::Yaml => {
                "un Pod empieza por `apiVersion: v1` y `kind: Pod`, y lleva `metadata` y `spec`"
            }
            Language::Json => {
                "un Pod es `{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {…}, \"spec\": {…}}`"
            }
        }
    }

    /// Una pista escrita con trozos de RON entre acentos graves, dicha en este lenguaje:
    /// `volumes: [(name: "x", emptyDir: ())]` es `volumes: [{name: "x", emptyDir: {}}]` en YAML. De un objeto con
    /// su nombre delante, `Pod(…)`, se dice su clase: `kind: Pod`.
    pub fn say(self, hint: &str) -> String {
        if self == Language::Ron {
            return hint.to_string();
        }
        let mut said = String::with_capacity(hint.len());
        for (i, piece) in hint.split('`').enumerate() {
            if i > 0 {
                said.push('`');
            }
            match kind_of(piece) {
                Some(kind) if i % 2 == 1 => self.rewrite(&format!("kind: {kind}"), &mut said),
                _ if i % 2 == 1 && is_ron(piece) => self.rewrite(piece, &mut said),
                _ => said.push_str(piece),
            }
        }
        said
    }

    /// Los paréntesis, llaves; y en JSON, las palabras entre comillas.
    fn rewrite(self, ron: &str, out: &mut String) {
        let mut quoted = false;
        let mut rest = ron;
        while let Some(c) = rest.chars().next() {
            let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            if !quoted && self == Language::Json && c.is_ascii_alphabetic() {
                let word = &rest[..word];
                match word {
                    "true" | "false" => out.push_str(word),
                    _ => out.extend(["\"", word, "\""]),
                }
                rest = &rest[word.len()..];
                continue;
            }
            quoted ^= c == '"';
            out.push(match c {
                '(' if !quoted => '{',
                ')' if !quoted => '}',
                c => c,
            });
            rest = &rest[c.len_utf8()..];
        }
    }
}

/// La clase de un objeto escrito en RON: `Pod(…)`.
fn kind_of(piece: &str) -> Option<&str> {
    let (kind, _) = piece.split_once('(').filter(|_| piece.ends_with(')'))?;
    let named = kind.starts_with(|c: char| c.is_ascii_uppercase());
    (named && kind.chars().all(|c| c.is_ascii_alphanumeric())).then_some(kind)
}

/// ¿Es un trozo de RON, y no un comando o el nombre de un campo?
fn is_ron(piece: &str) -> bool {
    let field = |after: &str| {
        let word = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
        word > 0 && after[word..].starts_with(':') || after.starts_with(')') && piece.contains(": (")
    };
    piece.match_indices('(').any(|(i, _)| field(&piece[i + 1..]))
        || piece.split_once(": ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn el_lenguaje_lo_dice_el_nombre_y_si_no_como_empieza() {
        for (file, text, language) in [
            ("a.ron", "kind: Pod", Language::Ron),
            ("a.yml", "Pod()", Language::Yaml),
            ("A.JSON", "", Language::Json),
            ("entrada estándar", "// x\nPod(metadata: (name: \"a\"))", Language::Ron),
            ("pod", "metadata: (name: \"a\")", Language::Ron),
            ("pod", "# x\n\napiVersion: v1", Language::Yaml),
            ("pod", "\"kind\": Pod", Language::Yaml),
            ("pod", "---\n{\n  kind: \"Pod\"}", Language::Yaml),
            ("pod", "{\n\n  kind: \"Pod\"}", Language::Yaml),
            ("pod", "{\n  \"kind\": \"Pod\"}", Language::Json),
            ("pod", "{\"kind\": \"Pod\"}", Language::Json),
        ] {
            assert_eq!(Language::of(file, text), language, "{file}: {text}");
        }
    }

    #[test]
    fn una_pista_se_dice_en_el_lenguaje_del_fichero() {
        let hint = "añade `volumes: [(name: \"x (1)\", emptyDir: ())]` a `spec`, o usa `$(VARIABLE)`";
        assert_eq!(Language::Ron.say(hint), hint);
        assert_eq!(
            Language::Yaml.say(hint),
            "añade `volumes: [{name: \"x (1)\", emptyDir: {}}]` a `spec`, o usa `$(VARIABLE)`"
        );
        assert_eq!(
            Language::Json.say("pon `seccompProfile: (type: RuntimeDefault)`, `tty: true` o `ls -l`"),
            "pon `\"seccompProfile\": {\"type\": \"RuntimeDefault\"}`, `\"tty\": true` o `ls -l`"
        );
        let kinds = "en un `ReplicaSet(…)` o en un `Pod(metadata: …, spec: …)`";
        assert_eq!(Language::Yaml.say(kinds), "en un `kind: ReplicaSet` o en un `kind: Pod`");
        assert_eq!(Language::Json.say("en un `Pod(…)`, con `f(x)`"), "en un `\"kind\": \"Pod\"`, con `f(x)`");
    }
}
