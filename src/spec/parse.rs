//! Del fichero al Pod: leer sin fiarse, entender y, si no se entiende, decir por qué.
//!
//! `ron` decide si el texto es válido. Cuando dice que no, sus mensajes no bastan (están en inglés
//! y a veces señalan el final de lo que falla): se vuelve a mirar el texto como árbol, primero su
//! sintaxis y luego sus campos, y solo si ahí no aparece nada se traduce el error de `ron`.

use super::errors::{Place, SpecError, SpecErrors, is_hidden, visible};
use super::language::Language;
use super::structure::{self, Finding};
use super::tree::{Tree, Value};
use super::types::{Object, Pod};
use super::validate::Broken;
use super::validation::{Sifted, Validation, Weight, sift};
use super::{Loaded, Manifest, objects, reader, secrets, typed};
use crate::error::Error;
use ron::extensions::Extensions;
use serde::de::IgnoredAny;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Lo más que puede ocupar un fichero: el mayor que admite etcd, donde los guarda Kubernetes, es 1,5 MiB.
pub const MAX_BYTES: u64 = 1 << 20;

/// Lee y valida el Pod del fichero `path`, o el que se llame `only` si hay varios; `-` es la entrada estándar.
pub fn load(path: &Path, only: Option<&str>) -> Result<Loaded, Error> {
    let mut manifest = load_all(path)?;
    manifest.keep(only)?;
    Ok(manifest.into_pod()?)
}

/// Lee y valida todos los objetos del fichero `path`; `-` es la entrada estándar.
pub fn load_all(path: &Path) -> Result<Manifest, Error> {
    load_with(path, Validation::Strict)
}

/// Como [`load_all`], diciendo qué hacer con lo que micropod no tiene.
pub fn load_with(path: &Path, validation: Validation) -> Result<Manifest, Error> {
    let stdin = path == Path::new("-");
    let (file, bytes) = read(path)?;
    let mut manifest = parse_with(&file, &decode(&file, bytes)?, validation)?;
    manifest.base = base_of(if stdin { None } else { path.parent() })?;
    Ok(manifest)
}

/// El nombre que sale en los errores y el texto del fichero `path`, leído con los mismos cuidados.
pub fn read_text(path: &Path) -> Result<(String, String), Error> {
    let (file, bytes) = read(path)?;
    let text = decode(&file, bytes)?;
    refuse_hidden(&file, &text)?;
    Ok((file, text))
}

fn read(path: &Path) -> Result<(String, Vec<u8>), Error> {
    let stdin = path == Path::new("-");
    let file = if stdin { "entrada estándar".to_string() } else { visible(&path.to_string_lossy(), 200) };
    let bytes =
        if stdin { read_at_most(io::stdin().lock()) } else { open(path, &file)?.and_then(read_at_most) };
    let bytes = bytes.map_err(|e| unreadable(&file, &e))?;
    Ok((file, bytes))
}

/// El directorio del fichero, absoluto.
fn base_of(parent: Option<&Path>) -> Result<PathBuf, Error> {
    let parent = match parent {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    parent.canonicalize().map_err(|e| {
        Error::failed(format!("no se pudo saber en qué directorio está `{}`", parent.display()))
            .because(say(&e))
    })
}

// ── leer sin fiarse ────────────────────────────────────────────────────────────────────────────

fn refuse(code: &'static str, file: &str, problem: impl Into<String>, hint: &str) -> SpecError {
    SpecError {
        code,
        file: file.to_string(),
        place: None,
        field: String::new(),
        problem: problem.into(),
        hint: Some(hint.to_string()).filter(|h| !h.is_empty()),
        possible: Vec::new(),
    }
}

/// Abre `path` si es un fichero corriente: abrir una tubería puede no acabar nunca, y leer
/// /dev/zero, tampoco. Se mira antes de abrir y, por si entretanto cambia, otra vez después.
fn open(path: &Path, file: &str) -> Result<io::Result<File>, SpecErrors> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(e) => return Ok(Err(e)),
    };
    only_regular(&metadata, file)?;
    let opened = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    if let Ok(Ok(metadata)) = opened.as_ref().map(File::metadata) {
        only_regular(&metadata, file)?;
    }
    Ok(opened)
}

