//! Las palabras del dibujo: cantidades, límites y recortes.

use crate::explain::facts::{Cgroup, Facts, Member};

/// Recorta `text` a `room` letras. Lo que se quita se quita del medio: el principio y el final de una
/// ruta o de un nombre son lo que más dice.
pub fn elide(text: &str, room: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    match room {
        _ if letters.len() <= room => text.to_string(),
        0 => String::new(),
        _ => {
            let tail = (room - 1) / 2;
            let head = room - 1 - tail;
            let start: String = letters[..head].iter().collect();
            let end: String = letters[letters.len() - tail..].iter().collect();
            format!("{start}…{end}")
        }
    }
}

/// «3,1 MiB».
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = count as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{} {}", decimal(size), UNITS[unit])
}

/// Un decimal como mucho, con coma.
fn decimal(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_string).unwrap_or_else(|| text.replace('.', ","))
}

fn value<'a>(cgroup: &'a Cgroup, file: &str) -> Option<&'a str> {
    cgroup.values.get(file).map(String::as_str)
}

/// «memoria 3,1 de 64 MiB».
pub fn memory(cgroup: &Cgroup) -> Option<String> {
    let (now, max) = (value(cgroup, "memory.current"), value(cgroup, "memory.max")?);
    let size = |text: &str| text.parse().map_or_else(|_| text.to_string(), bytes);
    let now = now.map(size).unwrap_or_else(|| "?".into());
    Some(if max == "max" { format!("memoria {now}") } else { format!("memoria {now} de {}", size(max)) })
}

/// «CPU 0,5»: cuántas puede gastar a la vez. `cpu.max` son microsegundos y periodo.
pub fn cpu(cgroup: &Cgroup) -> Option<String> {
    let (quota, period) = value(cgroup, "cpu.max")?.split_once(' ')?;
    let weight = value(cgroup, "cpu.weight").map(|w| format!("peso {w}"));
    let most = quota.parse::<f64>().ok().zip(period.parse::<f64>().ok());
    let most = most.map(|(quota, period)| format!("CPU {}", fraction(quota / period)));
    match (most, weight) {
        (Some(most), Some(weight)) => Some(format!("{most}, {weight}")),
        (None, Some(weight)) => Some(format!("CPU sin tope, {weight}")),
        (most, None) => most,
    }
}

/// Hasta tres decimales: las CPU se piden en milésimas.
fn fraction(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').replace('.', ",")
}

/// «procesos 2 de 512».
pub fn pids(cgroup: &Cgroup) -> Option<String> {
    let (now, max) = (value(cgroup, "pids.current")?, value(cgroup, "pids.max")?);
    Some(if max == "max" { format!("procesos {now}") } else { format!("procesos {now} de {max}") })
}

/// Los límites de un cgroup y lo que gasta; si no tiene controladores, se dice.
pub fn limits(cgroup: &Cgroup) -> Vec<String> {
    let all: Vec<String> = [memory(cgroup), cpu(cgroup), pids(cgroup)].into_iter().flatten().collect();
    if all.is_empty() { vec!["sin controladores".into()] } else { all }
}

/// La línea del cgroup del Pod.
pub fn pod_cgroup(cgroup: &Cgroup) -> String {
    format!("cgroup {}: {}", last_two(cgroup), limits(cgroup).join(" · "))
}

/// «micropod/dos»: las dos últimas partes de su ruta.
fn last_two(cgroup: &Cgroup) -> String {
    let parts: Vec<String> =
        cgroup.path.iter().rev().take(2).map(|p| p.to_string_lossy().into_owned()).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

/// De qué imagen sale la raíz de un contenedor.
pub fn root(member: &Member) -> Option<String> {
    let root = &member.root;
    let lower = std::path::Path::new(&root.lower);
    let image = match lower.file_name() {
        // …/images/nginx/rootfs
        Some(name) if name == "rootfs" => lower.parent()?.file_name()?.to_string_lossy().into_owned(),
        Some(_) => root.lower.clone(),
        None if root.lower == "/" => "la máquina".into(),
        None => return None,
    };
    Some(format!("raíz: {image}{}", if root.read_only { " (ro)" } else { "" }))
}

/// Los contenedores que viven y no caben en el dibujo.
pub fn left_out(facts: &Facts, drawn: usize) -> Option<String> {
    let more = match facts.containers().count() - drawn {
        0 => return None,
        1 => "un contenedor".to_string(),
        n => format!("{n} contenedores"),
    };
    Some(format!("y {more} más: todos, en `micropod describe pod`"))
}

/// Los contenedores que no viven, en líneas de `room` letras.
pub fn absent(facts: &Facts, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (name, why) in &facts.absent {
        let one = format!("{name} ({why})");
        match lines.last_mut() {
            Some(line) if line.chars().count() + one.chars().count() + 2 <= room => {
                line.push_str(&format!(", {one}"));
            }
            Some(_) => lines.push(one),
            None => lines.push(format!("sin procesos: {one}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cgroup(values: &[(&'static str, &str)]) -> Cgroup {
        Cgroup {
            path: "/sys/fs/cgroup/micropod/dos".into(),
            values: values.iter().map(|(k, v)| (*k, v.to_string())).collect(),
        }
    }

    #[test]
    fn lo_que_no_cabe_pierde_el_medio_y_nunca_pasa_de_su_sitio() {
        assert_eq!(elide("/usr/share/nginx/html", 11), "/usr/…/html");
        assert_eq!(elide("corto", 5), "corto");
        for room in 0..12 {
            assert!(elide("ñandúes y más", room).chars().count() <= room);
        }
    }

    #[test]
    fn los_limites_se_dicen_con_palabras() {
        let full = cgroup(&[
            ("memory.max", "67108864"),
            ("memory.current", "3250585"),
            ("cpu.max", "50000 100000"),
            ("cpu.weight", "20"),
            ("pids.max", "512"),
            ("pids.current", "2"),
        ]);
        assert_eq!(limits(&full), ["memoria 3,1 MiB de 64 MiB", "CPU 0,5, peso 20", "procesos 2 de 512"]);
        let free = cgroup(&[
            ("memory.max", "max"),
            ("memory.current", "1024"),
            ("cpu.max", "max 100000"),
            ("cpu.weight", "100"),
        ]);
        assert_eq!(limits(&free), ["memoria 1 KiB", "CPU sin tope, peso 100"]);
        assert_eq!(limits(&cgroup(&[])), ["sin controladores"]);
        assert!(pod_cgroup(&free).starts_with("cgroup micropod/dos: memoria"));
    }

    #[test]
    fn una_milesima_de_cpu_no_se_redondea_a_nada() {
        assert_eq!(cpu(&cgroup(&[("cpu.max", "1000 100000")])).unwrap(), "CPU 0,01");
        assert_eq!(cpu(&cgroup(&[("cpu.max", "250000 100000")])).unwrap(), "CPU 2,5");
    }
}
