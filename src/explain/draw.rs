//! `micropod dibuja`: el Pod tal como lo ve el kernel ahora mismo, en la terminal o en SVG.

use super::facts::{self, Cgroup, Facts, Member};
use crate::error::Error;
use crate::state::Seen;

/// Dibuja el Pod en la terminal o, si se dice, en el fichero `svg`.
pub fn draw(seen: &Seen, svg: Option<&String>) -> Result<(), Error> {
    let facts = facts::read(seen);
    if facts.members.is_empty() {
        return Err(Error::failed(format!(
            "el Pod `{}` no está en marcha: no hay nada que dibujar",
            seen.record.name
        )));
    }
    let boxes = boxes(&seen.record.name, &facts);
    match svg {
        None => print!("{}", as_text(&boxes)),
        Some(path) => std::fs::write(path, as_svg(&boxes))
            .map_err(|e| Error::failed(format!("no se pudo escribir {path}")).because(e))?,
    }
    Ok(())
}

/// Una caja: un título y sus líneas. Las que van dentro del Pod llevan sangría.
pub struct Frame {
    pub title: String,
    pub lines: Vec<String>,
    pub inside: bool,
}

fn boxes(name: &str, facts: &Facts) -> Vec<Frame> {
    let mut all = vec![pod_frame(name, facts)];
    all.extend(facts.members.iter().map(|m| member_frame(m, facts)));
    if let Some(net) = &facts.network {
        let ips: Vec<String> = net.addresses.iter().map(ToString::to_string).collect();
        let veth = net.veth.as_deref().unwrap_or("?");
        let bridge = net.bridge.as_deref().unwrap_or("?");
        all.push(Frame {
            title: "red".into(),
            lines: vec![
                format!("eth0 {} ({})", ips.join(", "), net.mac),
                format!("  ║ par veth: eth0 (Pod) ═══ {veth} (anfitrión)"),
                format!("{veth} enchufado al puente {bridge}"),
            ],
            inside: false,
        });
    }
    all
}

fn pod_frame(name: &str, facts: &Facts) -> Frame {
    let mut lines = Vec::new();
    let first = facts.members.first();
    for namespace in ["net", "ipc", "uts"] {
        if let Some(inode) = first.and_then(|m| m.namespaces.get(namespace)) {
            let sharers = facts.members.iter().filter(|m| m.namespaces.get(namespace) == Some(inode)).count();
            let host = if facts.host.get(namespace) == Some(inode) { ", el del anfitrión" } else { "" };
            lines.push(format!(
                "{namespace}:[{inode}] lo comparten {sharers} de {}{host}",
                facts.members.len()
            ));
        }
    }
    lines.extend(facts.pod_cgroup.as_ref().map(cgroup_line));
    Frame { title: format!("Pod {name}"), lines, inside: false }
}

fn member_frame(member: &Member, facts: &Facts) -> Frame {
    let mut lines: Vec<String> = member
        .processes
        .iter()
        .map(|(pid, inner, name)| format!("proceso {name}: {pid} fuera, {inner} dentro"))
        .collect();
    let own = ["pid", "mnt", "cgroup"].iter().filter_map(|n| {
        let inode = member.namespaces.get(n)?;
        let host = if facts.host.get(n) == Some(inode) { " (anfitrión)" } else { "" };
        Some(format!("{n}:[{inode}]{host}"))
    });
    lines.push(own.collect::<Vec<_>>().join(" "));
    for volume in &member.volumes {
        let mode = if volume.read_only { "ro" } else { "rw" };
        lines.push(format!("volumen {} en {} ({mode}, inodo {})", volume.volume, volume.path, volume.inode));
    }
    lines.extend(member.cgroup.as_ref().map(cgroup_line));
    let title = if member.is_pause { member.name.clone() } else { format!("contenedor {}", member.name) };
    Frame { title, lines, inside: true }
}

