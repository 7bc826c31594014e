//! La historia de un Pod, contada: de los sucesos y las órdenes del núcleo a líneas que se leen.
//!
//! La cuentan igual un Pod simulado y uno que se reproduce: los dos son el núcleo, paso a paso.

pub mod fold;
pub mod lanes;
pub mod print;
pub mod svg;
mod words;

use crate::logic::calm::Beat;
use crate::logic::rules::Kind;
use crate::logic::status::Phase;
use crate::logic::{Action, ContainerId, Event, Glance, HookKind, Outcome, Pod, PodRules, ProbeKind, Signal};
use fold::{Item, Line, Track};
use lanes::{Lane, Look};
use std::collections::BTreeMap;
use std::time::Duration;
use words::Said;
pub use words::{probe_name, short, signal_name};

/// De quién se habla: del Pod o de un contenedor.
pub type Who = Option<ContainerId>;

/// Cada pista se pliega por su cuenta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    Life,
    Probe(ProbeKind),
    /// Las condiciones del Pod, que cambian por lo que hacen los contenedores.
    Conditions,
}

/// Las cuentas de un contenedor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    pub starts: u64,
    /// Arranques que no llegaron a ejecutar su programa.
    pub failed_starts: u64,
    pub restarts: u64,
    pub probes: u64,
    pub failed_probes: u64,
    pub ready: Duration,
    pub running: Duration,
}

/// Quien cuenta, según va viendo pasos.
pub struct Story {
    names: Vec<String>,
    kinds: Vec<Kind>,
    /// ¿Tiene sondas que hagan que «listo» signifique algo más que «corre»?
    asks: Vec<bool>,
    tracks: BTreeMap<(Who, Topic), Track>,
    order: u64,
    slack: Duration,
    began: Vec<Option<Duration>>,
    glances: Vec<Glance>,
    phase: Phase,
    ready: bool,
    lanes: Vec<Lane>,
    tallies: Vec<Tally>,
    now: Duration,
}

/// La historia entera.
pub struct Told {
    pub names: Vec<String>,
    pub kinds: Vec<Kind>,
    /// En el orden en que se leen.
    pub items: Vec<(Who, Topic, Item)>,
    /// Líneas que no se han guardado.
    pub lost: u64,
    /// La del Pod y luego las de los contenedores.
    pub lanes: Vec<Lane>,
    pub tallies: Vec<Tally>,
    pub end: Duration,
    pub phase: Phase,
    pub over: bool,
}

impl Story {
    /// `slack`: cuánto bailan los ritmos de lo que se repite (nada, en una simulación).
    pub fn new(rules: &PodRules, slack: Duration) -> Story {
        let mut story = Story {
            names: Vec::new(),
            kinds: Vec::new(),
            asks: Vec::new(),
            tracks: BTreeMap::new(),
            order: 0,
            slack,
            began: Vec::new(),
            glances: Vec::new(),
            phase: Phase::Pending,
            ready: false,
            lanes: vec![Lane::default()],
            tallies: Vec::new(),
            now: Duration::ZERO,
        };
        story.make_room(rules);
        story
    }

    /// Sitio para los contenedores que aún no salían: los del principio, y los efímeros según llegan.
    fn make_room(&mut self, rules: &PodRules) {
        for new in rules.containers.iter().skip(self.names.len()) {
            self.names.push(new.name.clone());
            self.kinds.push(new.kind);
            self.asks.push(new.readiness.is_some() || new.startup.is_some());
            self.began.push(None);
            self.glances.push(Glance::Pending);
            self.lanes.push(Lane::default());
            self.tallies.push(Tally::default());
        }
    }

    /// Lo que sigue empieza donde está `pod`, que quizá ya ha vivido un rato.
    pub fn resume(&mut self, pod: &Pod) {
        self.now = pod.now();
        if self.now.is_zero() {
            return;
        }
        for id in 0..self.glances.len() {
            self.glances[id] = pod.glance(id);
            self.lanes[id + 1].begin(self.now, Look::of(self.glances[id]));
        }
        (self.phase, self.ready) = (pod.phase(), pod.is_ready());
        self.lanes[0].begin(self.now, Look::of_pod(pod));
    }

    // ANCHOR: tell
    /// Cuenta un paso: lo que ha pasado, lo que ha pedido el núcleo y en qué ha quedado todo.
    pub fn tell(&mut self, pod: &Pod, at: Duration, event: &Event, actions: &[Action]) {
        self.account(at);
        // preguntar no cambia nada: cambian las respuestas
        if *event == Event::TimePassed && actions.iter().all(|a| matches!(a, Action::Probe(..))) {
            return;
        }
        self.make_room(pod.rules());
        self.event(pod, at, event);
        for (i, action) in actions.iter().enumerate() {
            self.action(pod, at, event, action, &actions[i + 1..]);
        }
        self.changes(pod, at);
    }
    // ANCHOR_END: tell

