//! Los nombres de lo que crea un controlador: el suyo y cinco letras, como en Kubernetes.

use crate::error::Error;
use std::fs::File;
use std::io::Read;

/// Sin vocales ni parecidos (0 y o, 1 y l): no salen palabras ni hay que adivinar.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX: usize = 5;
/// Lo que cabe en una etiqueta de DNS: el nombre es también el de la máquina del Pod.
const MAX: usize = 63;

/// `base-x7k2p`. Si no cabe, se recorta la base.
pub fn fresh(base: &str) -> Result<String, Error> {
    let mut bytes = [0; SUFFIX];
    File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .map_err(|e| Error::failed("no se pudo leer /dev/urandom").because(e))?;
    let suffix: String = bytes.iter().map(|b| ALPHABET[*b as usize % ALPHABET.len()] as char).collect();
    Ok(join(base, &suffix))
}

/// El Job de un CronJob: su nombre y los minutos desde 1970 de la hora que tocaba. Con `@every` puede
/// tocar dos veces en un minuto: entonces son los segundos.
pub fn of_job(cron: &str, scheduled: i64) -> String {
    format!("{cron}-{}", if scheduled % 60 == 0 { scheduled / 60 } else { scheduled })
}

fn join(base: &str, suffix: &str) -> String {
    let base = &base[..base.len().min(MAX - 1 - suffix.len())];
    format!("{}-{suffix}", base.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn un_nombre_nuevo_es_la_base_y_cinco_letras_y_no_se_repite() {
        let (a, b) = (fresh("web").unwrap(), fresh("web").unwrap());
        assert_ne!(a, b);
        assert!(a.starts_with("web-") && a.len() == 9, "{a}");
        assert!(a[4..].bytes().all(|c| ALPHABET.contains(&c)), "{a}");
    }

    #[test]
    fn una_base_larga_se_recorta_y_el_nombre_cabe_en_dns() {
        let name = join(&format!("{}-x", "a".repeat(56)), "bbbbb");
        assert_eq!(name, format!("{}-bbbbb", "a".repeat(56)));
        assert_eq!(join(&"a".repeat(80), "bbbbb").len(), MAX);
    }

    #[test]
    fn el_job_de_un_cronjob_lleva_el_minuto_que_tocaba() {
        assert_eq!(of_job("copia", 1_795_601_280), "copia-29926688");
        assert_ne!(of_job("copia", 1_795_601_290), of_job("copia", 1_795_601_300));
    }
}
