//! Lo que se puede pedir: comprobar, ejecutar, construir y servir.

use crate::book::Book;
use crate::browser::Browser;
use crate::console::{self, Script};
use crate::fault::{Fault, Report};
use crate::gates::{self, coverage};
use crate::machine::Machine;
use crate::page::Page;
use crate::{finish, html as built, serve as server};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Donde queda el libro.
fn output(root: &Path) -> PathBuf {
    root.join("book/book")
}

/// ¿Es `page` del capítulo que se pide?
fn chosen(page: &str, chapter: Option<&str>) -> bool {
    chapter.is_none_or(|wanted| page.contains(wanted))
}

/// Imprime un informe. Devuelve si está bien.
fn show(report: &Report, chapter: Option<&str>) -> bool {
    let faults: Vec<&Fault> = report.faults.iter().filter(|f| chosen(&f.file, chapter)).collect();
    let verdict = if faults.is_empty() { "bien" } else { "MAL " };
    println!("{verdict}  {}: {}", report.name, report.summary);
    for fault in &faults {
        println!("{fault}");
    }
    faults.is_empty()
}

fn read(root: &Path, chapter: Option<&str>) -> (Book, bool) {
    let mut book = Book::read(root);
    let faults = std::mem::take(&mut book.faults);
    let ok = show(
        &Report { name: "lectura del libro", summary: format!("{} páginas", book.pages.len()), faults },
        chapter,
    );
    (book, ok)
}

/// Las comprobaciones que no ejecutan nada.
pub fn check(root: &Path, chapter: Option<&str>) -> Result<bool, String> {
    let (book, mut ok) = read(root, chapter);
    for gate in gates::FAST.iter().chain(gates::PROGRAM).chain(gates::BOOK_ONLY) {
        ok &= show(&gate(&book), chapter);
    }
    Ok(ok)
}

/// Ejecuta los bloques de consola y las especificaciones.
pub fn console(root: &Path, chapter: Option<&str>, vm: bool, update: bool) -> Result<bool, String> {
    let (book, ok) = read(root, chapter);
    let pages: Vec<&Page> = book.pages.iter().filter(|p| chosen(&p.path, chapter)).collect();
    Ok(run_console(&book, &pages, vm, update)? && ok)
}

/// Todos los capítulos. Como root, solo va a la micro-VM el que pone límites: sin KVM es diez veces más
/// lenta. Sin ser root, van todos.
fn run_chapters(book: &Book) -> Result<bool, String> {
    let root = nix::unistd::geteuid().is_root();
    let (vm, here): (Vec<&Page>, Vec<&Page>) = book.pages.iter().partition(|p| p.front.limits || !root);
    let mut ok = here.is_empty() || run_console(book, &here, false, false)?;
    ok &= run_console(book, &vm, true, false)?;
    Ok(ok)
}

fn run_console(book: &Book, pages: &[&Page], vm: bool, update: bool) -> Result<bool, String> {
    let mut scripts: Vec<Script> = Vec::new();
    for page in pages {
        scripts.push(console::script(book, page));
        scripts.push(console::specs_script(page));
    }
    scripts.retain(|s| !s.steps.is_empty());
    if scripts.is_empty() {
        println!("nada que ejecutar");
        return Ok(true);
    }
    let micropod = std::env::var_os("MICROPOD_BIN").map_or_else(default_binary, |p| Ok(PathBuf::from(p)))?;
    let started = Instant::now();
    let machine = Machine { root: book.root.clone(), micropod, vm };
    let outcomes = machine.execute(&scripts)?;
    let mut report = Report { name: "consola y especificaciones", ..Report::default() };
    for script in &scripts {
        report.faults.extend(console::compare(script, &outcomes));
    }
    report.summary = format!(
        "{} pasos en {}, en {} s",
        outcomes.len(),
        if vm { "la micro-VM" } else { "esta máquina" },
        started.elapsed().as_secs()
    );
    if update {
        for page in pages {
            let text = console::update(page, &outcomes);
            if text != page.lines.join("\n") + "\n" {
                fs::write(book.root.join(page.file()), text).map_err(|e| e.to_string())?;
                println!("actualizada: {}", page.file());
            }
        }
    }
    Ok(show(&report, None))
}

