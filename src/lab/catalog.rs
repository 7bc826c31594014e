//! Los laboratorios que van dentro del binario.

use super::sheet::Sheet;
use super::values::{self, Values};
use crate::error::Error;
use crate::spec::ron;
use crate::texts;
use std::collections::BTreeMap;
use std::path::Path;

/// Un laboratorio, tal como está escrito: sin los valores de nadie.
#[derive(Clone, Debug)]
pub struct Lab {
    pub number: u8,
    /// `05-fecha`: su carpeta.
    pub name: String,
    files: BTreeMap<String, String>,
}

/// Todos, por su número.
pub fn all() -> Vec<Lab> {
    let mut labs: BTreeMap<String, Lab> = BTreeMap::new();
    for (path, text) in texts::all() {
        let Some((name, rest)) = path.split_once('/') else { continue };
        let number = name.split('-').next().and_then(|n| n.parse().ok());
        let Some(number) = number else { continue };
        let lab = labs.entry(name.to_string());
        let lab = lab.or_insert_with(|| Lab { number, name: name.to_string(), files: BTreeMap::new() });
        lab.files.insert(rest.to_string(), text);
    }
    labs.into_values().collect()
}

/// El laboratorio número `wanted`: `5`, `05`, `L05` o `05-fecha`.
pub fn find(wanted: &str) -> Result<Lab, Error> {
    let labs = all();
    let number = wanted.trim_start_matches(['L', 'l']).split('-').next().and_then(|n| n.parse::<u8>().ok());
    let found = labs.into_iter().find(|lab| lab.name == wanted || Some(lab.number) == number);
    found.ok_or_else(|| {
        Error::usage(format!("no hay ningún laboratorio «{}»", crate::cli::term::harmless(wanted)))
            .with_hint("míralos con `micropod lab lista`")
    })
}

impl Lab {
    fn text(&self, part: &str) -> &str {
        self.files.get(part).map_or("", String::as_str)
    }

    /// La hoja con los valores de alguien.
    pub fn sheet(&self, given: &Values) -> Sheet {
        self.parse(&values::fill(self.text("lab.ron"), given))
    }

    /// La hoja sin los valores de nadie, para lo que no depende de ellos.
    pub fn blank_sheet(&self) -> Sheet {
        self.parse(&values::blank(self.text("lab.ron")))
    }

    /// La hoja para hablar a toda la clase: los valores de cada cual son puntos suspensivos.
    pub fn class_sheet(&self) -> Sheet {
        self.parse(&values::dotted(self.text("lab.ron")))
    }

    /// Una hoja está dentro del binario y los tests las leen todas: no puede fallar.
    fn parse(&self, text: &str) -> Sheet {
        ron::read(text).unwrap_or_else(|error| panic!("labs/{}/lab.ron: {error}", self.name))
    }

    pub fn statement(&self, given: &Values) -> String {
        values::fill(self.text("enunciado.md"), given)
    }

    /// Lo que se cuenta a quien ya lo ha hecho.
    pub fn why(&self, given: &Values) -> String {
        values::fill(self.text("porque.md"), given)
    }

    /// Los ficheros de partida: ruta en la carpeta → texto.
    pub fn start_files(&self, given: &Values) -> BTreeMap<String, String> {
        self.under("inicio/", given)
    }

    /// Los ficheros del corrector.
    pub fn grader_files(&self, given: &Values) -> BTreeMap<String, String> {
        self.under("corrector/", given)
    }

    fn under(&self, prefix: &str, given: &Values) -> BTreeMap<String, String> {
        let inside = self.files.iter().filter_map(|(path, text)| Some((path.strip_prefix(prefix)?, text)));
        inside.map(|(path, text)| (path.to_string(), values::fill(text, given))).collect()
    }

    /// `L05`, como lo llama el libro.
    pub fn code(&self) -> String {
        format!("L{:02}", self.number)
    }

    /// ¿Es esta ruta de un fichero que se entrega?
    pub fn is_handed_in(sheet: &Sheet, path: &Path) -> bool {
        let path = path.to_string_lossy();
        sheet.files.iter().any(|f| *f == path || (f.ends_with('/') && path.starts_with(f.as_str())))
    }
}

/// El título del capítulo `number` del libro.
pub fn chapter_title(number: u8) -> String {
    let titles = texts::one("SUMMARY.md");
    titles.lines().nth(number.into()).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cada_hoja_esta_bien_escrita() {
        for lab in all() {
            let sheet = lab.blank_sheet();
            assert_eq!(sheet.faults_in(), Vec::<String>::new(), "{}", lab.name);
            assert!(
                !lab.text("enunciado.md").is_empty() && !lab.text("porque.md").is_empty(),
                "{}",
                lab.name
            );
            for concept in sheet.concepts.values() {
                assert!(
                    !chapter_title(concept.chapter).is_empty(),
                    "{}: capítulo {}",
                    lab.name,
                    concept.chapter
                );
            }
        }
    }

    #[test]
    fn no_queda_ningun_hueco_sin_rellenar() {
        for lab in all() {
            let given = Values::of("ana", &lab.name, "curso", &lab.blank_sheet().values).with_tokens();
            lab.sheet(&given);
            let texts = [lab.statement(&given), lab.why(&given)];
            let files = lab.start_files(&given).into_values().chain(lab.grader_files(&given).into_values());
            for text in texts.into_iter().chain(files) {
                assert!(!text.contains("{{"), "{}: {text}", lab.name);
            }
        }
    }

    #[test]
    fn los_laboratorios_se_nombran_de_varias_maneras() {
        let first = all().into_iter().next().unwrap();
        for name in
            [first.number.to_string(), first.code(), format!("{:02}", first.number), first.name.clone()]
        {
            assert_eq!(find(&name).unwrap().name, first.name);
        }
        assert!(find("99").is_err() && find("").is_err());
    }

    #[test]
    fn los_capitulos_se_llaman_como_en_el_indice_del_libro() {
        assert_eq!(chapter_title(1), "Qué es un Pod: la vaina");
        assert_eq!(chapter_title(12), "Límites: cgroup v2");
        assert_eq!(chapter_title(24), "Del RON al YAML");
        assert_eq!(chapter_title(99), "");
        assert_eq!(chapter_title(0), "");
    }
}
