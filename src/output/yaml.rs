//! De JSON a YAML, byte a byte como lo escribe kubectl.
//!
//! Un texto va sin comillas solo si nadie puede leerlo como otra cosa: ni como número, fecha,
//! booleano o nulo (también los de YAML 1.1: `yes`, `on`, `y`…), ni como sintaxis. Las reglas son
//! las de libyaml, que es de donde salen las de kubectl.

use serde_json::Value;

/// A partir de esta columna se busca un espacio por el que partir la línea.
const WIDTH: usize = 80;
/// Una clave más larga se escribe con `? ` delante.
const MAX_SIMPLE_KEY: usize = 128;

/// El documento entero, acabado en salto de línea.
pub fn to_yaml(value: &Value) -> String {
    document(value, false)
}

/// Como [`to_yaml`], para que lo lea quien sea: kubectl escribe sin comillas `<<` y `=`, que otros
/// lectores de YAML 1.1 toman por lo que no son, y alguna fecha.
pub fn to_portable_yaml(value: &Value) -> String {
    document(value, true)
}

fn document(value: &Value, portable: bool) -> String {
    let mut out = Writer { text: String::new(), column: 0, portable };
    match value {
        Value::Object(map) if !map.is_empty() => out.mapping(map, 0, true),
        Value::Array(items) if !items.is_empty() => out.sequence(items, 0, true),
        other => {
            out.scalar(other, 0);
            out.newline(0);
        }
    }
    out.text
}

struct Writer {
    text: String,
    column: usize,
    portable: bool,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += text.chars().count();
    }

    fn newline(&mut self, indent: usize) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    /// `here`: la primera línea ya está empezada (detrás de un `- `, o al principio del documento).
    fn mapping(&mut self, map: &serde_json::Map<String, Value>, indent: usize, here: bool) {
        for (i, (key, value)) in in_order(map).into_iter().enumerate() {
            self.start_line(indent, here && i == 0);
            let simple = key.chars().count() <= MAX_SIMPLE_KEY;
            if !simple {
                self.put("? ");
            }
            self.string(key, indent, simple);
            if !simple {
                self.newline(indent);
            }
            self.put(":");
            match value {
                Value::Object(inner) if !inner.is_empty() => self.mapping(inner, indent + 2, false),
                // las listas no se meten hacia dentro
                Value::Array(items) if !items.is_empty() => self.sequence(items, indent, false),
                other => {
                    self.put(" ");
                    self.scalar(other, indent);
                    self.end_line();
                }
            }
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize, here: bool) {
        for (i, item) in items.iter().enumerate() {
            self.start_line(indent, here && i == 0);
            self.put("- ");
            match item {
                Value::Object(inner) if !inner.is_empty() => self.mapping(inner, indent + 2, true),
                Value::Array(inner) if !inner.is_empty() => self.sequence(inner, indent + 2, true),
                other => {
                    self.scalar(other, indent);
                    self.end_line();
                }
            }
        }
    }

    fn start_line(&mut self, indent: usize, already_there: bool) {
        if already_there {
            return;
        }
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    fn end_line(&mut self) {
        // un texto en bloque ya acaba en salto de línea
        if !self.text.ends_with('\n') {
            self.newline(0);
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Null => self.put("null"),
            Value::Bool(yes) => self.put(if *yes { "true" } else { "false" }),
            Value::Number(number) => self.put(&number.to_string()),
            Value::String(text) => self.string(text, indent, false),
            Value::Array(_) => self.put("[]"),
            Value::Object(_) => self.put("{}"),
        }
    }

    fn string(&mut self, text: &str, indent: usize, key: bool) {
        let shape = Shape::of(text);
        let inside = indent + 2;
        // en YAML 1.1 también estos acaban una línea
        let breaks = ['\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'];
        if self.portable && text.contains(breaks) {
            self.double_quoted(text, inside, key);
        } else if text.contains('\n') {
            match shape.block && !key {
                true => self.literal(text, inside),
                false => self.double_quoted(text, inside, key),
            }
        } else if !reads_as_string(text) || self.portable && looks_like_a_value(text) {
            self.double_quoted(text, inside, key);
        } else if shape.plain {
            self.folded(text, inside, key, false);
        } else if shape.single {
            self.put("'");
            self.folded(text, inside, key, true);
            self.put("'");
        } else {
            self.double_quoted(text, inside, key);
        }
    }

    /// Sin comillas o con comillas simples: se parte por un espacio suelto.
    fn folded(&mut self, text: &str, indent: usize, key: bool, quoted: bool) {
        let chars: Vec<char> = text.chars().collect();
        for (i, c) in chars.iter().enumerate() {
            let lonely = *c == ' ' && (i == 0 || chars[i - 1] != ' ') && chars.get(i + 1) != Some(&' ');
            // dentro de comillas, ni al principio ni al final
            let inside = !quoted || (i > 0 && i + 1 < chars.len());
            match c {
                ' ' if !key && lonely && inside && self.column > WIDTH => self.newline(indent),
                '\'' if quoted => self.put("''"),
                c => self.put(c.encode_utf8(&mut [0; 4])),
            }
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize, key: bool) {
        self.put("\"");
        let chars: Vec<char> = text.chars().collect();
        let mut after_space = false;
        for (i, c) in chars.iter().enumerate() {
            if let Some(escape) = escape(*c) {
                self.put(&escape);
                after_space = false;
            } else if *c == ' ' {
                let inside = i > 0 && i + 1 < chars.len();
                if !key && !after_space && inside && self.column > WIDTH {
                    self.newline(indent);
                    if chars.get(i + 1) == Some(&' ') {
                        self.put("\\");
                    }
                } else {
                    self.put(" ");
                }
                after_space = true;
            } else {
                self.put(c.encode_utf8(&mut [0; 4]));
                after_space = false;
            }
        }
        self.put("\"");
    }

    /// `|`: cada línea, como es. La marca dice si el texto acaba en salto de línea.
    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with([' ', '\n']) {
            self.put("2");
        }
        if !text.ends_with('\n') {
            self.put("-");
        } else if text.ends_with("\n\n") || text == "\n" {
            self.put("+");
        }
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.newline(if line.is_empty() { 0 } else { indent });
            self.put(line);
        }
        self.newline(0);
    }
}