fn only_regular(metadata: &std::fs::Metadata, file: &str) -> Result<(), SpecErrors> {
    let kind = metadata.file_type();
    if kind.is_file() {
        if metadata.len() > MAX_BYTES {
            return Err(too_big(file, &format!("ocupa {} bytes", metadata.len())).into());
        }
        return Ok(());
    }
    let (what, hint) = if kind.is_dir() {
        ("un directorio", "indica el fichero: por ejemplo, `micropod run nginx-php.ron`")
    } else if kind.is_fifo() {
        ("una tubería con nombre", "léela por la entrada estándar: `micropod run - < tubería`")
    } else if kind.is_socket() {
        ("un socket", "indica un fichero de texto")
    } else {
        ("un dispositivo", "indica un fichero de texto")
    };
    Err(refuse("MP0115", file, format!("`{file}` es {what}, no un fichero de texto"), hint).into())
}

fn read_at_most(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn say(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => crate::error::spanish(nix::errno::Errno::from_raw(code)).to_string(),
        None => error.to_string(),
    }
}

fn unreadable(file: &str, error: &io::Error) -> SpecError {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "comprueba el nombre y el directorio en el que estás: `pwd` y `ls`",
        io::ErrorKind::PermissionDenied => "comprueba los permisos: `ls -l`",
        _ => "",
    };
    refuse("MP0115", file, format!("no se puede leer `{file}`: {}", say(error)), hint)
}

fn too_big(file: &str, size: &str) -> SpecError {
    let problem = format!("`{file}` {size}, y el máximo es 1 MiB ({MAX_BYTES} bytes)");
    refuse("MP0117", file, problem, "la descripción de un Pod ocupa unos pocos KiB: ¿es este el fichero?")
}

/// Bytes → texto: ni demasiados, ni binarios, ni con marcas invisibles.
fn decode(file: &str, bytes: Vec<u8>) -> Result<String, SpecErrors> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_big(file, "pasa del tamaño permitido").into());
    }
    let line_of = |at: usize| bytes[..at].iter().filter(|&&b| b == b'\n').count() + 1;
    let hint = "indica un fichero de texto en UTF-8; `file` dice qué es cada uno";
    if let Some(at) = bytes.iter().position(|&b| b == 0) {
        let problem = format!("no es un fichero de texto: hay un byte nulo en la línea {}", line_of(at));
        return Err(refuse("MP0118", file, problem, hint).into());
    }
    if let Err(e) = std::str::from_utf8(&bytes) {
        let at = e.valid_up_to();
        let problem =
            format!("no es texto UTF-8: el byte {:#04x} de la línea {} no lo es", bytes[at], line_of(at));
        return Err(refuse("MP0118", file, problem, hint).into());
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if text.starts_with('\u{feff}') {
        let hint =
            "guárdalo como «UTF-8», no como «UTF-8 con BOM», o quítala con `sed -i '1s/^\\xEF\\xBB\\xBF//'`";
        return Err(refuse("MP0119", file, "el fichero empieza por una marca BOM invisible", hint).into());
    }
    Ok(text)
}

// ── entender ───────────────────────────────────────────────────────────────────────────────────

/// Las opciones de RON: `hostname: "web"` en vez de `Some("web")`, y `Pod(metadata: …)` en vez de
/// `Pod((metadata: …))`. Se activan aquí para que no haya que escribirlas en cada fichero.
pub fn options() -> ron::Options {
    ron::Options::default().with_default_extension(
        Extensions::IMPLICIT_SOME | Extensions::UNWRAP_NEWTYPES | Extensions::UNWRAP_VARIANT_NEWTYPES,
    )
}

