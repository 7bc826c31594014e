//! El programa que decide cuándo vuelve un contenedor, puesto a prueba con vidas inventadas y con las de un
//! Pod de verdad. Lo que debía decir lo sabe el núcleo, el mismo de `micropod simula`.
//!
//! Se le dan las vidas por la entrada, una por línea (lo que dura y el código con que acaba). Por cada una
//! dice en qué segundo empieza la siguiente o, si no hay más, en qué fase se queda el Pod.

use super::look::{Look, Miss, expect};
use super::patience::Patience;
use super::pod::{Pod, micropod};
use crate::logic::simulate::{obedient, simulate};
use crate::logic::{Action, Event, Exit, PodRules};
use crate::spec::types::{self, RestartPolicy};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Dónde deja el corrector el programa compilado, en su Pod.
const PROGRAM: &str = "/lab/programa";
/// Más no se simula: la espera más larga es de minutos.
const END_OF_TIME: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Lo que se enseña de unas vidas o de una respuesta.
const SHOWN: usize = 90;

/// Las vidas que se inventan.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Lives {
    /// El contenedor en el que está el programa.
    #[serde(rename = "en")]
    pub container: String,
    #[serde(rename = "politica")]
    pub policy: RestartPolicy,
    /// Entre cuántos segundos puede durar cada una; se elige al azar uno de los trechos.
    #[serde(rename = "duran")]
    pub last: Vec<(u64, u64)>,
    #[serde(rename = "codigos")]
    pub codes: Vec<i32>,
    /// Cuántas vidas por caso.
    #[serde(rename = "vidas")]
    pub count: usize,
    #[serde(rename = "casos")]
    pub cases: usize,
    #[serde(rename = "semilla")]
    pub seed: String,
    /// Se mira si el programa se equivoca justo así.
    #[serde(rename = "cree", default)]
    pub belief: Option<Belief>,
}

/// Los reinicios de un contenedor que vive lo mismo siempre, y apunta cuándo empieza y cuándo acaba.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Real {
    #[serde(rename = "en")]
    pub container: String,
    /// Los segundos que dura cada vida, y el código con que acaba.
    #[serde(rename = "vida")]
    pub life: (u64, i32),
    #[serde(rename = "vidas")]
    pub count: usize,
    /// Quién tiene el fichero en el que se apuntan, y dónde.
    #[serde(rename = "apunta")]
    pub diary: (String, String),
    /// Entre cuánto divide el Pod sus esperas.
    #[serde(rename = "acelera")]
    pub speed: u32,
    /// Lo más que puede retrasarse un arranque en esta máquina, en segundos.
    #[serde(rename = "holgura")]
    pub slack: f64,
}

/// Una manera de equivocarse con los reinicios.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub enum Belief {
    /// Con `OnFailure` se vuelve también si acabó bien.
    #[serde(rename = "VuelveSiempre")]
    AlwaysAgain,
    /// Con `Always` no se vuelve si acabó bien.
    #[serde(rename = "SoloSiFalla")]
    OnlyFailures,
    /// La fase final es siempre la misma.
    #[serde(rename = "SiempreSucceeded")]
    AlwaysSucceeded,
    #[serde(rename = "EsperaLaPrimera")]
    WaitsAtOnce,
    /// La espera cuenta desde que la vida empezó.
    #[serde(rename = "DesdeQueEmpezo")]
    FromStart,
    #[serde(rename = "NoDobla")]
    NeverDoubles,
    /// 10, 20, 30, 40…
    #[serde(rename = "SumaDiez")]
    AddsTen,
    #[serde(rename = "SinTope")]
    NoMaximum,
    #[serde(rename = "NoOlvida")]
    NeverForgets,
    /// Diez minutos justos ya hacen olvidar.
    #[serde(rename = "OlvidaALosDiezJustos")]
    ForgetsTooSoon,
    /// Olvida, pero vuelve con diez segundos de espera.
    #[serde(rename = "OlvidaYEspera")]
    ForgetsAndWaits,
    /// Una vida que acaba bien borra la cuenta.
    #[serde(rename = "OlvidaSiAcabaBien")]
    ForgetsSuccess,
}

type Life = (u64, i32);

impl Lives {
    /// Un número que depende de la semilla, del caso y de para qué es.
    fn pick(&self, case: usize, life: usize, what: &str, among: u64) -> u64 {
        let digest = Sha256::digest(format!("{}\0{case}\0{life}\0{what}", self.seed));
        u64::from_be_bytes(digest[..8].try_into().unwrap_or_default()) % among.max(1)
    }

