//! El libro, leído una vez: el índice, las páginas y los datos que las acompañan.

use crate::fault::Fault;
use crate::page::Page;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::{Path, PathBuf};

/// El libro entero.
pub struct Book {
    /// La raíz del proyecto: de ella cuelgan `book/` y las rutas de los `#include`.
    pub root: PathBuf,
    pub entries: Vec<Entry>,
    pub pages: Vec<Page>,
    pub glossary: Vec<Term>,
    pub style: Style,
    pub figures: Vec<Figure>,
    pub source_map: Vec<Sentence>,
    pub coverage: Coverage,
    pub pending: Pending,
    /// Lo que no se pudo leer: son faltas como las demás.
    pub faults: Vec<Fault>,
}

/// Una línea del índice.
#[derive(Clone, Debug)]
pub struct Entry {
    pub title: String,
    /// Vacía si es un borrador: sale en el índice, sin página.
    pub path: String,
    /// El número que le pone mdBook; 0 en lo que no se numera.
    pub number: u32,
    /// Capítulo (1) o apartado de uno (2).
    pub depth: usize,
    pub part: String,
    pub line: usize,
}

/// Una palabra del glosario.
#[derive(Debug, Deserialize)]
pub struct Term {
    pub termino: String,
    pub ingles: String,
    pub genero: String,
    pub definicion: String,
    /// Cómo no se dice: nunca aparecen en el libro.
    #[serde(default)]
    pub prohibidas: Vec<String>,
}

/// El estilo, como cifras y palabras que se pueden comprobar.
#[derive(Debug, Default, Deserialize)]
pub struct Style {
    pub media_de_palabras: f64,
    pub maximo_de_palabras: usize,
    pub inflesz: f64,
    /// La palabra o la frase, y qué poner en su lugar.
    pub prohibidas: Vec<(String, String)>,
    /// Qué parte de los bloques de consola, en tanto por ciento, puede quedar sin ejecutar.
    pub sin_ejecutar: usize,
}

/// Una cifra que se cita en la prosa con `{{dato clave}}`, y de dónde sale.
#[derive(Debug, Deserialize)]
pub struct Figure {
    pub clave: String,
    pub valor: String,
    pub origen: Origin,
}

#[derive(Debug, Deserialize)]
pub enum Origin {
    /// Se midió: con qué orden y cuándo.
    Medido { orden: String, cuando: String },
    /// Está escrita en un fichero del proyecto; la comprobación busca ese texto en él.
    Fichero { fichero: String, texto: String },
    /// La decide el libro, por el motivo que se dice.
    Decidido { motivo: String },
}

/// Una frase del texto fuente, y dónde se explica, se practica y se ejecuta.
#[derive(Debug, Deserialize)]
pub struct Sentence {
    pub frase: String,
    /// La idea, con nuestras palabras.
    pub idea: String,
    /// Números de capítulo.
    pub capitulos: Vec<u32>,
    pub laboratorios: Vec<String>,
    /// Ficheros que se ejecutan, desde `book/specs/` o desde la raíz.
    pub specs: Vec<String>,
}

/// Cuánto de `src/` sale en el libro. Solo puede subir.
#[derive(Debug, Default, Deserialize)]
pub struct Coverage {
    /// Tanto por ciento.
    pub minimo: f64,
    /// Lo que nadie puede acabar el libro sin haber leído: ficheros o directorios acabados en `/`.
    #[serde(default)]
    pub corazon: Vec<String>,
    /// Cuánto de él se enseña, al menos.
    #[serde(default)]
    pub minimo_del_corazon: f64,
    /// Ficheros (o directorios acabados en `/`) que no tienen que salir, y por qué.
    pub exentos: Vec<(String, String)>,
}

/// Lo que aún no está: la lista solo puede menguar.
#[derive(Debug, Default, Deserialize)]
pub struct Pending {
    /// Número, título y minutos de cada capítulo por escribir.
    pub capitulos: Vec<(u32, String, u32)>,
    /// Laboratorios que aún no existen en `labs/`.
    pub laboratorios: Vec<String>,
}

