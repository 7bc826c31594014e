use super::*;
use crate::logic::status::{Phase, PodStatus};
use crate::state::{Live, ProcessId, Record};
use std::path::PathBuf;

/// Un Pod de mentira.
pub struct Mold {
    seen: Seen,
}

impl Mold {
    pub fn new(name: &str) -> Mold {
        let pod = json!({"metadata": {"name": name, "labels": {"app": name}},
                         "spec": {"containers": [{"name": "c", "image": "host"}]}});
        let record = Record {
            format: crate::state::FORMAT,
            name: name.into(),
            uid: format!("uid-{name}"),
            pod: serde_json::from_value(pod).unwrap(),
            base: PathBuf::from("/"),
            born: 1_795_450_203_000,
            supervisor: ProcessId { pid: 1, start: 1 },
            cgroup: None,
            network: None,
            owner: None,
            runtime: Default::default(),
            remove: false,
            plans: Vec::new(),
        };
        let live =
            Live { status: PodStatus { phase: Phase::Pending, ..PodStatus::default() }, ..Live::default() };
        Mold { seen: Seen { record, live, supervised: true } }
    }

    pub fn running(mut self) -> Mold {
        self.seen.live.status.phase = Phase::Running;
        self
    }

    pub fn uid(mut self, uid: &str) -> Mold {
        self.seen.record.uid = uid.into();
        self
    }
}

impl Store {
    /// Como si se hubiera leído su ficha.
    pub fn put_pod(&mut self, mold: Mold) {
        let name = mold.seen.record.name.clone();
        let keys = self.replace(&name, objects(mold.seen));
        self.known.insert(name, (Sign { files: [(0, 0, 0); 2], supervised: true }, keys));
    }

    pub fn remove_pod(&mut self, name: &str) {
        self.replace(name, Vec::new());
        self.known.remove(name);
    }
}

pub fn store_with(names: &[&str]) -> Store {
    let mut store = Store::new(1000);
    for name in names {
        store.put_pod(Mold::new(name));
    }
    store
}

fn names(store: &Store, labels: &str, fields: &str) -> Vec<String> {
    let filter = Filter::new(Resource::Pods, None, labels, fields).unwrap();
    store.list(&filter).iter().map(|one| one.name.clone()).collect()
}

#[test]
fn cada_cambio_es_una_revision_y_lo_que_no_cambia_ninguna() {
    let mut store = store_with(&["a", "b"]);
    assert_eq!(store.revision, 1002);
    store.put_pod(Mold::new("a"));
    assert_eq!(store.revision, 1002, "es el mismo");
    store.put_pod(Mold::new("a").running());
    let a = store.get(Resource::Pods, "default", "a").unwrap();
    assert_eq!((store.revision, a.revision), (1003, 1003));
    assert_eq!(a.object(Resource::Pods, a.revision)["metadata"]["resourceVersion"], "1003");
    store.remove_pod("a");
    assert_eq!(store.revision, 1004);
    assert!(store.get(Resource::Pods, "default", "a").is_none());
}

#[test]
fn los_selectores_son_los_de_micropod_get() {
    let mut store = store_with(&["a", "b"]);
    store.put_pod(Mold::new("b").running());
    assert_eq!(names(&store, "", ""), ["a", "b"]);
    assert_eq!(names(&store, "app=a", ""), ["a"]);
    assert_eq!(names(&store, "", "status.phase=Running"), ["b"]);
    assert_eq!(names(&store, "", "metadata.name=a,status.phase!=Running"), ["a"]);
    let bad = Filter::new(Resource::Pods, None, "", "spec.hostname=x").err().unwrap();
    assert_eq!(bad.status, 400);
    assert!(Filter::new(Resource::Events, None, "", "involvedObject.name=a,involvedObject.kind=Pod").is_ok());
    assert!(Filter::new(Resource::Events, None, "", "status.phase=Running").is_err());
}

#[test]
fn un_suceso_conserva_su_nombre_aunque_se_repita() {
    let event = |count: u64, last: &str| {
        let event = json!({"metadata": {"name": "x"}, "involvedObject": {"uid": "u"}, "reason": "BackOff",
            "message": "m", "firstTimestamp": "2026-11-23T16:10:03Z", "lastTimestamp": last, "count": count});
        event_stored(event, Duration::from_secs(9), "web", "default")
    };
    let (once, twice) = (event(1, "2026-11-23T16:10:03Z"), event(2, "2026-11-23T16:10:09Z"));
    assert_eq!(once.name, twice.name);
    assert!(once.name.starts_with("web.0000000218711a00"), "{}", once.name);
    let new = twice.object(Resource::NewEvents, 5);
    assert_eq!((&new["note"], &new["series"]["count"]), (&json!("m"), &json!(2)));
    assert_eq!(new["series"]["lastObservedTime"], "2026-11-23T16:10:09.000000Z");
    assert_eq!(once.object(Resource::NewEvents, 5).get("series"), None);
}
