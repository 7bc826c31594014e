//! Las cantidades de Kubernetes: `64Mi`, `500m`, `1.5`, `1e3`.
//!
//! Una cantidad es un número decimal y un sufijo: `k M G T P E` multiplican por 1000; `Ki Mi Gi
//! Ti Pi Ei`, por 1024; `m u n` dividen entre 1000. También vale un exponente: `1e3`. Se guarda
//! el texto tal como se escribió, para poder devolverlo igual.

use super::fields::{Data, through_data};
use crate::data::{self, Value};
use std::fmt;

// ANCHOR: quantity
/// Una cantidad, tal como se escribió y ya entendida.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    text: String,
    /// Milésimas; lo más fino que 1m se redondea hacia arriba, como en Kubernetes.
    millis: u128,
}
// ANCHOR_END: quantity

/// Lo que está mal en una cantidad, y qué escribir en su lugar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub problem: String,
    pub hint: String,
}

impl Quantity {
    /// Entiende `text`. El error dice qué está mal y da un ejemplo.
    pub fn parse(text: &str) -> Result<Quantity, String> {
        Quantity::diagnose(text).map_err(|e| format!("{}; {}", e.problem, e.hint))
    }

    /// Como [`Quantity::parse`], con el problema y la pista por separado.
    pub fn diagnose(text: &str) -> Result<Quantity, Malformed> {
        let millis = read(text).map_err(|fault| explain(text, fault))?;
        Ok(Quantity { text: text.to_string(), millis })
    }

    /// En unidades enteras (bytes, procesos), redondeando hacia arriba.
    pub fn units(&self) -> u64 {
        u64::try_from(self.millis.div_ceil(1000)).unwrap_or(u64::MAX)
    }

    /// En milésimas, sin redondear ni recortar: para comparar.
    pub fn millis_exact(&self) -> u128 {
        self.millis
    }

    /// En milésimas (de CPU).
    pub fn millis(&self) -> u64 {
        u64::try_from(self.millis).unwrap_or(u64::MAX)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Empty,
    Negative,
    NotANumber,
    Suffix,
    TooBig,
}

// ANCHOR: suffix
/// El sufijo, y por cuánto multiplica y divide.
const SUFFIXES: [(&str, u128, u128); 16] = [
    ("", 1, 1),
    ("n", 1, 1_000_000_000),
    ("u", 1, 1_000_000),
    ("m", 1, 1000),
    ("k", 1000, 1),
    ("M", 1_000_000, 1),
    ("G", 1_000_000_000, 1),
    ("T", 1_000_000_000_000, 1),
    ("P", 1_000_000_000_000_000, 1),
    ("E", 1_000_000_000_000_000_000, 1),
    ("Ki", 1 << 10, 1),
    ("Mi", 1 << 20, 1),
    ("Gi", 1 << 30, 1),
    ("Ti", 1 << 40, 1),
    ("Pi", 1 << 50, 1),
    ("Ei", 1 << 60, 1),
];
// ANCHOR_END: suffix

/// Cifras decimales que se leen; las que siguen solo cuentan para redondear hacia arriba.
const DECIMALS: usize = 15;

/// Las milésimas que vale `text`. Kubernetes no pasa de 2⁶³−1 unidades, y micropod tampoco.
fn read(text: &str) -> Result<u128, Fault> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if unsigned.is_empty() {
        return Err(Fault::Empty);
    }
    if unsigned.starts_with('-') {
        return Err(Fault::Negative);
    }
    let number_end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(number_end);
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    if integer.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return Err(Fault::NotANumber);
    }
    match SUFFIXES.iter().find(|(name, _, _)| *name == suffix) {
        Some((_, times, over)) => scale(integer, fraction, *times, *over),
        None => {
            let (integer, fraction) = shift(integer, fraction, exponent(suffix).ok_or(Fault::Suffix)?)?;
            scale(&integer, &fraction, 1, 1)
        }
    }
}

/// `e3` → 3. Un exponente disparatado se acota: ya se sale de rango mucho antes.
fn exponent(suffix: &str) -> Option<isize> {
    let digits = suffix.strip_prefix(['e', 'E'])?;
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: isize = digits.parse().unwrap_or(99).min(99);
    Some(if negative { -value } else { value })
}

/// Mueve la coma decimal `places` cifras a la derecha.
fn shift(integer: &str, fraction: &str, places: isize) -> Result<(String, String), Fault> {
    let mut digits = format!("{integer}{fraction}");
    let point = integer.len() as isize + places;
    if point < 0 {
        let zeros = "0".repeat(point.unsigned_abs());
        return Ok((String::new(), zeros + &digits));
    }
    let point = point as usize;
    if point > digits.len() {
        digits.push_str(&"0".repeat(point - digits.len()));
    }
    let fraction = digits.split_off(point);
    Ok((digits, fraction))
}

