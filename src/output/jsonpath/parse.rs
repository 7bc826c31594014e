//! De texto a camino. Las frases de los errores son las de kubectl.

use super::{Node, Operator, Piece, Slice};
use serde_json::Value;

pub(super) fn template(text: &str) -> Result<Vec<Piece>, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser { chars, at: 0 };
    let mut open: Vec<(Vec<Node>, Vec<Piece>)> = Vec::new();
    let mut pieces = Vec::new();
    while parser.at < parser.chars.len() {
        let text = parser.text_until_brace();
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        if parser.at == parser.chars.len() {
            break;
        }
        match parser.action()? {
            Action::Path(nodes) => pieces.push(Piece::Path(nodes)),
            Action::Range(nodes) => open.push((nodes, std::mem::take(&mut pieces))),
            Action::End => {
                let (nodes, before) = open.pop().ok_or("not in range, nothing to end")?;
                let inside = std::mem::replace(&mut pieces, before);
                pieces.push(Piece::Range(nodes, inside));
            }
        }
    }
    match open.is_empty() {
        true => Ok(pieces),
        // kubectl lo admite e imprime de más
        false => Err("range not closed: falta {end}".into()),
    }
}

enum Action {
    Path(Vec<Node>),
    Range(Vec<Node>),
    End,
}

struct Parser {
    chars: Vec<char>,
    at: usize,
}