    /// Han pasado `by` de calma: cada sonda ha respondido lo mismo, con su ritmo, y nada más ha cambiado.
    pub fn skip(&mut self, by: Duration, beats: &[Beat]) {
        for beat in beats {
            let times = by.as_secs() / beat.period.as_secs().max(1);
            self.tallies[beat.id].probes += times;
            self.tallies[beat.id].failed_probes += if beat.ok { 0 } else { times };
            if let Some(track) = self.tracks.get_mut(&(Some(beat.id), Topic::Probe(beat.kind))) {
                track.repeat(times, beat.period, self.slack);
            }
        }
    }

    /// Hasta aquí llega lo que se cuenta.
    pub fn finish(mut self, pod: &Pod, end: Duration) -> Told {
        self.account(end);
        let mut items = Vec::new();
        let mut lost = 0;
        for ((who, topic), track) in std::mem::take(&mut self.tracks) {
            let (told, more) = track.finish(self.slack);
            items.extend(told.into_iter().map(|item| (who, topic, item)));
            lost += more;
        }
        crate::order::sort_by_key(&mut items, |(.., item)| (item.at(), item.order()));
        self.lanes.iter_mut().for_each(|lane| lane.end(end));
        Told {
            names: self.names,
            kinds: self.kinds,
            items,
            lost,
            lanes: self.lanes,
            tallies: self.tallies,
            end,
            phase: pod.phase(),
            over: pod.is_over(),
        }
    }

    /// El tiempo que ha pasado desde el último paso.
    fn account(&mut self, at: Duration) {
        let passed = at.saturating_sub(self.now);
        self.now = at;
        for (glance, tally) in self.glances.iter().zip(&mut self.tallies) {
            match glance {
                Glance::Running { ready, .. } => {
                    tally.running += passed;
                    tally.ready += if *ready { passed } else { Duration::ZERO };
                }
                Glance::Stopping => tally.running += passed,
                Glance::Pending | Glance::Waiting | Glance::Starting | Glance::Ended { .. } => {}
            }
        }
    }

    fn say(&mut self, who: Who, topic: Topic, at: Duration, said: Said) {
        self.order += 1;
        let line = Line {
            order: self.order,
            at,
            last: at,
            count: 1,
            every: None,
            text: said.text,
            aside: said.aside,
            tone: said.tone,
        };
        self.tracks.entry((who, topic)).or_default().push(line, self.slack);
    }

    fn event(&mut self, pod: &Pod, at: Duration, event: &Event) {
        match event {
            Event::SandboxReady => {
                self.say(None, Topic::Life, at, Said::plain("la pausa está en pie y el Pod tiene red"))
            }
            Event::SandboxFailed(why) => {
                self.say(None, Topic::Life, at, Said::bad(format!("no se pudo crear la pausa: {why}")))
            }
            Event::SandboxDied(why) => {
                self.say(None, Topic::Life, at, Said::bad(format!("muere la pausa: {why}")))
            }
            Event::Started(id) => self.started(pod, *id, at),
            Event::StartFailed(id, failure) => {
                if let Some(tally) = self.tallies.get_mut(*id) {
                    tally.failed_starts += 1;
                }
                self.say(Some(*id), Topic::Life, at, words::start_failed(failure));
            }
            Event::Exited { id, exit, oom, message } => {
                let lived =
                    self.began.get_mut(*id).and_then(Option::take).map(|since| at.saturating_sub(since));
                self.say(Some(*id), Topic::Life, at, words::exited(*exit, *oom, message, lived));
                self.end_probes(*id);
                self.lanes[*id + 1].mark(at, exit.code());
            }
            Event::Probed(id, kind, outcome) => self.probed(*id, *kind, at, outcome),
            Event::HookDone(id, hook, result) => {
                if result.is_ok() {
                    self.say(Some(*id), Topic::Life, at, words::hook_done(*hook));
                }
            }
            Event::StopRequested { grace, reason } => {
                self.say(None, Topic::Life, at, words::stop_requested(*grace, reason));
            }
            Event::ConditionSet(condition) => {
                let value = if condition.status { "True" } else { "False" };
                let said = format!("alguien de fuera pone la condición {} a {value}", condition.kind);
                self.say(None, Topic::Life, at, Said::plain(&said));
            }
            Event::EphemeralAdded(rules) => {
                let id = self.names.iter().position(|name| *name == rules.name);
                self.say(id, Topic::Life, at, Said::plain("llega un contenedor efímero, a mirar"));
            }
            Event::TimePassed => {}
        }
    }

