//! Lo que hace un controlador, contado como un diario.

use super::cron_job::{self, CronJob, CronRules};
use super::job::{Job, JobRules, Verdict};
use super::replica_set::{Counts, ReplicaSet};
use super::{Action, Event};
use crate::logic::schedule::Schedule;
use crate::spec::types::ConcurrencyPolicy;
use std::time::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Las órdenes, sin los sucesos que se cuentan.
fn orders(actions: Vec<Action>) -> Vec<Action> {
    actions.into_iter().filter(|a| !matches!(a, Action::Record(_))).collect()
}

fn ready(pod: u64) -> Event {
    Event::Changed { pod, ready: true, restarts: 0 }
}

fn ended(pod: u64, succeeded: bool) -> Event {
    Event::Ended { pod, succeeded }
}

fn gone(pod: u64) -> Action {
    Action::Delete { pod, keep: false }
}

// ── ReplicaSet ──

fn running(replicas: usize) -> ReplicaSet {
    let mut set = ReplicaSet::new(replicas);
    let created = orders(set.step(s(0), Event::TimePassed));
    assert_eq!(created, (0..replicas as u64).map(Action::Create).collect::<Vec<_>>());
    for pod in 0..replicas as u64 {
        assert_eq!(orders(set.step(s(1), ready(pod))), []);
    }
    set
}

#[test]
fn quien_pierde_un_pod_crea_otro_en_su_lugar_y_nunca_el_mismo() {
    let mut set = running(2);
    assert_eq!(orders(set.step(s(60), ended(0, false))), [Action::Create(2)]);
    assert_eq!(set.counts(), Counts { desired: 2, current: 2, ready: 1 });
    assert_eq!(orders(set.step(s(61), ready(2))), []);
    assert_eq!(set.counts(), Counts { desired: 2, current: 2, ready: 2 });
}

#[test]
fn quien_se_esta_yendo_ya_no_cuenta_y_su_sustituto_no_espera_a_que_acabe() {
    let mut set = running(2);
    assert_eq!(orders(set.step(s(60), Event::Leaving { pod: 0 })), [Action::Create(2)]);
    assert_eq!(orders(set.step(s(90), ended(0, false))), [], "no se repone dos veces");
}

#[test]
fn con_menos_replicas_sobra_el_que_no_esta_listo_y_si_no_el_mas_joven() {
    let mut set = running(3);
    set.step(s(2), Event::Changed { pod: 1, ready: false, restarts: 1 });
    assert_eq!(orders(set.change(s(3), 2, false, false)), [gone(1)]);
    assert_eq!(orders(set.step(s(4), ended(1, false))), []);
    assert_eq!(orders(set.change(s(5), 1, false, false)), [gone(2)]);
}

#[test]
fn otra_plantilla_no_toca_los_pods_que_ya_hay() {
    let mut set = running(2);
    assert_eq!(orders(set.change(s(10), 2, true, false)), []);
    assert_eq!(set.revision(), 2);
    // pero el que nace, nace de la nueva
    assert_eq!(orders(set.step(s(60), ended(1, false))), [Action::Create(2)]);
}

#[test]
fn al_reemplazar_nace_uno_nuevo_y_cuando_esta_listo_se_va_uno_viejo() {
    let mut set = running(2);
    assert_eq!(orders(set.change(s(10), 2, true, true)), [Action::Create(2)]);
    assert_eq!(orders(set.step(s(11), Event::TimePassed)), [], "aún no está listo");
    assert_eq!(orders(set.step(s(12), ready(2))), [gone(0), Action::Create(3)]);
    assert_eq!(orders(set.step(s(13), ended(0, true))), []);
    assert_eq!(orders(set.step(s(14), ready(3))), [gone(1)]);
    assert_eq!(orders(set.step(s(15), ended(1, true))), []);
    assert_eq!(set.counts(), Counts { desired: 2, current: 2, ready: 2 });
    // ya es como antes: quien se pierde se repone, sin reemplazar a nadie más
    assert_eq!(orders(set.step(s(99), ended(2, false))), [Action::Create(4)]);
}

