//! Una página por código de error. El error que enseña lo produce micropod al construir el libro.

use crate::book::Book;
use crate::fault::{Fault, Report};
use micropod::explain::faults;
use micropod::logic::PodRules;
use micropod::spec::codes::{CODES, Code, Where};
use micropod::spec::parse::parse;
use std::fs;
use std::path::{Path, PathBuf};

/// Lo que pasa al leer el ejemplo malo de un código.
pub struct Produced {
    /// Lo que imprime `micropod run`; vacío si lo da por bueno.
    pub output: String,
    /// El comando que se escribe.
    pub command: String,
    /// El fichero, si se enseña: nombre y contenido.
    pub file: Option<(String, String)>,
}

/// Cada código sale de su ejemplo malo, y el bueno se acepta.
pub fn produced(_: &Book) -> Report {
    let mut report = Report { name: "errores", ..Report::default() };
    for code in CODES.iter() {
        if let Err(problem) = check(code) {
            let text = format!("{}: {problem}", code.code);
            report.faults.push(Fault::new("src/spec/codes.ron", 0, text));
        }
    }
    report.summary = format!("{} códigos, cada uno con su página", CODES.len());
    report
}

/// ¿Da el ejemplo malo de `code` ese código, y no da error el bueno?
pub fn check(code: &Code) -> Result<(), String> {
    let wrong = produce(code)?;
    if !wrong.output.contains(&code.code) {
        return Err(format!(
            "su ejemplo no lo produce; sale: {}",
            wrong.output.lines().next().unwrap_or("nada")
        ));
    }
    if !code.right.is_empty() && code.place != Where::Command {
        let right = match code.place {
            Where::Faults => read_faults(&code.right),
            place => load(place.file_name(), place.file(&code.right).as_bytes(), false)?,
        };
        if !right.is_empty() {
            return Err(format!("su ejemplo bueno tampoco vale: {right}"));
        }
    }
    Ok(())
}

pub fn produce(code: &Code) -> Result<Produced, String> {
    if code.place == Where::Faults {
        let command = "micropod simula web.ron --averias ejemplo.ron".into();
        return Ok(Produced {
            output: read_faults(&code.wrong),
            command,
            file: Some(("ejemplo.ron".into(), code.wrong.clone())),
        });
    }
    if code.place == Where::Server {
        return Ok(Produced { output: api_answer(code)?, command: code.wrong.clone(), file: None });
    }
    if code.place != Where::Command {
        let (name, file) = (code.place.file_name(), code.place.file(&code.wrong));
        let output = load(name, file.as_bytes(), true)?;
        return Ok(Produced {
            output,
            command: format!("micropod run {name}"),
            file: Some((name.into(), file)),
        });
    }
    let name = code.wrong.split(' ').next_back().unwrap_or_default();
    let shown = content_of(name)?.filter(|content| content.len() < 1000);
    let file = shown.map(|content| (name.to_string(), String::from_utf8_lossy(&content).into_owned()));
    Ok(Produced { output: run_command(&code.wrong)?, command: code.wrong.clone(), file })
}

/// Lo que contesta la API, o por qué no arranca: eso se dice antes de escuchar y sin ser root.
fn api_answer(code: &Code) -> Result<String, String> {
    if let Some(problem) = micropod::api::serve::sample(&code.code) {
        return Ok(format!("Error from server ({}): {}\n", problem.reason, problem.message));
    }
    let done = std::process::Command::new(crate::build::default_binary()?)
        .args(code.wrong.split(' ').skip(1))
        .output()
        .map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&done.stderr).into_owned())
}