    fn started(&mut self, pod: &Pod, id: ContainerId, at: Duration) {
        let Some(tally) = self.tallies.get_mut(id) else { return };
        tally.starts += 1;
        let life = pod.life(id);
        tally.restarts = u64::from(life);
        self.began[id] = Some(at);
        self.say(Some(id), Topic::Life, at, words::started(life));
    }

    fn probed(&mut self, id: ContainerId, kind: ProbeKind, at: Duration, outcome: &Outcome) {
        if let Some(tally) = self.tallies.get_mut(id) {
            tally.probes += 1;
            tally.failed_probes += u64::from(matches!(outcome, Outcome::Failure(_)));
        }
        self.say(Some(id), Topic::Probe(kind), at, words::probed(kind, outcome));
    }

    /// Con la vida acaban sus sondas: las de la siguiente son otras.
    fn end_probes(&mut self, id: ContainerId) {
        for kind in [ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness] {
            if let Some(track) = self.tracks.get_mut(&(Some(id), Topic::Probe(kind))) {
                track.close(self.slack);
            }
        }
    }

    fn action(&mut self, pod: &Pod, at: Duration, event: &Event, action: &Action, rest: &[Action]) {
        match action {
            Action::AbandonProbe(id, kind) => {
                // si detrás viene su queja, es que no respondió a tiempo
                if let Some(Action::Record(note)) = rest.first().filter(|_| !is_death(event, *id)) {
                    if note.reason == "Unhealthy" {
                        self.probed(*id, *kind, at, &Outcome::Failure(words::timeout(&note.message)));
                    }
                }
            }
            Action::RunHook(id, hook) => self.say(Some(*id), Topic::Life, at, words::hook_begins(*hook)),
            Action::AbandonHook(id, hook) => {
                if *hook == HookKind::PreStop && !is_death(event, *id) {
                    let said = Said::bad("su preStop no acaba a tiempo: no se le espera más".into());
                    self.say(Some(*id), Topic::Life, at, said);
                }
            }
            Action::Kill(id, Signal::Stop) => {
                self.say(Some(*id), Topic::Life, at, Said::plain("recibe la señal de parada"))
            }
            Action::Kill(id, Signal::Kill) => {
                self.say(Some(*id), Topic::Life, at, Said::bad("recibe SIGKILL".into()))
            }
            Action::Record(note) => {
                let id = note.container.as_ref().and_then(|name| self.names.iter().position(|n| n == name));
                let wait = id.and_then(|id| pod.restarts_at(id)).map(|next| next.saturating_sub(at));
                // si recibe ya la señal, con decir eso basta
                let told = note.reason == "Killing" && !words::says_why(note) && stops_now(rest, id);
                if let Some(said) = words::note(note, wait).filter(|_| !told) {
                    self.say(id, Topic::Life, at, said);
                }
            }
            Action::StopSandbox => {
                let said = Said { tone: words::tone_of(pod.phase()), ..words::over(pod.phase()) };
                self.say(None, Topic::Life, at, said);
            }
            Action::StartSandbox | Action::Start(_) | Action::Probe(..) => {}
        }
    }

    /// Lo que ha cambiado sin que nadie lo dijera: quién está listo y en qué fase está el Pod.
    fn changes(&mut self, pod: &Pod, at: Duration) {
        for id in 0..self.glances.len() {
            let (before, after) = (self.glances[id], pod.glance(id));
            if before == after {
                continue;
            }
            self.glances[id] = after;
            self.lanes[id + 1].look(at, Look::of(after));
            if let Some(said) = words::readiness(before, after).filter(|_| self.asks[id]) {
                self.say(Some(id), Topic::Life, at, said);
            }
        }
        let (phase, ready) = (pod.phase(), pod.is_ready());
        if phase != self.phase && !pod.is_over() {
            self.say(None, Topic::Conditions, at, Said::plain(&format!("fase {phase}")));
        }
        if ready != self.ready && !pod.is_over() {
            self.say(None, Topic::Conditions, at, words::pod_ready(ready));
        }
        (self.phase, self.ready) = (phase, ready);
        self.lanes[0].look(at, Look::of_pod(pod));
    }
}

/// ¿Recibe el contenedor la señal de parada en este mismo paso?
fn stops_now(rest: &[Action], id: Who) -> bool {
    rest.iter().any(|action| matches!(action, Action::Kill(other, _) if Some(*other) == id))
}

/// ¿Es este suceso la muerte del contenedor `id`?
fn is_death(event: &Event, id: ContainerId) -> bool {
    matches!(event, Event::Exited { id: dead, .. } if *dead == id)
}
