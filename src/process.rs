//! Capítulo 8 · Un proceso por dentro: qué programa, con qué argumentos, entorno y usuario.

use crate::error::{StepError, exit};
use crate::kernel::ops::{Execve, OpenDir, Place};
use crate::kernel::{Kernel, Op};
use crate::security::SecurityPlan;
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Todo lo decidido para crear un contenedor. Se guarda en la ficha: `exec` y las sondas entran
/// con lo mismo.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerPlan {
    pub name: String,
    pub image: String,
    /// La raíz de la imagen: la capa inferior del overlay.
    pub lower: PathBuf,
    pub argv: Vec<String>,
    /// `CLAVE=valor`, en orden.
    pub env: Vec<String>,
    /// Los argumentos y variables que llevan un secreto dentro.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<Hidden>,
    /// Directorio de trabajo, absoluto.
    pub cwd: String,
    pub mounts: Vec<MountPlan>,
    pub limits: Limits,
    pub security: SecurityPlan,
    /// Número de la señal de parada (15: SIGTERM).
    pub stop_signal: i32,
    /// Dónde puede dejar dicho por qué acaba, dentro del contenedor.
    #[serde(default)]
    pub termination_log: String,
    pub stdin: bool,
    #[serde(default)]
    pub stdin_once: bool,
    pub tty: bool,
    /// El contenedor entre cuyos procesos nace, si es efímero y mira a uno.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Pide algo que no hay (un ConfigMap, una clave) o que se contradice: no puede arrancar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_error: Option<ConfigError>,
}

/// Por qué no se puede saber con qué arrancaría un contenedor, y qué hacer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigError {
    pub problem: String,
    pub hint: String,
}

/// Un volumen en un contenedor: de dónde sale y dónde se monta.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MountPlan {
    /// Nombre del volumen.
    pub volume: String,
    /// Ruta en el anfitrión (o en el espacio de montajes de la pausa, si el volumen es de memoria).
    pub source: PathBuf,
    /// El directorio del que no puede salir, y la ruta de `source` desde él.
    #[serde(default)]
    pub confined: Option<(PathBuf, String)>,
    /// Ruta relativa dentro de `source`, o vacía.
    pub sub_path: String,
    /// Ruta absoluta dentro del contenedor.
    pub target: String,
    pub read_only: bool,
    /// ¿Es un dispositivo del anfitrión? Los demás volúmenes se montan sin ellos.
    pub devices: bool,
}

/// Los ficheros de cgroup v2 que se escriben, con su valor; `None`: no se toca.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes.
    pub memory_max: Option<u64>,
    /// Milésimas de CPU.
    pub cpu_max: Option<u64>,
    /// De 1 a 10000.
    pub cpu_weight: Option<u64>,
    pub pids_max: Option<u64>,
    /// Ajuste de `oom_score_adj`.
    pub oom_score_adj: Option<i32>,
}

/// Lo que gasta por cada contenedor la infraestructura de un motor: en Kubernetes, el `overhead` de su
/// RuntimeClass.
#[derive(Clone, Copy, Default)]
pub struct Overhead {
    /// Bytes.
    pub memory: u64,
    /// Procesos e hilos.
    pub pids: u64,
}

impl Limits {
    /// Los del Pod, con sitio además para la infraestructura de tantos contenedores, que vive en su cgroup.
    pub fn with_room_for(&self, engine: Overhead, containers: usize) -> Limits {
        let more = |limit: Option<u64>, each: u64| limit.map(|n| n.saturating_add(each * containers as u64));
        Limits {
            memory_max: more(self.memory_max, engine.memory),
            pids_max: more(self.pids_max, engine.pids),
            ..self.clone()
        }
    }
}

/// Un argumento o una variable que no se enseña, y lo que se enseña en su lugar.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Hidden {
    pub real: String,
    pub shown: String,
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Como se enseña `word`.
pub fn shown<'a>(word: &'a str, hidden: &'a [Hidden]) -> &'a str {
    hidden.iter().find(|h| h.real == word).map_or(word, |h| &h.shown)
}

/// Un texto que puede llevar un secreto dentro, y entonces se enseña de otra manera.
#[derive(Clone, PartialEq)]
pub struct Word {
    text: String,
    shown: Option<String>,
}

impl Word {
    pub fn plain(text: &str) -> Word {
        Word { text: text.to_string(), shown: None }
    }

