//! Capítulo 16 · Las últimas palabras: lo que un contenedor dejó dicho sobre su muerte.

use crate::logic::Exit;
use crate::logs;
use crate::spec::types::TerminationMessagePolicy;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Lo que se guarda de su fichero: lo último, porque es lo que más cerca está de la muerte.
const MAX_FILE: usize = 4096;
/// Y de sus logs, si no dejó nada en él.
const MAX_LOG: usize = 2048;
const MAX_LOG_LINES: usize = 80;
/// Entre todos los contenedores del Pod, como mucho.
const MAX_POD: usize = 12 * 1024;

// ANCHOR: last_words
/// El mensaje de terminación de una vida que acabó así, en un Pod de `containers` contenedores.
pub fn last_words(
    file: &Path,
    (log_dir, life): (&Path, u32),
    policy: TerminationMessagePolicy,
    exit: Exit,
    containers: usize,
) -> String {
    let said = end_of(file, MAX_FILE);
    let said = match policy {
        TerminationMessagePolicy::FallbackToLogsOnError if said.is_empty() && exit.code() != 0 => {
            logs::tail(log_dir, life, MAX_LOG_LINES, MAX_LOG)
        }
        TerminationMessagePolicy::File | TerminationMessagePolicy::FallbackToLogsOnError => said,
    };
    let share = MAX_POD / containers.max(1);
    String::from_utf8_lossy(&said[..said.len().min(share)]).into_owned()
}
// ANCHOR_END: last_words

/// Los últimos `max` bytes de un fichero; nada, si no se puede leer. Puede ser enorme: no se lee entero.
fn end_of(path: &Path, max: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(mut file) = File::open(path) else { return bytes };
    let length = file.metadata().map_or(0, |m| m.len());
    let read = file
        .seek(SeekFrom::Start(length.saturating_sub(max as u64)))
        .and_then(|_| file.take(max as u64).read_to_end(&mut bytes));
    if let Err(error) = read {
        log::warn!("{}: {error}", path.display());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::{LogWriter, Stream};
    use TerminationMessagePolicy::{FallbackToLogsOnError, File as FILE};
    use std::time::UNIX_EPOCH;

    /// El mensaje de un contenedor que dejó eso en su fichero y escribió eso otro.
    fn said(
        test: &str,
        file: &str,
        log: &str,
        policy: TerminationMessagePolicy,
        code: i32,
        n: usize,
    ) -> String {
        let dir = std::env::temp_dir().join(format!("micropod-palabras-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("fichero"), file).unwrap();
        let mut logs = LogWriter::open(&dir, 0);
        logs.write(Stream::Stdout, log.as_bytes(), UNIX_EPOCH);
        logs.finish(UNIX_EPOCH);
        let words = last_words(&dir.join("fichero"), (&dir, 0), policy, Exit::Code(code), n);
        std::fs::remove_dir_all(dir).unwrap();
        words
    }

    #[test]
    fn del_fichero_vale_lo_ultimo_haya_ido_bien_o_mal() {
        for code in [0, 1] {
            assert_eq!(said("corto", "adiós\n", "log\n", FILE, code, 1), "adiós\n");
        }
        let long = format!("{}fin", "x".repeat(5000));
        let kept = said("largo", &long, "", FILE, 0, 1);
        assert_eq!((kept.len(), &kept[kept.len() - 4..]), (MAX_FILE, "xfin"));
        assert_eq!(last_words(Path::new("/no/hay"), (Path::new("/"), 0), FILE, Exit::Code(1), 1), "");
    }

    #[test]
    fn los_logs_valen_solo_si_se_pide_si_fallo_y_si_no_dejo_nada() {
        let table = [
            (FallbackToLogsOnError, "", 1, "uno\ndos\n"),
            (FallbackToLogsOnError, "", 0, ""),
            (FallbackToLogsOnError, "algo", 1, "algo"),
            (FILE, "", 1, ""),
        ];
        for (i, (policy, file, code, expected)) in table.into_iter().enumerate() {
            assert_eq!(said(&format!("politica{i}"), file, "uno\ndos\n", policy, code, 1), expected, "{i}");
        }
        let killed =
            last_words(Path::new("/no/hay"), (Path::new("/"), 0), FallbackToLogsOnError, Exit::Signal(9), 1);
        assert_eq!(killed, "", "y si tampoco hay logs, nada");
    }

    #[test]
    fn de_los_logs_se_guardan_ochenta_lineas_y_dos_kib() {
        let lines: String = (0..200).map(|i| format!("{i}\n")).collect();
        let kept = said("lineas", "", &lines, FallbackToLogsOnError, 1, 1);
        assert_eq!((kept.lines().count(), kept.lines().next()), (80, Some("120")));
        let wide: String = (0..50).map(|i| format!("{i}{}\n", "x".repeat(100))).collect();
        let kept = said("anchas", "", &wide, FallbackToLogsOnError, 1, 1);
        assert_eq!(kept.len(), MAX_LOG);
        assert!(kept.ends_with(&format!("49{}\n", "x".repeat(100))));
    }

    #[test]
    fn entre_todos_los_contenedores_del_pod_no_pasan_de_doce_kib() {
        let long = "x".repeat(5000);
        for (n, expected) in [(1, 4096), (3, 4096), (4, 3072), (64, 192)] {
            assert_eq!(said(&format!("pod{n}"), &long, "", FILE, 0, n).len(), expected, "{n} contenedores");
        }
    }
}
