//! Lo que se cumple pase lo que pase.

use super::super::columns::columns;
use super::*;
use std::collections::BTreeSet;

/// Números que parecen al azar y son siempre los mismos (xorshift de Marsaglia).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn heads(&mut self) -> bool {
        self.roll(2) == 0
    }

    fn probe(&mut self) -> Option<super::super::probe::ProbeRules> {
        self.heads().then(|| super::super::probe::ProbeRules {
            initial_delay: s(self.roll(5)),
            period: s(1 + self.roll(10)),
            timeout: s(1 + self.roll(12)),
            success_threshold: 1 + self.roll(2) as u32,
            failure_threshold: 1 + self.roll(3) as u32,
            grace: self.heads().then(|| s(self.roll(40))),
        })
    }

    fn rules(&mut self) -> PodRules {
        use RestartPolicy::*;
        let policy = [Always, OnFailure, Never][self.roll(3) as usize];
        let mut rules = rules(policy, &["a", "b", "c", "d"]);
        for id in 0..4 {
            let kind = [Kind::Init, Kind::Sidecar, Kind::App][self.roll(3) as usize];
            let container = &mut rules.containers[id];
            container.kind = if id == 3 { Kind::App } else { kind };
            if container.kind == Kind::Sidecar {
                container.policy = Always;
            }
            if self.roll(3) == 0 {
                use super::super::restart::{ExitRule, Restart};
                let then = if self.heads() { Restart::Everyone } else { Restart::Itself };
                container.exit_rules = vec![ExitRule { codes: vec![1, 137], listed: self.heads(), then }];
            }
            if container.kind != Kind::Init {
                (container.startup, container.readiness) = (self.probe(), self.probe());
                (container.liveness, container.post_start, container.pre_stop) =
                    (self.probe(), self.heads(), self.heads());
            }
        }
        rules.containers.sort_by_key(|container| container.kind == Kind::App);
        rules.grace = s(self.roll(40));
        rules.acelera = 1 + self.roll(20) as u32;
        rules.active_deadline = (self.roll(5) == 0).then(|| s(self.roll(2000)));
        rules
    }

    fn outcome(&mut self) -> Outcome {
        match self.roll(6) {
            0 | 1 => Outcome::Failure("no".into()),
            2 => Outcome::Error("no se pudo".into()),
            3 => Outcome::Warning("ojo".into()),
            _ => Outcome::Success,
        }
    }

    /// Cualquier suceso, tenga sentido o no. El contenedor 4 no existe, salvo que llegue un efímero.
    fn event(&mut self) -> Event {
        let id = self.roll(5) as usize;
        let kind = [ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness][self.roll(3) as usize];
        let hook = if self.heads() { HookKind::PostStart } else { HookKind::PreStop };
        match self.roll(40) {
            0..=3 => Event::SandboxReady,
            4..=11 => Event::Started(id),
            12 => {
                let exit_code = self.heads().then_some(127);
                Event::StartFailed(id, StartFailure { reason: "X".into(), message: "x".into(), exit_code })
            }
            13..=17 => {
                let exit = if self.heads() { Exit::Code(self.roll(3) as i32) } else { Exit::Signal(9) };
                Event::Exited { id, exit, oom: self.roll(9) == 0, message: String::new() }
            }
            18..=28 => Event::Probed(id, kind, self.outcome()),
            29..=34 => Event::HookDone(id, hook, if self.heads() { Ok(()) } else { Err("mal".into()) }),
            35 if self.roll(60) == 0 => match self.roll(4) {
                0 => Event::SandboxDied("x".into()),
                1 => Event::SandboxFailed("x".into()),
                2 => Event::StopRequested {
                    grace: Some(s(self.roll(50))),
                    reason: StopReason::Evicted("x".into()),
                },
                _ => Event::StopRequested {
                    grace: self.heads().then(|| s(self.roll(50))),
                    reason: StopReason::Deleted,
                },
            },
            36 if self.roll(20) == 0 => super::ephemeral::guest("e"),
            _ => Event::TimePassed,
        }
    }
}

/// Lo que sabe quien obedece: con esto se comprueba que el núcleo cumple su trato.
#[derive(Default)]
struct Obeyer {
    starting: BTreeSet<ContainerId>,
    alive: BTreeSet<ContainerId>,
    probes: BTreeSet<(ContainerId, ProbeKind)>,
    hooks: BTreeSet<(ContainerId, HookKind)>,
    asked_to_stop: bool,
    over: bool,
}

impl Obeyer {
    fn hears(&mut self, event: &Event) {
        match event {
            Event::Started(id) if self.starting.remove(id) => {
                self.alive.insert(*id);
            }
            Event::StartFailed(id, _) => {
                self.starting.remove(id);
            }
            Event::Exited { id, .. } => {
                self.alive.remove(id);
            }
            Event::Probed(id, kind, _) => {
                self.probes.remove(&(*id, *kind));
            }
            Event::HookDone(id, hook, _) => {
                self.hooks.remove(&(*id, *hook));
            }
            Event::StopRequested { .. } => self.asked_to_stop = true,
            Event::Started(_)
            | Event::SandboxReady
            | Event::SandboxFailed(_)
            | Event::SandboxDied(_)
            | Event::ConditionSet(_)
            | Event::EphemeralAdded(_)
            | Event::TimePassed => {}
        }
    }

