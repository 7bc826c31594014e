//! El libro: sus comprobaciones, su construcción y quien lo ejecuta. Solo para quien lo escribe.
//!
//!     libro comprueba [CAPÍTULO]       las comprobaciones que no ejecutan nada
//!     libro consola [CAPÍTULO] [--aqui] [--actualiza]
//!     libro construye                  todo: comprobaciones, HTML, navegador, consola
//!     libro html                       solo el HTML
//!     libro navegador                  lo construido, en Chromium: buscador, ancho de móvil, chuleta en una hoja, PDF
//!     libro sirve [PUERTO]
//!     libro cobertura                  qué enseña el libro de cada fichero de src/
//!
//! CAPÍTULO es un trozo del nombre de su fichero: `01`, `vaina`.

#[path = "../../tests/blindaje/mod.rs"]
mod blindaje;
mod book;
mod browser;
mod build;
mod console;
mod errors;
mod fault;
mod finish;
mod gates;
mod generate;
mod html;
mod include;
mod machine;
mod matching;
mod page;
mod preprocess;
mod prose;
mod serve;
mod session;
mod specs;
#[cfg(test)]
mod tests;

use book::Book;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).filter(|a| !a.starts_with("--")).collect();
    let flag = |name: &str| args.iter().any(|a| a == name);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let chapter = words.get(1).copied();
    let result = match words.first().copied() {
        Some("comprueba") => build::check(root, chapter),
        Some("consola") => build::console(root, chapter, !flag("--aqui"), flag("--actualiza")),
        Some("construye") => build::everything(root),
        Some("html") => build::site(root, &Book::read(root)),
        Some("navegador") => build::browser(root),
        Some("sirve") => build::serve(root, chapter),
        Some("cobertura") => build::coverage(root),
        Some("preprocesa") if chapter == Some("supports") => Ok(words.get(2) == Some(&"html")),
        Some("preprocesa") => preprocess::run(&Book::read(root)).map(|()| true),
        Some("ejecuta") if words.len() == 3 => {
            machine::execute_inside(Path::new(words[1]), Path::new(words[2])).map(|()| true)
        }
        _ => Err(
            "uso: libro comprueba|consola|construye|html|navegador|sirve|cobertura (lo explica tools/libro/main.rs)"
                .into(),
        ),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}
