//! La tabla que une cada módulo con su capítulo del libro. Es la única que hay.

pub struct Chapter {
    pub number: u8,
    pub title: &'static str,
    /// Ruta del módulo dentro del repositorio; si acaba en `/`, todos sus ficheros.
    pub module: &'static str,
}

pub const CHAPTERS: &[Chapter] = &[
    Chapter { number: 8, title: "Un proceso por dentro", module: "src/process.rs" },
    Chapter { number: 9, title: "Espacios de nombres", module: "src/namespaces.rs" },
    Chapter { number: 10, title: "Una raíz propia", module: "src/rootfs.rs" },
    Chapter { number: 10, title: "Una raíz propia", module: "src/container.rs" },
    Chapter { number: 11, title: "Imágenes sin registro", module: "src/image/" },
    Chapter { number: 12, title: "Límites: cgroup v2", module: "src/cgroup.rs" },
    Chapter { number: 13, title: "Almacenamiento compartido", module: "src/volume.rs" },
    Chapter { number: 13, title: "Almacenamiento compartido", module: "src/config/" },
    Chapter { number: 14, title: "Una IP por Pod", module: "src/network/" },
    Chapter { number: 15, title: "La pausa: quién sostiene el Pod", module: "src/sandbox.rs" },
    Chapter { number: 16, title: "PID 1, señales y parada ordenada", module: "src/supervise.rs" },
    Chapter { number: 16, title: "PID 1, señales y parada ordenada", module: "src/supervise/" },
    Chapter { number: 16, title: "PID 1, señales y parada ordenada", module: "src/terminal.rs" },
    Chapter { number: 16, title: "PID 1, señales y parada ordenada", module: "src/logic/lifecycle.rs" },
    Chapter { number: 17, title: "Políticas de reinicio", module: "src/logic/restart.rs" },
    Chapter { number: 17, title: "Políticas de reinicio", module: "src/logic/again.rs" },
    Chapter { number: 19, title: "Sondas", module: "src/logic/probe.rs" },
    Chapter { number: 19, title: "Sondas", module: "src/check.rs" },
    Chapter { number: 19, title: "Sondas", module: "src/check/" },
    Chapter { number: 19, title: "Sondas", module: "src/supervise/probes.rs" },
    Chapter {
        number: 21,
        title: "Seguro de fábrica: lo que un contenedor no puede",
        module: "src/security/",
    },
    Chapter { number: 22, title: "La capa de abstracción", module: "src/runtime/" },
    Chapter { number: 23, title: "El bucle que lo une todo", module: "src/logic/pod.rs" },
    Chapter { number: 23, title: "El bucle que lo une todo", module: "src/run.rs" },
];

/// El capítulo que cuenta el fichero fuente `file`. Un fichero con fila propia no es de su directorio.
pub fn of(file: &str) -> Option<&'static Chapter> {
    let tells = |c: &&Chapter| {
        if c.module.ends_with('/') { file.contains(c.module) } else { file.ends_with(c.module) }
    };
    CHAPTERS.iter().filter(tells).max_by_key(|c| c.module.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    fn sources(dir: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn cada_modulo_de_la_tabla_existe() {
        for chapter in CHAPTERS {
            assert!(Path::new(chapter.module).exists(), "falta {}", chapter.module);
        }
    }

    #[test]
    fn el_fichero_que_dice_su_capitulo_dice_el_de_la_tabla() {
        for path in sources(Path::new("src")) {
            let text = std::fs::read_to_string(&path).unwrap();
            let Some(said) = text.strip_prefix("//! Capítulo ") else { continue };
            let number: u8 = said.split(' ').next().unwrap().parse().unwrap();
            let chapter = of(path.to_str().unwrap()).map(|c| c.number);
            assert_eq!(chapter, Some(number), "{}: ponlo en CHAPTERS", path.display());
        }
    }

    #[test]
    fn un_capitulo_tiene_un_solo_titulo() {
        let mut titles = BTreeMap::new();
        for Chapter { number, title, .. } in CHAPTERS {
            assert_eq!(titles.entry(number).or_insert(title), &title, "capítulo {number}");
        }
    }

    #[test]
    fn la_tabla_del_readme_dice_los_mismos_capitulos() {
        let readme = std::fs::read_to_string("README.md").unwrap();
        let mut seen = 0;
        for row in readme.lines().filter(|l| l.starts_with("| ") && l.contains("`src/")) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let module = cells[2].trim_matches('`');
            let Ok(number) = cells[3].parse::<u8>() else { continue };
            assert_eq!(of(module).map(|c| c.number), Some(number), "{row}");
            seen += 1;
        }
        assert!(seen >= 10, "la tabla de conceptos del README ya no se reconoce");
    }
}