/// Ejecuta un comando de ejemplo, con sus ficheros al lado. Con `--dry-run`: no debe crear nada.
fn run_command(command: &str) -> Result<String, String> {
    let words: Vec<&str> = command.split(' ').collect();
    let (Some(&"micropod"), Some(file)) = (words.first(), words.last()) else {
        return Err(format!("su ejemplo no es un comando de micropod: {command}"));
    };
    let dir = Scratch::new()?;
    if let Some(content) = content_of(file)? {
        fs::write(dir.0.join(file), content).map_err(|e| e.to_string())?;
    }
    let done = std::process::Command::new(crate::build::default_binary()?)
        .args(&words[1..])
        .arg("--dry-run")
        .current_dir(&dir.0)
        .output()
        .map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&done.stderr).into_owned())
}

/// Los ficheros de los ejemplos que son un comando: qué hay dentro de cada uno, si hay algo.
fn content_of(name: &str) -> Result<Option<Vec<u8>>, String> {
    let volumes = || (0..1000).map(|i| format!("(name: \"v{i}\"),")).collect::<String>();
    let text = match name {
        "noexiste.ron" => return Ok(None),
        path if path.starts_with('/') => return Ok(None),
        "imagen-de-disco.img" => " ".repeat((1 << 20) + 1),
        "argumentos-enormes.ron" => Where::Container.file(&format!("args: [\"{}\"],", "a".repeat(131_072))),
        "mil-volumenes.ron" => Where::Spec.file(&format!("volumes: [{}],", volumes())),
        "privilegiado.ron" => Where::Container.file("securityContext: (privileged: true),"),
        "nginx.ron" => Where::Spec.file(""),
        "ejercicio.ron" => Where::Containers.file("(name: \"web\", image: \"host\")"),
        _ => return Err(format!("no sé qué hay en `{name}`: dilo en tools/libro/errors.rs")),
    };
    Ok(Some(text.into_bytes()))
}

/// Lo que se imprimiría al leer ese fichero de averías, para un Pod con un contenedor `web`.
fn read_faults(text: &str) -> String {
    let pod = match parse("web.ron", &Where::Spec.file("")) {
        Ok(pod) => pod,
        Err(errors) => return errors.to_string(),
    };
    match faults::parse_text("ejemplo.ron", text, &PodRules::from(&pod, 1)) {
        Ok(_) => String::new(),
        Err(errors) => anstream::adapter::strip_str(&errors.to_string()).to_string(),
    }
}

/// Lo que se imprimiría al leer un fichero con ese nombre y ese contenido.
fn load(name: &str, content: &[u8], pod: bool) -> Result<String, String> {
    let dir = Scratch::new()?;
    let path = dir.0.join(name);
    fs::write(&path, content).map_err(|e| e.to_string())?;
    // el error cita el fichero como se escribió en la terminal: por su nombre
    let full = format!("{}/", dir.0.display());
    Ok(read(&path, pod).replace(&full, ""))
}

/// `pod`: ha de haber un Pod en el fichero; si no, vale cualquier objeto.
fn read(path: &Path, pod: bool) -> String {
    let read = micropod::spec::load_all(path);
    match read.and_then(|all| if pod { all.into_pod().map(|_| ()).map_err(Into::into) } else { Ok(()) }) {
        Ok(()) => String::new(),
        Err(error) => anstream::adapter::strip_str(&error.to_string()).to_string(),
    }
}

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, String> {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("micropod-errores-{}-{n}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
        Ok(Scratch(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn un_codigo_cuyo_ejemplo_no_falla_es_una_falta() {
        let good = CODES.iter().find(|c| c.code == "MP0101").unwrap();
        let broken = Code { wrong: good.right.clone(), ..good.clone() };
        assert!(check(good).is_ok());
        assert!(check(&broken).unwrap_err().contains("su ejemplo no lo produce"));
    }

    #[test]
    fn un_ejemplo_bueno_que_no_vale_es_una_falta() {
        let good = CODES.iter().find(|c| c.code == "MP0101").unwrap();
        let broken = Code { right: good.wrong.clone(), ..good.clone() };
        assert!(check(&broken).unwrap_err().contains("tampoco vale"));
    }
}