/// Los objetos que describen los bytes de un fichero.
pub fn parse_bytes(file: &str, bytes: Vec<u8>) -> Result<Manifest, SpecErrors> {
    let text = decode(file, bytes)?;
    parse_all(file, &text)
}

/// El Pod que describe `text`; `file` es el nombre que sale en los errores.
pub fn parse(file: &str, text: &str) -> Result<Pod, SpecErrors> {
    Ok(parse_all(file, text)?.into_pod()?.pod)
}

/// Los objetos que describe `text`.
pub fn parse_all(file: &str, text: &str) -> Result<Manifest, SpecErrors> {
    parse_with(file, text, Validation::Strict)
}

/// Como [`parse_all`], diciendo qué hacer con lo que micropod no tiene. Sin nombre de fichero, es que `text` no lo
/// ha escrito nadie: de cada cosa se dice su camino, y no su línea.
pub fn parse_with(file: &str, text: &str, validation: Validation) -> Result<Manifest, SpecErrors> {
    refuse_hidden(file, text)?;
    let language = Language::of(file, text);
    if language == Language::Ron && reader::is_blank(text) {
        return Err(empty(file, language));
    }
    // `ron` solo dice si el texto es RON: que además hiciera los tipos sería otra copia de todos ellos, 300 kB
    let error = match language {
        Language::Yaml | Language::Json => None,
        Language::Ron => options().from_str::<IgnoredAny>(text).err(),
    };
    let tree = Tree::read(language, text);
    let (roots, notes) = understand(file, text, &tree, validation, error.as_ref())
        .map_err(|errors| secrets::hide(text, &tree, errors))?;
    Manifest::new(file, language, text, roots, notes)
}

fn empty(file: &str, language: Language) -> SpecErrors {
    refuse("MP0116", file, format!("`{file}` está vacío"), language.shape_of_a_pod()).into()
}

/// Los objetos de un fichero, cada uno con su camino, y lo que hay que decir de él.
type Understood = (Vec<(String, Object)>, Vec<String>);

/// Los objetos del árbol de un fichero, y lo que hay que decir de él: primero se mira su sintaxis, luego
/// sus campos, luego los tipos. `error`: lo que dice `ron` de un texto que no es RON.
fn understand(
    file: &str,
    text: &str,
    tree: &Tree,
    validation: Validation,
    error: Option<&ron::error::SpannedError>,
) -> Result<Understood, SpecErrors> {
    if tree.fault.is_none() && matches!(tree.root.value, Value::Null) || text.trim().is_empty() {
        return Err(empty(file, tree.language));
    }
    let mut found = if tree.fault.is_some() { Vec::new() } else { structure::check(text, tree) };
    // un fallo nada más empezar: quizá lo que engaña es el nombre
    let refused = error.is_some() || tree.language == Language::Ron && !found.is_empty();
    let strange = refused || tree.fault.is_some() || !tree.root.is_compound();
    let wrong = other_language(file, text, tree.language)
        .filter(|_| strange)
        .or_else(|| other_object(file, text, tree).filter(|_| refused))
        .or_else(|| syntax(file, text, tree));
    if let Some(wrong) = wrong {
        return Err(wrong.into());
    }
    if tree.language == Language::Ron {
        found.extend(structure::decimal_modes(text));
    }
    let Sifted { errors, notes, dropped } = sift(file, text, found, validation);
    match error {
        _ if !errors.is_empty() => return Err(place_all(file, text, tree.documents, errors)),
        Some(error) => return Err(translate(file, text, error).into()),
        None => {}
    }
    let objects = typed::read(text, tree, &dropped)
        .map_err(|error| refuse("MP0106", file, visible(&error.to_string(), 300), ""))?;
    Ok((objects, notes))
}

