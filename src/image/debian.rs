//! Capítulo 11 · Un árbol de ficheros hecho con paquetes de Debian.
//!
//! `mmdebstrap --variant=extract` descarga los paquetes y todo lo que necesitan, comprueba sus firmas
//! con las llaves de la máquina y los extrae **sin configurar**: ningún guion de instalación se
//! ejecuta. Escribe un tar en su salida, y ese tar pasa por el mismo desempaquetador que cualquier otro.
//!
//! Usa la misma versión y los mismos orígenes que la máquina: aquí no se nombra ningún servidor.

use super::import::warn_skipped;
use super::inroot::{Root, io_problem};
use super::store::Staging;
use super::unpack::{Limits, Unpacker};
use crate::error::Error;
use crate::kernel::program::{self, Program};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lo que se espera a que mmdebstrap diga algo: una red lenta no es una red muerta.
const SILENCE: Duration = Duration::from_secs(600);

/// Lo que mmdebstrap copia de la máquina o deja de su trabajo, y no es de ninguna imagen.
const LEFTOVERS: &[&str] = &[
    "etc/apt",
    "etc/fstab",
    "etc/hostname",
    "etc/resolv.conf",
    "var/cache/apt",
    "var/lib/apt",
    "var/lib/dpkg",
    "var/log/apt",
];

/// Los directorios que hoy son enlaces a su homónimo de `/usr`.
const MERGED: &[&str] = &["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Lo que se conserva de la configuración de apt de la máquina: por dónde se sale y qué se comprueba.
const APT_OPTIONS: &[&str] =
    &["Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::ForceIPv4", "Acquire::ForceIPv6"];

// ANCHOR: fill
/// Llena `root` con los paquetes y lo que necesitan.
pub(super) fn fill(
    root: &Root,
    packages: &[String],
    exclude: &[String],
    staging: &Staging,
) -> Result<(), Error> {
    let program = program("mmdebstrap")?;
    let suite = codename()?;
    let log = staging.scratch("mmdebstrap.log");
    let failed = |e| io_problem("no se pudo ejecutar mmdebstrap", e);
    let command = Program::new(&program, SILENCE)
        .map_err(failed)?
        .options(["--variant=extract", "--format=tar", "--skip=output/dev"])
        .options([format!("--include={}", packages.join(","))])
        .options(apt_options(staging)?)
        .operands([suite.as_str(), "-"])
        .operands(sources(&suite, staging)?);
    let log_file = File::create(&log).map_err(|e| io_problem("no se pudo preparar la construcción", e))?;
    let mut running = with_proxies(command).start(log_file.into()).map_err(failed)?;

    let rename = |path: &[u8]| place(path, exclude);
    let mut unpacker = Unpacker::new(root, Limits::default());
    unpacker.rename = Some(&rename);
    let unpacked = unpacker.write(&mut running, false).map(drop);
    let status = running.wait().map_err(|e| io_problem("no se pudo esperar a mmdebstrap", e))?;
    // si él falló, su motivo es el bueno: el tar cortado es la consecuencia
    if !status.success() && (unpacked.is_ok() || was_its_fault(&log)) {
        return Err(failure(&log, packages));
    }
    unpacked?;
    warn_skipped(unpacker.skipped);
    link_merged(root)
}
// ANCHOR_END: fill

/// ¿Dejó escrito un error propio?
fn was_its_fault(log: &Path) -> bool {
    fs::read_to_string(log).is_ok_and(|text| text.lines().any(|line| line.starts_with("E:")))
}

fn failure(log: &Path, packages: &[String]) -> Error {
    let text = fs::read_to_string(log).unwrap_or_default();
    let mut error =
        Error::failed(format!("mmdebstrap no pudo extraer los paquetes: {}", packages.join(", ")));
    let mut lines: Vec<&str> =
        text.lines().filter(|line| line.starts_with("E:") || line.starts_with("Err:")).collect();
    lines.dedup();
    for line in lines.into_iter().take(6) {
        error = error.because(line);
    }
    error
        .with_hint("comprueba que hay red y que `sudo apt-get update` y `apt-cache policy PAQUETE` funcionan")
}

/// Dónde va una ruta de un paquete; `None`: no va. Debian 12 aún trae `/bin` y `/lib` en sus
/// paquetes y Debian 13 ya no: con todo en `/usr` y los enlaces al final, da igual cuál sea.
fn place(path: &[u8], exclude: &[String]) -> Option<Vec<u8>> {
    let first = path.split(|byte| *byte == b'/').next().unwrap_or_default();
    let merged = MERGED.iter().any(|name| name.as_bytes() == first);
    if merged && first.len() == path.len() {
        return None; // el propio `bin`: lo pone link_merged
    }
    let path = if merged { [b"usr/", path].concat() } else { path.to_vec() };
    let unwanted = LEFTOVERS.iter().any(|p| is_below(&path, p)) || exclude.iter().any(|p| is_below(&path, p));
    (!unwanted).then_some(path)
}

/// ¿Es `path` lo que dice `pattern`, o cuelga de ello? En cada trozo cabe un `*`.
fn is_below(path: &[u8], pattern: &str) -> bool {
    let mut parts = path.split(|byte| *byte == b'/');
    pattern.trim_matches('/').split('/').all(|wanted| {
        let Some(part) = parts.next() else { return false };
        match wanted.split_once('*') {
            None => part == wanted.as_bytes(),
            Some((start, end)) => {
                part.len() >= start.len() + end.len()
                    && part.starts_with(start.as_bytes())
                    && part.ends_with(end.as_bytes())
            }
        }
    })
}

fn link_merged(root: &Root) -> Result<(), Error> {
    for name in MERGED {
        let target = format!("usr/{name}");
        // de lib32 y compañía solo hay enlace si hay algo que enlazar
        let wanted = ["bin", "sbin", "lib"].contains(name) || root.dir(target.as_bytes()).is_ok();
        if wanted {
            let made = root.make_dir(target.as_bytes()).and_then(|_| root.place(name.as_bytes()));
            made.and_then(|place| place.create_symlink(target.as_bytes()))
                .map_err(|e| io_problem(&format!("no se pudo enlazar /{name} con /{target}"), e.into()))?;
        }
    }
    Ok(())
}

/// La ruta absoluta de un programa del sistema.
pub(super) fn program(name: &str) -> Result<PathBuf, Error> {
    program::find(name).ok_or_else(|| {
        Error::failed(format!("falta el programa {name}")).with_hint(format!("sudo apt-get install {name}"))
    })
}

/// De quien llama solo se conserva por dónde se sale a la red.
fn with_proxies(program: Program) -> Program {
    let names = ["http_proxy", "https_proxy", "no_proxy"];
    let set = names.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    set.fold(program, |program, (name, value)| program.variable(name, value))
}

/// El nombre de la versión de Debian (o de Ubuntu) de esta máquina.
fn codename() -> Result<String, Error> {
    let text =
        ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| fs::read_to_string(path).ok());
    let text = text.unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let name = value.unwrap_or_default().trim_matches(['"', '\'']);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(Error::failed(
            "/etc/os-release no dice de qué versión de Debian o de Ubuntu es esta máquina",
        )
        .with_hint("construye la imagen en una máquina con Debian y tráela con `micropod image import`"));
    }
    Ok(name.to_string())
}

