//! Una página: su cabecera, sus bloques y su prosa, con los números de línea del fichero.

use crate::fault::Fault;
use crate::matching::CLASSES;
use std::collections::BTreeMap;

pub struct Page {
    /// Desde `book/src/`.
    pub path: String,
    pub front: Front,
    pub lines: Vec<String>,
    /// La primera línea del cuerpo, desde 0.
    pub body: usize,
    pub blocks: Vec<Block>,
}

/// Lo que dice de sí mismo un capítulo, entre dos líneas `---`.
#[derive(Debug, Default)]
pub struct Front {
    pub chapter: Option<u32>,
    pub minutes: u32,
    /// Las frases del texto fuente que explica.
    pub source: Vec<String>,
    pub labs: Vec<String>,
    /// Qué sabrá hacer quien lo lea.
    pub objective: String,
    /// ¿Necesita cgroup v2? Entonces se ejecuta en la micro-VM.
    pub limits: bool,
    /// Cada especificación que enseña, y el estado al que llega.
    pub specs: Vec<(String, String, usize)>,
}

/// Un bloque entre vallas de acentos graves.
#[derive(Debug)]
pub struct Block {
    /// La línea de la valla que lo abre, desde 1.
    pub line: usize,
    pub language: String,
    pub attributes: BTreeMap<String, String>,
    pub body: Vec<String>,
    /// Lo que precede a la valla (los bloques dentro de una lista van sangrados).
    pub indent: String,
}

impl Block {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// Por qué no se ejecuta, si no se ejecuta.
    pub fn not_run(&self) -> Option<&str> {
        self.attribute("no-ejecuta").or_else(|| self.attribute("k8s").map(|_| "hace falta un clúster"))
    }
}

impl Page {
    pub fn read(path: &str, text: &str, faults: &mut Vec<Fault>) -> Page {
        let lines: Vec<String> = text.lines().map(String::from).collect();
        let file = format!("book/src/{path}");
        let (front, body) = read_front(&lines, &file, faults);
        let blocks = read_blocks(&lines, body, &file, faults);
        Page { path: path.to_string(), front, lines, body, blocks }
    }

    /// Su ruta desde la raíz del proyecto, como se cita en una falta.
    pub fn file(&self) -> String {
        format!("book/src/{}", self.path)
    }

    pub fn fault(&self, line: usize, text: impl Into<String>) -> Fault {
        Fault::new(self.file(), line, text)
    }

    /// Las líneas del cuerpo que no están en ningún bloque, con su número desde 1.
    pub fn outside_blocks(&self) -> impl Iterator<Item = (usize, &str)> {
        let inside = |n: usize| self.blocks.iter().any(|b| (b.line..=b.line + b.body.len() + 1).contains(&n));
        self.lines
            .iter()
            .enumerate()
            .skip(self.body)
            .map(|(i, l)| (i + 1, l.as_str()))
            .filter(move |(n, _)| !inside(*n))
    }

    /// Los títulos del cuerpo: línea, nivel y texto.
    pub fn headings(&self) -> impl Iterator<Item = (usize, usize, &str)> {
        self.outside_blocks().filter_map(|(n, line)| {
            let level = line.len() - line.trim_start_matches('#').len();
            let text = line.get(level..)?.strip_prefix(' ')?;
            (level > 0).then_some((n, level, text.trim()))
        })
    }
}

fn read_front(lines: &[String], file: &str, faults: &mut Vec<Fault>) -> (Front, usize) {
    let mut front = Front::default();
    if lines.first().map(String::as_str) != Some("---") {
        return (front, 0);
    }
    let Some(end) = lines.iter().skip(1).position(|l| l == "---") else {
        faults.push(Fault::new(file, 1, "la cabecera no se cierra con `---`"));
        return (front, 0);
    };
    for (i, line) in lines.iter().enumerate().take(end + 1).skip(1) {
        let Some((key, value)) = line.split_once(':') else {
            faults.push(Fault::new(file, i + 1, "en la cabecera, cada línea es `clave: valor`"));
            continue;
        };
        let words = || value.split_whitespace().map(String::from).collect();
        match key {
            "capitulo" => front.chapter = value.trim().parse().ok(),
            "minutos" => front.minutes = value.trim().parse().unwrap_or(0),
            "fuente" => front.source = words(),
            "laboratorio" => front.labs = words(),
            "objetivo" => front.objective = value.trim().to_string(),
            "maquina" if value.trim() == "vm" => front.limits = true,
            "specs" => {}
            name if name.starts_with("  ") => {
                front.specs.push((name.trim().to_string(), value.trim().to_string(), i + 1));
            }
            _ => faults.push(Fault::new(file, i + 1, format!("no conozco la clave `{key}` de la cabecera"))),
        }
    }
    (front, end + 2)
}

