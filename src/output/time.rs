//! Horas: de RFC 3339 a segundos, y de ahí a lo que se imprime.

use crate::cli::age;
use crate::logs::Civil;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// El momento en que se mira, y la hora local de quien mira.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub at: SystemTime,
    /// Segundos que lleva de más la hora local respecto a UTC en ese instante.
    pub zone: fn(i64) -> i64,
}

impl Now {
    /// Ahora mismo, con la hora local de esta máquina.
    pub fn here() -> Now {
        Now { at: SystemTime::now(), zone: crate::kernel::sys::local_offset }
    }

    /// Lo que hace de `stamp` (RFC 3339), como lo dice kubectl.
    pub fn since(&self, stamp: Option<&str>) -> String {
        stamp.and_then(parse).map_or_else(|| "<unknown>".into(), |then| self.seconds_since(then))
    }

    /// Lo que lleva acabando lo que ha de haberse ido en `deleted` (RFC 3339), tras `grace` segundos de plazo.
    /// Hasta entonces esa fecha no ha llegado, y kubectl escribe `<invalid>`, que no dice nada.
    pub fn leaving_since(&self, deleted: &str, grace: i64) -> String {
        match (self.since(Some(deleted)), parse(deleted)) {
            (invalid, Some(deleted)) if invalid == "<invalid>" => self.seconds_since(deleted - grace),
            (lasts, _) => lasts,
        }
    }

    fn seconds_since(&self, then: i64) -> String {
        let now = self.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
        // Go corta los decimales hacia el cero
        let seconds = (now - then * 1000) / 1000;
        match seconds {
            ..-1 => "<invalid>".into(),
            -1 => "0s".into(),
            0.. => age::human(Duration::from_secs(seconds as u64)),
        }
    }

    /// `Mon, 23 Nov 2026 16:10:00 +0100`: la hora local.
    pub fn date(&self, stamp: Option<&str>) -> String {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        // la hora cero de Go
        let Some(at) = stamp.and_then(parse) else { return "Mon, 01 Jan 0001 00:00:00 +0000".into() };
        let offset = (self.zone)(at);
        let civil = Civil::from_unix((at + offset).max(0) as u64);
        let (day, month) = (DAYS[(civil.days % 7) as usize], MONTHS[(civil.month as usize - 1) % 12]);
        let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
        let zone = format!("{sign}{:02}{:02}", minutes / 60, minutes % 60);
        format!("{day}, {:02} {month} {} {} {zone}", civil.day, civil.year, civil.time())
    }
}

/// Segundos desde 1970 de `2026-11-23T16:10:03Z`, con o sin decimales y con cualquier zona.
pub fn parse(stamp: &str) -> Option<i64> {
    let (date, time) = stamp.split_once(['T', 't'])?;
    let mut date = date.split('-').map(|n| n.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let clock_end = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at(clock_end);
    let mut clock = clock.split('.').next()?.split(':').map(|n| n.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let offset = match zone {
        "Z" | "z" => 0,
        zone => {
            let (h, m) = zone[1..].split_once(':')?;
            let seconds = h.parse::<i64>().ok()? * 3600 + m.parse::<i64>().ok()? * 60;
            if zone.starts_with('-') { -seconds } else { seconds }
        }
    };
    Some(days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset)
}

/// Días desde 1970: el año empieza en marzo, para que el día bisiesto sea el último.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now { at: UNIX_EPOCH + Duration::from_secs(seconds), zone: |_| 3600 }
    }

    #[test]
    fn una_hora_escrita_se_lee_de_vuelta() {
        for seconds in [0, 951_782_400, 1_795_450_203, 4_102_444_799_u64] {
            let text = crate::logs::timestamp(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(parse(&text), Some(seconds as i64), "{text}");
        }
        assert_eq!(parse("2026-11-23T17:10:03+01:00"), Some(1_795_450_203));
        assert_eq!(parse("2026-11-23T12:40:03.25-03:30"), Some(1_795_450_203));
        for bad in ["", "ayer", "2026-11-23", "2026-13-01T00:00:00Z", "2026-11-23T25:00:00Z"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn una_fecha_se_dice_en_la_hora_local() {
        let stamp = Some("2026-11-23T23:30:00Z");
        assert_eq!(at(0).date(stamp), "Tue, 24 Nov 2026 00:30:00 +0100");
        let now = Now { zone: |_| -12_600, ..at(0) };
        assert_eq!(now.date(stamp), "Mon, 23 Nov 2026 20:00:00 -0330");
    }

    #[test]
    fn lo_que_aun_no_ha_pasado_es_invalido_salvo_por_un_segundo() {
        let stamp = |s: u64| crate::logs::timestamp(UNIX_EPOCH + Duration::from_secs(s));
        for (then, expected) in [(1000, "0s"), (1001, "0s"), (1002, "<invalid>"), (881, "119s"), (880, "2m")]
        {
            assert_eq!(at(1000).since(Some(&stamp(then))), expected, "{then}");
        }
        assert_eq!(at(1000).since(None), "<unknown>");
    }

    #[test]
    fn lo_que_lleva_acabando_un_pod_se_dice_desde_que_se_pidio_y_no_como_invalido() {
        let deleted = crate::logs::timestamp(UNIX_EPOCH + Duration::from_secs(1030));
        for (now, expected) in [(1000, "0s"), (1007, "7s"), (1028, "28s"), (1090, "60s")] {
            assert_eq!(at(now).leaving_since(&deleted, 30), expected, "{now}");
        }
    }
}
