//! El lector tolerante de RON: del texto al árbol, sin pararse en el primer fallo.
//!
//! Sabe reconocer los errores de quien empieza (una coma que falta, `=` en vez de `:`, un texto sin
//! comillas) y señalarlos donde están, no donde se descubren.

use super::errors::{floor_char, visible};
use super::language::Language;
use super::tree::{Entry, Fault, MAX_DEPTH, Node, Tree, Value, unquote};
use std::ops::Range;

/// El árbol de `text` y su primer fallo de sintaxis.
pub fn read(text: &str) -> Tree {
    let mut reader = Reader::new(text);
    reader.skip_attributes();
    let root = reader.value();
    reader.skip_space();
    if reader.at < text.len() && reader.fault.is_none() {
        reader.trailing();
    }
    Tree { language: Language::Ron, documents: false, root, fault: reader.fault }
}

/// ¿No hay más que blancos y comentarios?
pub fn is_blank(text: &str) -> bool {
    let mut reader = Reader::new(text);
    reader.skip_space();
    reader.at == text.len() && reader.fault.is_none()
}

/// Dónde acaba el comentario que empieza en `start`, también si es de una línea de YAML.
pub fn end_of_comment(text: &str, start: usize) -> usize {
    let mut reader = Reader { at: start, ..Reader::new(text) };
    match reader.rest().starts_with("/*") {
        true => reader.skip_block_comment(),
        false => reader.take_while(|c| c != '\n'),
    }
    reader.at
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Lo abierto y sin cerrar: el carácter que lo cierra y dónde se abrió.
    closers: Vec<(char, usize)>,
    fault: Option<Fault>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0, closers: Vec::new(), fault: None }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !keep(c)).unwrap_or(rest.len());
    }

    fn fail(
        &mut self,
        at: Range<usize>,
        code: &'static str,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let hint = Some(hint.into()).filter(|h| !h.is_empty());
        self.fault.get_or_insert(Fault { at, code, problem: problem.into(), hint });
    }

    fn line_of(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// Blancos y comentarios. Los de bloque se anidan.
    fn skip_space(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest().starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if self.rest().starts_with("/*") {
                self.skip_block_comment();
            } else if self.peek() == Some('#') {
                let at = self.at;
                self.fail(
                    at..at + 1,
                    "MP0109",
                    "`#` no empieza nada en RON",
                    "los comentarios de RON empiezan por `//`",
                );
                self.take_while(|c| c != '\n');
            } else {
                return;
            }
        }
    }

    fn skip_block_comment(&mut self) {
        let start = self.at;
        let mut depth = 0;
        while self.at < self.text.len() {
            if self.rest().starts_with("/*") {
                (depth, self.at) = (depth + 1, self.at + 2);
            } else if self.rest().starts_with("*/") {
                (depth, self.at) = (depth - 1, self.at + 2);
                if depth == 0 {
                    return;
                }
            } else {
                self.bump();
            }
        }
        self.fail(start..start + 2, "MP0110", "este comentario no se cierra", "cada `/*` necesita su `*/`");
    }

    /// `#![enable(…)]`, que `ron` admite al principio.
    fn skip_attributes(&mut self) {
        self.take_while(char::is_whitespace);
        while self.rest().starts_with("#![") {
            self.take_while(|c| c != ']');
            self.bump();
            self.take_while(char::is_whitespace);
        }
    }

    fn trailing(&mut self) {
        let start = self.at;
        self.take_while(|c| c != '\n');
        let (problem, hint) = match self.text[start..].chars().next() {
            Some(c @ (')' | ']' | '}')) => {
                (format!("sobra este `{c}`"), "no hay nada abierto que cerrar".to_string())
            }
            _ => (
                "sobra texto después del objeto".to_string(),
                "en cada fichero va un solo objeto: pon lo demás en otro".to_string(),
            ),
        };
        let end = if problem.starts_with("sobra este") { start + 1 } else { self.at };
        self.fail(start..end, "MP0112", problem, hint);
    }

    fn value(&mut self) -> Node {
        self.skip_space();
        let start = self.at;
        let value = match self.peek() {
            None => {
                self.fail(start..start, "MP0109", "el texto acaba donde se esperaba un valor", "");
                Value::Unknown
            }
            Some('(') => self.body(None),
            Some('[') => Value::List(self.items(']').1),
            Some('{') => Value::Map(self.items('}').0),
            Some('"') => self.text_literal(),
            Some('\'') => self.char_literal(),
            Some(c) if c.is_ascii_digit() || matches!(c, '+' | '.') => self.number(),
            Some('-') if self.rest()[1..].starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                self.number()
            }
            Some(c) if c.is_alphabetic() || c == '_' => return self.word(),
            Some(c) => self.unexpected(c),
        };
        Node { span: start..self.at, value }
    }

    fn number(&mut self) -> Value {
        let whole = self.at;
        if ["0x", "0b", "0o"].iter().any(|prefix| self.rest().starts_with(prefix)) {
            self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            return Value::Number(self.text[whole..self.at].to_string());
        }
        self.bump();
        let text = self.text;
        let start = self.at;
        // el signo de un exponente también es del número
        while let Some(c) = self.peek() {
            let previous = text[start..self.at].chars().next_back();
            let sign = matches!(c, '+' | '-') && matches!(previous, Some('e' | 'E'));
            let exponent = matches!(c, 'e' | 'E') && !text[start..self.at].contains(['e', 'E']);
            if !(c.is_ascii_digit() || matches!(c, '.' | '_') || sign || exponent) {
                break;
            }
            self.bump();
        }
        Value::Number(text[whole..self.at].to_string())
    }

    /// Una palabra, un objeto con nombre, o un literal con prefijo (`r"…"`, `b"…"`).
    fn word(&mut self) -> Node {
        let start = self.at;
        let rest = self.rest();
        let hashes = rest.strip_prefix('r').map_or(0, |r| r.len() - r.trim_start_matches('#').len());
        if rest.starts_with('r') && rest[1 + hashes..].starts_with('"') {
            self.raw_text(hashes);
            let span = start..self.at;
            return Node { value: self.text_of(&span), span };
        }
        if rest.starts_with("b\"") || rest.starts_with("b'") {
            self.bump();
            let _ = if self.peek() == Some('"') { self.text_literal() } else { self.char_literal() };
            return Node { span: start..self.at, value: Value::Unknown };
        }
        if hashes == 1 {
            self.at += 2;
        }
        self.take_while(|c| c.is_alphanumeric() || c == '_');
        let name = start..self.at;
        let after_name = self.at;
        self.take_while(char::is_whitespace);
        if self.peek() != Some('(') {
            self.at = after_name;
            return Node { value: Value::Word(self.text[name.clone()].to_string()), span: name };
        }
        let value = self.body(Some(name.clone()));
        match value {
            // Some(x) es x
            Value::Tuple { mut items, .. } if &self.text[name.clone()] == "Some" && items.len() == 1 => {
                items.remove(0)
            }
            value => Node { span: start..self.at, value },
        }
    }

    /// Lo que hay entre paréntesis: campos con nombre, o valores sueltos.
    fn body(&mut self, name: Option<Range<usize>>) -> Value {
        let (entries, items) = self.items(')');
        if items.is_empty() { Value::Object { name, entries } } else { Value::Tuple { name, items } }
    }

    /// De lo abierto a su cierre: las entradas con clave y los valores sin ella.
    fn items(&mut self, close: char) -> (Vec<Entry>, Vec<Node>) {
        let (mut entries, mut items) = (Vec::new(), Vec::new());
        let open = self.at;
        self.bump();
        if self.closers.len() >= MAX_DEPTH {
            let problem = format!("hay más de {MAX_DEPTH} paréntesis o corchetes unos dentro de otros");
            self.fail(open..open + 1, "MP0111", problem, "un Pod no necesita más de 12");
            self.at = self.text.len();
            return (entries, items);
        }
        self.closers.push((close, open));
        while self.more(close, open) {
            let item = self.value();
            let before_space = self.at;
            let adjacent = self.peek();
            self.skip_space();
            match self.peek() {
                Some(':') if adjacent != Some(':') || close != ']' || is_key(&item) => {
                    self.colon(&item, close);
                    let value = self.value();
                    let end = self.at;
                    self.separator(close, &value, end);
                    entries.push(Entry { key: item, value });
                }
                Some('=') => {
                    let at = self.at;
                    self.fail(
                        at..at + 1,
                        "MP0109",
                        "aquí va `:` y no `=`",
                        "en RON se escribe `campo: valor`",
                    );
                    self.take_while(|c| matches!(c, '=' | '>' | ':'));
                    let value = self.value();
                    let end = self.at;
                    self.separator(close, &value, end);
                    entries.push(Entry { key: item, value });
                }
                _ => {
                    self.at = before_space;
                    self.hyphenated(close, &item);
                    self.missing_colon(close, &item);
                    self.separator(close, &item, before_space);
                    items.push(item);
                }
            }
        }
        self.closers.pop();
        (entries, items)
    }

    /// ¿Queda algo antes del cierre? Si no, lo consume.
    fn more(&mut self, close: char, open: usize) -> bool {
        self.skip_space();
        while self.peek() == Some(',') {
            let at = self.at;
            self.fail(at..at + 1, "MP0109", "sobra esta coma", "quítala");
            self.bump();
            self.skip_space();
        }
        match self.peek() {
            None => {
                let opener = &self.text[open..open + 1];
                self.fail(
                    open..open + 1,
                    "MP0109",
                    format!("este `{opener}` no se cierra"),
                    format!("falta un `{close}`"),
                );
                false
            }
            Some(c) if c == close => {
                self.bump();
                false
            }
            Some(c @ (')' | ']' | '}')) => {
                // contar líneas cuesta: solo para el primer fallo, que es el que se enseña
                if self.fault.is_none() {
                    let (at, line) = (self.at, self.line_of(open));
                    let opener = &self.text[open..open + 1];
                    let problem =
                        format!("este `{c}` no cierra nada: lo abierto es el `{opener}` de la línea {line}");
                    self.fail(at..at + 1, "MP0109", problem, format!("¿falta un `{close}`?"));
                }
                // si cierra algo de más afuera, se deja para quien lo abrió
                if !self.closers.iter().any(|(closer, _)| *closer == c) {
                    self.bump();
                }
                false
            }
            Some(_) => true,
        }
    }

    fn colon(&mut self, key: &Node, close: char) {
        let at = self.at;
        if close == ']' {
            let name = visible(&self.text[key.span.clone()], 40);
            self.fail(
                key.span.start..at + 1,
                "MP0109",
                format!("`{name}:` está suelto dentro de una lista"),
                format!("cada elemento de la lista va entre paréntesis: `[({name}: …)]`"),
            );
        }
        self.bump();
    }

    /// `restart-policy: Never`: los nombres de los campos no llevan guiones.
    fn hyphenated(&mut self, close: char, item: &Node) {
        let rest = self.rest();
        let end =
            rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))).unwrap_or(rest.len());
        let is_field =
            close == ')' && matches!(item.value, Value::Word(_)) && rest[end..].trim_start().starts_with(':');
        if !is_field || end == 0 {
            return;
        }
        self.at += end;
        let span = item.span.start..self.at;
        let mut camel = String::new();
        for c in self.text[span.clone()].chars() {
            match c {
                '-' | '_' | '.' => camel.push('-'),
                c if camel.ends_with('-') => {
                    camel.pop();
                    camel.extend(c.to_uppercase());
                }
                c => camel.push(c),
            }
        }
        let problem = format!("`{}` no es el nombre de ningún campo", visible(&self.text[span.clone()], 60));
        self.fail(
            span,
            "MP0101",
            problem,
            format!("van sin guiones: ¿querías decir `{}`?", visible(&camel, 60)),
        );
    }

    /// `name "web"`: falta el `:`.
    fn missing_colon(&mut self, close: char, item: &Node) {
        if close == '}' {
            let hint = "en un mapa cada clave va con su valor: `{\"clave\": \"valor\"}`";
            let end = item.span.end;
            self.fail(end..end + 1, "MP0109", "falta `:` después de la clave", hint);
        }
        if close != ')' || !matches!(item.value, Value::Word(_)) {
            return;
        }
        let after = self.rest().trim_start_matches([' ', '\t']);
        let same_line = self.rest().len() > after.len();
        if same_line && after.starts_with(|c: char| matches!(c, '"' | '[' | '{') || c.is_alphanumeric()) {
            let name = visible(&self.text[item.span.clone()], 40);
            let hint = format!("se escribe `{name}: valor`");
            self.fail(self.at..self.at + 1, "MP0109", format!("falta `:` después de `{name}`"), hint);
        }
    }

    /// Tras un valor va una coma o el cierre.
    fn separator(&mut self, close: char, value: &Node, end: usize) {
        if !value.is_compound() && end == self.at && self.peek().is_some_and(is_part_of_a_text) {
            self.missing_quotes(value);
        }
        let end = self.at;
        self.skip_space();
        match self.peek() {
            Some(',') => self.bump(),
            None | Some(')' | ']' | '}') => {}
            Some(';') => {
                let at = self.at;
                self.fail(at..at + 1, "MP0109", "aquí va una coma y no `;`", "en RON se separa con `,`");
                self.bump();
            }
            Some(_) => {
                let hint = format!("después de cada valor va una coma, o el `{close}` que cierra");
                self.fail(end..end + 1, "MP0109", "falta una coma", hint);
            }
        }
    }

    /// Algo pegado detrás de un valor: un texto sin comillas, o unas comillas que no se cerraron.
    fn missing_quotes(&mut self, value: &Node) {
        let start = value.span.start;
        let literal = &self.text[value.span.clone()];
        if matches!(value.value, Value::Text(_)) {
            let first_line = literal.find('\n').map_or(value.span.end, |i| start + i);
            if literal.contains('\n') {
                self.fail(
                    start..first_line,
                    "MP0110",
                    "este texto no se cierra en su línea",
                    "¿falta la comilla `\"` de cierre?",
                );
            } else {
                let at = self.at;
                self.fail(
                    at..at + 1,
                    "MP0109",
                    "hay algo pegado detrás de un texto",
                    "¿falta una coma, o sobra una comilla?",
                );
            }
            self.take_while(is_part_of_a_text);
            return;
        }
        self.take_while(|c| !matches!(c, ',' | ')' | ']' | '}' | '\n' | '\r'));
        let text = self.text[start..self.at].trim_end();
        let end = start + text.len();
        let shown = visible(text, 60);
        self.fail(
            start..end,
            "MP0110",
            "a este texto le faltan las comillas",
            format!("escribe `\"{shown}\"`"),
        );
    }

    fn unexpected(&mut self, c: char) -> Value {
        let at = self.at;
        let (code, problem, hint) = match c {
            '-' => (
                "MP0114",
                "esto parece YAML".to_string(),
                "en RON las listas van entre corchetes: `[(name: …), (name: …)]`",
            ),
            '“' | '”' | '«' | '»' | '‘' | '’' | '„' => (
                "MP0110",
                format!("las comillas `{c}` no sirven aquí"),
                "usa las rectas, `\"`: las otras las pone el procesador de textos",
            ),
            '/' | '~' | '$' | '*' | '&' | '@' | '<' | '>' | '%' | '!' | '?' | '|' | '`' | '\\' => {
                self.take_while(|c| !matches!(c, ',' | ')' | ']' | '}' | '\n' | '\r'));
                let text = self.text[at..self.at].trim_end();
                let (end, shown) = (at + text.len(), visible(text, 60));
                self.fail(
                    at..end,
                    "MP0110",
                    "a este texto le faltan las comillas",
                    format!("escribe `\"{shown}\"`"),
                );
                return Value::Unknown;
            }
            ',' | ')' | ']' | '}' | ':' | '=' | ';' => {
                self.fail(at..at + 1, "MP0109", format!("aquí falta un valor y hay `{c}`"), "");
                if matches!(c, ':' | '=' | ';') {
                    self.bump();
                }
                return Value::Unknown;
            }
            c => ("MP0109", format!("el carácter `{}` no puede ir aquí", visible(&c.to_string(), 1)), ""),
        };
        self.fail(at..at + c.len_utf8(), code, problem, hint);
        self.bump();
        self.take_while(is_part_of_a_text);
        Value::Unknown
    }

    /// Lo que dice el literal que ocupa `span`; si sus escapes no valen, ya se ha apuntado.
    fn text_of(&self, span: &Range<usize>) -> Value {
        Value::Text(unquote(&self.text[span.clone()]).unwrap_or_default())
    }

    fn text_literal(&mut self) -> Value {
        let start = self.at;
        self.bump();
        loop {
            self.take_while(|c| c != '"' && c != '\\');
            match self.peek() {
                Some('"') => {
                    self.bump();
                    return self.text_of(&(start..self.at));
                }
                Some(_) => self.escape(),
                None => {
                    let end = self.text[start..].find('\n').map_or(self.text.len(), |i| start + i);
                    self.fail(
                        start..end,
                        "MP0110",
                        "este texto no se cierra",
                        "falta la comilla `\"` del final",
                    );
                    return Value::Text(String::new());
                }
            }
        }
    }

    fn escape(&mut self) {
        let at = self.at;
        self.bump();
        match self.peek() {
            Some('"' | '\'' | '\\' | 'n' | 'r' | 't' | '0' | '\n' | '\r') => self.bump(),
            Some('x' | 'u') => {
                self.bump();
                let rest = self.rest();
                let digits = rest.strip_prefix('{').map_or(rest.get(..2), |r| r.split('}').next());
                let valid =
                    |d: &str| !d.is_empty() && d.len() <= 6 && d.bytes().all(|b| b.is_ascii_hexdigit());
                if !digits.is_some_and(valid) {
                    let problem = "a esta secuencia de escape le faltan sus cifras";
                    let hint = "se escribe `\\x1b` o `\\u{f1}`; una barra invertida, `\\\\`";
                    self.fail(at..self.at, "MP0110", problem, hint);
                }
            }
            Some(c) => {
                let shown = visible(&c.to_string(), 1);
                self.bump();
                self.fail(
                    at..self.at,
                    "MP0110",
                    format!("`\\{shown}` no significa nada dentro de un texto"),
                    "una barra invertida se escribe `\\\\`, o usa un texto crudo: `r\"…\"`",
                );
            }
            None => {}
        }
    }

    fn raw_text(&mut self, hashes: usize) {
        let start = self.at;
        self.at += 2 + hashes;
        let end = format!("\"{}", "#".repeat(hashes));
        match self.rest().find(&end) {
            Some(i) => self.at += i + end.len(),
            None => {
                self.at = self.text.len();
                self.fail(
                    start..start + 2 + hashes,
                    "MP0110",
                    "este texto crudo no se cierra",
                    format!("falta `{end}`"),
                );
            }
        }
    }

    /// `'x'` es un carácter; `'texto'`, un error frecuente de quien viene de YAML.
    fn char_literal(&mut self) -> Value {
        let start = self.at;
        self.bump();
        let escaped = self.peek() == Some('\\');
        let skip = if escaped { 2 } else { self.peek().map_or(0, char::len_utf8) };
        let search = floor_char(self.text, self.at + skip);
        let end = self.text[search..].find(['\'', '\n', '\r']).map_or(self.text.len(), |i| search + i);
        if !self.text[end..].starts_with('\'') {
            self.fail(
                start..end,
                "MP0110",
                "estas comillas simples no se cierran",
                "los textos de RON van entre comillas dobles, `\"`",
            );
            self.at = end;
            return Value::Char;
        }
        let close = end;
        let inside = &self.text[self.at..close];
        if !escaped && inside.chars().count() != 1 {
            let hint = format!("escribe `\"{}\"`", visible(inside, 60));
            self.fail(start..close + 1, "MP0110", "los textos de RON van entre comillas dobles", hint);
        }
        self.at = close + 1;
        Value::Char
    }
}

fn is_key(node: &Node) -> bool {
    matches!(node.value, Value::Word(_) | Value::Text(_))
}

/// Lo que puede seguir, pegado, a un texto escrito sin comillas.
fn is_part_of_a_text(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, ':' | '-' | '/' | '.' | '_' | '@' | '%' | '$' | '+' | '*' | '~' | '!' | '&' | '"')
}
