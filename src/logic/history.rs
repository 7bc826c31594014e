//! Los sucesos de un Pod, en orden, sin repetirse y sin crecer sin fin.
//!
//! Uno que ya estaba suma una vez y pasa al final (`x5 over 2m`). Cuando muchos se distinguen solo en
//! el mensaje (una sonda que cada vez dice otra cosa), se resumen en uno, como hace Kubernetes: si no,
//! se llevarían por delante a todos los demás.

use super::Note;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Un suceso, con las veces que se ha repetido.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodEvent {
    pub note: Note,
    pub count: u32,
    pub first: Duration,
    pub last: Duration,
}

/// Sucesos que se guardan por Pod; los más viejos se olvidan.
pub const MAX_EVENTS: usize = 100;
/// Mensajes distintos, de la misma razón y el mismo contenedor, antes de resumir…
const MAX_SIMILAR: usize = 10;
/// …si son de este tiempo a esta parte.
const SIMILAR_WITHIN: Duration = Duration::from_secs(600);
/// Bytes de un mensaje: una sonda puede contestar con una página entera.
const MAX_MESSAGE: usize = 1024;
/// Cómo empieza un resumen.
const SUMMARY: &str = "(resumen de varios parecidos): ";

// ANCHOR: record
/// Anota `note` en el instante `now`.
pub fn record(events: &mut Vec<PodEvent>, mut note: Note, now: Duration) {
    shorten(&mut note.message);
    let known = events.iter().position(|event| event.note == note);
    let similar = |event: &&PodEvent| is_similar(&event.note, &note);
    let summary = events.iter().position(|e| similar(&e) && e.note.message.starts_with(SUMMARY));
    let recent = |e: &&PodEvent| similar(e) && now.saturating_sub(e.last) <= SIMILAR_WITHIN;
    let at = match known {
        Some(at) => Some(at),
        None if summary.is_some_and(|at| recent(&&events[at])) => summary,
        None => None,
    };
    if let Some(at) = at {
        let mut event = events.remove(at);
        event.count = event.count.saturating_add(1);
        event.last = now;
        if known.is_none() {
            event.note.message = format!("{SUMMARY}{}", note.message);
        }
        events.push(event);
        return;
    }
    if events.iter().filter(recent).count() >= MAX_SIMILAR {
        note.message.insert_str(0, SUMMARY);
    }
    if events.len() >= MAX_EVENTS {
        events.remove(0);
    }
    events.push(PodEvent { note, count: 1, first: now, last: now });
}
// ANCHOR_END: record

/// ¿Solo cambia el mensaje?
fn is_similar(a: &Note, b: &Note) -> bool {
    (a.warning, &a.reason, &a.container) == (b.warning, &b.reason, &b.container)
}

/// Corta sin partir una letra.
fn shorten(text: &mut String) {
    if text.len() > MAX_MESSAGE {
        let cut = (0..=MAX_MESSAGE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(reason: &str, message: &str) -> Note {
        Note { warning: true, reason: reason.into(), container: Some("c".into()), message: message.into() }
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn un_suceso_repetido_suma_y_pasa_al_final() {
        let mut events = Vec::new();
        for (at, reason) in [(1, "Pulled"), (1, "Created"), (9, "Pulled"), (12, "Pulled")] {
            record(&mut events, note(reason, ""), s(at));
        }
        let shown: Vec<_> =
            events.iter().map(|e| (e.note.reason.as_str(), e.count, e.first, e.last)).collect();
        assert_eq!(shown, [("Created", 1, s(1), s(1)), ("Pulled", 3, s(1), s(12))]);
    }

    #[test]
    fn muchos_que_solo_cambian_en_el_mensaje_se_resumen_y_no_borran_a_los_demas() {
        let mut events = Vec::new();
        record(&mut events, note("Scheduled", ""), s(0));
        for i in 0..1000 {
            record(&mut events, note("Unhealthy", &format!("intento {i}")), s(i));
        }
        assert_eq!(events[0].note.reason, "Scheduled");
        assert_eq!(events.len(), 1 + MAX_SIMILAR + 1);
        let last = events.last().unwrap();
        assert_eq!(last.note.message, format!("{SUMMARY}intento 999"));
        assert_eq!((last.count, last.first, last.last), (990, s(10), s(999)));
        // el que vuelve igual sigue contando por su lado
        record(&mut events, note("Unhealthy", "intento 3"), s(1000));
        assert_eq!(events.last().unwrap().count, 2);
    }

    #[test]
    fn pasado_un_tiempo_sin_parecidos_se_vuelve_a_contar_de_uno_en_uno() {
        let mut events = Vec::new();
        for i in 0..20 {
            record(&mut events, note("Unhealthy", &format!("{i}")), s(i));
        }
        record(&mut events, note("Unhealthy", "otro"), s(700));
        assert_eq!(events.last().unwrap().note.message, "otro");
    }

    #[test]
    fn la_memoria_de_los_sucesos_tiene_tope() {
        let mut events = Vec::new();
        for i in 0..500 {
            record(&mut events, note(&format!("Razon{i}"), &"ñ".repeat(4000)), s(i));
        }
        assert_eq!(events.len(), MAX_EVENTS);
        assert!(events.iter().all(|e| e.note.message.len() <= MAX_MESSAGE + '…'.len_utf8()));
        assert_eq!(events[0].note.reason, "Razon400");
    }
}
