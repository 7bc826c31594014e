//! Los controladores: objetos que crean Pods en lugar de los que ya no están.
//!
//! `ReplicaSet`, `Job` y `CronJob`, con lo que un solo ordenador puede honrar de ellos.

use super::schema::{object, words};
use super::types::{ObjectMeta, Pod, PodSpec};
use std::collections::BTreeMap;

object! {
    /// Un ReplicaSet: mantiene en marcha un número de Pods iguales. Si uno desaparece, crea otro en
    /// su lugar: con otro nombre, otro UID y otra IP.
    pub struct ReplicaSet {
        required {
            /// Quién es. Sus Pods se llaman como él, con cinco letras detrás.
            metadata: ObjectMeta,
            /// Cuántos Pods quieres y cómo son.
            spec: ReplicaSetSpec,
        }
        optional {}
    }
}

object! {
    /// Cuántos Pods mantiene un ReplicaSet y cómo son.
    pub struct ReplicaSetSpec {
        required {
            /// Qué Pods son suyos: los que llevan estas etiquetas.
            selector: LabelSelector,
            /// El Pod que crea cada vez. Su restartPolicy solo puede ser Always.
            template: PodTemplate,
        }
        optional {
            /// Cuántos Pods debe haber. El valor predeterminado es 1.
            replicas: Option<i64>,
        }
    }
}

object! {
    /// Etiquetas que debe llevar un objeto para que se le elija.
    pub struct LabelSelector {
        required {
            /// Pares clave y valor: el objeto debe llevarlos todos.
            match_labels: BTreeMap<String, String>,
        }
        optional {}
    }
}

object! {
    /// El molde de un Pod: lo que tendrá cada uno de los que se creen.
    pub struct PodTemplate {
        required {
            /// Cómo será el Pod.
            spec: PodSpec,
        }
        optional {
            /// Las etiquetas y anotaciones que llevará.
            metadata: TemplateMeta,
        }
    }
}

impl PodTemplate {
    /// El Pod que sale de este molde, con el nombre que se le da.
    pub fn pod(&self, name: &str) -> Pod {
        let metadata = ObjectMeta {
            name: name.to_string(),
            labels: self.metadata.labels.clone(),
            annotations: self.metadata.annotations.clone(),
            namespace: None,
        };
        Pod { metadata, spec: self.spec.clone() }
    }
}

object! {
    /// Los metadatos de un molde: los de un objeto, sin su nombre.
    pub struct TemplateMeta {
        required {}
        optional {
            /// Etiquetas: pares clave y valor para reconocer y seleccionar objetos.
            labels: BTreeMap<String, String>,
            /// Anotaciones: pares clave y valor para guardar datos que no sirven para seleccionar.
            annotations: BTreeMap<String, String>,
        }
    }
}

object! {
    /// Un Job: ejecuta Pods hasta que los necesarios acaban bien, y entonces termina.
    pub struct Job {
        required {
            /// Quién es. Sus Pods se llaman como él, con cinco letras detrás.
            metadata: ObjectMeta,
            /// Qué hay que ejecutar y cuántas veces.
            spec: JobSpec,
        }
        optional {}
    }
}

object! {
    /// Qué ejecuta un Job y hasta cuándo insiste.
    pub struct JobSpec {
        required {
            /// El Pod que crea cada vez. Su restartPolicy es Never (por cada fallo, un Pod nuevo) u
            /// OnFailure (se reinicia el contenedor en el mismo Pod).
            template: PodTemplate,
        }
        optional {
            /// Cuántos Pods deben acabar bien. Sin parallelism, el valor predeterminado es 1; con él
            /// y sin completions, basta con que acabe bien uno y terminen los demás.
            completions: Option<i64>,
            /// Cuántos Pods puede haber a la vez. El valor predeterminado es 1.
            parallelism: Option<i64>,
            /// Cuántos fallos se consienten antes de dar el Job por fallido. Predeterminado: 6. Entre
            /// uno y otro se espera 10 s, 20 s, 40 s… hasta 10 minutos.
            backoff_limit: Option<i64>,
            /// Segundos que el Job puede estar activo; después se para y queda fallido con razón
            /// DeadlineExceeded.
            active_deadline_seconds: Option<i64>,
        }
    }
}

object! {
    /// Un CronJob: crea un Job cada vez que lo dice su horario.
    pub struct CronJob {
        required {
            /// Quién es: como mucho 52 caracteres. Sus Jobs se llaman como él, con el minuto detrás.
            metadata: ObjectMeta,
            /// Cuándo y qué.
            spec: CronJobSpec,
        }
        optional {}
    }
}

object! {
    /// El horario de un CronJob y el Job que crea.
    pub struct CronJobSpec {
        required {
            /// El horario: minuto, hora, día del mes, mes y día de la semana, en la hora de esta
            /// máquina. «*/5 * * * *» es cada cinco minutos. Valen también @hourly, @daily… y
            /// @every 30s.
            schedule: String,
            /// El Job que se crea cada vez.
            job_template: JobTemplate,
        }
        optional {
            /// Qué hacer si llega la hora y el Job anterior no ha acabado: Allow (otro a la vez),
            /// Forbid (esta vez no) o Replace (se para el anterior). Predeterminado: Allow.
            concurrency_policy: ConcurrencyPolicy,
            /// Segundos de retraso que se consienten: si la máquina estuvo dormida más, esa vez se
            /// salta.
            starting_deadline_seconds: Option<i64>,
            /// Cuántos Jobs acabados bien se recuerdan. Predeterminado: 3.
            successful_jobs_history_limit: Option<i64>,
            /// Cuántos Jobs fallidos se recuerdan. Predeterminado: 1.
            failed_jobs_history_limit: Option<i64>,
            /// Con true no crea ningún Job.
            suspend: bool,
        }
    }
}

object! {
    /// El molde de un Job.
    pub struct JobTemplate {
        required {
            /// Cómo será el Job.
            spec: JobSpec,
        }
        optional {
            /// Las etiquetas y anotaciones que llevará.
            metadata: TemplateMeta,
        }
    }
}

words! {
    /// Qué hacer cuando toca un Job y el anterior sigue en marcha.
    pub enum ConcurrencyPolicy { Allow, Forbid, Replace }
}