impl Book {
    /// Lee el libro del proyecto `root`.
    pub fn read(root: &Path) -> Book {
        let mut faults = Vec::new();
        let summary = fs::read_to_string(root.join("book/src/SUMMARY.md")).unwrap_or_default();
        if summary.is_empty() {
            faults.push(Fault::new("book/src/SUMMARY.md", 0, "no está, o está vacío"));
        }
        let entries = read_summary(&summary);
        let mut pages = Vec::new();
        for entry in entries.iter().filter(|e| !e.path.is_empty()) {
            match fs::read_to_string(root.join("book/src").join(&entry.path)) {
                Ok(text) => pages.push(Page::read(&entry.path, &text, &mut faults)),
                Err(e) => {
                    let text = format!("no se puede leer `{}`: {e}", entry.path);
                    faults.push(Fault::new("book/src/SUMMARY.md", entry.line, text));
                }
            }
        }
        Book {
            glossary: data(root, "glosario.ron", &mut faults),
            style: data(root, "estilo.ron", &mut faults),
            figures: data(root, "datos.ron", &mut faults),
            source_map: data(root, "mapa-fuente.ron", &mut faults),
            coverage: data(root, "cobertura.ron", &mut faults),
            pending: data(root, "pendiente.ron", &mut faults),
            root: root.to_path_buf(),
            entries,
            pages,
            faults,
        }
    }

    pub fn page(&self, path: &str) -> Option<&Page> {
        self.pages.iter().find(|p| p.path == path)
    }

    /// Las páginas que son capítulos: las que tienen `capitulo:` en su cabecera.
    pub fn chapters(&self) -> impl Iterator<Item = &Page> {
        self.pages.iter().filter(|p| p.front.chapter.is_some())
    }

    /// Lee un fichero del proyecto.
    pub fn file(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }

    /// Dónde está una especificación: en `book/specs/`, o en la raíz si trae directorio.
    pub fn spec_path(name: &str) -> String {
        if name.contains('/') { name.to_string() } else { format!("book/specs/{name}") }
    }

    pub fn figure(&self, key: &str) -> Option<&Figure> {
        self.figures.iter().find(|f| f.clave == key)
    }

    /// Cambia cada `{{dato clave}}` por su valor.
    pub fn with_figures(&self, line: &str) -> String {
        let mut text = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("{{dato ") {
            let Some((key, after)) = after.split_once("}}") else { break };
            text += before;
            text += self.figure(key.trim()).map_or("", |f| &f.valor);
            rest = after;
        }
        text + rest
    }
}

fn data<T: DeserializeOwned + Default>(root: &Path, name: &str, faults: &mut Vec<Fault>) -> T {
    let path = format!("book/{name}");
    let text = match fs::read_to_string(root.join(&path)) {
        Ok(text) => text,
        Err(e) => {
            faults.push(Fault::new(path, 0, format!("no se puede leer: {e}")));
            return T::default();
        }
    };
    ron::from_str(&text).unwrap_or_else(|e| {
        faults.push(Fault::new(path, e.span.start.line, format!("no se entiende: {}", e.code)));
        T::default()
    })
}

/// El índice, con los números que pondrá mdBook.
fn read_summary(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let (mut part, mut number) = (String::new(), 0);
    for (i, line) in text.lines().enumerate() {
        // el primer título es el del índice; una raya acaba la última parte
        match line.strip_prefix("# ") {
            Some(title) if !entries.is_empty() => part = title.trim().to_string(),
            None if line == "---" => part.clear(),
            _ => {}
        }
        let indent = line.len() - line.trim_start().len();
        let (numbered, link) = match line.trim_start().strip_prefix("- ") {
            Some(link) => (true, link),
            None => (false, line.trim()),
        };
        let Some((title, path)) = link.strip_prefix('[').and_then(|l| l.split_once("](")) else { continue };
        let depth = if indent == 0 { 1 } else { 2 };
        if numbered && depth == 1 {
            number += 1;
        }
        entries.push(Entry {
            title: title.to_string(),
            path: path.trim_end().trim_end_matches(')').trim_start_matches("./").to_string(),
            number: if numbered { number } else { 0 },
            depth,
            part: part.clone(),
            line: i + 1,
        });
    }
    entries
}
