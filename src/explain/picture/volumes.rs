//! Los volúmenes, debajo de la pausa, y los cables de cada contenedor a los que monta.
//!
//! ```text
//!              └┬────┘   └┬────┘     de cada contenedor baja un cable
//! ┌ datos ────┐ │         │
//! │ emptyDir  ├─●─────────●          un punto: lo monta
//! │ 254:0 · 7 │ │ /datos  │ /otros
//! └───────────┘ │ rw · 7  │ ro · 7   el mismo dispositivo e inodo: son los mismos ficheros
//! ```

use super::members::Places;
use super::{Cord, Look, Picture, Rect, Tone, Wire};
use crate::explain::facts::{Facts, Member};
use crate::explain::mounts::{Mounted, Volume, device_text};

/// Un montaje y por dónde baja el cable de su contenedor.
struct Plug<'a> {
    member: &'a Member,
    mount: &'a Mounted,
    /// La columna de celdas por la que baja.
    stem: usize,
    /// Dónde empieza y cuánto mide el sitio de su texto.
    label: (usize, usize),
}

/// Dibuja los volúmenes que alguien monta. Devuelve la primera fila libre.
pub fn lay_out(picture: &mut Picture, facts: &Facts, places: &Places) -> usize {
    let mut y = places.below + 1;
    let containers: Vec<&Member> = facts.containers().collect();
    let mut ends: Vec<usize> = vec![0; places.boxes.len()];
    let mut drawn = false;
    for volume in &facts.volumes {
        let plugs = plugs(&containers, places, volume);
        if plugs.is_empty() {
            continue;
        }
        drawn = true;
        let (bottom, wire_y) = one(picture, volume, &plugs, places, y);
        for (end, (rect, _)) in ends.iter_mut().zip(&places.boxes) {
            if plugs.iter().any(|p| p.stem == stem(*rect)) {
                *end = wire_y;
            }
        }
        y = bottom + 1;
    }
    for (end, (rect, _)) in ends.iter().zip(&places.boxes).filter(|(end, _)| **end > 0) {
        picture.wire(Cord::Mount, vec![(stem(*rect), rect.bottom), (stem(*rect), *end)]);
    }
    if drawn { y + 1 } else { places.below + 1 }
}

/// Por dónde baja el cable de un contenedor: junto al lado izquierdo, que las filas de abajo dejan libre.
fn stem(rect: Rect) -> usize {
    rect.left + 1
}

fn plugs<'a>(containers: &[&'a Member], places: &Places, volume: &Volume) -> Vec<Plug<'a>> {
    let mut all = Vec::new();
    for (member, (rect, column)) in containers.iter().copied().zip(&places.boxes) {
        // el texto va a la derecha de todos los cables que bajan por su columna
        let x = column.left + 2 * places.rows + 1;
        let mounts = member.mounts.iter().filter(|m| m.volume == volume.name);
        all.extend(mounts.map(|mount| Plug {
            member,
            mount,
            stem: stem(*rect),
            label: (x, column.right + 1 - x),
        }));
    }
    all
}

/// Un volumen, su cable y lo que se dice en cada enchufe. Devuelve su última fila y la de su cable.
fn one(picture: &mut Picture, volume: &Volume, plugs: &[Plug], places: &Places, y: usize) -> (usize, usize) {
    let wire_y = y + 1;
    let facts = facts_of(volume);
    // los enchufes de una misma columna se escriben uno debajo de otro
    let mut next: Vec<(usize, usize)> = Vec::new();
    let mut last = y + facts.len() + 1;
    for plug in plugs {
        let (x, room) = plug.label;
        let line = match next.iter_mut().find(|(column, _)| *column == x) {
            Some((_, line)) => line,
            None => {
                next.push((x, wire_y + 1));
                &mut next.last_mut().expect("se acaba de añadir").1
            }
        };
        let who = if places.rows > 1 { format!("{}:", plug.member.name) } else { String::new() };
        picture.write((x, *line), room, &format!("{who}{}", plug.mount.path), Tone::Plain);
        picture.write((x, *line + 1), room, &plug_facts(plug.mount, volume), Tone::Faint);
        *line += 2;
        last = last.max(*line - 1);
    }
    let rect = Rect { top: y, bottom: last, ..places.first };
    let frame = picture.frame(rect, Look::Volume, &volume.name);
    picture.frames[frame].hover = format!("{}\n{} ({})", volume.name, volume.place, volume.fstype);
    for (i, text) in facts.iter().enumerate() {
        picture.write((rect.left + 2, y + 1 + i), rect.right - rect.left - 2, text, Tone::Faint);
    }
    let mut dots: Vec<(usize, usize)> = plugs.iter().map(|p| (p.stem, wire_y)).collect();
    dots.dedup();
    let end = dots.iter().map(|(x, _)| *x).max().unwrap_or(rect.right);
    picture.wires.push(Wire { cord: Cord::Mount, points: vec![(rect.right, wire_y), (end, wire_y)], dots });
    (last, wire_y)
}

/// Qué es el volumen, dónde está si ya era de la máquina, y por qué números lo conoce el kernel.
fn facts_of(volume: &Volume) -> Vec<String> {
    let medium = if volume.fstype == "tmpfs" { "memoria" } else { "disco" };
    let what = match volume.of_the_pod {
        true => vec![format!("{} · {medium}", volume.kind)],
        false => vec![volume.kind.clone(), volume.place.clone()],
    };
    [what, vec![format!("{} · {}", device_text(volume.device), volume.inode)]].concat()
}

/// Con qué permiso y qué inodo: el del volumen, o el de la parte que se monta.
fn plug_facts(mount: &Mounted, volume: &Volume) -> String {
    let mode = if mount.read_only { "ro" } else { "rw" };
    let same = (mount.device, mount.inode) == (volume.device, volume.inode);
    match mount.sub_path.as_str() {
        "" if same => format!("{mode} · {}", mount.inode),
        "" => format!("{mode} · ¡otro! {}:{}", device_text(mount.device), mount.inode),
        sub => format!("{mode} · {} ({sub})", mount.inode),
    }
}