/// Las claves, como las ordena kubectl en YAML: las cifras por su valor y antes que las letras.
///
/// Se insertan una a una: con claves rebuscadas ese orden no es transitivo, y las ordenaciones de la
/// biblioteca estándar lo exigen.
fn in_order(map: &serde_json::Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut sorted: Vec<(&String, &Value)> = Vec::with_capacity(map.len());
    for entry in map {
        let at = sorted.iter().rposition(|known| !is_before(entry.0, known.0)).map_or(0, |i| i + 1);
        sorted.insert(at, entry);
    }
    sorted
}

fn is_before(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(i) = a.iter().zip(&b).position(|(x, y)| x != y) else { return a.len() < b.len() };
    match (a[i].is_alphabetic(), b[i].is_alphabetic()) {
        (true, true) => return a[i] < b[i],
        (true, false) | (false, true) => return b[i].is_alphabetic(),
        (false, false) => {}
    }
    // un cero detrás de otras cifras no empieza número: `100` va después de `99`
    let zeros = a[i] == '0' || b[i] == '0';
    let inside = zeros && a[..i].iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0');
    let number = |text: &[char]| {
        let digits: Vec<i64> = text[i..].iter().map_while(|c| c.to_digit(10)).map(i64::from).collect();
        let value = digits.iter().fold(i64::from(inside), |n, d| n.wrapping_mul(10).wrapping_add(*d));
        (value, digits.len())
    };
    let (x, y) = (number(&a), number(&b));
    if x == y { a[i] < b[i] } else { x < y }
}

/// Lo que se escribe con `\` dentro de comillas dobles.
fn escape(c: char) -> Option<String> {
    let short = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '\u{85}' => "\\N",
        '\u{a0}' => "\\_",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ if is_printable(c) => return None,
        _ if (c as u32) <= 0xff => return Some(format!("\\x{:02X}", c as u32)),
        _ if (c as u32) <= 0xffff => return Some(format!("\\u{:04X}", c as u32)),
        _ => return Some(format!("\\U{:08X}", c as u32)),
    };
    Some(short.into())
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// De qué maneras se puede escribir un texto.
struct Shape {
    plain: bool,
    single: bool,
    block: bool,
}

