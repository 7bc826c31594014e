//! La banda con lo que comparte el Pod y, debajo, la pausa y los contenedores.
//!
//! La pausa ocupa la primera columna; los contenedores, las demás, en tantas filas como haga falta.
//! Cada fila empieza dos celdas más a la derecha que la anterior: por ahí bajan los cables de los
//! volúmenes de las filas de arriba. La banda llega a las de abajo por el hueco entre columnas.
//!
//! ```text
//! ┌ banda ─────────────────────┐
//! └─────┬────────┬─┬───────────┘
//! ┌─────┴┐ ┌─────┴┐│
//! │pausa │ │ uno  ││
//! └──────┘ └┬─────┘│
//!           │┌────┐│
//!           ││ dos├┘
//!           │└┬───┘
//! ```

use super::words;
use super::{Cord, Look, Picture, Rect, Tone};
use crate::explain::facts::{Facts, Member, Role};

/// La anchura con la que una caja se lee bien.
const NARROWEST: usize = 22;
const GAP: usize = 1;
/// Lo que se corre cada fila.
const SHIFT: usize = 2;
/// Procesos que se enseñan de cada contenedor.
const MOST_PROCESSES: usize = 5;
/// Filas de contenedores que se dibujan: más no se leerían.
const MOST_ROWS: usize = 4;

/// Dónde ha quedado cada contenedor, para tender sus cables.
pub struct Places {
    /// La columna de la pausa: debajo van los volúmenes.
    pub first: Rect,
    /// Filas de contenedores.
    pub rows: usize,
    /// La caja de cada contenedor dibujado y la columna entera en la que está.
    pub boxes: Vec<(Rect, Rect)>,
    /// La primera fila libre.
    pub below: usize,
}

/// Dibuja la banda y los miembros.
pub fn lay_out(picture: &mut Picture, facts: &Facts, area: Rect) -> Places {
    let band = band(picture, facts, area);
    let grid = Grid::of(area, facts.containers().count());
    let containers: Vec<&Member> = facts.containers().take(grid.rows * grid.per_row).collect();
    let mut places =
        Places { first: grid.column(0), rows: grid.rows, boxes: Vec::new(), below: band.bottom + 2 };
    for (row, members) in containers.chunks(grid.per_row).enumerate() {
        let pause = facts.pause().filter(|_| row == 0);
        let tallest = members.iter().copied().chain(pause).map(|m| lines(facts, m).len()).max().unwrap_or(0);
        let (top, bottom) = (places.below, places.below + tallest + 1);
        let beside = members.iter().enumerate().map(|(i, one)| (*one, grid.column(i + 1)));
        for (one, column) in pause.map(|pause| (pause, grid.column(0))).into_iter().chain(beside) {
            let rect = Rect { left: column.left + SHIFT * row, top, bottom, ..column };
            member(picture, facts, one, rect);
            if one.role != Role::Pause {
                places.boxes.push((rect, column));
            }
        }
        places.below = bottom + 2;
    }
    places.below -= 1;
    share(picture, facts, band, &places);
    places
}

/// El reparto del ancho: la columna de la pausa y las de los contenedores.
struct Grid {
    area: Rect,
    rows: usize,
    per_row: usize,
    each: usize,
}

impl Grid {
    fn of(area: Rect, containers: usize) -> Grid {
        let width = area.right + 1 - area.left;
        let most = ((width + GAP) / (NARROWEST + GAP)).saturating_sub(1).max(1);
        let rows = containers.div_ceil(most).clamp(1, MOST_ROWS);
        let per_row = containers.div_ceil(rows).clamp(1, most);
        // a la derecha del todo también baja la banda, si hay más de una fila
        let each =
            if rows > 1 { (width - 1) / (per_row + 1) - GAP } else { (width + GAP) / (per_row + 1) - GAP };
        Grid { area, rows, per_row, each }
    }

    fn column(&self, index: usize) -> Rect {
        let left = self.area.left + index * (self.each + GAP);
        Rect { left, right: left + self.each - 1, top: 0, bottom: 0 }
    }
}

/// De la banda a cada miembro: a los de la primera fila, por arriba; a los demás, por el lado derecho.
fn share(picture: &mut Picture, facts: &Facts, band: Rect, places: &Places) {
    let top = band.bottom + 2;
    let pause = facts.pause().map(|_| places.first);
    let first = places.boxes.iter().filter(|(rect, _)| rect.top == top).map(|(rect, _)| *rect);
    for rect in pause.into_iter().chain(first) {
        // donde no haya título
        let x = rect.right - 2;
        picture.wire(Cord::Share, vec![(x, band.bottom), (x, top)]);
    }
    let mut lanes: Vec<(usize, usize)> = Vec::new();
    for (rect, _) in places.boxes.iter().filter(|(rect, _)| rect.top != top) {
        let (lane, y) = (rect.right + 1, rect.top + 1);
        picture.wire(Cord::Share, vec![(lane, y), (rect.right, y)]);
        lanes.retain(|(x, _)| *x != lane);
        lanes.push((lane, y));
    }
    for (lane, y) in lanes {
        picture.wire(Cord::Share, vec![(lane, band.bottom), (lane, y)]);
    }
}