/// Un trozo de camino, sin llaves: lo de dentro de un filtro o de una unión.
fn path(text: &str) -> Result<Vec<Node>, String> {
    let mut parser = Parser { chars: format!("{{{text}}}").chars().collect(), at: 0 };
    match parser.action()? {
        Action::Path(nodes) => Ok(nodes),
        Action::Range(_) | Action::End => Err(format!("unrecognized identifier {text}")),
    }
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i) == Some(&c))
    }

    fn slice(&self, from: usize) -> String {
        self.chars[from..self.at].iter().collect()
    }

    fn text_until_brace(&mut self) -> String {
        let from = self.at;
        while self.peek().is_some_and(|c| c != '{') {
            self.at += 1;
        }
        self.slice(from)
    }

    /// Lo que hay entre `{` y `}`.
    fn action(&mut self) -> Result<Action, String> {
        self.at += 1;
        let mut nodes = Vec::new();
        let mut range = false;
        loop {
            if self.starts_with("[?(") {
                nodes.push(self.filter()?);
                continue;
            }
            if self.starts_with("..") {
                self.at += 2;
                nodes.push(Node::Recursive);
                if self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_') {
                    nodes.push(self.field());
                }
                continue;
            }
            match self.next() {
                None | Some('\n' | '\r') => return Err("unclosed action".into()),
                Some('}') => break,
                Some(' ' | '@' | '$') => {}
                Some('[') => self.brackets(&mut nodes)?,
                Some(quote @ ('"' | '\'')) => nodes.push(Node::Literal(Value::String(self.quoted(quote)?))),
                Some('.') => nodes.push(self.field()),
                Some(c) if c.is_ascii_digit() || c == '+' || c == '-' => nodes.push(self.number()?),
                Some(c) if c.is_alphanumeric() || c == '_' => match self.word().as_str() {
                    "true" => nodes.push(Node::Literal(Value::Bool(true))),
                    "false" => nodes.push(Node::Literal(Value::Bool(false))),
                    "range" => range = true,
                    "end" => {
                        self.skip_to_brace()?;
                        return Ok(Action::End);
                    }
                    other => return Err(format!("unrecognized identifier {other}")),
                },
                Some(c) => return Err(format!("unrecognized character in action: {}", unicode(c))),
            }
        }
        Ok(if range { Action::Range(nodes) } else { Action::Path(nodes) })
    }

    fn skip_to_brace(&mut self) -> Result<(), String> {
        loop {
            match self.next() {
                Some('}') => return Ok(()),
                Some(' ') => {}
                Some(_) | None => return Err("unclosed action".into()),
            }
        }
    }

    /// El nombre que sigue a un punto. Con `\` se escribe un punto dentro de un nombre.
    fn field(&mut self) -> Node {
        let mut name = String::new();
        while let Some(c) = self.peek() {
            if c.is_whitespace() || matches!(c, '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}') {
                break;
            }
            self.at += 1;
            match c {
                '\\' => name.extend(self.next()),
                c => name.push(c),
            }
        }
        if name == "*" { Node::Wildcard } else { Node::Field(name) }
    }

    fn word(&mut self) -> String {
        let from = self.at - 1;
        while self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_') {
            self.at += 1;
        }
        self.slice(from)
    }

    fn number(&mut self) -> Result<Node, String> {
        let from = self.at - 1;
        while self.peek().is_some_and(|c| c.is_ascii_digit() || c == '.') {
            self.at += 1;
        }
        let text = self.slice(from);
        let plain = text.strip_prefix('+').unwrap_or(&text);
        if let Ok(integer) = plain.parse::<i64>() {
            return Ok(Node::Literal(integer.into()));
        }
        match plain.parse::<f64>() {
            Ok(number) => Ok(Node::Literal(number.into())),
            Err(_) => Err(format!("cannot parse number {text}")),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let mut text = String::new();
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated quoted string".into()),
                Some(c) if c == quote => return Ok(text),
                Some('\\') => text.push(match self.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('a') => '\u{7}',
                    Some('b') => '\u{8}',
                    Some('f') => '\u{c}',
                    Some('v') => '\u{b}',
                    Some('x') => self.code(2)?,
                    Some('u') => self.code(4)?,
                    Some('U') => self.code(8)?,
                    Some(c @ ('\\' | '"' | '\'')) => c,
                    Some(_) | None => return Err("invalid syntax".into()),
                }),
                Some(c) => text.push(c),
            }
        }
    }

    fn code(&mut self, digits: usize) -> Result<char, String> {
        let from = self.at;
        self.at = (self.at + digits).min(self.chars.len());
        let code = u32::from_str_radix(&self.slice(from), 16).ok().and_then(char::from_u32);
        code.ok_or_else(|| "invalid syntax".into())
    }

    fn brackets(&mut self, nodes: &mut Vec<Node>) -> Result<(), String> {
        let from = self.at;
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated array".into()),
                Some(']') => break,
                Some(_) => {}
            }
        }
        let text = self.slice(from);
        let text = &text[..text.len() - 1];
        if text.contains(',') {
            let each = text.split(',').map(|part| path(&format!("[{}]", part.trim_matches(' '))));
            nodes.push(Node::Union(each.collect::<Result<_, _>>()?));
            return Ok(());
        }
        let quoted = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\''));
        if let Some(name) = quoted.filter(|name| !name.contains('\'')) {
            nodes.extend(path(&format!(".{name}"))?);
            return Ok(());
        }
        nodes.push(Node::Slice(slice(text)?));
        Ok(())
    }

    fn filter(&mut self) -> Result<Node, String> {
        self.at += 3;
        let from = self.at;
        let mut inside: Option<char> = None;
        let mut closed = false;
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated filter".into()),
                Some(c @ ('"' | '\'')) => match inside {
                    None => inside = Some(c),
                    Some(open) if open == c && self.chars[self.at - 2] != '\\' => closed = true,
                    Some(_) => {}
                },
                Some(')') if inside.is_some() == closed => break,
                Some(_) => {}
            }
        }
        let text = self.slice(from);
        let text = &text[..text.len() - 1];
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".into());
        }
        let signs = |c: char| matches!(c, '!' | '<' | '>' | '=');
        let Some(start) = text.find(signs).filter(|at| *at > 0) else {
            return Ok(Node::Filter { left: path(text)?, compare: None });
        };
        let end = start + text[start..].find(|c| !signs(c)).unwrap_or(text.len() - start);
        if end == text.len() {
            return Err(format!("unrecognized filter operator {}", &text[start..]));
        }
        let operator = operator(&text[start..end])?;
        Ok(Node::Filter { left: path(&text[..start])?, compare: Some((operator, path(&text[end..])?)) })
    }
}

fn operator(text: &str) -> Result<Operator, String> {
    Ok(match text {
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        "==" => Operator::Equal,
        "!=" => Operator::NotEqual,
        other => return Err(format!("unrecognized filter operator {other}")),
    })
}

/// `1`, `-1`, `0:2`, `::2`; `*` es todo.
fn slice(text: &str) -> Result<Slice, String> {
    let text = if text == "*" { ":" } else { text };
    let invalid = || format!("invalid array index {text}");
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 3 {
        return Err(invalid());
    }
    let number = |part: Option<&&str>| match part {
        None | Some(&"") => Ok(None),
        Some(text) => text.parse::<i64>().map(Some).map_err(|_| invalid()),
    };
    Ok(Slice {
        from: number(parts.first())?,
        to: number(parts.get(1))?,
        step: number(parts.get(2))?,
        single: parts.len() == 1,
    })
}

/// `U+002F '/'`, como lo escribe Go.
fn unicode(c: char) -> String {
    format!("U+{:04X} '{c}'", c as u32)
}