fn cgroup_line(cgroup: &Cgroup) -> String {
    let name: Vec<_> = cgroup.path.iter().rev().take(2).collect();
    let name: Vec<String> = name.into_iter().rev().map(|p| p.to_string_lossy().into_owned()).collect();
    let values: Vec<String> = cgroup.values.iter().map(|(k, v)| format!("{k}={v}")).collect();
    match values.is_empty() {
        true => format!("cgroup …/{} (sin controladores)", name.join("/")),
        false => format!("cgroup …/{}: {}", name.join("/"), values.join(" ")),
    }
}

fn width_of(frame: &Frame) -> usize {
    frame.lines.iter().chain([&frame.title]).map(|l| l.chars().count()).max().unwrap_or(0)
}

fn as_text(frames: &[Frame]) -> String {
    let width = frames.iter().map(width_of).max().unwrap_or(0) + 2;
    let mut out = String::new();
    for Frame { title, lines, inside } in frames {
        let indent = if *inside { "  " } else { "" };
        let rule = "─".repeat(width.saturating_sub(title.chars().count() + 3));
        out.push_str(&format!("{indent}┌─ {title} {rule}┐\n"));
        for line in lines {
            out.push_str(&format!("{indent}│ {line:<w$}│\n", w = width - 1));
        }
        out.push_str(&format!("{indent}└{}┘\n", "─".repeat(width)));
    }
    out
}

// medidas del dibujo, en píxeles
const CHAR: usize = 8;
const LINE: usize = 20;
const PAD: usize = 14;

fn as_svg(frames: &[Frame]) -> String {
    let text_width = frames.iter().map(width_of).max().unwrap_or(0) * CHAR;
    let width = text_width + 6 * PAD;
    let height_of = |f: &Frame| (f.lines.len() + 1) * LINE + 2 * PAD;
    let height: usize = frames.iter().map(|f| height_of(f) + PAD).sum::<usize>() + PAD;
    let mut body = String::new();
    let mut y = PAD;
    for frame in frames {
        let x = if frame.inside { 2 * PAD } else { PAD };
        let (w, h) = (width - x - PAD, height_of(frame));
        let class = if frame.inside { "dentro" } else { "fuera" };
        body.push_str(&format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"8\"/>\n"
        ));
        let mut at = y + PAD + LINE / 2;
        body.push_str(&format!(
            "<text class=\"titulo\" x=\"{}\" y=\"{at}\">{}</text>\n",
            x + PAD,
            escape(&frame.title)
        ));
        for line in &frame.lines {
            at += LINE;
            body.push_str(&format!("<text x=\"{}\" y=\"{at}\">{}</text>\n", x + PAD, escape(line)));
        }
        y += h + PAD;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <style>text{{font:13px monospace;fill:#1b2733}}.titulo{{font-weight:bold}}.fuera{{fill:#e8eef5;stroke:#5b7a9d}}\
         .dentro{{fill:#fbfcfe;stroke:#9db4cc}}svg{{background:#fff}}\
         @media(prefers-color-scheme:dark){{svg{{background:#11171d}}text{{fill:#dce6f0}}.fuera{{fill:#1d2a38}}.dentro{{fill:#16202b}}}}</style>\n\
         {body}</svg>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn el_dibujo_escapa_lo_que_podria_romperlo_y_todo_cabe() {
        let frame =
            |title: &str, line: &str| Frame { title: title.into(), lines: vec![line.into()], inside: true };
        let frames = [frame("<a>", "x & \"y\""), frame("ñ", &"larga ".repeat(30))];
        let svg = as_svg(&frames);
        assert!(svg.contains("&lt;a&gt;") && svg.contains("x &amp; &quot;y&quot;"));
        let widths: Vec<usize> = as_text(&frames).lines().map(|l| l.chars().count()).collect();
        assert!(widths.windows(2).all(|w| w[0] == w[1]), "{widths:?}");
    }
}
