//! El vocabulario de los correctores: lo que se hace a un Pod y lo que se mira de él.
//!
//! En `lab.ron` se escriben en español. Quien los hace está en `look.rs` (lo que se mira) y en
//! `act.rs` (lo que se hace).

use super::timeline::{Lives, Real};
use serde::Deserialize;
use std::net::Ipv4Addr;

/// Un paso de un criterio. Los que miran esperan, con paciencia, a que se cumpla lo que dicen.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub enum Step {
    // ── el estado del Pod ──
    /// El Pod está en esta fase.
    #[serde(rename = "Fase")]
    Phase(String),
    /// Este contenedor tiene un proceso principal vivo.
    #[serde(rename = "Corre")]
    Runs(String),
    /// Acabó con este código (128 más la señal, si lo mató una).
    #[serde(rename = "Acaba")]
    Ended(String, i32),
    #[serde(rename = "Listo")]
    Ready(String),
    #[serde(rename = "NoListo")]
    NotReady(String),
    /// Se ha reiniciado al menos tantas veces.
    #[serde(rename = "Reinicios")]
    Restarts(String, u32),
    /// Su última vida acabó así: `OOMKilled`, `Error`, `Completed`.
    #[serde(rename = "RazonDelFin")]
    EndReason(String, String),
    /// Un valor del objeto del Pod, por su camino: `{.metadata.labels.curso}`.
    #[serde(rename = "Objeto")]
    Object(String, String),

    /// Lo crea un controlador de esa clase y con ese nombre: `("cronjob", "copia")`.
    #[serde(rename = "LoCrea")]
    CreatedBy(String, String),
    /// Quien lo crea ha creado, con él, al menos tantos Pods.
    #[serde(rename = "Pods")]
    Pods(usize),

    /// El horario de quien lo crea toca cada tantos segundos.
    #[serde(rename = "CadaCuanto")]
    Every(i64),

    // ── lo que dice el kernel ──
    /// Comparten ese espacio de nombres (`net`, `ipc`, `uts`, `pid`, `mnt`): el mismo inodo.
    #[serde(rename = "MismoEspacio")]
    SameNamespace(String, String, String),
    /// La ruta de uno y la del otro llevan al mismo fichero: mismo dispositivo e inodo.
    #[serde(rename = "MismoFichero")]
    SameFile((String, String), (String, String)),
    /// Hay algo montado en esa ruta, según `mountinfo`.
    #[serde(rename = "Montado")]
    Mounted(String, String),
    #[serde(rename = "MontadoSoloLectura")]
    MountedReadOnly(String, String),
    #[serde(rename = "TipoDeMontaje")]
    MountType(String, String, String),
    /// La raíz de su espacio de montajes es esa ruta del otro, mire él adonde mire: `chroot` no la cambia.
    #[serde(rename = "RaizDelEspacio")]
    NamespaceRoot(String, (String, String)),
    /// Entre los montajes del espacio del primero está el que tiene el segundo en esa ruta.
    #[serde(rename = "VeElMontaje")]
    SeesMount(String, (String, String)),
    /// Una variable de `/proc/PID/environ`.
    #[serde(rename = "Entorno")]
    Environment(String, String, String),
    /// El nombre de la máquina en su espacio UTS.
    #[serde(rename = "NombreDeMaquina")]
    Hostname(String, String),
    /// El usuario efectivo de su proceso principal.
    #[serde(rename = "Usuario")]
    User(String, u32),
    /// Ningún proceso suyo tiene esta capacidad, ni puede ganarla.
    #[serde(rename = "SinCapacidad")]
    NoCapability(String, u32),
    #[serde(rename = "SinPrivilegiosNuevos")]
    NoNewPrivileges(String),
    /// Su raíz es de solo lectura.
    #[serde(rename = "RaizSoloLectura")]
    ReadOnlyRoot(String),
    /// El número que tiene en el espacio de procesos más hondo: el suyo.
    #[serde(rename = "PidDentro")]
    InnerPid(String, i32),
    /// En su red hay una interfaz con ese nombre, de esa clase: `bridge`, `veth`…
    #[serde(rename = "ClaseDeInterfaz")]
    LinkKind(String, String, String),
    /// La interfaz del primero es la punta de un cable (un par veth) cuya otra punta está en la red del
    /// segundo, enchufada al puente que se llama así.
    #[serde(rename = "Cable")]
    Cable(String, String, String, String),
    /// En su red, lo que no es para nadie conocido sale por esa dirección.
    #[serde(rename = "RutaDeSalida")]
    DefaultRoute(String, String),
    /// En su red hay una interfaz con ese nombre, encendida y con esa dirección (con su prefijo, si se dice).
    #[serde(rename = "Interfaz")]
    Interface(String, String, String),
    /// Cuántas interfaces hay en su red.
    #[serde(rename = "Interfaces")]
    Interfaces(String, usize),
    /// Cuántos procesos hay en su espacio de procesos.
    #[serde(rename = "Procesos")]
    Processes(String, usize),
    /// El nombre de su proceso principal (`/proc/PID/comm`).
    #[serde(rename = "Principal")]
    Main(String, String),
    /// Un proceso de este contenedor escucha en ese puerto, en cualquier dirección.
    #[serde(rename = "Escucha")]
    Listens(String, u16),
    /// Sin hijos muertos por recoger.
    #[serde(rename = "SinZombis")]
    NoZombies(String),
    /// Su proceso espera durmiendo, y no preguntando sin parar.
    #[serde(rename = "Duerme")]
    Sleeps(String),
    /// Un valor del cgroup del contenedor.
    #[serde(rename = "Cgroup")]
    Cgroup(String, String, String),
    /// Un valor del cgroup del Pod.
    #[serde(rename = "CgroupDelPod")]
    PodCgroup(String, String),
    /// Ese fichero de dentro contiene este texto.
    #[serde(rename = "Contiene")]
    Contains(String, String, String),
    #[serde(rename = "Existe")]
    Exists(String, String),
    /// Lo que ha escrito en su salida contiene este texto.
    #[serde(rename = "Dice")]
    Says(String, String),
    /// Cuántas líneas de su salida contienen este texto.
    #[serde(rename = "DiceVeces")]
    SaysTimes(String, String, usize),

    /// Al menos tantas líneas de su salida contienen este texto.
    #[serde(rename = "DiceMas")]
    SaysAtLeast(String, String, usize),
    /// Junto al fichero del Pod, ese fichero contiene este texto.
    #[serde(rename = "EnLaEntrega")]
    HandedInContains(String, String),
    /// Esa ruta del contenedor es ese fichero o directorio de junto al fichero del Pod: el mismo inodo.
    #[serde(rename = "DeLaEntrega")]
    OfHandedIn(String, String, String),

    // ── la red ──
    /// `GET` a la IP del Pod desde fuera: el código y un trozo de la respuesta. Con `desde`, desde la red de
    /// ese proceso; con `ip`, a otra.
    #[serde(rename = "Http")]
    Http {
        #[serde(rename = "desde", default)]
        from: Option<String>,
        #[serde(rename = "ip", default)]
        ip: Option<Ipv4Addr>,
        #[serde(rename = "puerto")]
        port: u16,
        #[serde(rename = "ruta", default = "root_path")]
        path: String,
        #[serde(rename = "codigo", default = "ok_code")]
        code: u16,
        #[serde(rename = "dice", default)]
        says: String,
    },
    /// Ejecutar un comando en un contenedor: su código y un trozo de lo que imprime.
    #[serde(rename = "Ejecuta")]
    Exec {
        #[serde(rename = "en")]
        container: String,
        #[serde(rename = "comando")]
        command: Vec<String>,
        #[serde(rename = "codigo", default)]
        code: i32,
        #[serde(rename = "dice", default)]
        says: String,
    },

    /// El programa que está en ese contenedor dice de unas vidas inventadas lo que dice el núcleo.
    #[serde(rename = "Traza")]
    Foretells(Lives),
    /// Y lo que dice es lo que pasa en un Pod de verdad.
    #[serde(rename = "TrazaDeVerdad")]
    MatchesReal(Real),

    // ── lo que se hace ──
    /// Escribir un fichero dentro de un contenedor, como si lo escribiera él.
    #[serde(rename = "Escribe")]
    Write(String, String, String),
    /// Escribir en un fichero de junto al del Pod.
    #[serde(rename = "EscribeEnLaEntrega")]
    WriteBeside(String, String),
    /// Quitar un fichero de junto al del Pod.
    #[serde(rename = "BorraDeLaEntrega")]
    RemoveBeside(String),
    /// Pedir que el Pod acabe, y no esperarlo.
    #[serde(rename = "PideQueAcabe")]
    AskToStop,
    #[serde(rename = "Borra")]
    Remove(String, String),
    /// Mandar una señal a su proceso principal.
    #[serde(rename = "Manda")]
    Signal(String, String),
    /// Mandársela a todos los suyos, el principal incluido.
    #[serde(rename = "MandaATodos")]
    SignalAll(String, String),
    /// Matar a todos sus procesos que se llamen así, menos al principal.
    #[serde(rename = "MataHijos")]
    KillChildren(String),
    /// Parar el Pod con buenas maneras (SIGTERM y el plazo de gracia) y medir: acabó antes de esos
    /// segundos. Ya no se puede mirar nada más de él.
    #[serde(rename = "ParaEnMenosDe")]
    StopsWithin(f64),
    /// El mismo Pod otra vez, desde cero: otro UID, otros contenedores.
    #[serde(rename = "Renace")]
    Rebirth,

    // ── los que llevan otros dentro ──
    /// Se cumple y se sigue cumpliendo tantos segundos.
    #[serde(rename = "Sigue")]
    Holds(f64, Box<Step>),
    /// Se cumple ya, sin esperar: lo que tenía que pasar ha pasado antes.
    #[serde(rename = "Ya")]
    Now(Box<Step>),
    /// Hasta tantos segundos de reloj, sea como sea de lenta la máquina: lo que marca el plazo de una sonda.
    #[serde(rename = "EnReloj")]
    WithinClock(f64, Box<Step>),
    /// No se cumple, mirado ahora.
    #[serde(rename = "No")]
    Not(Box<Step>),
    #[serde(rename = "Alguno")]
    Any(Vec<Step>),
    /// Con más plazo que el de siempre, en segundos de una máquina tranquila.
    #[serde(rename = "En")]
    Within(f64, Box<Step>),
    /// Entre los dos últimos reinicios pasaron al menos tantos segundos.
    #[serde(rename = "EsperaEntreReinicios")]
    RestartGap(String, f64),
}