/// Lo que comparten todos, que sostiene la pausa.
fn band(picture: &mut Picture, facts: &Facts, area: Rect) -> Rect {
    let rect = Rect { bottom: area.top + 3, ..area };
    let cells = shared(facts);
    let borrowed = cells.iter().any(|(_, _, tone)| *tone == Tone::Host);
    let title = if borrowed { "lo comparten todos" } else { "lo comparten todos, y lo sostiene la pausa" };
    picture.frame(rect, Look::Band, title);
    let each = (rect.right - rect.left - 3) / cells.len();
    for (i, (inode, meaning, tone)) in cells.iter().enumerate() {
        let x = rect.left + 2 + i * each;
        picture.write((x, rect.top + 1), each - 1, inode, *tone);
        picture.write((x, rect.top + 2), each - 1, meaning, Tone::Faint);
    }
    rect
}

fn shared(facts: &Facts) -> Vec<(String, String, Tone)> {
    let hostname = facts.members.first().map(|m| m.inside.hostname.as_str()).unwrap_or_default();
    let cell = |namespace: &str, own: String, host: &str| match facts.shared(namespace) {
        Some(inode) if facts.is_of_host(namespace, inode) => {
            (format!("{namespace}:[{inode}]"), host.to_string(), Tone::Host)
        }
        Some(inode) => (format!("{namespace}:[{inode}]"), own, Tone::Plain),
        None => (namespace.to_string(), "¡no es el mismo!".into(), Tone::Plain),
    };
    let mut cells = vec![
        cell("net", "una red, una IP".into(), "red de la máquina"),
        cell("ipc", "memoria común".into(), "memoria de la máquina"),
        cell("uts", format!("se llama {hostname}"), "nombre de la máquina"),
    ];
    if shares_processes(facts) {
        cells.push(cell("pid", "se ven los procesos".into(), "procesos de la máquina"));
    }
    cells
}

/// ¿Comparten los contenedores sus procesos con la pausa?
fn shares_processes(facts: &Facts) -> bool {
    facts.shared("pid").is_some()
}

fn member(picture: &mut Picture, facts: &Facts, member: &Member, rect: Rect) {
    let (look, title) = match member.role {
        Role::Pause => (Look::Pause, member.name.clone()),
        Role::App => (Look::Container, member.name.clone()),
        Role::Init => (Look::Container, format!("{} · init", member.name)),
        Role::Sidecar => (Look::Container, format!("{} · auxiliar", member.name)),
        Role::Ephemeral => (Look::Container, format!("{} · efímero", member.name)),
    };
    let frame = picture.frame(rect, look, &title);
    picture.frames[frame].hover = hover(member);
    for (i, (text, tone)) in lines(facts, member).iter().enumerate() {
        // un blanco a la izquierda, para que respire
        let room = rect.right - rect.left - 2;
        picture.write((rect.left + 2, rect.top + 1 + i), room, &tight(text, room), *tone);
    }
}

/// «cgroup:[4026532325]» sin adornos, si con ellos no cabe.
fn tight(text: &str, room: usize) -> String {
    match text.chars().count() > room {
        true => text.replace(":[", " ").replace(']', ""),
        false => text.to_string(),
    }
}

fn hover(member: &Member) -> String {
    let processes: Vec<String> =
        member.processes.iter().map(|p| format!("{}: {} fuera, {} dentro", p.name, p.pid, p.inner)).collect();
    let cgroup = member.cgroup.as_ref().map(|c| format!("\ncgroup {}", c.path.display()));
    format!("{}\n{}{}", member.name, processes.join("\n"), cgroup.unwrap_or_default())
}

/// Lo que se dice de un miembro, línea a línea.
fn lines(facts: &Facts, member: &Member) -> Vec<(String, Tone)> {
    let mut all = Vec::new();
    if member.role != Role::Pause {
        all.extend(words::root(member).map(|text| (text, Tone::Faint)));
    }
    let shown = match member.processes.len() {
        n if n > MOST_PROCESSES => MOST_PROCESSES - 1,
        n => n,
    };
    for process in &member.processes[..shown] {
        let name = process.name.strip_prefix("micropod: ").unwrap_or(&process.name);
        let inner = if member.role == Role::Pause && process.inner == process.pid {
            String::new()
        } else {
            format!(" → {}", process.inner)
        };
        all.push((format!("{name} {}{inner}", process.pid), Tone::Plain));
    }
    if shown < member.processes.len() {
        all.push((format!("y {} procesos más", member.processes.len() - shown), Tone::Faint));
    }
    for namespace in ["pid", "mnt", "cgroup"] {
        let Some(inode) = member.namespaces.get(namespace) else { continue };
        match facts.is_of_host(namespace, *inode) {
            _ if namespace == "pid" && shares_processes(facts) => {}
            true => all.push((format!("{namespace}: la máquina"), Tone::Host)),
            false => all.push((format!("{namespace}:[{inode}]"), Tone::Plain)),
        }
    }
    if let Some(cgroup) = &member.cgroup {
        all.extend(words::limits(cgroup).into_iter().map(|text| (text, Tone::Faint)));
    }
    all
}