    pub fn secret(text: &str) -> Word {
        Word { text: text.to_string(), shown: Some("(oculto)".to_string()) }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.text)
    }

    /// Con `before` delante; `None` si no lleva nada que ocultar.
    fn hidden(&self, before: &str) -> Option<Hidden> {
        let shown = self.shown.as_ref()?;
        Some(Hidden { real: format!("{before}{}", self.text), shown: format!("{before}{shown}") })
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:?}", self.shown())
    }
}

/// Lo que no se enseña de un entorno y unos argumentos.
pub fn hidden<'a>(env: impl Iterator<Item = &'a (String, Word)>, words: &[Word]) -> Vec<Hidden> {
    let env = env.filter_map(|(name, word)| word.hidden(&format!("{name}=")));
    env.chain(words.iter().filter_map(|word| word.hidden(""))).collect()
}

/// Dónde se buscan los programas si nadie dice otra cosa.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// ANCHOR: argv
/// Qué se ejecuta, según lo que digan la imagen y la especificación:
///
/// | command | args | se ejecuta |
/// |---|---|---|
/// | no | no | ENTRYPOINT + CMD de la imagen |
/// | sí | no | command (el CMD de la imagen se olvida) |
/// | no | sí | ENTRYPOINT + args |
/// | sí | sí | command + args |
pub fn argv(entrypoint: &[String], cmd: &[String], command: &[String], args: &[String]) -> Vec<String> {
    let (program, rest) = match (command.is_empty(), args.is_empty()) {
        (true, true) => (entrypoint, cmd),
        (false, true) => (command, args),
        (true, false) => (entrypoint, args),
        (false, false) => (command, args),
    };
    [program, rest].concat()
}
// ANCHOR_END: argv

// ANCHOR: expand
/// Cambia `$(NOMBRE)` por su valor; si no existe, lo deja como está. `$$` escribe `$`.
pub fn expand(text: &str, value_of: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$'); // `$$(NOMBRE)` es la manera de escribir `$(NOMBRE)`
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
            match value_of(name) {
                Some(value) => out.push_str(&value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            out.push('$'); // un `$` suelto, o un `$(` sin cerrar
        }
    }
    out.push_str(rest);
    out
}
// ANCHOR_END: expand

/// Como [`expand`], sin perder de vista qué es secreto.
pub fn expand_word<'a>(text: &str, value_of: impl Fn(&str) -> Option<&'a Word>) -> Word {
    let real = expand(text, |name| value_of(name).map(|w| w.text().to_string()));
    let shown = expand(text, |name| value_of(name).map(|w| w.shown().to_string()));
    Word { shown: (shown != real).then_some(shown), text: real }
}