    fn case(&self, case: usize) -> Vec<Life> {
        let life = |n: usize| {
            let (low, high) = self.last[self.pick(case, n, "trecho", self.last.len() as u64) as usize];
            let lasts = low + self.pick(case, n, "dura", high - low + 1);
            let code = self.codes[self.pick(case, n, "codigo", self.codes.len() as u64) as usize];
            (lasts, code)
        };
        (0..self.count).map(life).collect()
    }
}

/// Lo que dice el núcleo de esas vidas: cuándo empieza cada una de las siguientes y, si acaba, en qué fase.
fn timeline(policy: RestartPolicy, lives: &[Life]) -> Vec<String> {
    let container = types::Container { name: "vida".into(), ..Default::default() };
    let spec = types::PodSpec { containers: vec![container], restart_policy: policy, ..Default::default() };
    let metadata = types::ObjectMeta { name: "vida".into(), ..Default::default() };
    let mut pod = crate::logic::Pod::new(PodRules::from(&types::Pod { metadata, spec }, 1));
    let mut rest = lives.iter();
    let diary = simulate(&mut pod, END_OF_TIME, Vec::new(), |_, action| {
        let mut answers = obedient(action);
        let Action::Start(id) = action else { return answers };
        if let Some((lasts, code)) = rest.next() {
            let exit = Exit::Code(*code);
            let ended = Event::Exited { id: *id, exit, oom: false, message: String::new() };
            answers.push((Duration::from_secs(*lasts), ended));
        }
        answers
    });
    let starts = diary.iter().filter(|entry| matches!(entry.action, Action::Start(_))).skip(1);
    let mut lines: Vec<String> = starts.map(|entry| entry.at.as_secs().to_string()).collect();
    let phase = pod.status().phase;
    if phase.is_final() {
        lines.push(phase.to_string());
    }
    lines
}

/// Lo que diría de ellas quien se equivoca así.
fn mistaken(policy: RestartPolicy, lives: &[Life], belief: Belief) -> Vec<String> {
    let (mut start, mut delay) = (0u64, if belief == Belief::WaitsAtOnce { 10 } else { 0 });
    let mut lines = Vec::new();
    for &(lasts, code) in lives {
        let again = match policy {
            RestartPolicy::Never => false,
            RestartPolicy::OnFailure => code != 0 || belief == Belief::AlwaysAgain,
            RestartPolicy::Always => code != 0 || belief != Belief::OnlyFailures,
        };
        if !again {
            let good = code == 0 || belief == Belief::AlwaysSucceeded;
            lines.push(if good { "Succeeded" } else { "Failed" }.to_string());
            break;
        }
        let forgets = match belief {
            Belief::NeverForgets => false,
            Belief::ForgetsTooSoon => lasts >= 600,
            Belief::ForgetsSuccess => lasts > 600 || code == 0,
            _ => lasts > 600,
        };
        if forgets {
            delay = if matches!(belief, Belief::ForgetsAndWaits | Belief::WaitsAtOnce) { 10 } else { 0 };
        }
        let ended = start + lasts;
        start = if belief == Belief::FromStart { ended.max(start + delay) } else { ended + delay };
        lines.push(start.to_string());
        let next = match belief {
            Belief::NeverDoubles => 10,
            Belief::AddsTen => delay + 10,
            _ => (delay * 2).max(10),
        };
        delay = if belief == Belief::NoMaximum { next } else { next.min(300) };
    }
    lines
}

/// Lo que dijo el programa en un caso.
struct Answer {
    lines: Vec<String>,
    code: Option<i32>,
}

/// Lo que recibe el programa de esas vidas: una por línea.
fn input_of(lives: &[Life]) -> String {
    lives.iter().map(|(lasts, code)| format!("{lasts} {code}\n")).collect()
}