impl Shape {
    fn of(text: &str) -> Shape {
        let chars: Vec<char> = text.chars().collect();
        let blank = |c: Option<&char>| c.is_none_or(|c| matches!(c, ' ' | '\t' | '\0') || is_break(*c));
        let mut syntax = text.starts_with("---") || text.starts_with("...");
        let mut special = false;
        for (i, c) in chars.iter().enumerate() {
            let (after_blank, before_blank) = (i == 0 || blank(chars.get(i - 1)), blank(chars.get(i + 1)));
            syntax |= match c {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    i == 0
                }
                '?' | '-' => i == 0 && before_blank,
                ':' => before_blank,
                '#' => after_blank,
                _ => false,
            };
            special |= !is_printable(*c);
        }
        let is_space = |c: char| c == ' ';
        let break_space = chars.windows(2).any(|pair| is_break(pair[0]) && is_space(pair[1]));
        let space_break = chars.windows(2).any(|pair| is_space(pair[0]) && is_break(pair[1]));
        let edges = [chars.first(), chars.last()].into_iter().flatten().any(|c| *c == ' ' || is_break(*c));
        let breaks = chars.iter().any(|c| is_break(*c));
        Shape {
            plain: !(syntax || special || edges || breaks || break_space || space_break),
            single: !(special || break_space || space_break),
            block: !(special || space_break || chars.last() == Some(&' ')),
        }
    }
}

/// Las marcas de YAML 1.1, y lo que solo tiene cifras y signos de números, horas y fechas.
fn looks_like_a_value(text: &str) -> bool {
    let number = |c: char| {
        c.is_ascii_hexdigit() || matches!(c, '_' | ':' | '.' | '+' | '-' | ' ' | 'T' | 'Z' | 't' | 'z')
    };
    let starts = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    matches!(text, "<<" | "=") || starts && text.chars().all(number)
}

/// ¿Seguirá siendo un texto si se escribe sin comillas?
fn reads_as_string(text: &str) -> bool {
    const WORDS: [&str; 39] = [
        "", "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", "n", "N", "no", "No",
        "NO", "false", "False", "FALSE", "off", "Off", "OFF", "~", "null", "Null", "NULL", ".nan", ".NaN",
        ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
    ];
    !WORDS.contains(&text) && !is_number(text) && !is_base60(text) && !is_date(text)
}

fn is_number(text: &str) -> bool {
    let first = text.as_bytes().first().copied().unwrap_or(b'x');
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return false;
    }
    let plain = text.replace('_', "");
    is_integer(&plain) || is_float(&plain)
}

fn is_integer(text: &str) -> bool {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return false;
    }
    match u64::from_str_radix(digits, radix) {
        Ok(value) => !negative || value <= 1 << 63,
        Err(_) => false,
    }
}

fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", decimals)) => digits(decimals),
        Some((whole, decimals)) => digits(whole) && (decimals.is_empty() || digits(decimals)),
        None => digits(mantissa),
    };
    mantissa_ok && exponent.is_none_or(digits)
}

/// `190:20:30` es un número en YAML 1.1.
fn is_base60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let groups: Vec<&str> = parts.collect();
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let sixties = |g: &&str| {
        matches!(g.len(), 1 | 2)
            && g.bytes().all(|b| b.is_ascii_digit())
            && (g.len() == 1 || g.as_bytes()[0] < b'6')
    };
    digits(first)
        && first.as_bytes()[0] != b'_'
        && !groups.is_empty()
        && groups.iter().all(sixties)
        && decimals.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// `2026-11-23` o `2026-11-23T16:10:03Z`.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(2, ['T', 't', ' ']);
    let date: Vec<&str> = parts.next().unwrap_or_default().split('-').collect();
    let number = |t: &str, len: std::ops::RangeInclusive<usize>, max: u32| {
        len.contains(&t.len())
            && t.bytes().all(|b| b.is_ascii_digit())
            && t.parse().is_ok_and(|n: u32| n <= max)
    };
    let [year, month, day] = date[..] else { return false };
    if !(number(year, 4..=4, 9999) && number(month, 1..=2, 12) && number(day, 1..=2, 31)) {
        return false;
    }
    if month.parse() == Ok(0) || day.parse() == Ok(0) {
        return false;
    }
    let Some(time) = parts.next() else { return true };
    let clock: String = time.chars().take_while(|c| c.is_ascii_digit() || matches!(c, ':' | '.')).collect();
    let zone = &time[clock.len()..];
    let (hms, fraction) = clock.split_once('.').unwrap_or((&clock, "0"));
    let hms: Vec<&str> = hms.split(':').collect();
    let [hour, minute, second] = hms[..] else { return false };
    let zone_ok = zone.is_empty() || zone == "Z" || {
        let hours = zone.strip_prefix(['-', '+']).unwrap_or_default();
        hours.split_once(':').is_some_and(|(h, m)| number(h, 2..=2, 24) && number(m, 2..=2, 59))
    };
    let fraction_ok = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    number(hour, 1..=2, 23)
        && number(minute, 2..=2, 59)
        && number(second, 2..=2, 59)
        && fraction_ok
        && zone_ok
}