/// `integer.fraction · times / over`, en milésimas y redondeado hacia arriba.
fn scale(integer: &str, fraction: &str, times: u128, over: u128) -> Result<u128, Fault> {
    const LIMIT: u128 = i64::MAX as u128;
    let significant = integer.trim_start_matches('0');
    if significant.len() > 19 {
        return Err(Fault::TooBig);
    }
    let whole: u128 =
        if significant.is_empty() { 0 } else { significant.parse().map_err(|_| Fault::TooBig)? };
    let (kept, rest) = fraction.split_at(fraction.len().min(DECIMALS));
    let part: u128 = format!("{kept:0<DECIMALS$}").parse().map_err(|_| Fault::NotANumber)?;
    let crumbs = u128::from(rest.bytes().any(|b| b != b'0'));

    // 10¹⁹ · 2⁶⁰ · 1000 no cabe en 128 bits: se comprueba el límite antes de pasar a milésimas
    let units = whole.checked_mul(times).ok_or(Fault::TooBig)?;
    if units / over > LIMIT {
        return Err(Fault::TooBig);
    }
    let scale = 10u128.pow(DECIMALS as u32);
    let millis_of_part = ((part + crumbs) * times * 1000).div_ceil(scale);
    let millis = (units * 1000 + millis_of_part).div_ceil(over);
    if millis > LIMIT * 1000 { Err(Fault::TooBig) } else { Ok(millis) }
}

// ── qué decir ──────────────────────────────────────────────────────────────────────────────────

const EXAMPLES: &str = "ejemplos: \"64Mi\" (memoria), \"500m\" (media CPU), \"1.5\"";

fn explain(text: &str, fault: Fault) -> Malformed {
    let shown = super::errors::visible(text, 40);
    let suggestion = suggest(text);
    let hint = match &suggestion {
        Some(better) => format!("¿querías decir `{better}`?"),
        None => EXAMPLES.to_string(),
    };
    let problem = match fault {
        Fault::Empty => "la cantidad está vacía".to_string(),
        Fault::Negative => format!("la cantidad `{shown}` es negativa"),
        Fault::TooBig => format!("la cantidad `{shown}` es demasiado grande: el máximo es 2⁶³−1"),
        Fault::NotANumber if text.trim().is_empty() => "la cantidad está vacía".to_string(),
        Fault::NotANumber => format!("la cantidad `{shown}` no empieza por un número"),
        Fault::Suffix if text.contains(char::is_whitespace) => {
            format!("la cantidad `{shown}` tiene espacios: el número y el sufijo van pegados")
        }
        Fault::Suffix if text.contains(',') => {
            format!("la cantidad `{shown}` lleva coma: el separador decimal es el punto")
        }
        Fault::Suffix => format!("la cantidad `{shown}` acaba en un sufijo que Kubernetes no conoce"),
    };
    let hint = if suggestion.is_none() && fault == Fault::Suffix {
        "los sufijos son Ki, Mi, Gi, Ti, Pi, Ei (de 1024 en 1024), k, M, G, T, P, E (de 1000 en 1000) y m \
         (milésimas)"
            .to_string()
    } else {
        hint
    };
    Malformed { problem, hint }
}

/// La cantidad que se quiso escribir, si se adivina: `64 MB` → `64Mi`.
fn suggest(text: &str) -> Option<String> {
    let tidy: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let tidy = tidy.replace(',', ".").replace('_', "");
    let tidy = tidy.trim_start_matches(['-', '+']);
    let end = tidy.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tidy.len());
    let (number, suffix) = tidy.split_at(end);
    let lower = suffix.to_lowercase();
    let better = match lower.as_str() {
        "" => "",
        "b" | "byte" | "bytes" => "",
        "k" | "kb" | "ki" | "kib" => "Ki",
        "m" if suffix == "m" => "m",
        "m" | "mb" | "mi" | "mib" | "megas" => "Mi",
        "g" | "gb" | "gi" | "gib" | "gigas" => "Gi",
        "t" | "tb" | "ti" | "tib" => "Ti",
        "cpu" | "cpus" | "core" | "cores" => "",
        _ => return None,
    };
    let better = format!("{number}{better}");
    (better != text && read(&better).is_ok()).then_some(better)
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Se lee de un texto o de un número suelto: `cpu: "500m"`, `cpu: 2`, `cpu: 0.5`.
impl Data for Quantity {
    fn read(value: Value) -> Result<Quantity, data::Fault> {
        let text = match value {
            Value::String(text) => text,
            // tal como se diría: 1000, no 1000.0
            Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or_default().to_string(),
            Value::Number(number) => number.to_string(),
            _ => return Err(data::Fault::new("se esperaba una cantidad, como \"64Mi\" o \"500m\"")),
        };
        Quantity::parse(&text).map_err(data::Fault::new)
    }
    fn write(&self) -> Value {
        Value::from(self.text.as_str())
    }
}