impl Step {
    /// ¿Mira lo que un contenedor ha escrito en su salida?
    pub fn reads_output(&self) -> bool {
        use Step::*;
        match self {
            Says(..) | SaysTimes(..) | SaysAtLeast(..) => true,
            Holds(_, inner) | Now(inner) | WithinClock(_, inner) | Not(inner) | Within(_, inner) => {
                inner.reads_output()
            }
            _ => false,
        }
    }

    /// El contenedor del que habla, sin el proceso que se busca en él.
    pub fn container(&self) -> Option<&str> {
        use Step::*;
        let place = match self {
            Runs(c) | Ended(c, _) | Ready(c) | NotReady(c) | Restarts(c, _) | EndReason(c, _) => c,
            SameNamespace(c, ..) | SameFile((c, _), _) | Mounted(c, _) | MountedReadOnly(c, _) => c,
            MountType(c, ..)
            | NamespaceRoot(c, _)
            | SeesMount(c, _)
            | Environment(c, ..)
            | Hostname(c, _) => c,
            User(c, _) | NoCapability(c, _) | NoNewPrivileges(c) | ReadOnlyRoot(c) | InnerPid(c, _) => c,
            LinkKind(c, ..) | Cable(c, ..) | DefaultRoute(c, _) | Interface(c, ..) | Interfaces(c, _) => c,
            Processes(c, _) | Main(c, _) | Listens(c, _) | NoZombies(c) | Sleeps(c) => c,
            Cgroup(c, ..) => c,
            Contains(c, ..) | Exists(c, _) | Says(c, _) | SaysTimes(c, ..) | SaysAtLeast(c, ..) => c,
            OfHandedIn(c, ..) | Write(c, ..) | Remove(c, _) | Signal(c, _) | SignalAll(c, _) => c,
            KillChildren(c) | RestartGap(c, _) | Exec { container: c, .. } => c,
            Http { from, .. } => from.as_ref()?,
            Foretells(lives) => &lives.container,
            MatchesReal(real) => &real.container,
            Holds(_, inner) | Now(inner) | WithinClock(_, inner) | Not(inner) | Within(_, inner) => {
                return inner.container();
            }
            Any(all) => return all.last()?.container(),
            Phase(_) | Object(..) | CreatedBy(..) | Pods(_) | Every(_) | PodCgroup(..)
            | HandedInContains(..) | WriteBeside(..) | RemoveBeside(_) | AskToStop | StopsWithin(_)
            | Rebirth => return None,
        };
        Some(place.split('/').next().unwrap_or(place))
    }
}

fn root_path() -> String {
    "/".into()
}

fn ok_code() -> u16 {
    200
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn de_un_paso_se_sabe_de_que_contenedor_habla_aunque_lleve_otro_dentro() {
        let runs = || Box::new(Step::Runs("guion/httpd".into()));
        assert_eq!(Step::Holds(1.0, runs()).container(), Some("guion"));
        assert_eq!(Step::Not(runs()).container(), Some("guion"));
        assert_eq!(Step::Any(vec![Step::Rebirth, *runs()]).container(), Some("guion"));
        assert_eq!(Step::Ended("nota".into(), 0).container(), Some("nota"));
        assert_eq!(Step::Phase("Running".into()).container(), None);
    }

    #[test]
    fn de_un_paso_se_sabe_si_mira_lo_escrito_aunque_lleve_otro_dentro() {
        let says = || Box::new(Step::Says("cliente".into(), "aviso".into()));
        assert!(Step::Within(10.0, says()).reads_output() && Step::Not(says()).reads_output());
        assert!(!Step::Within(10.0, Box::new(Step::Runs("cliente".into()))).reads_output());
    }
}
