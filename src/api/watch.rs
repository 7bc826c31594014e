//! Vigilar: lo que hay y, desde ahí, cada cambio, en una línea de JSON cada uno.
//!
//! Quien vigila no tiene cola: recuerda por qué revisión va y lee la siguiente cuando cabe. Si lee tan
//! despacio que su revisión ya se ha olvidado, se le dice (410) y se acaba.

use super::answer::Problem;
use super::http::Request;
use super::route::Resource;
use super::store::{Change, Filter, Store, Stored};
use super::table::{self, Include};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Cada cuánto se dice por qué revisión se va a quien quiere saberlo.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

pub struct Watch {
    filter: Filter,
    /// En forma de tabla, y con qué en cada fila.
    table: Option<Include>,
    /// La última revisión contada.
    at: u64,
    /// Lo que había al empezar, si se pidió.
    initial: VecDeque<Rc<Stored>>,
    /// Hay que decir cuándo se acaba lo que había.
    tells_initial_end: bool,
    headers_sent: bool,
    bookmark: Option<Instant>,
    until: Option<Instant>,
    over: bool,
}

impl Watch {
    /// Empieza en la revisión que se pida; sin ella, o con `0`, por lo que hay.
    pub fn new(
        filter: Filter,
        table: Option<Include>,
        request: &Request,
        store: &Store,
    ) -> Result<Watch, Problem> {
        let said = request.query("resourceVersion").filter(|text| !matches!(*text, "" | "0"));
        let wants_all = said.is_none() || request.asks("sendInitialEvents");
        let at = match said {
            _ if wants_all => store.revision,
            None => store.revision,
            Some(text) => text.parse().map_err(|_| {
                Problem::bad_request(format!(
                    "Invalid value: \"{}\": invalid resourceVersion",
                    crate::spec::errors::visible(text, 40)
                ))
            })?,
        };
        if at > store.revision {
            let message = format!("Too large resource version: {at}, current: {}", store.revision);
            return Err(Problem::new(504, "Timeout", message));
        }
        store.after(at)?;
        let seconds = request.query("timeoutSeconds").and_then(|text| text.parse().ok()).filter(|s| *s > 0);
        let now = Instant::now();
        Ok(Watch {
            initial: if wants_all { store.list(&filter).into() } else { VecDeque::new() },
            filter,
            table,
            at,
            tells_initial_end: request.asks("sendInitialEvents"),
            headers_sent: false,
            bookmark: request.asks("allowWatchBookmarks").then(|| now + BOOKMARK_EVERY),
            // un plazo que no cabe en el reloj es no tener plazo
            until: seconds.and_then(|seconds| now.checked_add(Duration::from_secs(seconds))),
            over: false,
        })
    }