/// El entorno: lo de la imagen, lo que pone micropod y lo de la especificación, que gana.
pub fn environment(
    image: &[String],
    hostname: &str,
    home: &str,
    tty: bool,
    declared: &[(String, Word)],
) -> Vec<String> {
    let mut env: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: String| match env.iter_mut().find(|(n, _)| n == name) {
        Some(known) => known.1 = value,
        None => env.push((name.to_string(), value)),
    };
    set("PATH", DEFAULT_PATH.into());
    set("HOSTNAME", hostname.into());
    set("HOME", home.into());
    if tty {
        set("TERM", "xterm".into());
    }
    for pair in image {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        set(name, value.into());
    }
    for (name, value) in declared {
        set(name, value.text().into());
    }
    env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

/// Busca el programa como lo haría una shell: por PATH, salvo que lleve una `/`. `mode` dice de qué clase es lo
/// que haya en una ruta, y quién puede ejecutarlo.
pub fn find_program(
    name: &str,
    env: &[String],
    mode: impl Fn(&Path) -> Option<u32>,
) -> Result<PathBuf, Errno> {
    if name.contains('/') {
        return Ok(PathBuf::from(name));
    }
    let path = env.iter().find_map(|e| e.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
    let mut denied = None;
    for dir in path.split(':').filter(|d| !d.is_empty()) {
        let candidate = Path::new(dir).join(name);
        match mode(&candidate) {
            Some(mode) if mode & libc::S_IFMT == libc::S_IFREG && mode & 0o111 != 0 => return Ok(candidate),
            Some(mode) if mode & libc::S_IFMT == libc::S_IFREG => denied = Some(candidate),
            _ => {}
        }
    }
    denied.ok_or(Errno::ENOENT)
}

// ANCHOR: exec
/// Del lado del contenedor: convertirse en su programa. Solo vuelve si no puede (o en un ensayo).
pub fn exec(k: &mut Kernel, plan: &ContainerPlan, argv: &[String]) -> Result<(), StepError> {
    let (env, hidden) = (&plan.env, &plan.hidden);
    let name = argv.first().map(String::as_str).unwrap_or_default();
    let mode = |path: &Path| std::fs::metadata(path).ok().map(|found| found.mode());
    // en un ensayo no hay raíz en la que buscar. La ruta vacía no existe nunca: una palabra suelta sería un fichero
    // del directorio de trabajo, que no está en el PATH
    let path = if k.is_real() { find_program(name, env, mode).unwrap_or_default() } else { name.into() };
    let goal = format!("convertirse en el programa del contenedor: {}", shown(name, hidden));
    k.step(goal, Execve { path: path.clone(), argv, env, hidden }).map(drop).map_err(|error| {
        let root = OpenDir("/".into()).run().ok();
        explain_exec(error, root.as_ref(), &plan.cwd, name, &path)
    })
}
// ANCHOR_END: exec

/// Por qué no se pudo ejecutar lo que hay en esa ruta de una raíz, vacía si no se encontró: el errno solo no
/// distingue «no existe» de «le falta el cargador».
pub fn explain_exec(error: StepError, root: Option<&Place>, cwd: &str, name: &str, path: &Path) -> StepError {
    let searched = path.as_os_str().is_empty();
    let shown = if searched { name.into() } else { path.to_string_lossy() };
    let inside = Path::new(cwd).join(path).to_string_lossy().into_owned();
    let found = root.and_then(|root| root.stat(&inside).ok()).filter(|_| !searched);
    match error.errno() {
        Errno::ENOENT | Errno::ENOTDIR if found.is_none() => error
            .exit_code(exit::NOT_FOUND)
            .hint(format!("`{shown}` no está en la imagen: mira si está bien escrito, y si la imagen trae ese programa")),
        Errno::ENOENT => {
            let head = root.and_then(|root| root.read(&inside, HEAD).ok()).unwrap_or_default();
            let loader = interpreter(&head).unwrap_or_else(|| "su intérprete".into());
            error.exit_code(exit::NOT_FOUND).hint(format!(
                "`{shown}` existe, pero necesita `{loader}`, que no está en la imagen: usa un programa \
                 estático o añade el intérprete y sus bibliotecas a la imagen"
            ))
        }
        Errno::EACCES => {
            let hint = match found.map(|found| found.st_mode) {
                Some(mode) if mode & libc::S_IFMT == libc::S_IFDIR => format!("`{shown}` es un directorio"),
                Some(mode) if mode & 0o111 == 0 => {
                    format!("`{shown}` no tiene permiso de ejecución: en la imagen le falta `chmod +x`")
                }
                _ => format!("el usuario del contenedor no puede ejecutar `{shown}`: revisa runAsUser y sus permisos"),
            };
            error.exit_code(exit::NOT_EXECUTABLE).hint(hint)
        }
        Errno::ENOEXEC => error.exit_code(exit::NOT_EXECUTABLE).hint(format!(
            "`{shown}` no es un ejecutable para esta máquina: si es un guion de shell, le falta la primera línea `#!/bin/sh`"
        )),
        Errno::E2BIG => error.exit_code(exit::NOT_EXECUTABLE).hint("acorta args o env: no caben en una llamada"),
        _ => error.exit_code(exit::NOT_EXECUTABLE),
    }
}

/// Lo que se lee de un ejecutable para saber qué intérprete pide.
pub const HEAD: u64 = 64 * 1024;

/// El intérprete que pide un ejecutable, por cómo empieza: el de su `#!` o el cargador dinámico de su cabecera ELF.
pub fn interpreter(head: &[u8]) -> Option<String> {
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|b| *b == b'\n').next()?;
        let text = String::from_utf8_lossy(line);
        return text.split_whitespace().next().map(String::from);
    }
    elf_interpreter(head)
}

