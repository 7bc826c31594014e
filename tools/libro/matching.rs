//! ¿Es esta salida la que dice la página?
//!
//! `…` solo en una línea vale por cualquier número de líneas; dentro de una línea, por cualquier
//! texto. Lo que cambia cada vez (edades, direcciones) se nombra en el bloque: `varia="edad ip"`.

/// Las clases de cosas que pueden cambiar en un bloque.
#[derive(Clone, Debug, Default)]
pub struct Varying(Vec<Class>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    /// `5s`, `2m10s`
    Age,
    /// `10.244.0.7`
    Ip,
    /// cualquier entero: un inodo, un tamaño
    Number,
    /// un número de proceso: quien lee usa el suyo en los comandos que siguen
    Pid,
    /// 8-4-4-4-12
    Uid,
    /// una fecha o una hora
    Date,
}

/// Los nombres que se escriben en `varia`.
pub const CLASSES: &[&str] = &["edad", "ip", "numero", "pid", "uid", "fecha"];

impl Varying {
    pub fn read(names: &str) -> Varying {
        Varying(
            names
                .split_whitespace()
                .filter_map(|name| match name {
                    "edad" => Some(Class::Age),
                    "ip" => Some(Class::Ip),
                    "numero" => Some(Class::Number),
                    "pid" => Some(Class::Pid),
                    "uid" => Some(Class::Uid),
                    "fecha" => Some(Class::Date),
                    _ => None,
                })
                .collect(),
        )
    }

    /// La línea con lo que cambia reducido a una marca, y los espacios seguidos a uno.
    fn normal(&self, line: &str) -> String {
        if self.0.is_empty() {
            return line.trim_end().to_string();
        }
        let mut out = String::new();
        let mut word = String::new();
        // un trozo es lo que puede ser una fecha, una IP, una edad o un número
        let piece = |c: char| c.is_alphanumeric() || ".:-+".contains(c);
        for c in line.trim_end().chars().chain(['\n']) {
            if piece(c) {
                word.push(c);
                continue;
            }
            // la puntuación del final no es suya
            let core = word.trim_end_matches(['.', ':', '-', '+']);
            // el puerto que lleva detrás una dirección no cambia con ella
            let core = core.split_once(':').map_or(core, |(ip, _)| if is_ip(ip) { ip } else { core });
            out.push_str(self.class(core).unwrap_or(core));
            out.push_str(&word[core.len()..]);
            word.clear();
            if c != '\n' && !(c == ' ' && out.ends_with(' ')) {
                out.push(c);
            }
        }
        out
    }

    fn class(&self, word: &str) -> Option<&'static str> {
        self.0.iter().find_map(|class| {
            let (fits, mark) = match class {
                Class::Age => (is_age(word), "‹edad›"),
                Class::Ip => (is_ip(word), "‹ip›"),
                Class::Number => (is_number(word), "‹número›"),
                Class::Pid => (is_number(word), "‹pid›"),
                Class::Uid => (is_uid(word), "‹uid›"),
                Class::Date => (is_date(word), "‹fecha›"),
            };
            fits.then_some(mark)
        })
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

fn is_age(word: &str) -> bool {
    let mut digits = 0;
    for c in word.chars() {
        match c {
            c if c.is_ascii_digit() => digits += 1,
            's' | 'm' | 'h' | 'd' if digits > 0 => digits = 0,
            _ => return false,
        }
    }
    digits == 0 && !word.is_empty()
}

fn is_ip(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    parts.len() == 4 && parts.iter().all(|p| p.parse::<u8>().is_ok())
}

fn is_uid(word: &str) -> bool {
    let sizes: Vec<usize> = word.split('-').map(str::len).collect();
    sizes == [8, 4, 4, 4, 12] && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

fn is_date(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let marks = word.bytes().filter(|b| b"-:".contains(b)).count();
    digits >= 4 && marks >= 2 && word.bytes().all(|b| b.is_ascii_digit() || b"-:.+TZ".contains(&b))
}

/// Las direcciones y los pids de la página, y los que han salido en su lugar: quien lee escribe los
/// suyos en los comandos que siguen, y aquí se hace lo mismo.
pub fn learn(wanted: &[&str], seen: &[&str], varying: &Varying) -> Vec<(String, String)> {
    let learnable =
        Varying(varying.0.iter().copied().filter(|c| matches!(c, Class::Ip | Class::Pid)).collect());
    let mut learnt = Vec::new();
    for (wanted, seen) in wanted.iter().zip(seen) {
        for (theirs, ours) in pieces(wanted).zip(pieces(seen)) {
            if theirs != ours
                && learnable.class(theirs).is_some()
                && learnable.class(ours) == learnable.class(theirs)
            {
                learnt.push((theirs.to_string(), ours.to_string()));
            }
        }
    }
    learnt
}

/// Un comando de la página, con lo aprendido en su sitio.
pub fn apply(text: &str, learnt: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(piece) = pieces(rest).next() {
        let at = piece.as_ptr() as usize - rest.as_ptr() as usize;
        out.push_str(&rest[..at]);
        out.push_str(learnt.iter().rfind(|(theirs, _)| theirs == piece).map_or(piece, |(_, ours)| ours));
        rest = &rest[at + piece.len()..];
    }
    out + rest
}

fn pieces(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && !".-".contains(c))
        .map(|p| p.trim_matches(['.', '-']))
        .filter(|p| !p.is_empty())
}

/// ¿Casa `seen` con lo que se esperaba?
pub fn matches(wanted: &[&str], seen: &[&str], varying: &Varying) -> bool {
    let seen = trimmed(seen);
    match_lines(trimmed(wanted), seen, varying)
}

/// Sin las líneas vacías del final.
fn trimmed<'a, 'b>(lines: &'b [&'a str]) -> &'b [&'a str] {
    let end = lines.iter().rposition(|l| !l.trim().is_empty()).map_or(0, |i| i + 1);
    &lines[..end]
}