/// El micropod que compiló cargo a la vez que este programa.
pub fn default_binary() -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|e| e.to_string())?;
    let path = this.parent().and_then(Path::parent).map(|d| d.join("micropod"));
    path.filter(|p| p.exists()).ok_or("no está el binario de micropod: cargo build".into())
}

/// El HTML, ya en español. Devuelve si está todo traducido y sus enlaces llegan.
pub fn site(root: &Path, book: &Book) -> Result<bool, String> {
    html(root)?;
    let out = output(root);
    let ok = show(&finish::translate(root, &out), None);
    Ok(show(&built::links(book, &out), None) && ok)
}

/// El HTML tal como sale de mdBook.
fn html(root: &Path) -> Result<(), String> {
    let mdbook = std::env::var_os("MDBOOK").ok_or("¿dónde está mdBook? Usa tools/libro/haz")?;
    let this = std::env::current_exe().map_err(|e| e.to_string())?;
    // se construye aparte y se pone de golpe: si algo falla, queda el de antes
    let (out, fresh) = (output(root), root.join("book/book.nuevo"));
    let _ = fs::remove_dir_all(&fresh);
    let done = Command::new(&mdbook)
        .arg("build")
        .arg(root.join("book"))
        .arg("--dest-dir")
        .arg(&fresh)
        .env("MDBOOK_PREPROCESSOR__LIBRO__COMMAND", format!("{} preprocesa", this.display()))
        .output()
        .map_err(|e| format!("no se puede ejecutar {mdbook:?}: {e}"))?;
    let text = String::from_utf8_lossy(&done.stderr);
    // mdBook avisa de lo que no entiende y sigue: aquí un aviso también es un fallo
    if !done.status.success() || text.contains("ERROR") || text.contains("WARN") {
        return Err(format!("mdBook se queja:\n{text}"));
    }
    let _ = fs::remove_dir_all(&out);
    fs::rename(&fresh, &out).map_err(|e| format!("{}: {e}", out.display()))
}

/// Todo, y un resumen.
pub fn everything(root: &Path) -> Result<bool, String> {
    let (book, mut ok) = read(root, None);
    for gate in gates::FAST.iter().chain(gates::PROGRAM).chain(gates::BOOK_ONLY) {
        ok &= show(&gate(&book), None);
    }
    ok &= site(root, &book)?;
    let out = output(root);
    ok &= browser(root)?;
    ok &= run_chapters(&book)?;
    println!();
    println!(
        "{}",
        if ok {
            format!("el libro está en {}", out.join("index.html").display())
        } else {
            "el libro tiene faltas".into()
        }
    );
    Ok(ok)
}

/// El libro ya construido, en un navegador de verdad.
pub fn browser(root: &Path) -> Result<bool, String> {
    let out = output(root);
    let Some(browser) = Browser::find() else {
        println!("omitido: buscador, ancho de móvil y PDF (falta chromium)");
        return Ok(true);
    };
    let mut ok = show(&browser.searches(root, &out), None);
    ok &= show(&browser.fits_phone(&out), None);
    ok &= show(&browser.one_sheet(&out, "apendices/chuleta.html"), None);
    ok &= show(&browser.pdf(&out), None);
    Ok(ok)
}

pub fn serve(root: &Path, port: Option<&str>) -> Result<bool, String> {
    let port = port.unwrap_or("3000").parse().map_err(|_| "el puerto es un número")?;
    let out = output(root);
    let rebuild = || {
        let done = html(root).map(|()| finish::translate(root, &out));
        match done {
            Ok(report) => drop(show(&report, None)),
            Err(e) => eprintln!("{e}"),
        }
    };
    rebuild();
    let watched = ["book/src", "book/specs", "book/css", "book/js", "src", "examples"].map(|d| root.join(d));
    server::run(&out, port, &watched, &rebuild).map(|()| true)
}

/// Qué enseña el libro de cada fichero, y qué anclas no usa nadie.
pub fn coverage(root: &Path) -> Result<bool, String> {
    let book = Book::read(root);
    let covered = coverage::measure(&book);
    for (path, (shown, all)) in &covered.files {
        println!("{:4} % {shown:5} de {all:5}  {path}", shown * 100 / (*all).max(1));
    }
    println!("{:.1} %", covered.percent());
    println!("{:.1} % del corazón", covered.percent_of(&book.coverage.corazon));
    for anchor in &covered.unused {
        println!("sin usar: {anchor}");
    }
    Ok(true)
}
