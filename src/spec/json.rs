//! El lector de JSON: del texto al árbol, hasta el primer fallo.

use super::errors::visible;
use super::language::Language;
use super::tree::{Entry, Fault, MAX_DEPTH, Node, Tree, Value};
use std::ops::Range;

/// El árbol de `text` y su primer fallo de sintaxis.
pub fn read(text: &str) -> Tree {
    let (root, fault) = match (Reader { text, at: 0, depth: 0 }).whole() {
        Ok(root) => (root, None),
        Err(fault) => (Node { span: 0..0, value: Value::Unknown }, Some(*fault)),
    };
    Tree { language: Language::Json, documents: false, root, fault }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

type Read<T> = Result<T, Box<Fault>>;

impl<'a> Reader<'a> {
    fn whole(&mut self) -> Read<Node> {
        let root = self.value()?;
        self.space();
        match self.peek() {
            None => Ok(root),
            Some(_) => {
                let hint = "un fichero JSON tiene un solo valor; varios objetos van en una lista: \
                            `{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": […]}`";
                Err(self.fault(self.at..self.at + 1, "sobra texto después del objeto", hint))
            }
        }
    }

    fn fault(&self, at: Range<usize>, problem: impl Into<String>, hint: &str) -> Box<Fault> {
        let hint = Some(hint.to_string()).filter(|h| !h.is_empty());
        Box::new(Fault { at, code: "MP0211", problem: problem.into(), hint })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn space(&mut self) {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    }

    fn value(&mut self) -> Read<Node> {
        self.space();
        let start = self.at;
        let value = match self.peek() {
            Some('{') => Value::Map(self.entries()?),
            Some('[') => Value::List(self.items()?),
            Some('"') => Value::Text(self.string()?),
            Some(c) if c.is_ascii_digit() || c == '-' => self.number()?,
            Some(c) if c.is_alphabetic() || c == '_' => self.word()?,
            Some(c) => return Err(self.unexpected(c)),
            None => return Err(self.fault(start..start, "el texto acaba donde se esperaba un valor", "")),
        };
        Ok(Node { span: start..self.at, value })
    }

    fn unexpected(&self, c: char) -> Box<Fault> {
        let at = self.at..self.at + c.len_utf8();
        match c {
            '/' | '#' => self.fault(at, "JSON no tiene comentarios", "quítalo, o escribe el fichero en YAML"),
            '\'' => {
                self.fault(at, "los textos de JSON van entre comillas dobles", "usa `\"` en lugar de `'`")
            }
            ',' | ']' | '}' | ':' => {
                let hint = "JSON no admite una coma delante de un cierre, ni dos seguidas";
                self.fault(at, format!("aquí falta un valor y hay `{c}`"), hint)
            }
            c => self.fault(at, format!("el carácter `{}` no puede ir aquí", visible(&c.to_string(), 1)), ""),
        }
    }

    /// Abre un corchete o una llave.
    fn open(&mut self) -> Read<usize> {
        let open = self.at;
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let problem = format!("hay más de {MAX_DEPTH} llaves o corchetes unos dentro de otros");
            let hint = Some("un Pod no necesita más de 12".to_string());
            return Err(Box::new(Fault { at: open..open + 1, code: "MP0111", problem, hint }));
        }
        Ok(open)
    }

    /// Tras un valor, una coma o el cierre: ¿sigue?
    fn more(&mut self, open: usize, close: char, first: bool) -> Read<bool> {
        let before = self.at;
        self.space();
        match self.peek() {
            Some(c) if c == close => {
                (self.at, self.depth) = (self.at + 1, self.depth - 1);
                Ok(false)
            }
            Some(',') if !first => {
                let comma = self.at;
                self.at += 1;
                self.space();
                match self.peek() {
                    Some(c) if c == close => Err(self.fault(
                        comma..comma + 1,
                        "sobra esta coma",
                        "en JSON, el último no lleva coma",
                    )),
                    _ => Ok(true),
                }
            }
            None => {
                let opener = &self.text[open..open + 1];
                let problem = format!("este `{opener}` no se cierra");
                Err(self.fault(open..open + 1, problem, &format!("falta un `{close}`")))
            }
            Some(_) if first => Ok(true),
            Some(_) => {
                let hint = format!("después de cada valor va una coma, o el `{close}` que cierra");
                Err(self.fault(before..before + 1, "falta una coma", &hint))
            }
        }
    }

    fn entries(&mut self) -> Read<Vec<Entry>> {
        let open = self.open()?;
        let mut entries: Vec<Entry> = Vec::new();
        while self.more(open, '}', entries.is_empty())? {
            let start = self.at;
            if self.peek() != Some('"') {
                let word = self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
                let hint = match word {
                    "" => String::new(),
                    word => format!("escribe `\"{}\"`", visible(word, 60)),
                };
                let end = self.at.max(start + 1);
                return Err(self.fault(start..end, "en JSON las claves van entre comillas", &hint));
            }
            let key = Value::Text(self.string()?);
            let key = Node { span: start..self.at, value: key };
            self.space();
            if self.peek() != Some(':') {
                let end = key.span.end;
                return Err(self.fault(end..end + 1, "falta `:` después de la clave", ""));
            }
            self.at += 1;
            entries.push(Entry { key, value: self.value()? });
        }
        Ok(entries)
    }

    fn items(&mut self) -> Read<Vec<Node>> {
        let open = self.open()?;
        let mut items: Vec<Node> = Vec::new();
        while self.more(open, ']', items.is_empty())? {
            items.push(self.value()?);
        }
        Ok(items)
    }

    fn string(&mut self) -> Read<String> {
        let start = self.at;
        self.at += 1;
        loop {
            self.take_while(|c| !matches!(c, '"' | '\\') && c >= ' ');
            match self.peek() {
                Some('"') => break self.at += 1,
                Some('\\') => {
                    self.at += 1;
                    self.at += self.peek().map_or(0, char::len_utf8);
                }
                _ => {
                    let end = self.text[start..].find('\n').map_or(self.text.len(), |i| start + i);
                    let hint = "falta la comilla `\"` del final; un salto de línea se escribe `\\n`";
                    return Err(self.fault(start..end, "este texto no se cierra en su línea", hint));
                }
            }
        }
        let literal = start..self.at;
        serde_json::from_str(&self.text[literal.clone()]).map_err(|_| {
            let hint = "valen `\\n`, `\\t`, `\\\"`, `\\\\`, `\\/` y `\\u00f1`";
            self.fault(literal, "hay una secuencia de escape que no vale dentro de un texto", hint)
        })
    }

    fn number(&mut self) -> Read<Value> {
        let start = self.at;
        let word =
            self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_')).to_string();
        match serde_json::from_str::<serde_json::Number>(&word) {
            Ok(_) => Ok(Value::Number(word)),
            Err(_) => {
                let hint = "ni ceros delante, ni `_`, ni `0x`; y si es un texto, ponle comillas";
                Err(self.fault(start..self.at, "esto no es un número de JSON", hint))
            }
        }
    }

    fn word(&mut self) -> Read<Value> {
        let start = self.at;
        match self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':')) {
            word @ ("true" | "false") => Ok(Value::Word(word.to_string())),
            "null" => Ok(Value::Null),
            word => {
                let hint = format!("escribe `\"{}\"`", visible(word, 60));
                Err(self.fault(start..self.at, "a este texto le faltan las comillas", &hint))
            }
        }
    }
}
