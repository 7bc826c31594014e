//! El libro en un navegador de verdad (Chromium sin ventana), abierto como fichero: que se encuentra
//! lo que se busca, que cabe en un móvil y que se imprime.

use crate::fault::{Fault, Report};
use crate::finish::html_files;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Una búsqueda y las páginas que debe encontrar (`book/busquedas.ron`).
#[derive(Debug, Deserialize)]
pub struct Search {
    pub busca: String,
    pub encuentra: Vec<String>,
}

/// El HTML tras dejar correr el JavaScript: el reloj de la página se adelanta hasta que no hace nada.
const DUMP: &[&str] = &["--dump-dom", "--virtual-time-budget=20000"];

const ATTEMPTS: usize = 3;

/// Segundos que se espera al navegador; a imprimir el libro entero, en una máquina ocupada, minutos.
const PATIENCE: u32 = 900;
/// Con lo que sale `timeout` si se acaba el plazo.
const LATE: i32 = 124;

/// El ancho de un móvil, en píxeles.
const PHONE: u32 = 390;

pub struct Browser {
    program: PathBuf,
    /// Un perfil vacío, y donde se dejan las páginas de prueba.
    dir: PathBuf,
}

impl Browser {
    /// El navegador, si lo hay.
    pub fn find() -> Option<Browser> {
        let program =
            ["/usr/bin/chromium", "/usr/bin/chromium-browser"].iter().find(|p| Path::new(p).exists())?;
        let dir = std::env::temp_dir().join(format!("micropod-navegador-{}", std::process::id()));
        fs::create_dir_all(&dir).ok()?;
        Some(Browser { program: program.into(), dir })
    }

    fn run(&self, args: &[&str], url: &str) -> Result<String, String> {
        let done = Command::new("timeout")
            .arg(PATIENCE.to_string())
            .arg(&self.program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--allow-file-access-from-files",
            ])
            .arg(format!("--user-data-dir={}", self.dir.join("perfil").display()))
            .args(args)
            .arg(url)
            .output()
            .map_err(|e| e.to_string())?;
        match done.status.code() {
            Some(0) => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
            Some(LATE) => Err(format!("el navegador no acaba en {PATIENCE} s")),
            _ => Err(String::from_utf8_lossy(&done.stderr).lines().last().unwrap_or_default().to_string()),
        }
    }

    /// La lista de resultados que se ve en esa dirección. En una máquina ocupada, el navegador puede dejar
    /// la página antes de que el buscador lea su índice: entonces no hay ninguno, y se prueba otra vez.
    fn results(&self, url: &str) -> Result<String, String> {
        let mut results = String::new();
        for _ in 0..ATTEMPTS {
            let html = self.run(DUMP, url)?;
            let list = html.split_once("id=\"mdbook-searchresults\">").map_or("", |(_, r)| r);
            results = list.split_once("</ul>").map_or("", |(r, _)| r).to_string();
            if results.contains("<li") {
                break;
            }
        }
        Ok(results)
    }

    /// Cada búsqueda encuentra sus páginas.
    pub fn searches(&self, root: &Path, out: &Path) -> Report {
        let mut report = Report { name: "buscador", ..Report::default() };
        let text = fs::read_to_string(root.join("book/busquedas.ron")).unwrap_or_default();
        let searches: Vec<Search> = match ron::from_str(&text) {
            Ok(searches) => searches,
            Err(e) => {
                report.faults.push(Fault::new("book/busquedas.ron", 0, format!("no se entiende: {e}")));
                return report;
            }
        };
        for search in &searches {
            let url =
                format!("file://{}?search={}", out.join("index.html").display(), encoded(&search.busca));
            let results = match self.results(&url) {
                Ok(results) => results,
                Err(e) => {
                    report.faults.push(Fault::new("book/busquedas.ron", 0, e));
                    return report;
                }
            };
            for page in &search.encuentra {
                if !results.contains(&format!("{}?", page.replace(".md", ".html"))) {
                    let text = format!("«{}» no encuentra {page}", search.busca);
                    report.faults.push(Fault::new("book/busquedas.ron", 0, text));
                }
            }
        }
        report.summary = format!("{} búsquedas, abriendo el libro como fichero", searches.len());
        report
    }

    /// Ninguna página es más ancha que la pantalla de un móvil.
    pub fn fits_phone(&self, out: &Path) -> Report {
        let mut report = Report { name: "ancho de móvil", ..Report::default() };
        let pages: Vec<String> = html_files(out)
            .iter()
            .filter(|p| !p.ends_with("print.html") && !p.ends_with("toc.html"))
            .map(|p| p.strip_prefix(out).unwrap_or(p).display().to_string())
            .collect();
        let probe = out.join("prueba-de-ancho.html");
        let text = WIDTH_PROBE
            .replace("ANCHO", &PHONE.to_string())
            .replace("PAGINAS", &serde_json::to_string(&pages).unwrap_or_default());
        let result = fs::write(&probe, text)
            .map_err(|e| e.to_string())
            .and_then(|()| self.run(DUMP, &format!("file://{}", probe.display())));
        let _ = fs::remove_file(&probe);
        let html = match result {
            Ok(html) => html,
            Err(e) => {
                report.faults.push(Fault::new("book", 0, e));
                return report;
            }
        };
        let lines: Vec<&str> = html.lines().filter_map(|l| l.split_once("@@")).map(|(_, l)| l).collect();
        for line in &lines {
            let (page, wide) = line.split_once(' ').unwrap_or((line, "?"));
            let wide = wide.split('<').next().unwrap_or(wide);
            if !wide.is_empty() {
                report.faults.push(Fault::new(page, 0, format!("no cabe en {PHONE} px de ancho: {wide}")));
            }
        }
        if lines.len() != pages.len() {
            let text = format!("solo se han medido {} páginas de {}", lines.len(), pages.len());
            report.faults.push(Fault::new("book", 0, text));
        }
        report.summary = format!("{} páginas caben en {PHONE} px", pages.len());
        report
    }

    /// El libro entero en un PDF.
    pub fn pdf(&self, out: &Path) -> Report {
        let mut report = Report { name: "PDF", ..Report::default() };
        let target = out.join("micropod.pdf");
        match self.print(&out.join("print.html"), &target) {
            Ok(pdf) => report.summary = format!("{}, {} kB", target.display(), pdf.len() / 1000),
            Err(e) => report.faults.push(Fault::new("book", 0, e)),
        }
        report
    }

    /// La página `page`, impresa, cabe en una hoja.
    pub fn one_sheet(&self, out: &Path, page: &str) -> Report {
        let mut report = Report { name: "una hoja", ..Report::default() };
        match self.print(&out.join(page), &self.dir.join("hoja.pdf")).map(|pdf| sheets(&pdf)) {
            Ok(1) => report.summary = format!("{page}, impresa"),
            Ok(n) => report.faults.push(Fault::new(page, 0, format!("impresa, ocupa {n} hojas y no una"))),
            Err(e) => report.faults.push(Fault::new(page, 0, e)),
        }
        report
    }

    /// Imprime `page` en `target`, y devuelve lo que ha quedado allí.
    fn print(&self, page: &Path, target: &Path) -> Result<Vec<u8>, String> {
        // sin la página, Chromium imprimiría su propia página de error
        if !page.is_file() {
            let name = page.file_name().unwrap_or_default().to_string_lossy();
            return Err(format!("no hay página para imprimir: {name}"));
        }
        let to = format!("--print-to-pdf={}", target.display());
        self.run(&[&to, "--no-pdf-header-footer"], &format!("file://{}", page.display()))?;
        match fs::read(target) {
            Ok(pdf) if !pdf.is_empty() => Ok(pdf),
            Ok(_) => Err("el PDF está vacío".into()),
            Err(e) => Err(e.to_string()),
        }
    }
}

