//! Horarios de cron: cuándo toca, y cuándo volverá a tocar.
//!
//! Cinco campos (minuto, hora, día del mes, mes, día de la semana) o una palabra (`@daily`), como
//! los entiende Kubernetes. Si se restringen el día del mes y el de la semana, basta uno de los dos.

// ANCHOR: schedule
/// Un horario ya entendido.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Cada tantos segundos (`@every 90s`).
    Every(i64),
    /// Los minutos que casan con los cinco campos.
    Calendar(Calendar),
}

/// Cada campo es un conjunto: el bit n dice si vale el número n.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Los dos campos de día llevan algo distinto de `*`: basta con que case uno.
    either_day: bool,
}
// ANCHOR_END: schedule

const DAY: i64 = 86_400;
/// Más allá no se busca: un 29 de febrero en domingo tarda 28 años en repetirse, y 40 en torno a un
/// año secular que no es bisiesto.
const HORIZON: i64 = 41 * 366 * DAY;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// Entiende un horario; si no puede, dice por qué.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let text = text.trim();
        if let Some(word) = text.strip_prefix('@') {
            return keyword(word);
        }
        if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
            return Err("la zona horaria no se pone en el horario: vale la de esta máquina".into());
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!(
                "tiene {} campos y son cinco: minuto, hora, día del mes, mes y día de la semana",
                fields.len()
            ));
        };
        let schedule = Calendar {
            minutes: set("el minuto", minute, 0, 59, &[])?,
            hours: set("la hora", hour, 0, 23, &[])?,
            days: set("el día del mes", day, 1, 31, &[])?,
            months: set("el mes", month, 1, 12, &MONTHS)?,
            // el 7 también es domingo
            weekdays: sunday_twice(set("el día de la semana", weekday, 0, 7, &WEEKDAYS)?),
            either_day: ![day, weekday].iter().any(|f| f.starts_with(['*', '?'])),
        };
        let schedule = Schedule::Calendar(schedule);
        match schedule.next(0, |_| 0) {
            Some(_) => Ok(schedule),
            None => Err("ningún día del calendario lo cumple".into()),
        }
    }

    // ANCHOR: next
    /// La primera vez que toca después de `after`, en segundos desde 1970. `offset` dice cuántos
    /// segundos va la hora local por delante de UTC en un instante.
    pub fn next(&self, after: i64, offset: impl Fn(i64) -> i64) -> Option<i64> {
        let calendar = match self {
            Schedule::Every(seconds) => return Some(after + seconds),
            Schedule::Calendar(calendar) => calendar,
        };
        let mut at = after - after.rem_euclid(60) + 60;
        while at - after < HORIZON {
            let local = at + offset(at);
            let (hour, minute) = (local.rem_euclid(DAY) / 3600, local.rem_euclid(3600) / 60);
            if !calendar.has_day(local.div_euclid(DAY)) {
                at += DAY - local.rem_euclid(DAY);
            } else if !has(calendar.hours, hour) {
                at += 3600 - local.rem_euclid(3600);
            } else if !has(calendar.minutes, minute) {
                at += 60;
            } else {
                return Some(at);
            }
        }
        None
    }
    // ANCHOR_END: next
}

impl Calendar {
    /// ¿Vale ese día, contado desde 1970?
    fn has_day(&self, days: i64) -> bool {
        let civil = crate::logs::Civil::from_unix(u64::try_from(days * DAY).unwrap_or(0));
        // el 1 de enero de 1970 fue jueves
        let weekday = has(self.weekdays, (days + 4).rem_euclid(7));
        let day = has(self.days, civil.day as i64);
        let right = if self.either_day { weekday || day } else { weekday && day };
        right && has(self.months, civil.month as i64)
    }
}

fn has(set: u64, number: i64) -> bool {
    set >> number & 1 == 1
}

fn sunday_twice(set: u64) -> u64 {
    (set & 0x7f) | (set >> 7 & 1)
}

fn keyword(word: &str) -> Result<Schedule, String> {
    let fields = match word {
        "yearly" | "annually" => "0 0 1 1 *",
        "monthly" => "0 0 1 * *",
        "weekly" => "0 0 * * 0",
        "daily" | "midnight" => "0 0 * * *",
        "hourly" => "0 * * * *",
        other => {
            let every = other.strip_prefix("every ").map(str::trim);
            let seconds = every.and_then(|text| crate::cli::duration(text).ok()).map(|d| d.as_secs() as i64);
            return match seconds {
                Some(seconds) if seconds > 0 => Ok(Schedule::Every(seconds)),
                Some(_) => Err("`@every` pide al menos un segundo: `@every 30s`".into()),
                None => Err(format!(
                    "no se conoce `@{other}`: son @hourly, @daily, @weekly, @monthly, @yearly y @every 30s"
                )),
            };
        }
    };
    Schedule::parse(fields)
}