through_data!(Quantity);

impl super::schema::Described for Quantity {
    fn kind() -> String {
        "Quantity".to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> u128 {
        Quantity::parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).millis
    }

    #[test]
    fn vale_lo_que_vale_en_kubernetes() {
        for (text, expected) in [
            ("0", 0),
            ("2", 2000),
            ("+2", 2000),
            ("007", 7000),
            ("500m", 500),
            ("0.5", 500),
            (".5", 500),
            ("5.", 5000),
            ("1.5", 1500),
            ("0.1", 100),
            ("1e3", 1_000_000),
            ("1E3", 1_000_000),
            ("1.5e+3", 1_500_000),
            ("25e-1", 2500),
            ("1k", 1_000_000),
            ("1Ki", 1_024_000),
            ("64Mi", 67_108_864_000),
            ("1.5Gi", 1_610_612_736_000),
            ("64M", 64_000_000_000),
            ("7Ei", 8_070_450_532_247_928_832_000),
            ("1E", 1_000_000_000_000_000_000_000),
            ("0e99999999999999999999", 0),
            ("9223372036854775807", 9_223_372_036_854_775_807_000),
        ] {
            assert_eq!(millis(text), expected, "{text}");
        }
    }

    #[test]
    fn lo_mas_fino_que_una_milesima_se_redondea_hacia_arriba() {
        for text in ["0.0001", "1n", "1u", "0.1m", "1e-9", "1e-99999999999", "0.00000000000000000000000001"] {
            assert_eq!(millis(text), 1, "{text}");
        }
        assert_eq!(millis("0.5001"), 501);
        assert_eq!(Quantity::parse("1.1").unwrap().units(), 2);
        assert_eq!(millis(&format!("0.{}", "0".repeat(100_000))), 0);
    }

    #[test]
    fn cada_error_dice_que_esta_mal_y_que_escribir() {
        for (text, problem, hint) in [
            ("", "vacía", "ejemplos"),
            ("   ", "vacía", "ejemplos"),
            ("-1", "negativa", "`1`"),
            ("-64Mi", "negativa", "`64Mi`"),
            ("64MB", "sufijo", "`64Mi`"),
            ("64mb", "sufijo", "`64Mi`"),
            ("64MiB", "sufijo", "`64Mi`"),
            ("64 Mi", "espacios", "`64Mi`"),
            ("64Mi ", "espacios", "`64Mi`"),
            (" 64Mi", "no empieza por un número", "`64Mi`"),
            ("64K", "sufijo", "`64Ki`"),
            ("64mi", "sufijo", "`64Mi`"),
            ("1,5", "coma", "`1.5`"),
            ("2 cores", "espacios", "`2`"),
            ("1_000", "sufijo", "`1000`"),
            ("50%", "sufijo", "los sufijos son"),
            ("0x10", "sufijo", "los sufijos son"),
            ("1e", "sufijo", "los sufijos son"),
            ("1e3k", "sufijo", "los sufijos son"),
            ("1.2.3", "no empieza por un número", "ejemplos"),
            (".", "no empieza por un número", "ejemplos"),
            ("mucho", "no empieza por un número", "ejemplos"),
            ("8Ei", "demasiado grande", "ejemplos"),
            ("1e40", "demasiado grande", "ejemplos"),
            ("9223372036854775808", "demasiado grande", "ejemplos"),
            ("9999999999999999999Ei", "demasiado grande", "ejemplos"),
        ] {
            let error = Quantity::diagnose(text).unwrap_err();
            assert!(error.problem.contains(problem), "{text:?}: {error:?}");
            assert!(error.hint.contains(hint), "{text:?}: {error:?}");
        }
    }

    #[test]
    fn el_texto_va_y_vuelve_igual() {
        for text in ["64Mi", "1e3", "0.10", "+2"] {
            let quantity: Quantity = serde_json::from_str(&format!("{text:?}")).unwrap();
            assert_eq!(serde_json::to_string(&quantity).unwrap(), format!("{text:?}"));
        }
        for (json, text) in [("2", "2"), ("0.5", "0.5")] {
            let quantity: Quantity = serde_json::from_str(json).unwrap();
            assert_eq!(quantity.to_string(), text);
        }
        assert_eq!(ron::from_str::<Quantity>("0.1").unwrap().millis(), 100);
        assert_eq!(ron::from_str::<Quantity>("2").unwrap().millis(), 2000);
    }
}