/// El fallo de sintaxis del árbol, si lo tiene.
fn syntax(file: &str, text: &str, tree: &Tree) -> Option<SpecError> {
    let fault = tree.fault.as_ref()?;
    let hint = fault.hint.as_deref().unwrap_or_default();
    let mut error = refuse(fault.code, file, fault.problem.clone(), hint);
    error.place = Some(Place::new(text, fault.at.clone()));
    Some(error)
}

/// Los caracteres que cambian el orden en que se ve el texto hacen creer que dice otra cosa.
fn refuse_hidden(file: &str, text: &str) -> Result<(), SpecErrors> {
    let hidden = text.char_indices().find(|&(_, c)| is_hidden(c) && !c.is_control());
    let Some((at, c)) = hidden else { return Ok(()) };
    let mut error = refuse(
        "MP0120",
        file,
        format!("hay un carácter invisible, U+{:04X}, que cambia el orden en que se ve el texto", c as u32),
        "bórralo: lo que se lee no es lo que dice",
    );
    error.place = Some(Place::new(text, at..at + c.len_utf8()));
    Err(error.into())
}

/// Los errores que señalan, en `text`, los campos de estas reglas rotas.
pub fn place_broken(file: &str, language: Language, text: &str, broken: Vec<Broken>) -> SpecErrors {
    let tree = Tree::read(language, text);
    let find = |b: Broken| {
        let at = if b.on_key { tree.find_key(text, &b.path) } else { tree.find(text, &b.path) };
        // lo que falta se señala en lo que debería tenerlo
        let mut above = std::iter::successors(Some(b.path.as_str()), |p| Some(p.rsplit_once('.')?.0)).skip(1);
        let at = at.or_else(|| above.find_map(|path| tree.find(text, path))).unwrap_or(0..0);
        let hint = b.hint.map(|hint| language.say(&hint));
        Finding {
            at,
            code: b.code,
            field: b.path,
            problem: b.problem,
            hint,
            possible: Vec::new(),
            weight: Weight::Fatal,
        }
    };
    let found = broken.into_iter().map(find).collect();
    secrets::hide(text, &tree, place_all(file, text, tree.documents, found))
}

/// De los bytes señalados a la línea y la columna, en el orden del fichero.
fn place_all(file: &str, text: &str, documents: bool, mut found: Vec<Finding>) -> SpecErrors {
    crate::order::sort_by_key(&mut found, |f| f.at.start);
    let place = |f: Finding| SpecError {
        code: f.code,
        file: file.to_string(),
        place: Some(Place::new(text, f.at)),
        // el número de documento solo sirve para encontrarlo
        field: match (documents, f.field.split_once("]")) {
            (true, Some((_, field))) => field.trim_start_matches('.').to_string(),
            _ => f.field,
        },
        // pueden llevar dentro lo escrito, con lo que sea
        problem: visible(&f.problem, usize::MAX),
        hint: f.hint.map(|hint| visible(&hint, usize::MAX)),
        possible: f.possible,
    };
    SpecErrors(found.into_iter().map(place).collect())
}

/// Lo escrito no es lo que dice el nombre del fichero: se reconoce por cómo empieza.
fn other_language(file: &str, text: &str, language: Language) -> Option<SpecError> {
    let (guess, number) = Language::guess(text).filter(|(guess, _)| match (language, guess) {
        // JSON es YAML entre llaves
        (Language::Yaml, Language::Json) => false,
        (language, guess) => language != *guess,
    })?;
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let simple = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let (problem, hint) = match Language::of_name(file) {
        Some(named) if name.chars().all(simple) => {
            let right = Path::new(name).with_extension(guess.extension());
            (
                format!("esto parece {}, y el nombre dice que es {}", guess.name(), named.name()),
                format!("cámbiale el nombre: `mv {name} {}`", right.display()),
            )
        }
        _ => (format!("esto parece {}", guess.name()), language.shape_of_a_pod().to_string()),
    };
    let mut error = refuse("MP0114", file, problem, &hint);
    let start: usize = text.split_inclusive('\n').take(number).map(str::len).sum();
    let line = text[start..].lines().next().unwrap_or_default();
    error.place = Some(Place::new(text, start..start + line.len()));
    Some(error)
}

