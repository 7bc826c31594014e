//! La historia, dibujada: un carril por contenedor, con el tiempo de izquierda a derecha.
//!
//! Cada estado tiene un color y una trama: el dibujo se entiende también en blanco y negro. Los
//! colores siguen el tema, claro u oscuro, de quien mira.

use super::lanes::{Lane, Look, Span, coarse};
use super::{Told, short};
use std::fmt::Write;
use std::time::Duration;

// medidas, en píxeles
const WIDTH: f64 = 1040.0;
const PAD: f64 = 16.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 52.0;
const BAR: f64 = 22.0;
const LANE: f64 = 48.0;
const CHAR: f64 = 7.9;
const SMALL_CHAR: f64 = 6.7;
const MAX_NAME: usize = 24;
/// Un rato más corto que esto no se distingue.
const GRAIN: f64 = 2.0;

/// Cada estado: su nombre, su clase y las rayas de su trama (en un cuadro de 8×8, ya girado).
struct Style {
    look: Look,
    class: &'static str,
    label: &'static str,
    turn: i32,
    ink: &'static str,
}

const fn style(look: Look, class: &'static str, label: &'static str, turn: i32, ink: &'static str) -> Style {
    Style { look, class, label, turn, ink }
}

const STYLES: [Style; 9] = [
    style(Look::Pending, "pend", "aún no", 0, "<circle class=\"t\" cx=\"4\" cy=\"4\" r=\"1\"/>"),
    style(Look::Starting, "arra", "arrancando", 0, "<rect class=\"t\" width=\"2\" height=\"8\"/>"),
    style(Look::Unready, "noli", "corre, no está listo", 0, "<rect class=\"t\" width=\"8\" height=\"2\"/>"),
    style(Look::Ready, "list", "listo", 0, ""),
    style(
        Look::Waiting,
        "espe",
        "espera para reiniciarse",
        45,
        "<rect class=\"t\" width=\"3\" height=\"8\"/>",
    ),
    style(
        Look::Stopping,
        "para",
        "parando",
        45,
        "<rect class=\"t\" width=\"2\" height=\"8\"/><rect class=\"t\" width=\"8\" height=\"2\"/>",
    ),
    style(Look::Succeeded, "bien", "acabó bien", 0, "<circle class=\"t\" cx=\"4\" cy=\"4\" r=\"2\"/>"),
    style(Look::Failed, "fall", "falló", -45, "<rect class=\"t\" width=\"2\" height=\"8\"/>"),
    style(
        Look::Mixed,
        "mezc",
        "cambia sin parar",
        0,
        "<rect class=\"t\" width=\"4\" height=\"4\"/><rect class=\"t\" x=\"4\" y=\"4\" width=\"4\" height=\"4\"/>",
    ),
];

/// Cada regla empieza por la clase de este dibujo (`§`): en una página con otros, no toca lo ajeno.
const CSS: &str = "\
§{background:#fff}§ text{font:13px ui-monospace,monospace;fill:#1b2733}§ .nota{font-size:11px}\
§ .titulo{font-weight:bold;font-size:14px}§ .eje{stroke:#8a97a5;stroke-width:1}§ .guia{stroke:#dde3ea;stroke-width:1}\
§ .borde{fill:none;stroke:#5b6b7b;stroke-width:1}§ .t{fill:#1b2733;fill-opacity:.35}\
§ .pend{fill:#eef1f4}§ .arra{fill:#9ecbf2}§ .noli{fill:#f7d774}§ .list{fill:#5fbf7f}§ .espe{fill:#f3a35c}\
§ .para{fill:#b79ce0}§ .bien{fill:#c9e8d3}§ .fall{fill:#e5737f}§ .mezc{fill:#c3ccd5}\
@media(prefers-color-scheme:dark){§{background:#11171d}§ text{fill:#dce6f0}§ .eje{stroke:#7b8a99}§ .guia{stroke:#26313c}\
§ .borde{stroke:#9db0c3}§ .t{fill:#000;fill-opacity:.45}§ .pend{fill:#28323c}§ .arra{fill:#3f7fb5}§ .noli{fill:#b8922a}\
§ .list{fill:#2f9150}§ .espe{fill:#c2702a}§ .para{fill:#7f62b3}§ .bien{fill:#4d7f60}§ .fall{fill:#b8434f}\
§ .mezc{fill:#55626f}}";