#[test]
fn un_pod_que_no_nace_se_intenta_cada_vez_mas_tarde_y_sin_girar() {
    let mut set = ReplicaSet::new(1);
    let mut born = vec![];
    let mut now = s(0);
    let mut actions = set.step(now, Event::TimePassed);
    for _ in 0..8 {
        let created: Vec<u64> = actions
            .iter()
            .filter_map(|a| if let Action::Create(id) = a { Some(*id) } else { None })
            .collect();
        let [id] = created[..] else { panic!("uno cada vez: {actions:?}") };
        born.push(now.as_secs());
        assert_eq!(orders(set.step(now, Event::Refused { pod: id, why: "no cabe".into() })), []);
        now = set.next_deadline().expect("volverá a intentarlo");
        actions = set.step(now, Event::TimePassed);
    }
    assert_eq!(born, [0, 1, 3, 7, 15, 31, 63, 123]);
}

#[test]
fn un_pod_que_se_estropea_nada_mas_nacer_cuenta_como_fallo_y_uno_que_duro_no() {
    let mut set = running(1);
    assert_eq!(orders(set.step(s(60), ended(0, false))), [Action::Create(1)], "duró: se repone ya");
    assert_eq!(orders(set.step(s(61), ended(1, false))), [], "se espera un segundo");
    assert_eq!(orders(set.step(s(62), Event::TimePassed)), [Action::Create(2)]);
}

#[test]
fn al_parar_se_paran_todos_y_se_les_espera() {
    let mut set = running(2);
    assert_eq!(orders(set.step(s(5), Event::StopRequested)), [gone(0), gone(1)]);
    assert_eq!(orders(set.step(s(6), ended(1, true))), []);
    assert_eq!(orders(set.step(s(7), ended(0, true))), [Action::Finish]);
    assert_eq!(set.next_deadline(), None);
}

// ── Job ──

fn rules() -> JobRules {
    JobRules {
        completions: Some(1),
        parallelism: 1,
        backoff_limit: 6,
        active_deadline: None,
        restarts_count: false,
        acelera: 1,
    }
}

/// Cuándo nace cada Pod de un Job cuyos Pods fallan nada más nacer, y cómo acaba.
fn births(rules: JobRules) -> (Vec<u64>, Job) {
    let mut job = Job::new(rules);
    let (mut born, mut now, mut event) = (vec![], s(0), Event::TimePassed);
    loop {
        let actions = orders(job.step(now, event));
        match actions[..] {
            [Action::Create(id)] => {
                born.push(now.as_secs());
                event = ended(id, false);
            }
            [] => {
                now = job.next_deadline().expect("sin plazo no acabaría");
                event = Event::TimePassed;
            }
            [Action::Finish] => return (born, job),
            _ => panic!("{actions:?}"),
        }
    }
}

#[test]
fn un_job_acaba_cuando_su_pod_acaba_bien() {
    let mut job = Job::new(rules());
    assert_eq!(orders(job.step(s(0), Event::TimePassed)), [Action::Create(0)]);
    assert_eq!(orders(job.step(s(3), ended(0, true))), [Action::Finish]);
    assert_eq!(job.verdict(), Some(&Verdict::Complete));
}

#[test]
fn entre_un_fallo_y_el_siguiente_intento_se_espera_el_doble_hasta_el_tope_de_reintentos() {
    let (born, job) = births(rules());
    assert_eq!(born, [0, 10, 30, 70, 150, 310, 630]);
    assert!(matches!(job.verdict(), Some(Verdict::Failed("BackoffLimitExceeded", _))));
    assert_eq!(job.counts().failed, 7);
}

#[test]
fn la_espera_de_un_job_no_pasa_de_diez_minutos_y_se_puede_acelerar() {
    let (born, _) = births(JobRules { backoff_limit: 9, ..rules() });
    assert_eq!(born[6..], [630, 1230, 1830, 2430]);
    let (born, _) = births(JobRules { acelera: 10, ..rules() });
    assert_eq!(born, [0, 1, 3, 7, 15, 31, 63]);
}