/// El segmento PT_INTERP de un ELF de 64 bits con los bytes en el orden de esta máquina.
fn elf_interpreter(head: &[u8]) -> Option<String> {
    const PT_INTERP: u32 = 3;
    let u16_at = |at: usize| Some(u16::from_ne_bytes(head.get(at..at + 2)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_ne_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let u64_at = |at: usize| Some(u64::from_ne_bytes(head.get(at..at + 8)?.try_into().ok()?) as usize);
    if !head.starts_with(b"\x7fELF\x02") {
        return None;
    }
    let (table, size, count) = (u64_at(32)?, usize::from(u16_at(54)?), usize::from(u16_at(56)?));
    for i in 0..count {
        let entry = table.checked_add(i.checked_mul(size)?)?;
        if u32_at(entry)? == PT_INTERP {
            let (offset, length) = (u64_at(entry.checked_add(8)?)?, u64_at(entry.checked_add(32)?)?);
            let bytes = head.get(offset..offset.checked_add(length)?)?;
            return Some(String::from_utf8_lossy(bytes).trim_end_matches('\0').to_string());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn la_infraestructura_del_motor_cabe_ademas_de_lo_que_pide_el_pod() {
        let limits = Limits { memory_max: Some(32 << 20), cpu_max: Some(500), ..Default::default() };
        let wide = limits.with_room_for(Overhead { memory: 64 << 20, pids: 64 }, 2);
        assert_eq!(wide, Limits { memory_max: Some(160 << 20), ..limits.clone() });
        assert_eq!(limits.with_room_for(Overhead::default(), 5), limits);
    }

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn command_y_args_se_combinan_con_la_imagen_como_en_kubernetes() {
        let table =
            [("", "", "ep c1 c2"), ("cmd", "", "cmd"), ("", "a1 a2", "ep a1 a2"), ("cmd", "a1", "cmd a1")];
        for (command, args, expected) in table {
            assert_eq!(argv(&words("ep"), &words("c1 c2"), &words(command), &words(args)), words(expected));
        }
    }

    #[test]
    fn una_variable_se_cambia_por_su_valor_y_lo_desconocido_se_queda() {
        let value = |name: &str| (name == "A").then(|| "1".to_string());
        let table = [
            ("$(A)", "1"),
            ("x$(A)y$(A)", "x1y1"),
            ("$(B)", "$(B)"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$1"),
            ("$$$$(A)", "$$(A)"),
            ("$A", "$A"),
            ("$(A", "$(A"),
            ("fin$", "fin$"),
            ("$()", "$()"),
            ("ñ$(A)ñ", "ñ1ñ"),
        ];
        for (text, expected) in table {
            assert_eq!(expand(text, value), expected, "{text}");
        }
    }

    #[test]
    fn lo_declarado_gana_a_la_imagen_y_la_imagen_a_lo_de_fabrica() {
        let declared = [("PATH".to_string(), Word::plain("/x")), ("C".to_string(), Word::plain("3"))];
        let image = ["PATH=/img".to_string(), "D=4".into()];
        let env = environment(&image, "web", "/root", false, &declared);
        assert_eq!(env, ["PATH=/x", "HOSTNAME=web", "HOME=/root", "D=4", "C=3"]);
    }

    #[test]
    fn lo_que_lleva_un_secreto_se_ensena_sin_el() {
        let key = Word::secret("hunter2");
        let value = |name: &str| (name == "CLAVE").then_some(&key);
        let word = expand_word("--clave=$(CLAVE) $(OTRA)", value);
        assert_eq!((word.text(), word.shown()), ("--clave=hunter2 $(OTRA)", "--clave=(oculto) $(OTRA)"));
        let env = [("CLAVE".to_string(), key), ("A".to_string(), Word::plain("1"))];
        let hidden = hidden(env.iter(), &[word, Word::plain("x")]);
        assert_eq!(shown("CLAVE=hunter2", &hidden), "CLAVE=(oculto)");
        assert_eq!(shown("--clave=hunter2 $(OTRA)", &hidden), "--clave=(oculto) $(OTRA)");
        assert_eq!(shown("A=1", &hidden), "A=1");
        assert!(!format!("{hidden:?}").contains("hunter2"));
    }

    #[test]
    fn el_cargador_de_un_programa_dinamico_se_lee_de_su_cabecera() {
        let found = interpreter(&std::fs::read("/proc/self/exe").unwrap());
        assert!(found.is_none() || found.unwrap().contains("ld"), "el propio test: dinámico o estático");
        assert_eq!(elf_interpreter(b"\x7fELF\x02"), None);
        assert_eq!(elf_interpreter(&[0xff; 100]), None);
    }
}
