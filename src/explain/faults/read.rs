//! Del texto a las averías: se recorre el árbol con la tabla en la mano y se apuntan todos los errores.

use super::kinds::{FieldKind, HOOKS, KINDS, Kind, PROBES};
use super::{Fault, Faults, Trouble, What, Window};
use crate::logic::{ContainerId, Exit, HookKind, PodRules, ProbeKind};
use crate::spec::errors::visible;
use crate::spec::language::Language;
use crate::spec::tree::{Node, Tree, Value};
use crate::spec::{Place, SpecError, SpecErrors, suggest};
use std::ops::Range;
use std::time::Duration;

pub fn read(file: &str, text: &str, rules: &PodRules) -> Result<Faults, SpecErrors> {
    let mut reader = Reader { file, text, rules, found: Vec::new() };
    let tree = Tree::read(Language::Ron, text);
    if let Some(fault) = tree.fault {
        reader.fail(fault.at, fault.code, "", fault.problem, fault.hint);
        return Err(SpecErrors(reader.found));
    }
    let Value::List(items) = &tree.root.value else {
        let hint = "escribe `[Acaba(contenedor: \"web\", codigo: 1, tras: \"5s\")]`".to_string();
        reader.fail(tree.root.head(), "MP0301", "", "aquí va una lista de averías".into(), Some(hint));
        return Err(SpecErrors(reader.found));
    };
    let faults: Vec<Fault> = items.iter().filter_map(|item| reader.fault(item)).collect();
    reader.contradictions(items, &faults);
    if reader.found.is_empty() { Ok(Faults { all: faults }) } else { Err(SpecErrors(reader.found)) }
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    rules: &'a PodRules,
    found: Vec<SpecError>,
}

/// Un valor ya leído.
enum Read {
    Container(ContainerId),
    Duration(Duration),
    Text(String),
    Number(i64),
    Probe(ProbeKind),
    Hook(HookKind),
}

/// Los campos de una avería, por su nombre.
struct Fields(Vec<(&'static str, Read)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&Read> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, read)| read)
    }

    fn duration(&self, name: &str) -> Option<Duration> {
        match self.get(name) {
            Some(Read::Duration(d)) => Some(*d),
            _ => None,
        }
    }

    fn number(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Read::Number(n)) => Some(*n),
            _ => None,
        }
    }

    fn says(&self, default: &str) -> String {
        match self.get("dice") {
            Some(Read::Text(text)) => text.clone(),
            _ => default.to_string(),
        }
    }

    fn window(&self) -> Window {
        let of = |name| self.duration(name);
        Window { from: of("desde"), until: of("hasta"), after: of("tras") }
    }
}