#[test]
fn un_acierto_borra_la_cuenta_de_la_espera() {
    let mut job = Job::new(JobRules { completions: Some(2), ..rules() });
    job.step(s(0), Event::TimePassed);
    assert_eq!(orders(job.step(s(1), ended(0, false))), []);
    assert_eq!(orders(job.step(s(11), Event::TimePassed)), [Action::Create(1)]);
    assert_eq!(orders(job.step(s(12), ended(1, true))), [Action::Create(2)], "sin esperar");
    assert_eq!(orders(job.step(s(13), ended(2, false))), []);
    assert_eq!(job.next_deadline(), Some(s(23)), "otra vez diez segundos");
}

#[test]
fn en_paralelo_nunca_hay_mas_pods_de_los_que_faltan() {
    let mut job = Job::new(JobRules { completions: Some(3), parallelism: 2, ..rules() });
    assert_eq!(orders(job.step(s(0), Event::TimePassed)), [Action::Create(0), Action::Create(1)]);
    assert_eq!(orders(job.step(s(1), ended(0, true))), [Action::Create(2)]);
    assert_eq!(orders(job.step(s(2), ended(1, true))), []);
    assert_eq!(orders(job.step(s(3), ended(2, true))), [Action::Finish]);
}

#[test]
fn sin_completions_basta_con_un_acierto_y_se_espera_a_los_demas() {
    let mut job = Job::new(JobRules { completions: None, parallelism: 2, ..rules() });
    job.step(s(0), Event::TimePassed);
    assert_eq!(orders(job.step(s(1), ended(0, true))), []);
    assert_eq!(orders(job.step(s(9), ended(1, true))), [Action::Finish]);
    assert_eq!(job.verdict(), Some(&Verdict::Complete));
}

#[test]
fn con_onfailure_cada_reinicio_es_un_fallo_y_al_llegar_al_tope_se_para_el_pod() {
    let mut job = Job::new(JobRules { restarts_count: true, backoff_limit: 2, ..rules() });
    job.step(s(0), Event::TimePassed);
    let restarted = |restarts| Event::Changed { pod: 0, ready: false, restarts };
    assert_eq!(orders(job.step(s(1), restarted(1))), []);
    assert_eq!(orders(job.step(s(2), restarted(2))), [Action::Delete { pod: 0, keep: true }]);
    assert_eq!(orders(job.step(s(3), ended(0, false))), [Action::Finish]);
    assert!(matches!(job.verdict(), Some(Verdict::Failed("BackoffLimitExceeded", _))));
}

#[test]
fn pasado_su_plazo_un_job_para_lo_que_tenga_en_marcha_y_falla() {
    let mut job = Job::new(JobRules { active_deadline: Some(s(30)), ..rules() });
    job.step(s(0), Event::TimePassed);
    assert_eq!(job.next_deadline(), Some(s(30)));
    assert_eq!(orders(job.step(s(30), Event::TimePassed)), [Action::Delete { pod: 0, keep: true }]);
    assert_eq!(orders(job.step(s(31), ended(0, false))), [Action::Finish]);
    assert!(matches!(job.verdict(), Some(Verdict::Failed("DeadlineExceeded", _))));
}

// ── CronJob ──

/// Miércoles, 25 de noviembre de 2026, a las 10:07:30 UTC.
const NOW: i64 = 1_795_601_250;
const UTC: fn(i64) -> i64 = |_| 0;

fn cron(concurrency: ConcurrencyPolicy) -> CronJob {
    CronJob::new(CronRules { concurrency, ..cron_rules() }, NOW, UTC)
}

/// Las órdenes a esa hora, sin los sucesos.
fn at(cron: &mut CronJob, now: i64, event: cron_job::Event) -> Vec<cron_job::Action> {
    let actions = cron.step(now, event, UTC);
    actions.into_iter().filter(|a| !matches!(a, cron_job::Action::Record(_))).collect()
}

