//! La prosa de una página: párrafos y frases, sin código, tablas ni etiquetas.

use crate::page::Page;

/// Un párrafo (o un elemento de una lista) y la línea donde empieza.
#[derive(Debug)]
pub struct Paragraph {
    pub line: usize,
    /// Tal como está escrito, en una sola línea.
    pub raw: String,
}

/// Los párrafos de la página. Los títulos y las tablas no lo son.
pub fn paragraphs(page: &Page) -> Vec<Paragraph> {
    let mut all: Vec<Paragraph> = Vec::new();
    let (mut open, mut previous, mut comment) = (false, 0, false);
    for (n, line) in page.outside_blocks() {
        let text = line.trim().trim_start_matches('>').trim_start();
        comment |= text.starts_with("<!--");
        let skip = comment
            || text.is_empty()
            || text.starts_with(['#', '|', '<'])
            || text.starts_with("{{")
            || text.starts_with("[!")
            || text.starts_with("![")
            || is_definition(text);
        if text.contains("-->") {
            comment = false;
        }
        if skip {
            open = false;
            continue;
        }
        let (item, text) = without_marker(text);
        if item || !open || n != previous + 1 {
            all.push(Paragraph { line: n, raw: text.to_string() });
        } else if let Some(last) = all.last_mut() {
            last.raw.push(' ');
            last.raw.push_str(text);
        }
        (open, previous) = (true, n);
    }
    all
}

/// `[etiqueta]: https://…`: el destino de un enlace.
fn is_definition(text: &str) -> bool {
    text.starts_with('[') && !text.starts_with("[^") && text.contains("]: ")
}

fn without_marker(text: &str) -> (bool, &str) {
    for marker in ["- ", "* ", ": "] {
        if let Some(rest) = text.strip_prefix(marker) {
            return (true, rest.trim_start_matches("[ ] "));
        }
    }
    let numbered =
        |(number, _): &(&str, &str)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    if let Some((_, rest)) = text.split_once(". ").filter(numbered) {
        return (true, rest);
    }
    if let Some((_, rest)) = text.strip_prefix("[^").and_then(|t| t.split_once("]: ")) {
        return (true, rest);
    }
    (false, text)
}

/// El texto que se lee: sin marcas de énfasis, y con `codigo` en lugar de cada trozo de código.
pub fn plain(raw: &str) -> String {
    let mut text = String::new();
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '`' => {
                while chars.next_if(|c| *c != '`').is_some() {}
                chars.next();
                text.push_str("codigo");
            }
            '*' => {}
            '<' => {
                while chars.next_if(|c| *c != '>').is_some() {}
                chars.next();
            }
            '[' if chars.peek() == Some(&'^') => {
                while chars.next_if(|c| *c != ']').is_some() {}
                chars.next();
            }
            '[' => {}
            ']' => {
                // el destino de un enlace no se lee
                if chars.peek() == Some(&'(') {
                    while chars.next_if(|c| *c != ')').is_some() {}
                    chars.next();
                } else if chars.peek() == Some(&'[') {
                    while chars.next_if(|c| *c != ']').is_some() {}
                    chars.next();
                }
            }
            c => text.push(c),
        }
    }
    text
}

/// Las frases de un párrafo.
pub fn sentences(paragraph: &str) -> Vec<String> {
    let chars: Vec<char> = paragraph.chars().collect();
    let (mut all, mut current) = (Vec::new(), String::new());
    for (i, c) in chars.iter().enumerate() {
        current.push(*c);
        let next = chars.get(i + 1);
        let ends = matches!(c, '.' | '?' | '!' | '…')
            && next.is_none_or(|n| n.is_whitespace())
            && chars[i + 1..].iter().find(|c| !c.is_whitespace()).is_none_or(|n| !n.is_lowercase());
        if ends {
            all.push(std::mem::take(&mut current).trim().to_string());
        }
    }
    all.push(current.trim().to_string());
    all.retain(|s| words(s).next().is_some());
    all
}

/// Las palabras de una frase.
pub fn words(sentence: &str) -> impl Iterator<Item = &str> {
    sentence
        .split(|c: char| c.is_whitespace() || "—/".contains(c))
        .map(|w| w.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|w| !w.is_empty())
}

/// Las sílabas de una palabra, por sus vocales: dos fuertes seguidas son dos; con una débil, una.
pub fn syllables(word: &str) -> usize {
    let (mut count, mut previous) = (0, None);
    let letters: Vec<char> = word.to_lowercase().chars().collect();
    for (i, c) in letters.iter().enumerate() {
        let strong = match c {
            'a' | 'e' | 'o' | 'á' | 'é' | 'í' | 'ó' | 'ú' => Some(true),
            'i' | 'u' | 'ü' => Some(false),
            'y' if i + 1 == letters.len() => Some(false),
            _ => None,
        };
        match (previous, strong) {
            (_, None) => {}
            (None, Some(_)) | (Some(true), Some(true)) => count += 1,
            (Some(_), Some(_)) => {}
        }
        previous = strong;
    }
    count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn las_silabas_se_cuentan_como_en_la_escuela() {
        for (word, wanted) in [
            ("pod", 1),
            ("contenedor", 4),
            ("vaina", 2),
            ("país", 2),
            ("aéreo", 4),
            ("ciudad", 2),
            ("que", 1),
            ("y", 1),
            ("muy", 1),
            ("proyecto", 3),
            ("política", 4),
            ("reiniciar", 3),
            ("sh", 1),
        ] {
            assert_eq!(syllables(word), wanted, "{word}");
        }
    }

    #[test]
    fn las_frases_acaban_en_punto_y_no_en_una_abreviatura_de_fichero() {
        let text = plain("Abre `a.ron`. ¿Qué ves? El fichero [web](x.md) 1.5 sigue. Fin");
        assert_eq!(sentences(&text), ["Abre codigo.", "¿Qué ves?", "El fichero web 1.5 sigue.", "Fin"]);
    }

    #[test]
    fn los_elementos_de_una_lista_son_parrafos_y_las_tablas_no() {
        let text =
            "# T\nUna\ndos.\n\n- tres\n- cuatro\n\n| a |\n|---|\n\n> [!NOTE]\n> cinco\n\n```sh\nno\n```\n";
        let page = Page::read("x.md", text, &mut Vec::new());
        let all: Vec<_> = paragraphs(&page).into_iter().map(|p| (p.line, p.raw)).collect();
        let wanted = [(2, "Una dos."), (5, "tres"), (6, "cuatro"), (12, "cinco")];
        assert_eq!(all, wanted.map(|(n, t)| (n, t.to_string())));
    }
}