/// Dónde cae cada instante.
struct Scale {
    left: f64,
    width: f64,
    end: Duration,
}

impl Scale {
    fn x(&self, at: Duration) -> f64 {
        let whole = self.end.as_secs_f64().max(0.001);
        self.left + self.width * (at.as_secs_f64() / whole).min(1.0)
    }

    /// Lo que dura un rato de tantos píxeles.
    fn time(&self, pixels: f64) -> Duration {
        Duration::from_secs_f64(self.end.as_secs_f64() * pixels / self.width)
    }
}

/// La historia en SVG.
pub fn as_svg(told: &Told, title: &str) -> String {
    let names: Vec<String> =
        std::iter::once("Pod".to_string()).chain(told.names.iter().map(|n| cut(n, MAX_NAME))).collect();
    let longest = names.iter().map(|n| n.chars().count()).max().unwrap_or(3);
    let left = PAD + longest as f64 * CHAR + 12.0;
    let scale = Scale { left, width: WIDTH - left - RIGHT, end: told.end };
    let bottom = TOP + LANE * told.lanes.len() as f64;
    let mut body = axis(&scale, bottom);
    let mut used: Vec<Look> = Vec::new();
    let mut hidden = 0;
    for (i, (lane, name)) in told.lanes.iter().zip(&names).enumerate() {
        let y = TOP + LANE * i as f64;
        let _ = writeln!(body, "<text x=\"{PAD}\" y=\"{:.0}\">{}</text>", y + 16.0, escape(name));
        for span in coarse(&lane.spans, scale.time(GRAIN)) {
            used.push(span.look);
            body.push_str(&bar(&scale, &span, y, name));
        }
        hidden += deaths(&scale, lane, y, &mut body);
    }
    crate::order::sort(&mut used);
    used.dedup();
    let (legend, height) = legend(&used, hidden, bottom + 44.0);
    let scope = crate::explain::svg_scope(&[title, &body]);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{scope}\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         width=\"{WIDTH}\" height=\"{height:.0}\" role=\"img\" lang=\"es\">\n<title>{title}</title>\n\
         <style>{css}</style>\n<defs>{patterns}</defs>\n\
         <text class=\"titulo\" x=\"{PAD}\" y=\"26\">{title}</text>\n{body}{legend}</svg>\n",
        css = CSS.replace('§', &format!(".{scope}")),
        patterns = patterns(),
        title = escape(&cut(title, 120)),
    )
    // las tramas se nombran en todo el documento: también ellas son de este dibujo
    .replace("mp-trama-", &format!("{scope}-"))
}

fn patterns() -> String {
    let pattern = |s: &Style| {
        format!(
            "<pattern id=\"mp-trama-{c}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate({})\"><rect class=\"{c}\" width=\"8\" height=\"8\"/>{}</pattern>",
            s.turn,
            s.ink,
            c = s.class
        )
    };
    STYLES.iter().map(pattern).collect()
}

fn style_of(look: Look) -> &'static Style {
    STYLES.iter().find(|s| s.look == look).unwrap_or(&STYLES[0])
}

