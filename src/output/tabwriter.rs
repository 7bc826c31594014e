//! Texto con tabuladores → columnas, con las reglas del `tabwriter` de Go, que es el de kubectl.
//!
//! Una celda es lo que acaba en tabulador: lo último de cada línea no alinea nada. Una columna dura
//! mientras sean seguidas las líneas que la tienen; por eso en `describe` los límites y las
//! peticiones se alinean cada uno por su lado.

/// Cómo alinea cada verbo.
#[derive(Clone, Copy)]
pub struct Layout {
    /// Ancho mínimo de una columna, con su separación.
    pub min: usize,
    /// Espacios entre columnas.
    pub gap: usize,
}

/// Las tablas: `get`, `top`, `events`.
pub const TABLE: Layout = Layout { min: 6, gap: 3 };
/// Las fichas: `describe`.
pub const PAGE: Layout = Layout { min: 0, gap: 2 };

/// Alinea `text`: celdas separadas por `\t`, líneas por `\n`.
pub fn align(text: &str, layout: Layout) -> String {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let mut out = String::with_capacity(text.len() * 2);
    format(&lines, layout, &mut Vec::new(), &mut out);
    out
}

/// Escribe `lines`, de las que ya se conocen los anchos de las primeras columnas.
fn format(lines: &[Vec<&str>], layout: Layout, widths: &mut Vec<usize>, out: &mut String) {
    let column = widths.len();
    let has_it = |line: &&Vec<&str>| column + 1 < line.len();
    let mut rest = lines;
    while !rest.is_empty() {
        let before = rest.iter().take_while(|line| !has_it(line)).count();
        write(&rest[..before], widths, out);
        rest = &rest[before..];
        let block = rest.iter().take_while(has_it).count();
        if block == 0 {
            continue;
        }
        let widest = rest[..block].iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        widths.push(layout.min.max(widest + layout.gap));
        format(&rest[..block], layout, widths, out);
        widths.pop();
        rest = &rest[block..];
    }
}

fn write(lines: &[Vec<&str>], widths: &[usize], out: &mut String) {
    for line in lines {
        for (i, cell) in line.iter().enumerate() {
            out.push_str(cell);
            if let Some(width) = widths.get(i) {
                let missing = width.saturating_sub(cell.chars().count());
                out.extend(std::iter::repeat_n(' ', missing));
            }
        }
        out.push('\n');
    }
}

/// Una tabla: cabeceras y filas.
pub fn table(rows: &[Vec<String>]) -> String {
    let lines: Vec<String> = rows.iter().map(|row| row.join("\t") + "\n").collect();
    align(&lines.concat(), TABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn las_columnas_se_alinean_por_letras_y_no_por_bytes() {
        assert_eq!(align("ÓRDENES\tB\na\tb\n", TABLE), "ÓRDENES   B\na         b\n");
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn una_columna_nunca_mide_menos_de_seis() {
        assert_eq!(align("A\tB\tC\n1\t2\t3\n", TABLE), "A     B     C\n1     2     3\n");
    }

    #[test]
    fn una_linea_sin_la_columna_corta_el_bloque() {
        let text = "a:\t1\nlarga:\t2\nTítulo:\n  b:\t3\n  más larga:\t4\n";
        assert_eq!(align(text, PAGE), "a:      1\nlarga:  2\nTítulo:\n  b:          3\n  más larga:  4\n");
    }

    #[test]
    fn lo_ultimo_de_cada_linea_no_alinea_nada() {
        let text = "uno\tdos larguísimo\ntres\tx\ty\n";
        assert_eq!(align(text, PAGE), "uno   dos larguísimo\ntres  x  y\n");
    }
}
