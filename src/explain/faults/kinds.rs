//! La tabla de las averías: cómo se llama cada una, qué campos tiene y de qué clase son.

use crate::logic::{HookKind, ProbeKind};

/// Una clase de avería.
pub struct Kind {
    pub name: &'static str,
    pub doc: &'static str,
    pub fields: &'static [Field],
}

pub struct Field {
    pub name: &'static str,
    pub kind: FieldKind,
    pub required: bool,
}

/// Lo que se escribe en un campo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Container,
    Duration,
    Text,
    /// Un entero entre dos, incluidos.
    Number(i64, i64),
    Probe,
    Hook,
}

impl FieldKind {
    /// Cómo se escribe un valor así.
    pub fn describe(self) -> String {
        match self {
            FieldKind::Container => "el nombre de un contenedor, entre comillas".into(),
            FieldKind::Duration => "un plazo entre comillas: \"5s\", \"1m30s\", \"2h\", \"30d\"".into(),
            FieldKind::Text => "un texto entre comillas".into(),
            FieldKind::Number(from, to) if to == i64::MAX => format!("un número entero desde {from}"),
            FieldKind::Number(from, to) => format!("un número entero de {from} a {to}"),
            FieldKind::Probe => "inicio, preparacion o vida".into(),
            FieldKind::Hook => "postStart o preStop".into(),
        }
    }
}

pub const PROBES: &[(&str, ProbeKind)] =
    &[("inicio", ProbeKind::Startup), ("preparacion", ProbeKind::Readiness), ("vida", ProbeKind::Liveness)];

pub const HOOKS: &[(&str, HookKind)] = &[("postStart", HookKind::PostStart), ("preStop", HookKind::PreStop)];

const fn needs(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind, required: true }
}

const fn may(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind, required: false }
}

const CONTAINER: Field = needs("contenedor", FieldKind::Container);
const LIFE: Field = may("vida", FieldKind::Number(1, i64::MAX));
const SAYS: Field = may("dice", FieldKind::Text);
const AFTER: Field = needs("tras", FieldKind::Duration);
const TAKES: Field = needs("tarda", FieldKind::Duration);
const PROBE: Field = needs("sonda", FieldKind::Probe);
const HOOK: Field = needs("hook", FieldKind::Hook);
const AT: Field = needs("en", FieldKind::Duration);
const FROM: Field = may("desde", FieldKind::Duration);
const UNTIL: Field = may("hasta", FieldKind::Duration);
const SINCE_START: Field = may("tras", FieldKind::Duration);

/// Todas las averías.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "Acaba",
        doc: "El programa sale con un código.",
        fields: &[CONTAINER, needs("codigo", FieldKind::Number(0, 255)), AFTER, LIFE],
    },
    Kind {
        name: "Muere",
        doc: "Lo mata una señal: 9 es SIGKILL, 11 un fallo de segmentación.",
        fields: &[CONTAINER, needs("senal", FieldKind::Number(1, 64)), AFTER, LIFE],
    },
    Kind {
        name: "SinMemoria",
        doc: "Pasa de su límite de memoria y el kernel lo mata (OOMKilled).",
        fields: &[CONTAINER, AFTER, LIFE],
    },
    Kind {
        name: "NoArranca",
        doc: "No llega a ejecutar su programa: 126 no se puede, 127 no existe; sin código, ni nace.",
        fields: &[CONTAINER, may("codigo", FieldKind::Number(1, 255)), SAYS, LIFE],
    },
    Kind { name: "TardaEnArrancar", doc: "Se tarda en crearlo.", fields: &[CONTAINER, TAKES, LIFE] },
    Kind {
        name: "FallaSonda",
        doc: "Una sonda suya falla: siempre, entre dos instantes o desde un rato después de arrancar.",
        fields: &[CONTAINER, PROBE, FROM, UNTIL, SINCE_START, SAYS, LIFE],
    },
    Kind {
        name: "TardaSonda",
        doc: "Una sonda suya tarda en contestar; si pasa de timeoutSeconds, falla.",
        fields: &[CONTAINER, PROBE, TAKES, FROM, UNTIL, SINCE_START, LIFE],
    },
    Kind { name: "TardaHook", doc: "Un hook suyo tarda en acabar.", fields: &[CONTAINER, HOOK, TAKES, LIFE] },
    Kind { name: "FallaHook", doc: "Un hook suyo falla.", fields: &[CONTAINER, HOOK, SAYS, LIFE] },
    Kind {
        name: "IgnoraParada",
        doc: "No hace caso de la señal de parada: solo SIGKILL acaba con él.",
        fields: &[CONTAINER, LIFE],
    },
    Kind {
        name: "TardaEnParar",
        doc: "Con la señal de parada tarda un rato y sale con un código (0 si no se dice).",
        fields: &[CONTAINER, TAKES, may("codigo", FieldKind::Number(0, 255)), LIFE],
    },
    Kind { name: "FallaLaPausa", doc: "La pausa (y con ella la red) no se puede crear.", fields: &[SAYS] },
    Kind { name: "MuereLaPausa", doc: "La pausa muere.", fields: &[AT] },
    Kind {
        name: "Borra",
        doc: "Alguien borra el Pod, con su plazo de gracia o con otro.",
        fields: &[AT, may("plazo", FieldKind::Duration)],
    },
    Kind { name: "Expulsa", doc: "Se expulsa al Pod (Evicted).", fields: &[AT, SAYS] },
];