/// El objeto no es de los que micropod entiende: quizá otro de Kubernetes, quizá ninguno.
fn other_object(file: &str, text: &str, tree: &Tree) -> Option<SpecError> {
    let name = match &tree.root.value {
        Value::Object { name, .. } | Value::Tuple { name, .. } => name.clone(),
        Value::Word(_) => Some(tree.root.span.clone()),
        // el fallo de sintaxis, si lo hay, dice más
        _ if tree.fault.is_some() => return None,
        _ => None,
    };
    let kind = name.clone().map_or("", |range| &text[range]);
    if objects::kind(kind).is_some() && !matches!(tree.root.value, Value::Word(_)) {
        return None;
    }
    let (problem, hint) = structure::explain_kind(kind, tree.language);
    let mut error = refuse("MP0113", file, problem, &hint);
    let at = name.unwrap_or(tree.root.span.start..tree.root.span.start + 1);
    error.place = Some(Place::new(text, at));
    Some(error)
}

/// Lo que dice `ron`, en español: la última red, por si el árbol no ve nada.
pub(super) fn translate(file: &str, text: &str, error: &ron::error::SpannedError) -> SpecError {
    use ron::Error as Ron;
    let (code, problem) = match &error.code {
        Ron::InvalidEscape(_) => {
            ("MP0110", "hay una secuencia de escape que no vale dentro de un texto".to_string())
        }
        Ron::Eof => ("MP0109", "el texto acaba antes de tiempo".to_string()),
        Ron::ExceededRecursionLimit => {
            ("MP0111", "hay demasiados paréntesis unos dentro de otros".to_string())
        }
        Ron::IntegerOutOfBounds => ("MP0106", "este número es demasiado grande".to_string()),
        Ron::InvalidIntegerDigit { digit, .. } => {
            ("MP0106", format!("`{digit}` no es una cifra de este número"))
        }
        Ron::FloatUnderscore | Ron::UnderscoreAtBeginning => {
            ("MP0106", "este número no está bien escrito".to_string())
        }
        Ron::NoSuchExtension(name) => {
            ("MP0109", format!("RON no tiene ninguna extensión `{}`", visible(name, 60)))
        }
        Ron::Message(text) => ("MP0106", visible(text, 300)),
        Ron::InvalidIdentifier(name) | Ron::SuggestRawIdentifier(name) => {
            ("MP0101", format!("`{}` no es el nombre de ningún campo", visible(name, 60)))
        }
        _ => ("MP0109", "esto no es RON válido".to_string()),
    };
    let mut spec = refuse(code, file, problem, "compara con un ejemplo de la documentación");
    spec.place = Some(Place::new(text, byte_of(text, error.span.start)..byte_of(text, error.span.end)));
    spec
}

/// Línea y columna (desde 1, en caracteres) → byte.
fn byte_of(text: &str, position: ron::error::Position) -> usize {
    let line = text.split_inclusive('\n').take(position.line.saturating_sub(1)).map(str::len).sum::<usize>();
    let rest = text.get(line..).unwrap_or_default();
    line + rest.char_indices().nth(position.col.saturating_sub(1)).map_or(rest.len(), |(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn de_una_fuente_sin_fin_se_lee_un_byte_mas_que_el_limite() {
        let bytes = read_at_most(io::repeat(b' ')).unwrap();
        assert_eq!(bytes.len() as u64, MAX_BYTES + 1);
        assert_eq!(decode("-", bytes).unwrap_err().0[0].code, "MP0117");
    }

    #[test]
    fn linea_y_columna_de_ron_llevan_al_byte() {
        let text = "añb\nñc";
        for (line, col, byte) in [(1, 1, 0), (1, 3, 3), (2, 1, 5), (2, 2, 7), (9, 9, 8)] {
            assert_eq!(byte_of(text, ron::error::Position { line, col }), byte);
        }
    }
}
