//! Los controladores: que su molde sea un Pod válido, y que los dos se entiendan.

use super::{Broken, Checks, MAX_INT, names, range};
use crate::logic::schedule::Schedule;
use crate::spec::errors::visible;
use crate::spec::types::{CronJob, Job, JobSpec, PodTemplate, ReplicaSet, RestartPolicy};

/// Los Pods que puede tener a la vez un controlador. Es un límite de micropod: los que caben en un puente.
const MAX_PODS: i64 = 1000;
/// El nombre de un Job de un CronJob lleva detrás un guion y diez cifras, y ha de caber en 63.
const MAX_CRON_NAME: usize = 52;

pub fn replica_set(set: &ReplicaSet) -> Vec<Broken> {
    let mut checks = Checks::default();
    names::metadata(&mut checks, &set.metadata, "el nombre del ReplicaSet");
    let spec = &set.spec;
    if let Some(replicas) = spec.replicas {
        range(&mut checks, "MP0144", "spec.replicas", replicas, 0, MAX_PODS);
    }
    let wanted = &spec.selector.match_labels;
    if wanted.is_empty() {
        let hint = "repite en él las etiquetas de la plantilla: `matchLabels: {\"app\": \"web\"}`";
        checks.add("MP0191", "spec.selector.matchLabels", "el selector no pide ninguna etiqueta", hint);
    }
    for (key, value) in wanted {
        if spec.template.metadata.labels.get(key) != Some(value) {
            let problem = format!("los Pods de la plantilla no llevan la etiqueta `{}`", visible(key, 63));
            let hint = format!(
                "añádela en spec.template.metadata.labels: `\"{}\": \"{}\"`",
                visible(key, 63),
                visible(value, 63)
            );
            checks.add("MP0191", format!("spec.selector.matchLabels[\"{key}\"]"), problem, hint);
        }
    }
    let policy = spec.template.spec.restart_policy;
    if policy != RestartPolicy::Always {
        let problem =
            format!("los Pods de un ReplicaSet no acaban nunca, y este tiene `restartPolicy: {policy}`");
        let hint = "quítalo, o escribe un Job si el trabajo acaba";
        checks.add("MP0191", "spec.template.spec.restartPolicy", problem, hint);
    }
    checks.broken.extend(template(&spec.template, "spec.template"));
    checks.broken
}

pub fn job(job: &Job) -> Vec<Broken> {
    let mut checks = Checks::default();
    names::metadata(&mut checks, &job.metadata, "el nombre del Job");
    checks.broken.extend(job_spec(&job.spec, "spec"));
    checks.broken
}

pub fn cron_job(cron: &CronJob) -> Vec<Broken> {
    let mut checks = Checks::default();
    names::metadata(&mut checks, &cron.metadata, "el nombre del CronJob");
    let length = cron.metadata.name.len();
    if length > MAX_CRON_NAME {
        let problem =
            format!("el nombre tiene {length} caracteres, y el de un CronJob, como mucho {MAX_CRON_NAME}");
        checks.add(
            "MP0130",
            "metadata.name",
            problem,
            "sus Jobs se llaman como él con once caracteres más: acórtalo",
        );
    }
    let spec = &cron.spec;
    if let Err(fault) = Schedule::parse(&spec.schedule) {
        let problem = format!("el horario no vale: {}", visible(&fault, 200));
        let hint = "minuto, hora, día del mes, mes y día de la semana: `*/5 * * * *` es cada cinco minutos";
        checks.add("MP0192", "spec.schedule", problem, hint);
    }
    for (field, value) in [
        ("startingDeadlineSeconds", spec.starting_deadline_seconds),
        ("successfulJobsHistoryLimit", spec.successful_jobs_history_limit),
        ("failedJobsHistoryLimit", spec.failed_jobs_history_limit),
    ] {
        if let Some(value) = value {
            range(&mut checks, "MP0144", &format!("spec.{field}"), value, 0, MAX_INT);
        }
    }
    checks.broken.extend(job_spec(&spec.job_template.spec, "spec.jobTemplate.spec"));
    checks.broken
}

fn job_spec(spec: &JobSpec, path: &str) -> Vec<Broken> {
    let mut checks = Checks::default();
    for (field, value, min, max) in [
        ("completions", spec.completions, 0, MAX_INT),
        ("parallelism", spec.parallelism, 0, MAX_PODS),
        ("backoffLimit", spec.backoff_limit, 0, MAX_INT),
        ("activeDeadlineSeconds", spec.active_deadline_seconds, 1, MAX_INT),
    ] {
        if let Some(value) = value {
            range(&mut checks, "MP0144", &format!("{path}.{field}"), value, min, max);
        }
    }
    // ANCHOR: job_policy
    if spec.template.spec.restart_policy == RestartPolicy::Always {
        let problem = "el Pod de un Job tiene que poder acabar, y con `restartPolicy: Always` no acaba nunca";
        let hint = "pon `restartPolicy: Never` (por cada fallo, un Pod nuevo) u `OnFailure` (el mismo Pod)";
        checks.add("MP0191", format!("{path}.template.spec.restartPolicy"), problem, hint);
    }
    // ANCHOR_END: job_policy
    checks.broken.extend(template(&spec.template, &format!("{path}.template")));
    checks.broken
}

/// El molde, comprobado como el Pod que saldrá de él.
fn template(template: &PodTemplate, path: &str) -> Vec<Broken> {
    // el nombre se lo pone el controlador, y vale seguro
    let pod = template.pod("molde");
    super::check(&pod).into_iter().map(|broken| broken.inside(path)).collect()
}