    fn obeys(&mut self, action: &Action) {
        assert!(!self.over, "{action:?} después de la última orden");
        match action {
            Action::Start(id) => {
                assert!(!self.asked_to_stop, "arranca {id} después de pedir que acabe");
                assert!(!self.alive.contains(id), "arranca {id}, que está vivo");
                assert!(self.starting.insert(*id), "arranca {id} dos veces");
            }
            Action::Probe(id, kind) => {
                assert!(self.alive.contains(id), "sondea a {id}, que no vive");
                assert!(self.probes.insert((*id, *kind)), "dos sondas a la vez");
            }
            Action::AbandonProbe(id, kind) => {
                assert!(self.probes.remove(&(*id, *kind)), "abandona lo que no hay")
            }
            Action::RunHook(id, hook) => {
                assert!(self.alive.contains(id), "hook de {id}, que no vive");
                assert!(self.hooks.insert((*id, *hook)), "dos hooks a la vez");
            }
            Action::AbandonHook(id, hook) => {
                assert!(self.hooks.remove(&(*id, *hook)), "abandona lo que no hay")
            }
            Action::Kill(id, _) => assert!(self.alive.contains(id), "mata a {id}, que no vive"),
            Action::StopSandbox => {
                assert!(self.alive.is_empty() && self.starting.is_empty(), "deja procesos vivos");
                assert!(self.probes.is_empty() && self.hooks.is_empty(), "deja sondas o hooks");
                self.over = true;
            }
            Action::StartSandbox | Action::Record(_) => {}
        }
    }
}

fn restarts(pod: &Pod) -> Vec<u32> {
    let status = pod.status();
    status.all().map(|c| c.restart_count).collect()
}

#[test]
fn cien_mil_sucesos_sin_sentido_no_rompen_nada() {
    let mut dice = Dice(0x5eed_cafe);
    let (mut steps, mut finished) = (0, 0);
    while steps < 100_000 {
        let rules = dice.rules();
        let (mut pod, mut obeyer, mut now) = (Pod::new(rules.clone()), Obeyer::default(), s(0));
        for _ in 0..400 {
            steps += 1;
            let event = dice.event();
            let before = (pod.phase(), restarts(&pod));
            obeyer.hears(&event);
            let text = format!("{event:?}");
            for action in pod.step(now, event) {
                obeyer.obeys(&action);
            }
            assert_eq!(pod.step(now, Event::TimePassed), [], "pide más sin que pase nada, tras {text}");
            assert!(pod.next_deadline().is_none_or(|at| at > now), "plazo vencido, tras {text}");
            let status = pod.status();
            assert!(!before.0.is_final() || status.phase == before.0, "cambia una fase final");
            assert_eq!(status.phase.is_final(), pod.is_over());
            assert!(restarts(&pod).iter().zip(&before.1).all(|(new, old)| new >= old), "reinicios que bajan");
            assert!(!columns(&status).status.is_empty());
            // las esperas del mundo: nada, un poco, o hasta el próximo plazo
            now = match (dice.roll(4), pod.next_deadline()) {
                (0, Some(at)) => at,
                (1, _) => now + Duration::from_millis(dice.roll(3000)),
                _ => now,
            };
        }
        finished += usize::from(pod.is_over());
    }
    assert!(finished > 50, "pocos Pods llegan al final: {finished}");
}

#[test]
fn todo_pod_al_que_se_le_pide_acabar_acaba_a_tiempo() {
    let mut dice = Dice(7);
    for _ in 0..2000 {
        let mut rules = dice.rules();
        rules.active_deadline = None;
        let (at, grace) = (s(dice.roll(300)), s(dice.roll(40)));
        let request = Event::StopRequested { grace: Some(grace), reason: StopReason::Deleted };
        let mut pod = Pod::new(rules.clone());
        let diary = simulate(&mut pod, s(10_000), vec![(at, request)], |_, action| match action {
            // nadie responde por las buenas, pero SIGKILL es SIGKILL
            Action::Kill(_, Signal::Stop) | Action::RunHook(_, HookKind::PreStop) => vec![],
            Action::Start(id) if dice.heads() => {
                vec![(s(0), Event::Started(*id)), (s(dice.roll(50)), exited(*id, 1))]
            }
            Action::Probe(id, kind) => vec![(s(dice.roll(3)), Event::Probed(*id, *kind, dice.outcome()))],
            other => obedient(other),
        });
        assert!(pod.is_over(), "no acaba: {rules:?}");
        let end = diary.last().unwrap().at;
        // plazo, los 2 s de cortesía y el segundo entero que no se descuenta
        assert!(end <= at + grace.max(s(1)) + s(3), "acaba a los {end:?}: {rules:?}");
    }
}

#[test]
fn un_mes_de_un_pod_que_se_cae_cabe_en_un_parpadeo() {
    let mut pod = Pod::new(rules(RestartPolicy::Always, &["c"]));
    let diary = simulate(&mut pod, s(30 * 86_400), vec![], |_, action| {
        let mut answers = obedient(action);
        if let Action::Start(id) = action {
            answers.push((s(5), exited(*id, 1)));
        }
        answers
    });
    // nueve arranques hasta los 950 s y, desde ahí, uno cada 305
    assert_eq!(starts(&diary, 0).len(), 9 + (30 * 86_400 - 950) / 305);
}

#[test]
fn el_nucleo_es_puro() {
    let forbidden = [
        "nix::",
        "libc::",
        "std::fs",
        "std::net",
        "std::process",
        "std::env",
        "std::thread",
        "Instant",
        "SystemTime",
        "println!",
        "print!",
        "dbg!",
        "unsafe ",
    ];
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/logic");
    let mut seen = 0;
    for entry in std::fs::read_dir(here).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for word in forbidden {
            assert!(!text.contains(word), "{} usa {word}", path.display());
        }
        seen += 1;
    }
    assert!(seen >= 10);
}