fn bar(scale: &Scale, span: &Span, y: f64, name: &str) -> String {
    let (from, to) = (scale.x(span.from), scale.x(span.to));
    let style = style_of(span.look);
    format!(
        "<rect x=\"{from:.1}\" y=\"{y:.0}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"url(#mp-trama-{})\">\
         <title>{}: {}, de {} a {}</title></rect>\n",
        (to - from).max(0.6),
        style.class,
        escape(name),
        style.label,
        short(span.from),
        short(span.to)
    )
}

/// Las muertes: una raya y, si cabe sin tapar a la anterior, su código. Devuelve cuántos no caben.
fn deaths(scale: &Scale, lane: &Lane, y: f64, body: &mut String) -> u64 {
    let (mut free, mut drawn, mut hidden) = (scale.left - 100.0, -1.0, lane.more_marks);
    for mark in &lane.marks {
        let x = scale.x(mark.at);
        if x - drawn >= 1.0 {
            drawn = x;
            let (top, bottom) = (y + BAR, y + BAR + 5.0);
            let _ = writeln!(body, "<path class=\"borde\" d=\"M{x:.1} {top:.0}V{bottom:.0}\"/>");
        }
        let label = mark.code.to_string();
        let half = label.len() as f64 * SMALL_CHAR / 2.0;
        let middle = x.clamp(scale.left + half, scale.left + scale.width + RIGHT - half - 4.0);
        if middle - half < free {
            hidden += 1;
            continue;
        }
        free = middle + half + 4.0;
        let _ = writeln!(
            body,
            "<text class=\"nota\" x=\"{middle:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{label}</text>",
            y + BAR + 16.0
        );
    }
    hidden
}

/// Los pasos de un eje de tiempo que se lee bien, en milisegundos.
const STEPS: [u64; 27] = [
    100,
    200,
    500,
    1000,
    2000,
    5000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    172_800_000,
    432_000_000,
    864_000_000,
    2_592_000_000,
    8_640_000_000,
    31_536_000_000,
];

fn axis(scale: &Scale, bottom: f64) -> String {
    let room = (scale.width / 90.0).floor().max(1.0) as u128;
    let end = scale.end.as_millis().max(1);
    let step = STEPS.iter().copied().find(|step| end / u128::from(*step) <= room);
    let step = Duration::from_millis(step.unwrap_or((end / room) as u64 + 1));
    let mut out = String::new();
    let mut at = Duration::ZERO;
    while at <= scale.end {
        let x = scale.x(at);
        let _ = writeln!(
            out,
            "<path class=\"guia\" d=\"M{x:.1} {:.0}V{bottom:.0}\"/><text class=\"nota\" x=\"{x:.1}\" y=\"{:.0}\" \
             text-anchor=\"middle\">{}</text>",
            TOP - 8.0,
            bottom + 14.0,
            short(at)
        );
        at += step;
    }
    let (from, to) = (scale.left, scale.left + scale.width);
    let _ = writeln!(out, "<path class=\"eje\" d=\"M{from:.1} {bottom:.0}H{to:.1}\"/>");
    out
}

/// Lo que significa cada trama, y lo que no ha cabido. Devuelve también dónde acaba el dibujo.
fn legend(used: &[Look], hidden: u64, top: f64) -> (String, f64) {
    let mut out = String::new();
    let (mut x, mut y) = (PAD, top);
    for style in STYLES.iter().filter(|s| used.contains(&s.look)) {
        let width = 26.0 + style.label.chars().count() as f64 * SMALL_CHAR + 18.0;
        if x + width > WIDTH - PAD {
            (x, y) = (PAD, y + 22.0);
        }
        let _ = writeln!(
            out,
            "<rect x=\"{x:.0}\" y=\"{:.0}\" width=\"20\" height=\"12\" fill=\"url(#mp-trama-{})\"/>\
             <text class=\"nota\" x=\"{:.0}\" y=\"{y:.0}\">{}</text>",
            y - 10.0,
            style.class,
            x + 26.0,
            style.label
        );
        x += width;
    }
    let more = match hidden {
        0 => String::new(),
        1 => "; uno no cabe".to_string(),
        n => format!("; {n} no caben"),
    };
    y += 22.0;
    let _ = writeln!(
        out,
        "<text class=\"nota\" x=\"{PAD}\" y=\"{y:.0}\">tiempo desde que nació el Pod; bajo cada carril, los códigos con \
         los que acaba{more}</text>"
    );
    (out, y + PAD)
}

fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
