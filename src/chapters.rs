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
    Chapter { number: 14, title: "Una IP por Pod", module: "src/network/" },
    Chapter { number: 15, title: "La pausa: quién sostiene el Pod", module: "src/sandbox.rs" },
    Chapter { number: 16, title: "PID 1, señales y parada ordenada", module: "src/supervise.rs" },
    Chapter { number: 16, title: "PID 1, señales y parada ordenada", module: "src/security/" },
    Chapter { number: 17, title: "Políticas de reinicio", module: "src/logic/restart.rs" },
    Chapter { number: 19, title: "Sondas", module: "src/logic/probe.rs" },
    Chapter { number: 22, title: "El bucle que lo une todo", module: "src/logic/pod.rs" },
    Chapter { number: 22, title: "El bucle que lo une todo", module: "src/run.rs" },
];

/// El capítulo que cuenta el fichero fuente `file`.
pub fn of(file: &str) -> Option<&'static Chapter> {
    CHAPTERS
        .iter()
        .find(|c| if c.module.ends_with('/') { file.contains(c.module) } else { file.ends_with(c.module) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cada_modulo_de_la_tabla_existe() {
        for chapter in CHAPTERS {
            assert!(std::path::Path::new(chapter.module).exists(), "falta {}", chapter.module);
        }
    }
}
