//! `metrics.k8s.io`: lo que gasta cada contenedor, para `kubectl top`.
//!
//! La CPU es lo gastado entre dos lecturas: la respuesta espera a la segunda, y no hace esperar a nadie
//! más.

use super::answer::Problem;
use super::store::{Store, Stored};
use crate::usage::Sample;
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

/// Lo que pasa entre las dos lecturas.
const WINDOW: Duration = Duration::from_secs(1);

/// Unos Pods a medio medir.
pub struct Measure {
    /// De cada uno, su primera lectura.
    before: Vec<(Rc<Stored>, Sample)>,
    pub ready: Instant,
    /// Se pidió uno por su nombre.
    single: bool,
}

impl Measure {
    pub fn new(pods: Vec<Rc<Stored>>, single: bool) -> Result<Measure, Problem> {
        let runs = |pod: &Rc<Stored>| pod.seen.as_ref().is_some_and(|seen| seen.supervised);
        let sampled =
            |pod: Rc<Stored>| pod.seen.as_ref().map(Sample::take).map(|sample| (pod.clone(), sample));
        let names: Vec<String> = pods.iter().map(|pod| pod.name.clone()).collect();
        let before: Vec<_> = pods.into_iter().filter(runs).filter_map(sampled).collect();
        if single && before.is_empty() {
            return Err(Problem::not_found("podmetrics.metrics.k8s.io", &names.concat()));
        }
        Ok(Measure { before, ready: Instant::now() + WINDOW, single })
    }

    /// La segunda lectura. Quien ha acabado entre medias ya no gasta nada, y no sale.
    pub fn finish(&self, store: &Store) -> Value {
        let items: Vec<Value> =
            self.before.iter().filter_map(|(pod, before)| measured(store, pod, before)).collect();
        match (self.single, items.as_slice()) {
            (true, [one]) => one.clone(),
            _ => json!({"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {},
                        "items": items}),
        }
    }
}

fn measured(store: &Store, pod: &Stored, before: &Sample) -> Option<Value> {
    let current = store.get(pod.resource, &pod.namespace, &pod.name).filter(|now| now.uid == pod.uid)?;
    let seen = current.seen.as_ref().filter(|seen| seen.supervised)?;
    let now = Sample::take(seen);
    let containers = now.containers.iter().map(|(name, usage)| {
        let memory = usage.memory.map_or(0, |memory| memory.used / 1024);
        json!({"name": name, "usage": {"cpu": format!("{}m", now.millis_since(before, name)),
                                       "memory": format!("{memory}Ki")}})
    });
    let stamp = crate::logs::timestamp(SystemTime::now());
    let stamp = stamp.split_once('.').map_or(stamp.clone(), |(seconds, _)| format!("{seconds}Z"));
    let window = now.at.saturating_duration_since(before.at).as_millis();
    Some(json!({
        "kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {"name": pod.name, "namespace": pod.namespace, "creationTimestamp": stamp,
                     "labels": seen.record.pod.metadata.labels},
        "timestamp": stamp, "window": format!("{window}ms"), "containers": containers.collect::<Vec<_>>(),
    }))
}
