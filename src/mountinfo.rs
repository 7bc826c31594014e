//! Los montajes que ve un proceso: `/proc/PID/mountinfo`, leído en un solo sitio.

use std::fs;
use std::io;

/// Un montaje. Van en el orden en que se hicieron: el último que tapa un sitio es el que se ve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    pub id: String,
    /// El número del sistema de ficheros, como lo escribe el kernel: «254:0».
    pub device: String,
    /// Qué directorio suyo se ve aquí.
    pub root: String,
    /// Dónde está montado.
    pub point: String,
    /// Las de este montaje: `ro`, `nosuid`…
    pub options: Vec<String>,
    /// ¿Se propaga a otros, o de otros?
    pub propagates: bool,
    pub fstype: String,
    /// Las del sistema de ficheros entero, esté montado donde esté.
    pub fs_options: Vec<String>,
}

impl Mount {
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|o| o == option)
    }

    /// Lo es el montaje, o lo es todo el sistema de ficheros.
    pub fn is_read_only(&self) -> bool {
        self.has("ro") || self.fs_options.iter().any(|o| o == "ro")
    }

    /// Lo que vale una opción del sistema de ficheros: `fs_option("lowerdir=")`.
    pub fn fs_option(&self, name: &str) -> Option<&str> {
        self.fs_options.iter().find_map(|o| o.strip_prefix(name))
    }
}

/// Los de un proceso: un número, o `self`.
///
/// # Errors
/// El de leer `/proc/PID/mountinfo`: `ENOENT` o `ESRCH` si el proceso ya no está.
pub fn of(pid: impl std::fmt::Display) -> io::Result<Vec<Mount>> {
    Ok(read(&fs::read_to_string(format!("/proc/{pid}/mountinfo"))?))
}

/// Los montajes de un texto como este (proc_pid_mountinfo(5)), y lo que no lo sea se salta:
/// `36 35 98:0 /raíz /destino ro,nodev shared:5 - ext4 /dev/sda rw`.
pub fn read(text: &str) -> Vec<Mount> {
    text.lines().filter_map(read_line).collect()
}

fn read_line(line: &str) -> Option<Mount> {
    let (own, whole) = line.split_once(" - ")?;
    let (mut own, mut whole) = (own.split(' '), whole.split(' '));
    let options = |text: &str| text.split(',').map(String::from).collect();
    Some(Mount {
        id: own.next()?.into(),
        device: own.nth(1)?.into(),
        root: unescape(own.next()?),
        point: unescape(own.next()?),
        options: options(own.next()?),
        propagates: own.any(|tag| tag.starts_with("shared:") || tag.starts_with("master:")),
        fstype: whole.next()?.into(),
        fs_options: options(whole.nth(1).unwrap_or_default()),
    })
}

/// Los espacios y otros signos de una ruta van en octal: `\040`.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..3).and_then(|octal| u8::from_str_radix(octal, 8).ok()) {
            Some(byte) => {
                out.push(byte);
                out.extend_from_slice(&part.as_bytes()[3..]);
            }
            None => {
                out.push(b'\\');
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn de_cada_linea_se_sabe_que_es_donde_esta_y_si_se_puede_escribir() {
        let text = "159 315 0:53 /tmp/casa / rw,nosuid shared:1 - overlay capa rw,lowerdir=/x\n\
                    160 159 0:60 / /fija rw - overlay capa ro,lowerdir=/x:/y\n\
                    una línea que no lo es\n\
                    161 159 8:1 /a /b ro,nodev - ext4 /dev/sda1 rw\n";
        let all = read(text);
        let shown: Vec<_> =
            all.iter().map(|m| (m.point.as_str(), m.fstype.as_str(), m.is_read_only())).collect();
        assert_eq!(shown, [("/", "overlay", false), ("/fija", "overlay", true), ("/b", "ext4", true)]);
        assert_eq!((all[0].id.as_str(), all[0].device.as_str()), ("159", "0:53"));
        assert_eq!((all[0].root.as_str(), all[2].root.as_str()), ("/tmp/casa", "/a"));
        assert!(all[0].has("nosuid") && all[0].propagates && !all[1].propagates);
        assert_eq!(all[1].fs_option("lowerdir="), Some("/x:/y"));
    }

    #[test]
    fn las_rutas_con_signos_se_leen_enteras() {
        let text = r"66 65 254:0 /x\134y /datos\040de\040ana\011fin rw - ext4 /dev/vda rw";
        let mount = &read(text)[0];
        assert_eq!((mount.root.as_str(), mount.point.as_str()), ("/x\\y", "/datos de ana\tfin"));
        assert_eq!(unescape(r"suelta\ y \9"), r"suelta\ y \9");
        assert_eq!(unescape(r"espa\303\261a"), "españa");
    }
}
