//! Las causas que sabe dar `micropod por-que`, con un nombre estable cada una. Qué es cada una y por qué pasa
//! está en `causes.txt`.

use crate::texts::{self, Entry};

macro_rules! causes {
    ($( $variant:ident $id:literal )*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Cause { $($variant),* }

        impl Cause {
            /// El nombre con el que se explica.
            pub fn id(self) -> &'static str {
                match self {
                    $(Cause::$variant => $id),*
                }
            }
        }

        /// Los nombres de todas.
        #[cfg(test)]
        const IDS: &[&str] = &[$($id),*];
    };
}

causes! {
    AllGood "todo-va-bien"
    Finished "todo-acabo-bien"
    Starting "arrancando"
    ImageMissing "imagen-que-falta"
    BadVolume "volumen-que-no-casa"
    PortTaken "puerto-de-la-maquina-ocupado"
    LimitImpossible "limite-imposible"
    ConfigMissing "configuracion-que-falta"
    RootForbidden "root-prohibido"
    CreateFailed "contenedor-que-no-se-puede-crear"
    CommandNotFound "programa-que-no-existe"
    NotExecutable "programa-no-ejecutable"
    BadFormat "formato-no-ejecutable"
    MissingLoader "falta-su-interprete"
    ShellCommandNotFound "orden-que-no-existe"
    ExitedWithError "acaba-con-error"
    CompletesAndRestarts "acaba-bien-y-se-reinicia"
    ProgramCrash "fallo-del-programa"
    KilledFromOutside "matado-desde-fuera"
    StoppedByMicropod "lo-paro-micropod"
    KilledWithItsPid1 "murio-su-pid-1"
    OutOfMemory "sin-memoria"
    TooManyProcesses "limite-de-procesos"
    CpuThrottled "cpu-estrangulada"
    PortInUse "puerto-ocupado-en-el-pod"
    ReadOnlyRoot "solo-lectura"
    PermissionDenied "permiso-denegado"
    NoSpace "sin-sitio"
    LivenessHttp "vida-codigo-http"
    LivenessRefused "vida-rechazada"
    LivenessTimeout "vida-sin-respuesta"
    LivenessCommand "vida-comando"
    StartupNotPassed "inicio-sin-aprobar"
    StartupExhausted "inicio-agotado"
    ReadinessNobody "preparacion-nadie-escucha"
    ReadinessLocalhost "preparacion-solo-en-localhost"
    ReadinessOtherPort "preparacion-otro-puerto"
    ReadinessNotFound "preparacion-ruta-404"
    ReadinessHttp "preparacion-codigo-http"
    ReadinessSlow "preparacion-lenta"
    ReadinessCommand "preparacion-comando"
    ReadinessWaiting "preparacion-sin-preguntar"
    ReadinessGateClosed "condicion-de-fuera"
    InitRunning "init-en-marcha"
    InitFailing "init-que-falla"
    WaitingSidecar "espera-a-un-auxiliar"
    IgnoresStop "ignora-la-parada"
    Stopping "acabando"
    Evicted "expulsado"
    DeadlineExceeded "plazo-agotado"
    SupervisorKilled "supervisor-muerto"
    SandboxDied "pausa-muerta"
    SandboxFailed "pausa-que-no-se-puede-crear"
}

/// Todas, explicadas: el nombre, qué es y por qué pasa.
fn all() -> Vec<Entry> {
    texts::entries("causes.txt")
}

/// La causa que se llama así.
pub fn find(id: &str) -> Option<Entry> {
    all().into_iter().find(|cause| cause.name.eq_ignore_ascii_case(id))
}

/// La lista de todas, para `micropod explain causas`.
pub fn list() -> String {
    let rows: Vec<Vec<String>> = all().into_iter().map(|cause| vec![cause.name, cause.line]).collect();
    format!(
        "Las causas que da `micropod por-que POD`; `micropod explain CAUSA` explica cada una.\n\n{}",
        crate::cli::table::align(&rows, 3)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn cada_causa_tiene_un_nombre_suyo_y_un_test_que_la_provoca_de_verdad() {
        let ids: BTreeSet<&str> = IDS.iter().copied().collect();
        assert_eq!(ids.len(), IDS.len());
        assert_eq!(all().iter().map(|cause| cause.name.as_str()).collect::<Vec<_>>(), IDS);
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let tests: String = ["tests/host_porque.rs", "tests/vm_porque.rs"]
            .map(|file| std::fs::read_to_string(root.join(file)).unwrap_or_default())
            .concat();
        for id in ids {
            assert!(id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{id}");
            assert!(tests.contains(&format!("\"{id}\"")), "ningún test provoca «{id}»");
            let cause = find(&id.to_uppercase()).unwrap();
            assert!(cause.name == id && !cause.line.is_empty() && !cause.text.is_empty(), "{id}");
        }
    }
}