// ANCHOR: sources
/// Los orígenes de apt de la máquina que son de su versión, copiados en ficheros para mmdebstrap.
/// Los de terceros se quedan fuera: no hacen falta y pueden fallar.
fn sources(suite: &str, staging: &Staging) -> Result<Vec<PathBuf>, Error> {
    let mut paths = vec![PathBuf::from("/etc/apt/sources.list")];
    let dir = Path::new("/etc/apt/sources.list.d");
    let mut names = crate::state::names_in(dir);
    crate::order::sort(&mut names);
    paths.extend(names.into_iter().map(|name| dir.join(name)));
    let mut copies = Vec::new();
    for path in paths {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let kept = match path.extension().and_then(|e| e.to_str()) {
            Some("list") => {
                text.lines().filter(|line| is_own_line(line, suite)).collect::<Vec<_>>().join("\n")
            }
            Some("sources") => own_stanzas(&text, suite),
            _ => continue,
        };
        if !kept.is_empty() {
            let copy = staging.scratch(&format!("origen-{}", copies.len()));
            fs::write(&copy, kept + "\n")
                .map_err(|e| io_problem("no se pudo preparar la construcción", e))?;
            copies.push(copy);
        }
    }
    if copies.is_empty() {
        return Err(Error::failed(format!("apt no tiene en esta máquina ningún origen de «{suite}»"))
            .with_hint("mira /etc/apt/sources.list y /etc/apt/sources.list.d"));
    }
    Ok(copies)
}
// ANCHOR_END: sources

/// `deb [opciones] URI VERSIÓN COMPONENTE…`
fn is_own_line(line: &str, suite: &str) -> bool {
    let Some(rest) = line.trim().strip_prefix("deb ") else { return false };
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']').map(|(_, rest)| rest).unwrap_or_default(),
        None => rest,
    };
    let mut words = rest.split_whitespace().skip(1);
    words.next().is_some_and(|word| is_own_suite(word, suite)) && words.any(|word| word == "main")
}