/// Las hojas de un PDF: cada una se presenta con su tipo.
fn sheets(pdf: &[u8]) -> usize {
    let kind = b"/Type /Page";
    pdf.windows(kind.len() + 1).filter(|w| w.starts_with(kind) && w[kind.len()] != b's').count()
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn encoded(text: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric();
    text.bytes().map(|b| if safe(b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Abre cada página en un marco del ancho de un móvil y apunta lo que se sale: la página entera, o algo
/// de su prosa. El código, las tablas y las figuras se desplazan dentro de su caja, y no cuentan.
const WIDTH_PROBE: &str = r#"<!doctype html><meta charset="utf-8"><body><script>
const pages = PAGINAS, seen = [];
const frame = document.createElement("iframe");
frame.style = "border:0;width:ANCHOpx;height:844px";
document.body.append(frame);
const wide = e => e.scrollWidth > e.clientWidth + 1;
function look(page) {
  const found = [page.documentElement, page.getElementById("mdbook-content"), page.querySelector("main")]
    .filter(e => e && wide(e)).map(e => e.tagName.toLowerCase());
  for (const e of page.querySelectorAll("main p, main li, main h1, main h2, main h3, main dd")) {
    if (!e.closest("pre, figure, .table-wrapper") && wide(e)) { found.push(e.tagName.toLowerCase() + " «" + e.textContent.trim().slice(0, 30) + "»"); }
  }
  return found.join(", ");
}
let next = 0;
frame.onload = () => {
  if (next > 0) { seen.push("\n@@" + pages[next - 1] + " " + look(frame.contentDocument)); }
  if (next < pages.length) { frame.src = pages[next++]; }
  else { const pre = document.createElement("pre"); pre.textContent = seen.join("") + "\n"; document.body.replaceChildren(pre); }
};
frame.src = "about:blank";
</script>
"#;
