//! Las causas que sabe dar `micropod por-que`, con un nombre estable cada una.

/// Una causa: su nombre, qué es y por qué pasa.
pub struct About {
    pub id: &'static str,
    pub title: &'static str,
    pub text: &'static str,
}

macro_rules! causes {
    ($( $variant:ident $id:literal $title:literal $text:literal )*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Cause { $($variant),* }

        /// Todas las causas.
        pub const CAUSES: &[Cause] = &[$(Cause::$variant),*];

        impl Cause {
            pub fn about(self) -> About {
                match self {
                    $(Cause::$variant => About { id: $id, title: $title, text: $text }),*
                }
            }
        }
    };
}

causes! {
    AllGood "todo-va-bien" "todo va bien"
        "El Pod está listo y ninguno de sus contenedores tiene nada que contar."
    Finished "todo-acabo-bien" "el Pod acabó bien"
        "Todos los contenedores de aplicación acabaron con código 0 y ninguno se reinicia."
    Starting "arrancando" "todavía está arrancando"
        "Hace poco que se pidió. Preparar la red, los volúmenes y la raíz de un contenedor es cosa de milisegundos: \
         si dura, mira otra vez."

    ImageMissing "imagen-que-falta" "la imagen no está"
        "La raíz de un contenedor sale de una imagen, y esa no está en el almacén de esta máquina. micropod no \
         descarga imágenes: se construyen o se importan. Si estaba y se ha borrado, el contenedor no puede volver a \
         arrancar."
    BadVolume "volumen-que-no-casa" "un hostPath que no es lo que dice"
        "El `type` de un hostPath dice qué debe haber en esa ruta de la máquina, y no lo hay."
    PortTaken "puerto-de-la-maquina-ocupado" "el hostPort ya es de otro"
        "Un puerto de la máquina lleva a un solo sitio. Otro Pod, o un programa de la máquina, lo tiene ya."
    LimitImpossible "limite-imposible" "esta máquina no puede dar ese límite"
        "Los límites los pone cgroup v2, y a esta máquina le falta el controlador que haría falta."
    ConfigMissing "configuracion-que-falta" "falta un ConfigMap o un Secret"
        "Un contenedor pide un ConfigMap, un Secret o una clave suya que no está en el fichero del Pod. No arranca \
         hasta que aparezca."
    RootForbidden "root-prohibido" "sería root, y runAsNonRoot lo prohíbe"
        "`runAsNonRoot: true` mira con qué usuario se ejecutaría el contenedor: el de runAsUser o, si no lo dice, el de \
         su imagen. Si es el 0, no arranca. Los de inicialización también cuentan."
    CreateFailed "contenedor-que-no-se-puede-crear" "el contenedor no se pudo preparar"
        "Falló un paso de la preparación: su raíz, un montaje, su directorio de trabajo, un límite."
    CommandNotFound "programa-que-no-existe" "el programa no está en la imagen (127)"
        "El contenedor se preparó entero, pero su programa no está en la imagen. No se reintenta de otra manera: \
         hay que corregir `command` o la imagen."
    NotExecutable "programa-no-ejecutable" "el programa no se puede ejecutar (126)"
        "El fichero existe, pero le falta el permiso de ejecución, es un directorio o su usuario no puede usarlo."
    BadFormat "formato-no-ejecutable" "el fichero no es un programa (126)"
        "El kernel no reconoce el formato: es de otra arquitectura, o es un guion sin la primera línea `#!/bin/sh`."
    MissingLoader "falta-su-interprete" "al programa le falta su cargador o su intérprete (127)"
        "El programa está, pero necesita otro para ejecutarse (el cargador dinámico, o el de su línea `#!`) y ese no \
         está en la imagen. El kernel lo cuenta con el mismo error que si no existiera el programa."
    ShellCommandNotFound "orden-que-no-existe" "una orden de su shell no existe (127)"
        "La shell del contenedor arrancó, y acabó con 127 porque no encontró una de las órdenes que tenía que ejecutar."

    ExitedWithError "acaba-con-error" "el programa acaba con un error"
        "El programa decidió acabar con un código distinto de 0. Por qué, lo sabe él: está en lo último que escribió."
    CompletesAndRestarts "acaba-bien-y-se-reinicia" "acaba con 0 y vuelve a empezar"
        "Con `restartPolicy: Always` un contenedor que acaba, aunque sea bien, se reinicia, y cada vez se espera más. \
         Un programa que hace algo y acaba quiere `OnFailure` o `Never`; un servidor, seguir en primer plano."
    ProgramCrash "fallo-del-programa" "el programa se rompió"
        "Lo mató una señal que él mismo provocó: SIGSEGV (memoria que no es suya), SIGABRT (se rindió), SIGFPE, SIGILL."
    KilledFromOutside "matado-desde-fuera" "alguien lo mató"
        "Recibió una señal que micropod no envió: alguien hizo `kill` desde la máquina o desde otro contenedor."
    StoppedByMicropod "lo-paro-micropod" "lo paró micropod"
        "El Pod acababa (se borró, pasó de su plazo, se le expulsó o se quedó sin pausa), una regla pidió que todos sus \
         contenedores volvieran a empezar, o falló su postStart. El código es el de la señal que le mandó micropod: 143 \
         con SIGTERM, 137 con SIGKILL."
    KilledWithItsPid1 "murio-su-pid-1" "murió el PID 1 de su espacio de procesos"
        "Cuando muere el PID 1 de un espacio de procesos, el kernel mata a todos los que hay en él. Con \
         `shareProcessNamespace` ese PID 1 es la pausa."
    OutOfMemory "sin-memoria" "superó su límite de memoria"
        "El contenedor (o el Pod entero) pasó de su `limits.memory` y el kernel mató sus procesos, todos a la vez. \
         Con memory.oom.group da igual cuál de ellos pidió de más."
    TooManyProcesses "limite-de-procesos" "el Pod no puede crear más procesos"
        "El Pod llegó a su límite de procesos e hilos (pids.max): fork falla con EAGAIN dentro del contenedor."
    CpuThrottled "cpu-estrangulada" "la CPU no le llega"
        "Gasta toda la CPU que le da `limits.cpu` y el kernel lo para el resto de cada periodo: todo va más despacio, \
         también lo que contesta a las sondas."
    PortInUse "puerto-ocupado-en-el-pod" "dos contenedores quieren el mismo puerto"
        "Los contenedores de un Pod comparten la red: dos no pueden escuchar en el mismo puerto (EADDRINUSE)."
    ReadOnlyRoot "solo-lectura" "escribe donde no se puede: es de solo lectura"
        "Su raíz es de solo lectura (`readOnlyRootFilesystem`), o el volumen está montado con `readOnly` (EROFS). Lo \
         que tenga que escribir va en un volumen."
    PermissionDenied "permiso-denegado" "su usuario no tiene permiso"
        "El usuario con el que corre no puede leer o escribir un fichero (EACCES): casi siempre un volumen de la \
         máquina con otro dueño."
    NoSpace "sin-sitio" "no le queda sitio"
        "El volumen en el que escribe está lleno (ENOSPC): un emptyDir en memoria tiene un tope, y el disco, también."

    LivenessHttp "vida-codigo-http" "la sonda de vida recibe un código de error"
        "El programa contesta, pero no con un código entre 200 y 399. A los `failureThreshold` fallos seguidos se mata \
         el contenedor."
    LivenessRefused "vida-rechazada" "la sonda de vida no encuentra a nadie"
        "Nadie acepta la conexión en el puerto de la sonda de vida: el programa no escucha ahí, o ha dejado de hacerlo."
    LivenessTimeout "vida-sin-respuesta" "la sonda de vida se queda sin respuesta"
        "El programa no contesta en `timeoutSeconds`: está colgado, muy ocupado, o el plazo es muy corto."
    LivenessCommand "vida-comando" "el comando de la sonda de vida falla"
        "El comando de la sonda de vida sale con un código distinto de 0."
    StartupNotPassed "inicio-sin-aprobar" "la sonda de inicio aún no ha pasado"
        "Hasta que la sonda de inicio acierte una vez, el contenedor no cuenta como arrancado: ni está listo ni se le \
         hacen las otras sondas."
    StartupExhausted "inicio-agotado" "no arrancó a tiempo para su sonda de inicio"
        "La sonda de inicio falló `failureThreshold` veces seguidas y el contenedor se mata. Si necesita más tiempo, \
         sube `failureThreshold` o `periodSeconds`."
    ReadinessNobody "preparacion-nadie-escucha" "nadie escucha en el puerto de la sonda"
        "La sonda de preparación llama a un puerto en el que no escucha ningún proceso del Pod."
    ReadinessLocalhost "preparacion-solo-en-localhost" "solo escucha en localhost"
        "El programa escucha en 127.0.0.1, y la sonda llama a la IP del Pod: desde ahí no se le ve. Hay que hacer que \
         escuche en 0.0.0.0."
    ReadinessOtherPort "preparacion-otro-puerto" "escucha en otro puerto"
        "El programa escucha, pero no en el puerto al que llama la sonda."
    ReadinessNotFound "preparacion-ruta-404" "la página de la sonda no existe"
        "El servidor contesta 404: la ruta de `httpGet.path` no existe en él."
    ReadinessHttp "preparacion-codigo-http" "la sonda de preparación recibe un código de error"
        "El servidor contesta, pero no con un código entre 200 y 399."
    ReadinessSlow "preparacion-lenta" "la sonda de preparación se queda sin respuesta"
        "El programa acepta la conexión y no contesta en `timeoutSeconds` (1 s si no se dice)."
    ReadinessCommand "preparacion-comando" "el comando de la sonda de preparación falla"
        "El comando de la sonda de preparación sale con un código distinto de 0."
    ReadinessWaiting "preparacion-sin-preguntar" "la sonda de preparación aún no ha preguntado"
        "Hasta la primera respuesta buena, el contenedor no está listo; y la primera pregunta llega tras \
         `initialDelaySeconds`."

    ReadinessGateClosed "condicion-de-fuera" "falta una condición que pone alguien de fuera"
        "Sus contenedores están listos, pero el Pod tiene `readinessGates`: condiciones que no mira Kubernetes, sino que \
         pone otro programa (un balanceador, por ejemplo). Mientras alguna no sea True, el Pod no está listo."
    InitRunning "init-en-marcha" "espera a que acabe un contenedor de inicialización"
        "Los de inicialización corren de uno en uno, y los de aplicación no arrancan hasta que todos acaban bien."
    InitFailing "init-que-falla" "un contenedor de inicialización falla"
        "Mientras falle, se reinicia él (o el Pod entero falla, con `restartPolicy: Never`) y los demás no arrancan."
    WaitingSidecar "espera-a-un-auxiliar" "espera a que arranque un auxiliar"
        "Un contenedor de inicialización que se queda (sidecar) deja pasar a los demás cuando ha arrancado: si tiene \
         sonda de inicio, cuando la pasa."
    IgnoresStop "ignora-la-parada" "su PID 1 no atiende la señal de parada"
        "El PID 1 de un contenedor no muere de una señal para la que no tiene manejador: el kernel lo protege. Se espera \
         todo el plazo de gracia y al final recibe SIGKILL. Un `exec` en la shell, o un `trap`, lo arreglan."
    Stopping "acabando" "está acabando"
        "Se ha pedido que acabe y aún está dentro de su plazo de gracia."
    Evicted "expulsado" "se le expulsó por gastar de más"
        "Un emptyDir pasó de su `sizeLimit`. El Pod queda en fase Failed y no se reinicia."
    DeadlineExceeded "plazo-agotado" "pasó de su plazo activo"
        "El Pod llevaba en marcha más de `activeDeadlineSeconds`, contados desde que nació: se termina y queda Failed."
    SupervisorKilled "supervisor-muerto" "murió su supervisor"
        "Cada Pod tiene un supervisor. Si muere a la fuerza, el Pod muere con él al momento, y nadie pudo anotar cómo \
         acabaron sus contenedores."
    SandboxDied "pausa-muerta" "murió la pausa"
        "La pausa sostiene la red y el nombre del Pod. Si muere, el Pod falla entero: nunca a medias."
    SandboxFailed "pausa-que-no-se-puede-crear" "no se pudo crear el entorno del Pod"
        "Falló la creación de la pausa o de la red del Pod."
}

/// La causa que se llama así.
pub fn find(id: &str) -> Option<Cause> {
    CAUSES.iter().copied().find(|cause| cause.about().id.eq_ignore_ascii_case(id))
}

/// La lista de todas, para `micropod explain causas`.
pub fn list() -> String {
    let rows: Vec<Vec<String>> =
        CAUSES.iter().map(|c| c.about()).map(|a| vec![a.id.to_string(), a.title.to_string()]).collect();
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
        let ids: BTreeSet<&str> = CAUSES.iter().map(|c| c.about().id).collect();
        assert_eq!(ids.len(), CAUSES.len());
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let tests: String = ["tests/host_porque.rs", "tests/vm_porque.rs"]
            .map(|file| std::fs::read_to_string(root.join(file)).unwrap_or_default())
            .concat();
        for id in ids {
            assert!(id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{id}");
            assert!(tests.contains(&format!("\"{id}\"")), "ningún test provoca «{id}»");
            assert_eq!(find(&id.to_uppercase()).map(|c| c.about().id), Some(id));
        }
    }
}