/// Ejecuta un guion en el contenedor, y lo que imprime.
fn shell(pod: &Pod, container: &str, script: &str) -> Result<String, Miss> {
    let words = ["exec", &pod.name, "-c", container, "--", "sh", "-c", script];
    let output = micropod(words).map_err(|e| Miss::from(e.to_string()))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Lo que escribe en la salida de errores con ese caso, si escribe algo.
fn complaints(pod: &Pod, container: &str, policy: RestartPolicy, case: &[Life]) -> Option<String> {
    let input = input_of(case);
    let script = format!("timeout 5 {PROGRAM} {policy} 2>&1 >/dev/null <<'FIN' | head -c 4096\n{input}FIN\n");
    let lines = super::grade::last_lines(&shell(pod, container, &script).ok()?)?;
    Some(format!("En la salida de errores escribe:\n{lines}"))
}

/// Ejecuta el programa con cada caso, todos en una sola entrada al contenedor.
fn ask(pod: &Pod, container: &str, policy: RestartPolicy, cases: &[Vec<Life>]) -> Result<Vec<Answer>, Miss> {
    let one = |lives: &Vec<Life>| {
        let input = input_of(lives);
        format!(
            "{{ timeout 5 {PROGRAM} {policy} 2>/dev/null; echo \"fin $?\"; }} <<'FIN' | head -c 4096\n{input}FIN\necho ---\n"
        )
    };
    let script: String = cases.iter().map(one).collect();
    let text = shell(pod, container, &script)?;
    let read = |part: &str| {
        let mut lines: Vec<String> = part.lines().map(|line| line.trim().to_string()).collect();
        lines.retain(|line| !line.is_empty());
        let code = lines.last().and_then(|line| line.strip_prefix("fin ")?.parse().ok());
        lines.truncate(lines.len() - usize::from(code.is_some()));
        Answer { lines, code }
    };
    let answers: Vec<Answer> = text.split("---\n").take(cases.len()).map(read).collect();
    match answers.len() == cases.len() {
        true => Ok(answers),
        false => Err(Miss::from(format!("no se pudo ejecutar el programa en «{container}»"))),
    }
}

/// Una lista, en una línea y sin que llene la pantalla.
fn in_short(words: &[String]) -> String {
    let all = crate::cli::term::harmless(&words.join(" "));
    if all.chars().count() <= SHOWN { all } else { all.chars().take(SHOWN).chain(['…']).collect() }
}

/// El programa, con las vidas inventadas, dice lo mismo que el núcleo (o se equivoca justo como se dice).
pub fn foretells(pod: &Pod, lives: &Lives) -> Look {
    let cases: Vec<Vec<Life>> = (0..lives.cases).map(|n| lives.case(n)).collect();
    let answers = ask(pod, &lives.container, lives.policy, &cases)?;
    for (case, answer) in cases.iter().zip(answers) {
        let wanted = match lives.belief {
            None => timeline(lives.policy, case),
            Some(belief) => mistaken(lives.policy, case, belief),
        };
        if answer.lines == wanted && answer.code == Some(0) {
            continue;
        }
        let given: Vec<String> = case.iter().map(|(lasts, code)| format!("{lasts} {code},")).collect();
        let given = in_short(&given);
        let seen = match answer.code {
            _ if answer.lines != wanted => {
                let (said, wanted) = (in_short(&answer.lines), in_short(&wanted));
                let said = if said.is_empty() { "no dice nada".into() } else { format!("dice «{said}»") };
                format!("con {} y las vidas {given} tu programa {said}, y es «{wanted}»", lives.policy)
            }
            Some(code) => format!("con las vidas {given} acaba con el código {code}, y no con 0"),
            None => format!("con las vidas {given} no acaba"),
        };
        let errors = lives.belief.is_none().then(|| complaints(pod, &lives.container, lives.policy, case));
        let seen = [seen].into_iter().chain(errors.flatten()).collect::<Vec<_>>().join("\n");
        // el programa no va a cambiar: no se espera
        return Err(Miss { seen, hope: false });
    }
    Ok(())
}

impl Real {
    /// El mismo, en una máquina lenta: los arranques se retrasan más.
    pub fn with_patience(&self, patience: Patience) -> Real {
        let slack = patience.of(Duration::from_secs_f64(self.slack)).as_secs_f64();
        Real { slack, ..self.clone() }
    }

    /// Lo que hay que esperar a que pasen todas sus vidas, en una máquina tranquila.
    pub fn takes(&self) -> Duration {
        let last = timeline(RestartPolicy::Always, &vec![self.life; self.count]);
        let last: u64 = last.last().and_then(|at| at.parse().ok()).unwrap_or(0);
        let alive = self.life.0 * self.count as u64;
        Duration::from_secs(last.saturating_sub(alive)) / self.speed.max(1)
            + Duration::from_secs(2 * alive + 5)
    }
}

/// Las esperas que dice el programa son las que se ven en un Pod de verdad.
pub fn matches_real(pod: &Pod, real: &Real) -> Look {
    let (witness, path) = &real.diary;
    let diary = pod.read(witness, path)?;
    let stamps = |mark: &str| -> Vec<f64> {
        let of = |line: &str| line.strip_prefix(mark)?.split_whitespace().next()?.parse().ok();
        diary.lines().filter_map(of).collect()
    };
    let (began, ended) = (stamps("empieza "), stamps("acaba "));
    expect(began.len() > real.count && ended.len() >= real.count, || {
        format!("el Pod de verdad lleva {} vidas de {}", ended.len(), real.count)
    })?;
    let lives = vec![vec![real.life; real.count]];
    let answer = ask(pod, &real.container, RestartPolicy::Always, &lives)?;
    let foretold: Vec<f64> = answer.iter().flat_map(|a| &a.lines).filter_map(|l| l.parse().ok()).collect();
    let mut start = 0.0;
    for n in 0..real.count {
        let Some(next) = foretold.get(n) else {
            let seen = format!("tu programa no dice cuándo empieza la vida {}", n + 2);
            return Err(Miss { seen, hope: false });
        };
        let said = (next - start - real.life.0 as f64) / f64::from(real.speed);
        let seen = began[n + 1] - ended[n];
        start = *next;
        // el reloj de /proc/uptime cuenta centésimas
        if seen + 0.02 < said || seen > said + real.slack {
            let (life, speed) = (n + 2, real.speed);
            let text = format!(
                "en el Pod de verdad, la vida {life} empezó {seen:.2} s después de acabar la anterior; \
                 según tu programa, y entre {speed}, eran {said:.2} s"
            );
            return Err(Miss { seen: text.replace('.', ","), hope: false });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use RestartPolicy::*;

    fn lives(policy: RestartPolicy) -> Lives {
        Lives {
            container: "sala".into(),
            policy,
            last: vec![(1, 30), (599, 601), (700, 900)],
            codes: vec![0, 1, 137],
            count: 14,
            cases: 40,
            seed: "x".into(),
            belief: None,
        }
    }

    #[test]
    fn la_linea_de_tiempo_del_corrector_es_la_del_nucleo() {
        assert_eq!(timeline(Always, &[(5, 1); 4]), ["5", "20", "45", "90"]);
        assert_eq!(timeline(OnFailure, &[(5, 1), (5, 0), (5, 1)]), ["5", "Succeeded"]);
        assert_eq!(timeline(Never, &[(3, 9)]), ["Failed"]);
        assert_eq!(timeline(Always, &[(5, 1), (5, 1), (601, 1), (5, 1)]), ["5", "20", "621", "636"]);
    }

    /// Cada creencia se distingue de la verdad, y lo demás que hace es lo que hace el núcleo.
    #[test]
    fn cada_manera_de_equivocarse_se_nota_en_alguna_vida_y_en_las_demas_acierta() {
        use Belief::*;
        let all = [
            (AlwaysAgain, OnFailure),
            (OnlyFailures, Always),
            (AlwaysSucceeded, Never),
            (WaitsAtOnce, Always),
            (FromStart, Always),
            (NeverDoubles, Always),
            (AddsTen, Always),
            (NoMaximum, Always),
            (NeverForgets, Always),
            (ForgetsTooSoon, Always),
            (ForgetsAndWaits, Always),
            (ForgetsSuccess, Always),
        ];
        for (belief, policy) in all {
            let lives = lives(policy);
            let right =
                |n: usize| timeline(policy, &lives.case(n)) == mistaken(policy, &lives.case(n), belief);
            assert!(!(0..lives.cases).all(right), "{belief:?} no se nota");
        }
        // con vidas cortas y que fallan, olvidar mal no se nota: son la verdad
        let short = Lives { last: vec![(1, 9)], codes: vec![1], ..lives(Always) };
        for belief in [NeverForgets, ForgetsTooSoon, ForgetsAndWaits, ForgetsSuccess, OnlyFailures] {
            for n in 0..short.cases {
                assert_eq!(timeline(Always, &short.case(n)), mistaken(Always, &short.case(n), belief));
            }
        }
    }

    #[test]
    fn las_vidas_inventadas_dependen_de_la_semilla_y_caben_en_sus_trechos() {
        let one = lives(Always);
        let other = Lives { seed: "y".into(), ..one.clone() };
        assert_eq!(one.case(0), one.case(0));
        assert_ne!(one.case(0), one.case(1));
        assert_ne!(one.case(0), other.case(0));
        let inside = |&(lasts, _): &Life| one.last.iter().any(|(low, high)| (low..=high).contains(&&lasts));
        assert!((0..one.cases).all(|n| one.case(n).iter().all(inside)));
    }
}