/// El conjunto que describe un campo: `*`, `5`, `1-5`, `*/15`, `1-30/10`, `mon,wed`.
fn set(what: &str, field: &str, min: i64, max: i64, names: &[&str]) -> Result<u64, String> {
    let mut bits = 0;
    for part in field.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let step = match step {
            None => 1,
            Some(text) => match text.parse::<i64>() {
                Ok(step) if step > 0 => step,
                _ => return Err(format!("en {what}, `/{text}` no es un paso: detrás de `/` va un número")),
            },
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (min, if max == 7 { 6 } else { max }),
            Some((from, to)) => (number(what, from, min, max, names)?, number(what, to, min, max, names)?),
            None => {
                let from = number(what, range, min, max, names)?;
                // `5/15` es «desde el 5, cada 15»
                (from, if part.contains('/') { max } else { from })
            }
        };
        if from > to {
            return Err(format!("en {what}, `{range}` va de más a menos"));
        }
        bits |= (from..=to).step_by(step as usize).fold(0, |bits, n| bits | 1 << n);
    }
    Ok(bits)
}

fn number(what: &str, text: &str, min: i64, max: i64, names: &[&str]) -> Result<i64, String> {
    if let Some(i) = names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(i as i64 + min);
    }
    match text.parse::<i64>() {
        Ok(n) if (min..=max).contains(&n) => Ok(n),
        Ok(n) => Err(format!("en {what}, {n} se sale: va de {min} a {max}")),
        Err(_) => Err(format!("en {what}, `{text}` no es un número")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Miércoles, 25 de noviembre de 2026, a las 10:07:30 UTC.
    const NOW: i64 = 1_795_601_250;

    fn next(text: &str) -> i64 {
        Schedule::parse(text).unwrap().next(NOW, |_| 0).unwrap()
    }

    /// Segundos hasta la próxima vez, contados desde el minuto en curso.
    fn minutes_away(text: &str) -> i64 {
        (next(text) - (NOW - 30)) / 60
    }

    #[test]
    fn cada_campo_admite_numeros_rangos_pasos_y_listas() {
        assert_eq!(minutes_away("* * * * *"), 1);
        assert_eq!(minutes_away("*/5 * * * *"), 3);
        assert_eq!(minutes_away("7 * * * *"), 60, "la de ahora ya ha pasado");
        assert_eq!(minutes_away("0,30 * * * *"), 23);
        assert_eq!(minutes_away("10-20/5 * * * *"), 3);
        assert_eq!(minutes_away("5/15 * * * *"), 13);
        assert_eq!(minutes_away("0 12 * * *"), 113);
        assert_eq!(minutes_away("0 9 * * *"), 23 * 60 - 7);
    }

    #[test]
    fn los_dias_se_dicen_por_numero_o_por_nombre_y_el_7_es_domingo() {
        let day = 24 * 60;
        assert_eq!(minutes_away("7 10 * * thu"), day);
        assert_eq!(minutes_away("7 10 * * 7"), 4 * day);
        assert_eq!(next("7 10 * * 0"), next("7 10 * * SUN"));
        assert_eq!(minutes_away("7 10 26 nov *"), day);
    }

    #[test]
    fn con_dia_del_mes_y_de_la_semana_basta_uno() {
        assert_eq!(minutes_away("7 10 27 * thu"), 24 * 60, "el jueves 26 llega antes que el día 27");
        assert_eq!(minutes_away("7 10 27 * *"), 2 * 24 * 60);
    }

    #[test]
    fn el_29_de_febrero_espera_al_bisiesto_y_el_30_no_llega_nunca() {
        let civil = crate::logs::Civil::from_unix(next("0 0 29 2 *") as u64);
        assert_eq!((civil.year, civil.month, civil.day), (2028, 2, 29));
        assert!(Schedule::parse("0 0 30 2 *").unwrap_err().contains("ningún día"));
    }

    #[test]
    fn las_palabras_con_arroba_valen_lo_que_dicen() {
        assert_eq!(minutes_away("@hourly"), 53);
        assert_eq!(next("@daily"), next("0 0 * * *"));
        assert_eq!(next("@every 90s"), NOW + 90);
    }

    #[test]
    fn la_hora_es_la_local() {
        let schedule = Schedule::parse("0 12 * * *").unwrap();
        // una hora por delante de UTC: las doce de aquí son las once de allí
        assert_eq!(schedule.next(NOW, |_| 3600).unwrap() - (NOW - 30), 53 * 60);
    }

    #[test]
    fn un_horario_mal_escrito_se_explica() {
        for (text, says) in [
            ("* * * *", "cinco"),
            ("60 * * * *", "va de 0 a 59"),
            ("x * * * *", "no es un número"),
            ("*/0 * * * *", "paso"),
            ("30-10 * * * *", "de más a menos"),
            ("@siempre", "@hourly"),
            ("@every 0s", "al menos un segundo"),
            ("TZ=UTC * * * * *", "zona horaria"),
        ] {
            let error = Schedule::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