/// Las estrofas de un fichero deb822 que son de la versión de la máquina.
fn own_stanzas(text: &str, suite: &str) -> String {
    // los comentarios fuera: en mitad de una estrofa confunden a quien la lee por campos
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let stanzas = lines.split(|line| line.trim().is_empty());
    let field = |stanza: &[&str], name: &str| -> Vec<String> {
        let mut values = Vec::new();
        let mut inside = false;
        for line in stanza {
            let continues = line.starts_with([' ', '\t']);
            let rest = match line.split_once(':') {
                Some((key, rest)) if !continues => {
                    inside = key.eq_ignore_ascii_case(name);
                    rest
                }
                _ => line,
            };
            if inside {
                values.extend(rest.split_whitespace().map(str::to_string));
            }
        }
        values
    };
    let own = |stanza: &&[&str]| {
        let enabled = !field(stanza, "Enabled").iter().any(|v| v.eq_ignore_ascii_case("no"));
        enabled
            && field(stanza, "Types").iter().any(|kind| kind == "deb")
            && field(stanza, "Components").iter().any(|component| component == "main")
            && field(stanza, "Suites").iter().any(|name| is_own_suite(name, suite))
    };
    stanzas.filter(own).map(|stanza| stanza.join("\n")).collect::<Vec<_>>().join("\n\n")
}

/// La versión, sus actualizaciones y sus parches de seguridad.
fn is_own_suite(name: &str, suite: &str) -> bool {
    [suite, "stable"].iter().any(|own| {
        name.strip_prefix(own).is_some_and(|rest| ["", "-updates", "-security", "/updates"].contains(&rest))
    })
}

/// Por dónde sale apt a la red en esta máquina, para que mmdebstrap salga igual.
fn apt_options(staging: &Staging) -> Result<Vec<String>, Error> {
    let failed = |e| io_problem("no se pudo ejecutar apt-config", e);
    let command = Program::new(&program("apt-config")?, SILENCE).map_err(failed)?.operands(["dump"]);
    let output = with_proxies(command).run(b"").map_err(failed)?;
    let text = String::from_utf8_lossy(&output.out);
    let kept: Vec<&str> =
        text.lines().filter(|line| APT_OPTIONS.iter().any(|prefix| line.starts_with(prefix))).collect();
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    let path = staging.scratch("apt.conf");
    fs::write(&path, kept.join("\n") + "\n")
        .map_err(|e| io_problem("no se pudo preparar la construcción", e))?;
    Ok(vec![format!("--aptopt={}", path.display())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lo_de_bin_y_lib_acaba_en_usr_y_lo_excluido_no_aparece() {
        let exclude = ["/usr/share/doc", "/usr/lib/systemd/", "/usr/lib/*/perl*"].map(str::to_string);
        let to = |path: &str| place(path.as_bytes(), &exclude).map(|p| String::from_utf8(p).unwrap());
        for (from, expected) in [
            ("bin/sh", Some("usr/bin/sh")),
            ("usr/bin/sh", Some("usr/bin/sh")),
            ("bin", None),
            ("binario", Some("binario")),
            ("usr/share/doc/x/copyright", None),
            ("usr/share/doc", None),
            ("usr/share/docbook", Some("usr/share/docbook")),
            ("lib/systemd/system", None),
            ("usr/lib/x86_64-linux-gnu/perl-base/unicore", None),
            ("usr/lib/x86_64-linux-gnu/libperl.so", Some("usr/lib/x86_64-linux-gnu/libperl.so")),
            ("usr/lib", Some("usr/lib")),
            ("etc/apt/sources.list", None),
            ("etc/hostname", None),
            ("etc/hosts", Some("etc/hosts")),
        ] {
            assert_eq!(to(from).as_deref(), expected, "{from}");
        }
    }

    #[test]
    fn de_los_origenes_solo_valen_los_de_la_version_de_la_maquina() {
        for (line, own) in [
            ("deb http://ejemplo.invalid/debian bookworm main contrib", true),
            ("deb [signed-by=/k.gpg arch=amd64] http://ejemplo.invalid/debian bookworm-security main", true),
            ("deb http://ejemplo.invalid/debian stable-updates main", true),
            ("# deb http://ejemplo.invalid/debian bookworm main", false),
            ("deb-src http://ejemplo.invalid/debian bookworm main", false),
            ("deb http://ejemplo.invalid/otro bookworm-otro main", false),
            ("deb http://ejemplo.invalid/docker bookworm stable", false),
            ("deb http://ejemplo.invalid/debian bookworm-backports main", false),
        ] {
            assert_eq!(is_own_line(line, "bookworm"), own, "{line}");
        }
        let text = "Types: deb\n# comentario\nURIs: http://ejemplo.invalid/debian\nSuites: bookworm\n bookworm-updates\nComponents: main\n\n\
                    Types: deb\nURIs: http://ejemplo.invalid/node\nSuites: nodistro\nComponents: main\n\n\
                    Enabled: no\nTypes: deb\nSuites: bookworm\nComponents: main\n";
        let own = own_stanzas(text, "bookworm");
        assert!(own.contains("bookworm-updates"), "{own}");
        assert!(
            !own.contains("nodistro") && !own.contains("Enabled") && !own.contains("comentario"),
            "{own}"
        );
    }
}