impl Reader<'_> {
    fn fail(
        &mut self,
        at: Range<usize>,
        code: &'static str,
        field: &str,
        problem: String,
        hint: Option<String>,
    ) {
        self.found.push(SpecError {
            code,
            file: self.file.to_string(),
            place: Some(Place::new(self.text, at)),
            field: field.to_string(),
            problem: visible(&problem, usize::MAX),
            hint: hint.map(|hint| visible(&hint, usize::MAX)),
            possible: Vec::new(),
        });
    }

    /// Añade al último error los nombres que habrían valido.
    fn possible(&mut self, names: impl IntoIterator<Item = impl ToString>) {
        if let Some(error) = self.found.last_mut() {
            error.possible = names.into_iter().map(|n| n.to_string()).collect();
        }
    }

    fn fault(&mut self, item: &Node) -> Option<Fault> {
        let kind = self.kind(item)?;
        let before = self.found.len();
        let fields = self.fields(item, kind);
        if self.found.len() > before {
            return None;
        }
        let what = build(kind.name, &fields)?;
        self.fits(item, &what);
        Some(Fault { line: Place::new(self.text, item.span.clone()).line, what })
    }

    fn kind(&mut self, item: &Node) -> Option<&'static Kind> {
        let name = match &item.value {
            Value::Object { name: Some(name), .. } | Value::Tuple { name: Some(name), .. } => name.clone(),
            Value::Word(_) => item.span.clone(),
            _ => 0..0,
        };
        let written = &self.text[name];
        if let Some(kind) = KINDS.iter().find(|k| k.name == written) {
            // `Nombre` a secas o `Nombre("x")`: los campos llevan su nombre delante
            if matches!(item.value, Value::Object { .. }) || is_empty(item) {
                return Some(kind);
            }
            let problem = format!("los campos de `{written}` llevan su nombre delante");
            self.fail(item.head(), "MP0302", written, problem, Some(format!("escribe `{}`", sample(kind))));
            return None;
        }
        let problem = match written {
            "" => "falta decir qué avería es".to_string(),
            name => format!("`{}` no es ninguna avería", visible(name, 60)),
        };
        let near = suggest::nearest(written, KINDS.iter().map(|k| k.name));
        let hint = near.map(|near| format!("¿querías decir `{near}`?"));
        self.fail(item.head(), "MP0301", "", problem, hint);
        self.possible(KINDS.iter().map(|k| k.name));
        None
    }

    fn fields(&mut self, item: &Node, kind: &'static Kind) -> Fields {
        let mut fields = Fields(Vec::new());
        let mut seen: Vec<&str> = Vec::new();
        for entry in item.entries() {
            let written = self.text[entry.key.span.clone()].trim_start_matches("r#").to_string();
            let path = format!("{}.{written}", kind.name);
            let Some(field) = kind.fields.iter().find(|f| f.name == written) else {
                let problem = format!("`{}` no tiene el campo `{}`", kind.name, visible(&written, 60));
                let near = suggest::nearest(&written, kind.fields.iter().map(|f| f.name));
                self.fail(
                    entry.key.span.clone(),
                    "MP0302",
                    "",
                    problem,
                    near.map(|n| format!("¿querías decir `{n}`?")),
                );
                self.possible(kind.fields.iter().map(|f| f.name));
                continue;
            };
            if seen.contains(&field.name) {
                let problem = format!("el campo `{written}` está repetido");
                self.fail(entry.key.span.clone(), "MP0302", &path, problem, Some("deja uno solo".into()));
            }
            seen.push(field.name);
            if let Some(read) = self.value(&entry.value, field.kind, &path) {
                fields.0.push((field.name, read));
            }
        }
        for field in kind.fields.iter().filter(|f| f.required && !seen.contains(&f.name)) {
            let problem = format!("a `{}` le falta el campo `{}`", kind.name, field.name);
            let hint = format!("es {}", field.kind.describe());
            self.fail(item.head(), "MP0302", "", problem, Some(hint));
        }
        fields
    }

    fn value(&mut self, node: &Node, kind: FieldKind, path: &str) -> Option<Read> {
        let source = self.text[node.span.clone()].to_string();
        let text = match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        };
        let word = |names: &[&str]| matches!(node.value, Value::Word(_)) && names.contains(&source.as_str());
        let read = match kind {
            FieldKind::Container => match text {
                Some(name) => return self.container(node, &name, path),
                None => None,
            },
            FieldKind::Duration => text.and_then(|t| duration(&t)).map(Read::Duration),
            FieldKind::Text => text.map(Read::Text),
            FieldKind::Number(from, to) => {
                let number = matches!(node.value, Value::Number(_)).then(|| source.replace('_', "").parse());
                number.and_then(Result::ok).filter(|n| (from..=to).contains(n)).map(Read::Number)
            }
            FieldKind::Probe => {
                PROBES.iter().find(|(name, _)| word(&[name])).map(|(_, kind)| Read::Probe(*kind))
            }
            FieldKind::Hook => HOOKS.iter().find(|(name, _)| word(&[name])).map(|(_, h)| Read::Hook(*h)),
        };
        if read.is_none() {
            let problem = format!("`{}` no vale aquí", visible(&source, 60));
            self.fail(node.head(), "MP0303", path, problem, Some(format!("escribe {}", kind.describe())));
        }
        read
    }

    fn container(&mut self, node: &Node, name: &str, path: &str) -> Option<Read> {
        let names: Vec<String> = self.rules.containers.iter().map(|c| c.name.clone()).collect();
        if let Some(id) = names.iter().position(|n| n == name) {
            return Some(Read::Container(id));
        }
        let problem =
            format!("el Pod `{}` no tiene ningún contenedor `{}`", self.rules.name, visible(name, 63));
        let near = suggest::nearest(name, names.iter().map(String::as_str));
        let hint = near.map(|n| format!("¿querías decir `{n}`?"));
        self.fail(node.head(), "MP0304", path, problem, hint);
        self.possible(names);
        None
    }

    /// ¿Tiene el contenedor la sonda o el *hook* que se avería? Si no, no pasaría nada.
    fn fits(&mut self, item: &Node, what: &What) {
        let What::Container { id, trouble, .. } = what else { return };
        let rules = &self.rules.containers[*id];
        let missing = match trouble {
            Trouble::ProbeFails { kind, .. } | Trouble::ProbeSlow { kind, .. } => {
                (rules.probe(*kind).is_none()).then(|| probe_field(*kind))
            }
            Trouble::HookFails { hook, .. } | Trouble::HookSlow { hook, .. } => match hook {
                HookKind::PostStart => (!rules.post_start).then_some("lifecycle.postStart"),
                HookKind::PreStop => (!rules.pre_stop).then_some("lifecycle.preStop"),
            },
            Trouble::Ends { .. }
            | Trouble::NoStart { .. }
            | Trouble::SlowStart { .. }
            | Trouble::IgnoresStop
            | Trouble::SlowStop { .. } => None,
        };
        if let Some(field) = missing {
            let problem =
                format!("el contenedor `{}` no tiene `{field}`: esta avería no haría nada", rules.name);
            self.fail(item.head(), "MP0304", "", problem, Some("quítala, o ponle la sonda o el hook".into()));
        }
    }

    /// Dos averías que dicen cosas distintas de lo mismo.
    fn contradictions(&mut self, items: &[Node], faults: &[Fault]) {
        if items.len() != faults.len() {
            return; // hay otros errores que ver antes
        }
        for (i, later) in faults.iter().enumerate() {
            let Some(first) = faults[..i].iter().find(|earlier| contradict(&earlier.what, &later.what))
            else {
                continue;
            };
            let problem = format!("esta avería contradice a la de la línea {}", first.line);
            let hint = "deja una sola, o da a cada una su `vida`".to_string();
            self.fail(items[i].head(), "MP0305", "", problem, Some(hint));
        }
    }
}

