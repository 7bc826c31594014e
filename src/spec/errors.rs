//! Un error en lo que se ha escrito: dónde está, qué tiene y qué hacer, con la línea a la vista.

use std::fmt;
use std::ops::Range;

/// Un error en lo que se ha escrito: dónde, qué y qué hacer.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecError {
    /// Código estable: `MP0101`. `micropod explain MP0101` lo cuenta.
    pub code: &'static str,
    /// El nombre del fichero; vacío si llegó por la API.
    pub file: String,
    /// El lugar; `None` si no hay ninguno que señalar.
    pub place: Option<Place>,
    /// El camino del campo: `spec.containers[0].image`; vacío si no es de ningún campo.
    pub field: String,
    pub problem: String,
    pub hint: Option<String>,
    /// Los nombres o valores que ahí valdrían; vacío si no viene al caso.
    pub possible: Vec<String>,
}

/// Un lugar del texto. Línea y columna, desde 1 y en caracteres.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    /// Cuántos caracteres se subrayan.
    pub width: usize,
    /// El texto de la línea.
    pub text: String,
}

impl Place {
    /// El lugar de los bytes `range` de `text`; de lo que ocupa varias líneas, la primera.
    pub fn new(text: &str, range: Range<usize>) -> Place {
        let start = floor_char(text, range.start);
        let end = floor_char(text, range.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        let line = text[line_start..line_end].trim_end_matches('\r');
        Place {
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end.min(line_end)].trim_end().chars().count().max(1),
            text: line.to_string(),
        }
    }
}

/// El principio del carácter que hay en el byte `at`.
pub fn floor_char(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// `text` sin nada que engañe a una terminal, y de `max` caracteres como mucho.
pub fn visible(text: &str, max: usize) -> String {
    let mut shown: String =
        text.chars().take(max).map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(max).is_some() {
        shown.push('…');
    }
    shown
}

/// Un carácter de control, o uno de los que cambian el orden en que se ve el texto.
pub fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl SpecError {
    /// Lo que ahí valdría, si viene al caso.
    pub fn possible(&self) -> Option<(&'static str, String)> {
        let label =
            if matches!(self.code, "MP0101" | "MP0302") { "campos posibles" } else { "valores posibles" };
        (!self.possible.is_empty()).then(|| (label, self.possible.join(", ")))
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code, self.problem)?;
        let width = match &self.place {
            Some(place) => {
                let width = place.line.to_string().len();
                write!(f, "\n{:width$}--> {}:{}:{}", "", self.file, place.line, place.column)?;
                draw(f, place, width)?;
                width
            }
            None => {
                write!(f, "\n --> {}", self.file)?;
                1
            }
        };
        let mut note = |label: &str, text: &str| write!(f, "\n{:width$} = {label}: {text}", "");
        if !self.field.is_empty() {
            note("campo", &visible(&self.field, 200))?;
        }
        if let Some(hint) = &self.hint {
            note("pista", hint)?;
        }
        if let Some((label, names)) = self.possible() {
            note(label, &names)?;
        }
        note("más información", &format!("micropod explain {}", self.code))
    }
}

/// Caracteres que se enseñan de una línea muy larga.
const WINDOW: usize = 100;

/// La línea y, debajo, los acentos circunflejos. Los tabuladores se copian para que casen.
fn draw(f: &mut fmt::Formatter, place: &Place, width: usize) -> fmt::Result {
    let chars: Vec<char> = place.text.chars().collect();
    let caret = place.column - 1;
    let from = if caret < WINDOW - 20 { 0 } else { caret - WINDOW / 2 };
    let to = chars.len().min(from + WINDOW);
    let dots = if from > 0 { "…" } else { "" };
    let line: String =
        chars[from..to].iter().map(|&c| if is_hidden(c) && c != '\t' { '\u{fffd}' } else { c }).collect();
    let tail = if to < chars.len() { "…" } else { "" };
    let mut under: String =
        chars[from..caret.min(to)].iter().map(|&c| if c == '\t' { '\t' } else { ' ' }).collect();
    under.insert_str(0, if from > 0 { " " } else { "" });
    let carets = "^".repeat(place.width.min((to + 1).saturating_sub(caret)).max(1));
    write!(
        f,
        "\n{:width$} |\n{} | {dots}{line}{tail}\n{:width$} | {under}{carets}\n{:width$} |",
        "", place.line, "", ""
    )
}

impl std::error::Error for SpecError {}

/// Todos los errores de un fichero, en el orden en que aparecen en él.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecErrors(pub Vec<SpecError>);

/// Errores que se imprimen de una vez.
pub const SHOWN: usize = 10;

impl From<SpecError> for SpecErrors {
    fn from(error: SpecError) -> SpecErrors {
        SpecErrors(vec![error])
    }
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (i, error) in self.0.iter().take(SHOWN).enumerate() {
            let gap = if i > 0 { "\n\n" } else { "" };
            write!(f, "{gap}{error}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            1 => write!(f, "\n\ny 1 error más: corrige estos y vuelve a probar"),
            n => write!(f, "\n\ny {n} errores más: corrige estos y vuelve a probar"),
        }
    }
}

impl std::error::Error for SpecErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str, range: Range<usize>) -> String {
        SpecError {
            code: "MP0101",
            file: "a.ron".into(),
            place: Some(Place::new(text, range)),
            field: String::new(),
            problem: "mal".into(),
            hint: None,
            possible: Vec::new(),
        }
        .to_string()
    }

    #[test]
    fn la_columna_se_cuenta_en_caracteres_y_los_tabuladores_se_copian() {
        let text = "x\n\tñandú: mal\r\n";
        let start = text.find("mal").unwrap();
        assert_eq!(
            error(text, start..start + 3),
            "error[MP0101]: mal\n --> a.ron:2:9\n  |\n2 | \tñandú: mal\n  | \t       ^^^\n  |\n  = más información: micropod explain MP0101"
        );
    }

    #[test]
    fn de_una_linea_larguisima_se_ve_una_ventana_y_nada_engana_a_la_terminal() {
        let text = format!("{}\u{1b}[31m{}", "a".repeat(500), "b".repeat(500));
        let shown = error(&text, 500..505);
        assert!(shown.lines().all(|l| l.chars().count() < 115), "{shown}");
        assert!(!shown.contains('\u{1b}'));
        let (line, under) = (shown.lines().nth(3).unwrap(), shown.lines().nth(4).unwrap());
        let column = under.chars().position(|c| c == '^').unwrap();
        assert_eq!(line.chars().nth(column), Some('\u{fffd}'));
    }
}