fn match_lines(wanted: &[&str], seen: &[&str], varying: &Varying) -> bool {
    match wanted.split_first() {
        None => seen.is_empty(),
        Some((line, rest)) if line.trim() == "…" => {
            (0..=seen.len()).any(|skip| match_lines(rest, &seen[skip..], varying))
        }
        Some((line, rest)) => seen.split_first().is_some_and(|(first, others)| {
            match_line(line, first, varying) && match_lines(rest, others, varying)
        }),
    }
}

fn match_line(wanted: &str, seen: &str, varying: &Varying) -> bool {
    let (wanted, seen) = (varying.normal(wanted), varying.normal(seen));
    let mut parts = wanted.split('…');
    let Some(mut rest) = parts.next().and_then(|first| seen.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// La salida nueva, con las líneas con `…` que aún casan con alguna de ellas.
pub fn keep_wildcards(wanted: &[&str], seen: &[&str], varying: &Varying) -> Vec<String> {
    let mut old = wanted.iter().filter(|l| l.contains('…') && l.trim() != "…").peekable();
    seen.iter()
        .map(|line| match old.next_if(|wanted| match_line(wanted, line, varying)) {
            Some(kept) => kept.to_string(),
            None => line.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(wanted: &str, seen: &str, varying: &str) -> bool {
        let (wanted, seen): (Vec<&str>, Vec<&str>) = (wanted.lines().collect(), seen.lines().collect());
        matches(&wanted, &seen, &Varying::read(varying))
    }

    #[test]
    fn los_puntos_suspensivos_valen_por_texto_o_por_lineas() {
        assert!(same("a\n…\nz", "a\nb\nc\nz", ""));
        assert!(same("a\n…\nz", "a\nz", ""));
        assert!(same("pid … listo", "pid 12 listo", ""));
        assert!(!same("a\n…\nz", "a\nb", ""));
        assert!(!same("pid … listo", "pid 12 lista", ""));
    }

    #[test]
    fn sin_comodines_tiene_que_ser_igual() {
        assert!(same("a", "a  \n\n", ""));
        assert!(!same("web 2s", "web 3s", ""));
        assert!(!same("a", "a\nb", ""));
        assert!(!same("a\nb", "a", ""));
    }

    #[test]
    fn lo_que_varia_se_nombra_y_lo_demas_sigue_contando() {
        assert!(same("web  1/1  2s  10.244.0.2", "web  1/1  119s   10.244.0.17", "edad ip"));
        assert!(!same("web  1/1  2s", "web  0/1  3s", "edad"));
        assert!(same("net:[4026532250]", "net:[4026531840]", "numero"));
        assert!(!same("net:[4026532250]", "mnt:[4026531840]", "numero"));
        assert!(same("a 2026-11-23T10:00:00Z b", "a 2026-12-01T09:10:11.5Z b", "fecha"));
        assert!(same("10.244.0.2.", "10.244.0.9.", "ip"));
        assert!(!same("10.244.0.2", "10.244.0.9", "edad"));
        assert!(same("10.244.0.2:53", "10.244.0.9:53", "ip"));
        assert!(!same("10.244.0.2:53", "10.244.0.2:80", "ip"));
    }

    #[test]
    fn quien_lee_usa_su_direccion_y_su_pid_en_lo_que_sigue() {
        let varying = Varying::read("ip pid edad");
        let learnt = learn(&["web 2s 10.244.0.2 pid 36"], &["web 3s 10.244.0.9 pid 412"], &varying);
        assert_eq!(
            apply("curl http://10.244.0.2:80/ 10.244.0.22", &learnt),
            "curl http://10.244.0.9:80/ 10.244.0.22"
        );
        assert_eq!(apply("sudo kill -9 36", &learnt), "sudo kill -9 412");
        assert_eq!(apply("sleep 2s", &learnt), "sleep 2s");
    }

    #[test]
    fn al_actualizar_se_conservan_las_lineas_con_comodines_que_casan() {
        let kept = keep_wildcards(&["uid …", "viejo"], &["uid 7f", "nuevo"], &Varying::default());
        assert_eq!(kept, ["uid …", "nuevo"]);
    }
}