fn read_blocks(lines: &[String], start: usize, file: &str, faults: &mut Vec<Fault>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(Block, usize)> = None;
    for (i, line) in lines.iter().enumerate().skip(start) {
        let trimmed = line.trim_start();
        let ticks = trimmed.len() - trimmed.trim_start_matches('`').len();
        match &mut open {
            Some((_, size)) if ticks >= *size && trimmed.len() == ticks => {
                blocks.extend(open.take().map(|(block, _)| block));
            }
            Some((block, _)) => {
                block.body.push(line.strip_prefix(block.indent.as_str()).unwrap_or(line).to_string());
            }
            None if ticks >= 3 => {
                let indent = line[..line.len() - trimmed.len()].to_string();
                let (language, attributes) = match read_info(&trimmed[ticks..]) {
                    Ok(info) => info,
                    Err(problem) => {
                        faults.push(Fault::new(file, i + 1, problem));
                        Default::default()
                    }
                };
                open = Some((Block { line: i + 1, language, attributes, body: Vec::new(), indent }, ticks));
            }
            None => {}
        }
    }
    if let Some((block, _)) = open {
        faults.push(Fault::new(file, block.line, "este bloque no se cierra"));
    }
    blocks
}

const ATTRIBUTES: &[&str] = &[
    "root",
    "terminal",
    "sale",
    "varia",
    "no-ejecuta",
    "k8s",
    "fichero",
    "escrito-a-mano",
    "plazo",
    "imagenes",
];

type Info = (String, BTreeMap<String, String>);

/// `console,root,varia="edad ip"`: el lenguaje y los atributos.
fn read_info(info: &str) -> Result<Info, String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in info.trim().chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    let language = words.remove(0).trim().to_string();
    let mut attributes = BTreeMap::new();
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((&word, ""));
        let name = name.trim();
        if !ATTRIBUTES.contains(&name) {
            return Err(format!("no conozco el atributo `{name}`: {}", ATTRIBUTES.join(", ")));
        }
        attributes.insert(name.to_string(), value.to_string());
    }
    if let Some(class) = attributes.get("varia").and_then(|v| v.split(' ').find(|c| !CLASSES.contains(c))) {
        return Err(format!("no sé en qué varía `{class}`: {}", CLASSES.join(", ")));
    }
    for reasoned in ["no-ejecuta", "escrito-a-mano"] {
        if attributes.get(reasoned).is_some_and(String::is_empty) {
            return Err(format!("`{reasoned}` necesita un motivo: {reasoned}=\"…\""));
        }
    }
    Ok((language, attributes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn la_cabecera_y_los_bloques_se_leen_con_sus_lineas() {
        let text = "---\ncapitulo: 3\nminutos: 45\nmaquina: vm\nfuente: S1 S2\nspecs:\n  a.ron: Running 1/1\n---\n# Uno\n\n```console,varia=\"edad ip\",sale=1\n$ false\n```\n";
        let mut faults = Vec::new();
        let page = Page::read("x.md", text, &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!((page.front.chapter, page.front.minutes), (Some(3), 45));
        assert!(page.front.limits);
        assert_eq!(page.front.specs, [("a.ron".into(), "Running 1/1".into(), 7)]);
        assert_eq!(page.blocks[0].line, 11);
        assert_eq!(page.blocks[0].attribute("varia"), Some("edad ip"));
        assert_eq!(page.headings().next(), Some((9, 1, "Uno")));
    }

    #[test]
    fn un_atributo_que_no_existe_y_un_motivo_vacio_son_faltas() {
        let mut faults = Vec::new();
        Page::read("x.md", "```console,rot\n```\n```rust,escrito-a-mano\n```\n```ron\n", &mut faults);
        let texts: Vec<_> = faults.iter().map(|f| f.text.as_str()).collect();
        assert!(texts[0].contains("no conozco el atributo `rot`"));
        assert!(texts[1].contains("necesita un motivo"));
        assert!(texts[2].contains("no se cierra"));
    }
}