    pub fn is_over(&self) -> bool {
        self.over || self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Cuándo hay que volver aunque no cambie nada.
    pub fn deadline(&self) -> Option<Instant> {
        self.until.into_iter().chain(self.bookmark).min()
    }

    /// La siguiente línea, si la hay.
    pub fn next(&mut self, store: &Store) -> Option<Vec<u8>> {
        if self.over {
            return None;
        }
        if let Some(one) = self.initial.pop_front() {
            return Some(self.line("ADDED", &one, one.revision));
        }
        if std::mem::take(&mut self.tells_initial_end) {
            return Some(self.mark(json!({"k8s.io/initial-events-end": "true"})));
        }
        loop {
            let change = match store.after(self.at) {
                Ok(Some(change)) => change,
                Ok(None) => break,
                Err(problem) => {
                    self.over = true;
                    return Some(line("ERROR", &problem.object()));
                }
            };
            self.at = change.revision;
            if let Some((kind, one)) = self.news(change) {
                return Some(self.line(kind, &one, change.revision));
            }
        }
        let now = Instant::now();
        let due = self.bookmark.is_some_and(|at| now >= at);
        due.then(|| {
            self.bookmark = Some(now + BOOKMARK_EVERY);
            self.mark(json!({}))
        })
    }

    /// Lo que significa un cambio para quien solo ve lo que pasa su filtro.
    fn news(&self, change: &Change) -> Option<(&'static str, Rc<Stored>)> {
        let seen = |one: &Option<Rc<Stored>>| one.clone().filter(|one| self.filter.admits(one));
        match (seen(&change.before), seen(&change.now)) {
            (None, Some(now)) => Some(("ADDED", now)),
            (Some(_), Some(now)) => Some(("MODIFIED", now)),
            (Some(before), None) => Some(("DELETED", before)),
            (None, None) => None,
        }
    }

    fn line(&mut self, kind: &str, one: &Stored, revision: u64) -> Vec<u8> {
        let resource = self.filter.resource;
        let object = match self.table {
            Some(include) => {
                let headers = !std::mem::replace(&mut self.headers_sent, true);
                table::table(resource, &[(one, revision)], revision, include, headers)
            }
            None => one.object(resource, revision),
        };
        line(kind, &object)
    }

    fn mark(&self, annotations: Value) -> Vec<u8> {
        let (kind, version) = Resource::kind(self.filter.resource);
        let mut metadata = json!({"resourceVersion": self.at.to_string(), "creationTimestamp": null});
        if annotations.as_object().is_some_and(|all| !all.is_empty()) {
            metadata["annotations"] = annotations;
        }
        line("BOOKMARK", &json!({"kind": kind, "apiVersion": version, "metadata": metadata}))
    }
}

fn line(kind: &str, object: &Value) -> Vec<u8> {
    let mut text = json!({"type": kind, "object": object}).to_string().into_bytes();
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::store::tests::{Mold, store_with};

    fn watch(store: &Store, query: &[(&str, &str)], fields: &str) -> Result<Watch, Problem> {
        let query = query.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let filter = Filter::new(Resource::Pods, None, "", fields).unwrap();
        Watch::new(filter, None, &Request { query, ..Request::default() }, store)
    }

    fn heard(watch: &mut Watch, store: &Store) -> Vec<String> {
        std::iter::from_fn(|| watch.next(store))
            .map(|bytes| {
                let value: Value = serde_json::from_slice(&bytes).unwrap();
                let name = value["object"]["metadata"]["name"].as_str().unwrap_or_default();
                format!("{} {name}", value["type"].as_str().unwrap())
            })
            .collect()
    }

    #[test]
    fn sin_revision_se_cuenta_lo_que_hay_y_luego_lo_que_cambia() {
        let mut store = store_with(&["a", "b"]);
        let mut watch = watch(&store, &[], "").unwrap();
        assert_eq!(heard(&mut watch, &store), ["ADDED a", "ADDED b"]);
        store.put_pod(Mold::new("a").running());
        store.put_pod(Mold::new("a").running());
        store.remove_pod("b");
        assert_eq!(heard(&mut watch, &store), ["MODIFIED a", "DELETED b"], "lo que no cambia no es noticia");
    }

    #[test]
    fn con_la_revision_de_una_lista_no_se_pierde_ni_se_repite_nada() {
        let mut store = store_with(&["a"]);
        let listed = store.revision.to_string();
        store.put_pod(Mold::new("b"));
        store.put_pod(Mold::new("a").running());
        let mut watch = watch(&store, &[("resourceVersion", &listed)], "").unwrap();
        assert_eq!(heard(&mut watch, &store), ["ADDED b", "MODIFIED a"]);
    }

    #[test]
    fn otro_pod_con_el_mismo_nombre_es_uno_que_se_va_y_otro_que_llega() {
        let mut store = store_with(&["a"]);
        let mut watch = watch(&store, &[("resourceVersion", &store.revision.to_string())], "").unwrap();
        store.put_pod(Mold::new("a").uid("otro"));
        assert_eq!(heard(&mut watch, &store), ["DELETED a", "ADDED a"]);
    }

    #[test]
    fn quien_deja_de_pasar_el_filtro_se_va_para_quien_mira() {
        let mut store = store_with(&["a"]);
        let mut watch = watch(&store, &[], "status.phase=Pending").unwrap();
        assert_eq!(heard(&mut watch, &store), ["ADDED a"]);
        store.put_pod(Mold::new("a").running());
        assert_eq!(heard(&mut watch, &store), ["DELETED a"]);
        store.put_pod(Mold::new("a"));
        assert_eq!(heard(&mut watch, &store), ["ADDED a"]);
    }

    #[test]
    fn una_revision_olvidada_o_de_otra_vez_es_demasiado_vieja() {
        let mut store = store_with(&["a"]);
        let first = store.revision;
        let mut slow = watch(&store, &[("resourceVersion", &first.to_string())], "").unwrap();
        for i in 0..400 {
            store.put_pod(Mold::new("a").running());
            store.put_pod(Mold::new("a"));
            assert_eq!(store.revision, first + 2 * (i + 1));
        }
        let why = watch(&store, &[("resourceVersion", &first.to_string())], "").err().unwrap();
        assert_eq!((why.status, why.reason), (410, "Expired"));
        // quien ya miraba y se retrasó demasiado lo oye también, y se acaba
        assert_eq!(heard(&mut slow, &store).first().unwrap(), "ERROR ");
        assert!(slow.is_over());
        assert_eq!(watch(&store, &[("resourceVersion", "7")], "").err().unwrap().status, 410);
        assert_eq!(watch(&store, &[("resourceVersion", "99999999999999")], "").err().unwrap().status, 504);
        assert_eq!(watch(&store, &[("resourceVersion", "x")], "").err().unwrap().status, 400);
    }

    #[test]
    fn quien_pide_lo_inicial_sabe_donde_acaba() {
        let store = store_with(&["a"]);
        let mut watch = watch(&store, &[("sendInitialEvents", "true"), ("resourceVersion", "")], "").unwrap();
        assert_eq!(heard(&mut watch, &store), ["ADDED a", "BOOKMARK "]);
    }
}