fn is_empty(item: &Node) -> bool {
    match &item.value {
        Value::Tuple { items, .. } => items.is_empty(),
        Value::Word(_) => true,
        _ => false,
    }
}

/// Un ejemplo de cómo se escribe, con sus campos obligatorios.
fn sample(kind: &Kind) -> String {
    let fields: Vec<String> =
        kind.fields.iter().filter(|f| f.required).map(|f| format!("{}: …", f.name)).collect();
    format!("{}({})", kind.name, fields.join(", "))
}

fn probe_field(kind: ProbeKind) -> &'static str {
    match kind {
        ProbeKind::Startup => "startupProbe",
        ProbeKind::Readiness => "readinessProbe",
        ProbeKind::Liveness => "livenessProbe",
    }
}

/// Un plazo: los de kubectl y, además, días.
pub fn duration(text: &str) -> Option<Duration> {
    let (days, rest) = match text.split_once('d') {
        Some((days, rest)) => (days.parse::<u64>().ok()?, rest),
        None => (0, text),
    };
    let rest = if rest.is_empty() && text != rest { "0s" } else { rest };
    crate::cli::duration(rest).ok()?.checked_add(Duration::from_secs(days.checked_mul(86_400)?))
}

/// La avería `name` con estos campos, que ya están todos y son de su clase.
fn build(name: &str, fields: &Fields) -> Option<What> {
    let at = || fields.duration("en");
    match name {
        "FallaLaPausa" => return Some(What::SandboxFails { says: fields.says("avería simulada") }),
        "MuereLaPausa" => return Some(What::SandboxDies { at: at()? }),
        "Borra" => return Some(What::Delete { at: at()?, grace: fields.duration("plazo") }),
        "Expulsa" => return Some(What::Evict { at: at()?, says: fields.says("expulsión simulada") }),
        _ => {}
    }
    let Some(Read::Container(id)) = fields.get("contenedor") else { return None };
    let life = fields.number("vida").and_then(|n| u32::try_from(n).ok());
    Some(What::Container { id: *id, life, trouble: trouble(name, fields)? })
}

