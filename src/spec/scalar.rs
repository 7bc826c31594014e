//! Qué es cada palabra sin comillas de YAML, según lo lee Kubernetes.
//!
//! Kubernetes no lee YAML 1.2: lee el 1.1 a medias (sigs.k8s.io/yaml). `yes`, `on` y `y` son `true`;
//! `0644` es 420, porque el cero es octal; `1_000` es mil; `1e3`, también; pero `1:30`, que en YAML 1.1
//! son noventa, es un texto, y las fechas también. Aquí se lee lo mismo, palabra por palabra.

use super::tree::Value;

/// Lo que vale `word`, escrita sin comillas.
pub fn resolve(word: &str) -> Value {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Word("true".into())
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Word("false".into())
        }
        _ => number(word).map_or_else(|| Value::Text(word.to_string()), Value::Number),
    }
}

/// El número que es `word`, como lo escribe JSON.
fn number(word: &str) -> Option<String> {
    if word.starts_with('.') {
        return float(word);
    }
    if !word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) {
        return None;
    }
    let plain = word.replace('_', "");
    integer(&plain).or_else(|| float(&plain))
}

/// Decimal, o con prefijo: `0x`, `0b`, `0o` y el cero solo, que también es octal.
fn integer(plain: &str) -> Option<String> {
    let (negative, digits) = match plain.strip_prefix(['+', '-']) {
        Some(digits) => (plain.starts_with('-'), digits),
        None => (false, plain),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some(_) if lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok()?;
    match negative {
        false => Some(value.to_string()),
        true if value <= 1 << 63 => Some((-i128::from(value)).to_string()),
        true => None,
    }
}

/// Con punto o con exponente. Si es entero se escribe sin decimales, como hace Kubernetes.
fn float(plain: &str) -> Option<String> {
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let written = digits(whole) && digits(decimals) && whole.len() + decimals.len() > 0;
    if !written || exponent.is_some_and(|e| e.is_empty() || !digits(e)) {
        return None;
    }
    let value: f64 = plain.parse().ok()?;
    match value.is_finite() {
        true if value.fract() == 0.0 && value.abs() < 1e15 => Some((value as i64).to_string()),
        true => Some(value.to_string()),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cada_palabra_vale_lo_que_vale_en_kubernetes() {
        let text = |t: &str| Value::Text(t.into());
        let number = |t: &str| Value::Number(t.into());
        let word = |t: &str| Value::Word(t.into());
        for (written, value) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("null", Value::Null),
            ("yes", word("true")),
            ("On", word("true")),
            ("y", word("true")),
            ("NO", word("false")),
            ("off", word("false")),
            ("oN", text("oN")),
            ("80", number("80")),
            ("+80", number("80")),
            ("-3", number("-3")),
            ("0644", number("420")),
            ("0o644", number("420")),
            ("0xFF", number("255")),
            ("0b101", number("5")),
            ("1_000", number("1000")),
            ("0", number("0")),
            ("00", number("0")),
            // con un 8 no puede ser octal: es un número con decimales, que resulta ser entero
            ("0800", number("800")),
            ("9223372036854775807", number("9223372036854775807")),
            ("-9223372036854775808", number("-9223372036854775808")),
            ("1e3", number("1000")),
            ("1E-2", number("0.01")),
            (".5", number("0.5")),
            ("0.5", number("0.5")),
            ("5.", number("5")),
            ("1.0", number("1")),
            // ni la base 60 ni las fechas
            ("1:30", text("1:30")),
            ("2001-12-14", text("2001-12-14")),
            ("1.27.3", text("1.27.3")),
            ("64Mi", text("64Mi")),
            ("0x", text("0x")),
            ("0xZZ", text("0xZZ")),
            ("-", text("-")),
            (".", text(".")),
            ("e3", text("e3")),
            ("1e", text("1e")),
            ("1e400", text("1e400")),
            ("/bin/sh", text("/bin/sh")),
        ] {
            assert_eq!(format!("{:?}", resolve(written)), format!("{value:?}"), "{written}");
        }
    }
}
