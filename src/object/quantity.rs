//! La forma en que Kubernetes devuelve una cantidad: la más corta que no pierde nada.

use crate::spec::quantity::Quantity;

/// `0.5` es `500m`; `1024Mi`, `1Gi`; `1000m`, `1`. Lo que no se entiende se queda como está.
pub fn canonical(text: &str) -> String {
    let Ok(quantity) = Quantity::parse(text) else { return text.to_string() };
    let millis = quantity.millis_exact();
    let exponent = text.contains(['e', 'E']) && !text.ends_with(['E', 'i']);
    // los fraccionarios y los pequeños no se dicen en múltiplos de 1024
    let binary = text.ends_with('i') && millis % 1000 == 0 && millis >= 1024 * 1000;
    let (mut value, step, suffixes) = match binary {
        true => (millis / 1000, 1024, ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", ""]),
        false if exponent => (millis, 1000, ["e-3", "", "e3", "e6", "e9", "e12", "e15", "e18"]),
        false => (millis, 1000, ["m", "", "k", "M", "G", "T", "P", "E"]),
    };
    let last = if binary { 6 } else { 7 };
    let mut suffix = 0;
    while suffix < last && value > 0 && value % step == 0 {
        value /= step;
        suffix += 1;
    }
    if value == 0 { "0".into() } else { format!("{value}{}", suffixes[suffix]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn una_cantidad_se_devuelve_en_su_forma_mas_corta() {
        let table = [
            ("0.5", "500m"),
            ("500m", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("2", "2"),
            ("2000", "2k"),
            ("0", "0"),
            ("64Mi", "64Mi"),
            ("1024Mi", "1Gi"),
            ("1000Mi", "1000Mi"),
            ("0.5Gi", "512Mi"),
            ("1Ki", "1Ki"),
            ("0.5Ki", "512"),
            ("64M", "64M"),
            ("64000k", "64M"),
            ("1e3", "1e3"),
            ("1e4", "10e3"),
            ("1E", "1E"),
            ("1Ei", "1Ei"),
            ("nada", "nada"),
        ];
        for (text, expected) in table {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }
}
