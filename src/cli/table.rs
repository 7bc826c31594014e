//! Tablas sin bordes, como las de kubectl: columnas a la izquierda, separadas por `gap` espacios.

/// Alinea las filas por columnas. La última columna no se rellena.
pub fn align(rows: &[Vec<String>], gap: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        for (c, cell) in row.iter().enumerate() {
            match c + 1 == row.len() {
                true => out.push_str(cell),
                false => out.push_str(&format!("{cell:<w$}", w = widths[c] + gap)),
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn las_columnas_se_alinean_por_letras_y_no_por_bytes() {
        let rows = [vec!["ÓRDENES".to_string(), "B".into()], vec!["a".to_string(), "b".into()]];
        assert_eq!(align(&rows, 3), "ÓRDENES   B\na         b\n");
    }
}
