//! El dibujo, para la terminal: cajas y líneas con los signos de Unicode.

use super::picture::{Cord, Look, Picture, Rect, Tone};

/// Lo que hay en una celda: un signo, o de qué grosor son las rayas que salen de ella hacia arriba, abajo, izquierda
/// y derecha (0: ninguna, 1: fina, 2: doble).
#[derive(Clone, Copy)]
enum Cell {
    Sign(char),
    Arms([u8; 4]),
}

const UP: usize = 0;
const DOWN: usize = 1;
const LEFT: usize = 2;
const RIGHT: usize = 3;

/// Pinta el dibujo. Debajo van, enteros, los nombres que no cabían.
pub fn paint(picture: &Picture) -> String {
    let mut page =
        Page { cells: vec![Cell::Arms([0; 4]); picture.columns * picture.rows], columns: picture.columns };
    for frame in &picture.frames {
        page.rectangle(frame.rect, if frame.look == Look::Pod { 2 } else { 1 });
    }
    for wire in &picture.wires {
        let weight = if wire.cord == Cord::Cable { 2 } else { 1 };
        for pair in wire.points.windows(2) {
            page.line(pair[0], pair[1], weight);
        }
        for (x, y) in &wire.dots {
            page.cells[y * page.columns + x] = Cell::Sign('●');
        }
    }
    for label in &picture.labels {
        let start = if label.tone == Tone::Title { label.x - 1 } else { label.x };
        let text = if label.tone == Tone::Title { format!(" {} ", label.text) } else { label.text.clone() };
        for (i, letter) in text.chars().enumerate() {
            page.cells[label.y * page.columns + start + i] = Cell::Sign(letter);
        }
    }
    page.text() + &full_names(picture)
}

/// Los textos recortados, enteros y una sola vez.
fn full_names(picture: &Picture) -> String {
    let mut lines: Vec<String> = Vec::new();
    for label in &picture.labels {
        let Some(full) = &label.full else { continue };
        let line = format!("  {} = {full}\n", label.text);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.concat()
}

struct Page {
    cells: Vec<Cell>,
    columns: usize,
}

impl Page {
    fn rectangle(&mut self, rect: Rect, weight: u8) {
        let Rect { left, top, right, bottom } = rect;
        for (from, to) in [
            ((left, top), (right, top)),
            ((left, bottom), (right, bottom)),
            ((left, top), (left, bottom)),
            ((right, top), (right, bottom)),
        ] {
            self.line(from, to, weight);
        }
    }

    /// Una raya recta, que se une a las que ya haya.
    fn line(&mut self, from: (usize, usize), to: (usize, usize), weight: u8) {
        let (first, last) = (from.min(to), from.max(to));
        let (dx, dy) = (usize::from(first.0 != last.0), usize::from(first.1 != last.1));
        let length = (last.0 - first.0).max(last.1 - first.1);
        let (back, forward) = if dx == 1 { (LEFT, RIGHT) } else { (UP, DOWN) };
        for step in 0..=length {
            let at = (first.1 + step * dy) * self.columns + first.0 + step * dx;
            let Cell::Arms(arms) = &mut self.cells[at] else { continue };
            if step > 0 {
                arms[back] = arms[back].max(weight);
            }
            if step < length {
                arms[forward] = arms[forward].max(weight);
            }
        }
    }

    fn text(&self) -> String {
        let mut out = String::with_capacity(self.cells.len() * 2);
        for row in self.cells.chunks(self.columns) {
            let line: String = row.iter().map(sign).collect();
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// El signo con esas rayas. Unicode solo mezcla grosores entre los dos ejes: en cada uno manda el mayor.
fn sign(cell: &Cell) -> char {
    let arms = match cell {
        Cell::Sign(sign) => return *sign,
        Cell::Arms(arms) => arms,
    };
    let present = |arm: usize| arms[arm] > 0;
    let shape = [UP, DOWN, LEFT, RIGHT].map(present);
    let double = (arms[UP].max(arms[DOWN]) == 2, arms[LEFT].max(arms[RIGHT]) == 2);
    // finas, vertical doble, horizontal doble, las dos dobles
    let signs = match shape {
        [false, false, false, false] => return ' ',
        [_, _, false, false] => ['│', '║', '│', '║'],
        [false, false, _, _] => ['─', '─', '═', '═'],
        [false, true, false, true] => ['┌', '╓', '╒', '╔'],
        [false, true, true, false] => ['┐', '╖', '╕', '╗'],
        [true, false, false, true] => ['└', '╙', '╘', '╚'],
        [true, false, true, false] => ['┘', '╜', '╛', '╝'],
        [true, true, false, true] => ['├', '╟', '╞', '╠'],
        [true, true, true, false] => ['┤', '╢', '╡', '╣'],
        [false, true, true, true] => ['┬', '╥', '╤', '╦'],
        [true, false, true, true] => ['┴', '╨', '╧', '╩'],
        [true, true, true, true] => ['┼', '╫', '╪', '╬'],
    };
    signs[usize::from(double.0) + 2 * usize::from(double.1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_rayas_que_se_cruzan_se_unen_con_el_signo_de_las_dos() {
        let mut page = Page { cells: vec![Cell::Arms([0; 4]); 15], columns: 5 };
        page.rectangle(Rect { left: 0, top: 0, right: 4, bottom: 2 }, 2);
        page.line((2, 1), (2, 2), 1);
        assert_eq!(page.text(), "╔═══╗\n║ │ ║\n╚═╧═╝\n");
        page.line((2, 0), (2, 2), 2);
        assert_eq!(page.text(), "╔═╦═╗\n║ ║ ║\n╚═╩═╝\n");
    }
}