use cron_job::Action::{Forget, Start, Stop};
use cron_job::Event::{Ended, StopRequested, TimePassed};

#[test]
fn un_cronjob_crea_un_job_cada_vez_que_toca() {
    let mut cron = cron(ConcurrencyPolicy::Allow);
    assert_eq!(at(&mut cron, NOW, TimePassed), []);
    assert_eq!(cron.next(), Some(NOW + 30));
    assert_eq!(at(&mut cron, NOW + 30, TimePassed), [Start { job: 0, scheduled: NOW + 30 }]);
    assert_eq!(at(&mut cron, NOW + 31, TimePassed), []);
    assert_eq!(
        at(&mut cron, NOW + 90, TimePassed),
        [Start { job: 1, scheduled: NOW + 90 }],
        "Allow: los dos"
    );
    assert_eq!(cron.active(), 2);
}

#[test]
fn con_forbid_se_salta_la_vez_y_con_replace_se_para_el_anterior() {
    let mut forbid = cron(ConcurrencyPolicy::Forbid);
    at(&mut forbid, NOW + 30, TimePassed);
    assert_eq!(at(&mut forbid, NOW + 90, TimePassed), []);
    at(&mut forbid, NOW + 100, Ended { job: 0, succeeded: true });
    assert_eq!(at(&mut forbid, NOW + 150, TimePassed), [Start { job: 1, scheduled: NOW + 150 }]);
    let mut replace = cron(ConcurrencyPolicy::Replace);
    at(&mut replace, NOW + 30, TimePassed);
    let second = Start { job: 1, scheduled: NOW + 90 };
    assert_eq!(at(&mut replace, NOW + 90, TimePassed), [Stop(0), second]);
}

#[test]
fn si_la_maquina_durmio_solo_cuenta_la_ultima_y_si_es_tarde_ni_esa() {
    let mut slept = cron(ConcurrencyPolicy::Allow);
    assert_eq!(at(&mut slept, NOW + 315, TimePassed), [Start { job: 0, scheduled: NOW + 270 }]);
    assert_eq!(slept.next(), Some(NOW + 330));
    let schedule = Schedule::parse("0 * * * *").unwrap();
    let rules = CronRules { schedule, starting_deadline: Some(100), ..cron_rules() };
    let mut hourly = CronJob::new(rules, NOW, UTC);
    assert_eq!(at(&mut hourly, NOW + 3450, TimePassed), [], "300 s tarde, y se consienten 100");
}

#[test]
fn se_recuerdan_los_tres_ultimos_aciertos_y_el_ultimo_fallo() {
    let mut cron = cron(ConcurrencyPolicy::Allow);
    let mut forgotten = vec![];
    for job in 0..6 {
        at(&mut cron, NOW + 30 + 60 * job as i64, TimePassed);
        let succeeded = job != 1 && job != 2;
        forgotten.extend(at(&mut cron, NOW + 40 + 60 * job as i64, Ended { job, succeeded }));
    }
    assert_eq!(
        forgotten,
        [Forget(1), Forget(0)],
        "el segundo fallo borra el primero; el cuarto acierto, el primero"
    );
}

#[test]
fn un_cronjob_suspendido_no_crea_nada_y_al_parar_para_sus_jobs() {
    let rules = CronRules { suspend: true, ..cron_rules() };
    assert_eq!(CronJob::new(rules, NOW, UTC).next(), None);
    let mut cron = cron(ConcurrencyPolicy::Allow);
    at(&mut cron, NOW + 30, TimePassed);
    assert_eq!(at(&mut cron, NOW + 31, StopRequested), [Stop(0)]);
    assert_eq!(at(&mut cron, NOW + 32, Ended { job: 0, succeeded: false }), [cron_job::Action::Finish]);
}

fn cron_rules() -> CronRules {
    CronRules {
        schedule: Schedule::parse("* * * * *").unwrap(),
        concurrency: ConcurrencyPolicy::Allow,
        starting_deadline: None,
        keep_succeeded: 3,
        keep_failed: 1,
        suspend: false,
    }
}
