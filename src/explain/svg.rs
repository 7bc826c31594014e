//! El dibujo, en SVG: claro u oscuro según quien lo mire, y sin depender de qué letra tenga.
//!
//! Cada texto dice cuánto mide (`textLength`): si la letra es otra, se ajusta, y nada se sale de su
//! caja. Lo recortado se lee entero al pasar por encima.

use super::picture::{Cord, Frame, Label, Look, Picture, Tone, Wire};

/// Lo que mide una celda, en píxeles.
const WIDTH: usize = 8;
const HEIGHT: usize = 19;
const MARGIN: usize = 8;

/// Cada regla empieza por la clase de este dibujo (`§`): en una página con otros, no toca lo ajeno.
const STYLE: &str = "\
§ text{font:13px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#1d2733;white-space:pre}\
§ .titulo{font-weight:600}§ .tenue{fill:#52606d}§ .ajeno{fill:#9a4b00}\
§ rect,§ path{stroke-width:1.4}\
§ .hoja{fill:#ffffff;stroke:none}\
§ .maquina{fill:#f3f5f8;stroke:#8995a3}§ .vaina{fill:#e6f1e6;stroke:#2f7d3b;stroke-width:2.6}\
§ .banda{fill:#fdf6dc;stroke:#b38600}§ .pausa{fill:#f0e9fa;stroke:#7a5bb0}\
§ .contenedor{fill:#ffffff;stroke:#2a66b8}§ .volumen{fill:#fbe9dd;stroke:#b85c1e}§ .red{fill:#e2eef9;stroke:#1f6f8b}\
§ .comparte{fill:none;stroke:#b38600;stroke-dasharray:4 3}§ .monta{fill:none;stroke:#b85c1e}\
§ .cable{fill:none;stroke:#1f6f8b;stroke-width:4}§ .punto{fill:#b85c1e;stroke:none}\
@media (prefers-color-scheme:dark){\
§ text{fill:#e4e9ef}§ .tenue{fill:#a7b3bf}§ .ajeno{fill:#ffb066}\
§ .hoja{fill:#0e1318}\
§ .maquina{fill:#161c23;stroke:#5d6975}§ .vaina{fill:#15261a;stroke:#5fb56e}\
§ .banda{fill:#2b2611;stroke:#d5ab2f}§ .pausa{fill:#241d33;stroke:#a88be0}\
§ .contenedor{fill:#18202a;stroke:#6ea4ee}§ .volumen{fill:#301f14;stroke:#e0894c}§ .red{fill:#122531;stroke:#5cb6d6}\
§ .comparte{stroke:#d5ab2f}§ .monta{stroke:#e0894c}§ .cable{stroke:#5cb6d6}§ .punto{fill:#e0894c}}";

/// Pinta el dibujo.
pub fn paint(picture: &Picture) -> String {
    let (width, height) = (picture.columns * WIDTH + 2 * MARGIN, picture.rows * HEIGHT + 2 * MARGIN);
    let texts: Vec<&str> = picture.labels.iter().map(|label| label.text.as_str()).collect();
    let scope = super::svg_scope(&texts);
    let style = STYLE.replace('§', &format!(".{scope}"));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{scope}\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" lang=\"es\">\n<title>{title}</title>\n\
         <style>{style}</style>\n<rect class=\"hoja\" width=\"{width}\" height=\"{height}\"/>\n",
        title = escape(&picture.title),
    );
    // las cajas, de fuera adentro; encima, las líneas; encima, los textos
    for frame in &picture.frames {
        out.push_str(&frame_shape(frame));
    }
    for wire in &picture.wires {
        out.push_str(&wire_shape(wire));
    }
    for label in &picture.labels {
        out.push_str(&label_shape(label, picture));
    }
    out.push_str("</svg>\n");
    out
}

/// El centro de una celda.
fn centre((x, y): (usize, usize)) -> (usize, usize) {
    (MARGIN + x * WIDTH + WIDTH / 2, MARGIN + y * HEIGHT + HEIGHT / 2)
}

fn class_of(look: Look) -> &'static str {
    match look {
        Look::Host => "maquina",
        Look::Pod => "vaina",
        Look::Band => "banda",
        Look::Pause => "pausa",
        Look::Container => "contenedor",
        Look::Volume => "volumen",
        Look::Net => "red",
    }
}

fn frame_shape(frame: &Frame) -> String {
    let (x, y) = centre((frame.rect.left, frame.rect.top));
    let (right, bottom) = centre((frame.rect.right, frame.rect.bottom));
    let (w, h) = (right - x, bottom - y);
    let class = class_of(frame.look);
    let hover = format!("<title>{}</title>", escape(&frame.hover));
    let radius = match frame.look {
        Look::Pod => 22,
        Look::Volume => return cylinder(x, y, w, h, &hover),
        Look::Host | Look::Band | Look::Pause | Look::Container | Look::Net => 7,
    };
    format!(
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"{radius}\">{hover}</rect>\n"
    )
}

