//! El dibujo de un Pod sobre una cuadrícula: qué cajas, qué textos y qué líneas, y dónde cada cosa.
//!
//! Aquí se decide el sitio y nada más; `text.rs` y `svg.rs` pintan el mismo dibujo. Una caja ocupa las
//! celdas de su borde y las de dentro; un texto, una celda por letra.
//!
//! ```text
//! máquina ─┬─ Pod ─┬─ la banda: lo que comparten todos     (members.rs)
//!          │       ├─ la pausa y los contenedores          (members.rs)
//!          │       ├─ los volúmenes, con sus cables         (volumes.rs)
//!          │       └─ eth0                                 (outside.rs)
//!          └─ veth ═ puente ═ salida                       (outside.rs)
//! ```

mod members;
mod outside;
#[cfg(test)]
mod tests;
mod volumes;
mod words;

use super::facts::{Facts, NAMESPACES};
use words::elide;

/// Columnas de una terminal en las que cabe el dibujo.
pub const COLUMNS: usize = 100;

/// Una caja: las celdas de su borde, incluidas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

/// Qué es cada caja: de ello depende cómo se pinta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Host,
    Pod,
    Band,
    Pause,
    Container,
    Volume,
    Net,
}

#[derive(Clone, Debug)]
pub struct Frame {
    pub rect: Rect,
    pub look: Look,
    /// Lo que se lee al pasar por encima, en el SVG.
    pub hover: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// El nombre de una caja, sobre su borde.
    Title,
    Plain,
    /// Lo que acompaña a otra cosa.
    Faint,
    /// Lo que es de la máquina y no del Pod.
    Host,
}

/// Un texto que cabe en su sitio.
#[derive(Clone, Debug)]
pub struct Label {
    pub x: usize,
    pub y: usize,
    pub text: String,
    /// El texto entero, si hubo que recortarlo.
    pub full: Option<String>,
    pub tone: Tone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cord {
    /// De la banda a quien comparte lo que dice.
    Share,
    /// De un contenedor a un volumen.
    Mount,
    /// Un cable de red.
    Cable,
}

/// Una línea quebrada, con los puntos en los que se une a otra.
#[derive(Clone, Debug)]
pub struct Wire {
    pub cord: Cord,
    pub points: Vec<(usize, usize)>,
    pub dots: Vec<(usize, usize)>,
}

#[derive(Clone, Debug, Default)]
pub struct Picture {
    pub columns: usize,
    pub rows: usize,
    /// Lo que es, para quien no lo ve.
    pub title: String,
    pub frames: Vec<Frame>,
    pub labels: Vec<Label>,
    pub wires: Vec<Wire>,
}

/// Dispone el Pod en `columns` columnas.
pub fn lay_out(facts: &Facts, columns: usize) -> Picture {
    let title = format!("El Pod {}, tal como lo ve el kernel", facts.pod);
    let mut picture = Picture { columns, title, ..Picture::default() };
    // la máquina y el Pod se saben de arriba abajo: se reserva su sitio y al final se les da la altura
    let host = picture.frame(
        Rect { left: 0, top: 0, right: columns - 1, bottom: 0 },
        Look::Host,
        &host_title(facts),
    );
    picture.write((2, 1), columns - 4, &host_namespaces(facts), Tone::Host);
    let pod_rect = Rect { left: 2, top: 2, right: columns - 3, bottom: 0 };
    let pod = picture.frame(pod_rect, Look::Pod, &format!("Pod «{}»: la vaina", facts.pod));
    let inner = Rect { left: 4, top: 3, right: columns - 5, bottom: 0 };
    let below = inside_the_pod(&mut picture, facts, inner);
    picture.frames[pod].rect.bottom = below;
    let bottom = outside::lay_out(&mut picture, facts, below);
    picture.write((2, bottom), columns - 4, LEGEND, Tone::Faint);
    let bottom = bottom + 1;
    picture.frames[host].rect.bottom = bottom;
    picture.rows = bottom + 1;
    picture
}

/// Cómo se lee lo que no es una palabra.
const LEGEND: &str =
    "sh 812 → 1: su número fuera y dentro · 254:0 · 7: dispositivo e inodo · ro: solo lectura";

/// Lo de dentro del Pod, de arriba abajo. Devuelve la fila de su borde inferior.
fn inside_the_pod(picture: &mut Picture, facts: &Facts, inner: Rect) -> usize {
    let mut y = inner.top;
    let room = inner.right + 1 - inner.left;
    if let Some(cgroup) = &facts.cgroup {
        picture.write((inner.left, y), room, &words::pod_cgroup(cgroup), Tone::Plain);
        y += 1;
    }
    let places = members::lay_out(picture, facts, Rect { top: y, ..inner });
    y = volumes::lay_out(picture, facts, &places);
    let left_out = words::left_out(facts, places.boxes.len());
    for text in left_out.into_iter().chain(words::absent(facts, room)) {
        picture.write((inner.left, y), room, &text, Tone::Faint);
        y += 1;
    }
    outside::own_end(picture, facts, Rect { top: y, ..inner })
}

fn host_title(facts: &Facts) -> String {
    match facts.host.name.as_str() {
        "" => "esta máquina".into(),
        name => format!("esta máquina, «{name}»"),
    }
}

/// Los de la máquina, para compararlos con los del Pod. El de cgroups no cabe.
fn host_namespaces(facts: &Facts) -> String {
    let own = NAMESPACES[..5].iter().filter_map(|n| Some(format!("{n}:[{}]", facts.host.namespaces.get(n)?)));
    own.collect::<Vec<_>>().join(" ")
}

impl Picture {
    /// Una caja con su título sobre el borde. Devuelve su número.
    fn frame(&mut self, rect: Rect, look: Look, title: &str) -> usize {
        self.frames.push(Frame { rect, look, hover: title.to_string() });
        // ╭─ título ─╮: una esquina y una raya a cada lado, y un blanco a cada lado del texto
        let room = (rect.right - rect.left).saturating_sub(5);
        if room > 0 {
            self.write((rect.left + 3, rect.top), room, title, Tone::Title);
        }
        self.frames.len() - 1
    }

    /// Un texto, recortado a las celdas que tiene.
    fn write(&mut self, (x, y): (usize, usize), room: usize, text: &str, tone: Tone) {
        let shown = elide(text, room);
        if shown.is_empty() {
            return;
        }
        let full = (shown != text).then(|| text.to_string());
        self.labels.push(Label { x, y, text: shown, full, tone });
    }

    fn wire(&mut self, cord: Cord, points: Vec<(usize, usize)>) {
        self.wires.push(Wire { cord, points, dots: Vec::new() });
    }
}