fn trouble(name: &str, fields: &Fields) -> Option<Trouble> {
    let number = |name: &str| fields.number(name).map(|n| n as i32);
    let after = || fields.duration("tras");
    let takes = || fields.duration("tarda");
    let probe = || match fields.get("sonda") {
        Some(Read::Probe(kind)) => Some(*kind),
        _ => None,
    };
    let hook = || match fields.get("hook") {
        Some(Read::Hook(hook)) => Some(*hook),
        _ => None,
    };
    let ends = |exit, oom| Some(Trouble::Ends { exit, oom, after: after()? });
    match name {
        "Acaba" => ends(Exit::Code(number("codigo")?), false),
        "Muere" => ends(Exit::Signal(number("senal")?), false),
        "SinMemoria" => ends(Exit::Signal(9), true),
        "NoArranca" => {
            Some(Trouble::NoStart { exit_code: number("codigo"), says: fields.says("avería simulada") })
        }
        "TardaEnArrancar" => Some(Trouble::SlowStart { takes: takes()? }),
        "FallaSonda" => {
            let says = fields.says("avería simulada");
            Some(Trouble::ProbeFails { kind: probe()?, when: fields.window(), says })
        }
        "TardaSonda" => Some(Trouble::ProbeSlow { kind: probe()?, when: fields.window(), takes: takes()? }),
        "TardaHook" => Some(Trouble::HookSlow { hook: hook()?, takes: takes()? }),
        "FallaHook" => Some(Trouble::HookFails { hook: hook()?, says: fields.says("avería simulada") }),
        "IgnoraParada" => Some(Trouble::IgnoresStop),
        "TardaEnParar" => Some(Trouble::SlowStop { takes: takes()?, code: number("codigo").unwrap_or(0) }),
        _ => None,
    }
}

/// ¿Hablan del mismo momento de la misma vida del mismo contenedor? Las sondas tienen horario, y de
/// dos muertes ocurre la que llega antes: esas no se contradicen.
fn contradict(a: &What, b: &What) -> bool {
    let (
        What::Container { id, life, trouble },
        What::Container { id: other, life: other_life, trouble: other_trouble },
    ) = (a, b)
    else {
        return matches!((a, b), (What::SandboxFails { .. }, What::SandboxFails { .. }));
    };
    if (id, life) != (other, other_life) {
        return false;
    }
    match (trouble, other_trouble) {
        (Trouble::NoStart { .. }, Trouble::NoStart { .. }) => true,
        (Trouble::SlowStart { .. }, Trouble::SlowStart { .. }) => true,
        (
            Trouble::IgnoresStop | Trouble::SlowStop { .. },
            Trouble::IgnoresStop | Trouble::SlowStop { .. },
        ) => true,
        (Trouble::HookSlow { hook, .. }, Trouble::HookSlow { hook: h, .. })
        | (Trouble::HookFails { hook, .. }, Trouble::HookFails { hook: h, .. }) => hook == h,
        (
            Trouble::Ends { .. }
            | Trouble::NoStart { .. }
            | Trouble::SlowStart { .. }
            | Trouble::ProbeFails { .. }
            | Trouble::ProbeSlow { .. }
            | Trouble::HookSlow { .. }
            | Trouble::HookFails { .. }
            | Trouble::IgnoresStop
            | Trouble::SlowStop { .. },
            _,
        ) => false,
    }
}