/// Un volumen se dibuja como un disco: un cilindro tumbado de lado, con la tapa a la derecha.
fn cylinder(x: usize, y: usize, w: usize, h: usize, hover: &str) -> String {
    const CAP: usize = 6;
    let half = h / 2;
    let (right, bottom) = (x + w, y + h);
    format!(
        "<path class=\"volumen\" d=\"M{left} {y}H{edge}A{CAP} {half} 0 0 1 {edge} {bottom}H{left}\
         A{CAP} {half} 0 0 1 {left} {y}Z\">{hover}</path>\n\
         <path class=\"volumen\" style=\"fill:none\" d=\"M{edge} {y}A{CAP} {half} 0 0 0 {edge} {bottom}\"/>\n",
        left = x + CAP,
        edge = right - CAP,
    )
}

fn wire_shape(wire: &Wire) -> String {
    let class = match wire.cord {
        Cord::Share => "comparte",
        Cord::Mount => "monta",
        Cord::Cable => "cable",
    };
    let path: Vec<String> =
        wire.points.iter().map(|point| centre(*point)).map(|(x, y)| format!("{x} {y}")).collect();
    let mut out = format!("<path class=\"{class}\" d=\"M{}\"/>\n", path.join("L"));
    for (x, y) in wire.dots.iter().map(|dot| centre(*dot)) {
        out.push_str(&format!("<circle class=\"punto\" cx=\"{x}\" cy=\"{y}\" r=\"4.5\"/>\n"));
    }
    out
}

fn label_shape(label: &Label, picture: &Picture) -> String {
    let count = label.text.chars().count();
    let (x, y) = (MARGIN + label.x * WIDTH, MARGIN + label.y * HEIGHT + HEIGHT * 3 / 4 - 1);
    let class = match label.tone {
        Tone::Title => " class=\"titulo\"",
        Tone::Plain => "",
        Tone::Faint => " class=\"tenue\"",
        Tone::Host => " class=\"ajeno\"",
    };
    let hover =
        label.full.as_ref().map(|full| format!("<title>{}</title>", escape(full))).unwrap_or_default();
    let back = if label.tone == Tone::Title { behind(label, picture) } else { String::new() };
    format!(
        "{back}<text{class} x=\"{x}\" y=\"{y}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\">{}{hover}</text>\n",
        count * WIDTH,
        escape(&label.text)
    )
}

/// Un título corta el borde de su caja: detrás lleva un parche del color de lo que la rodea y de ella.
fn behind(label: &Label, picture: &Picture) -> String {
    let titled = picture.frames.iter().find(|f| f.rect.top == label.y && f.rect.left + 3 == label.x);
    let Some(frame) = titled else { return String::new() };
    let (x, y) = (MARGIN + label.x * WIDTH - WIDTH / 2, MARGIN + label.y * HEIGHT + 1);
    let (w, h) = ((label.text.chars().count() + 1) * WIDTH, HEIGHT - 2);
    let class = class_of(frame.look);
    format!(
        "<rect class=\"{class}\" style=\"stroke:none\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"4\"/>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lo_que_podria_romper_el_svg_se_escapa() {
        let label =
            Label { x: 1, y: 1, text: "<a> & \"b\"".into(), full: Some("<c>".into()), tone: Tone::Plain };
        let svg = paint(&Picture { columns: 20, rows: 3, labels: vec![label], ..Picture::default() });
        assert!(
            svg.contains("&lt;a&gt; &amp; &quot;b&quot;") && svg.contains("<title>&lt;c&gt;</title>"),
            "{svg}"
        );
    }

    #[test]
    fn dentro_de_una_pagina_no_toca_lo_ajeno_y_dice_lo_que_es() {
        let svg = paint(&Picture { columns: 20, rows: 3, title: "El Pod <p>".into(), ..Picture::default() });
        assert!(svg.contains("<title>El Pod &lt;p&gt;</title>"), "{svg}");
        let scope = svg.split("class=\"").nth(1).unwrap().split('"').next().unwrap();
        let style = svg.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let style = style.replace("@media (prefers-color-scheme:dark){", "").replace("}}", "}");
        for selector in
            style.split_terminator('}').flat_map(|rule| rule.split('{').next().unwrap().split(','))
        {
            assert!(selector.starts_with(&format!(".{scope} ")), "«{selector}» toca toda la página");
        }
    }
}
