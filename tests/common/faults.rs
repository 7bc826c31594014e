//! Averías a propósito, en un punto exacto: «al hacer por tercera vez `openat`, recibe SIGKILL».
//!
//! Las pone `strace`, que para al proceso justo antes de la llamada: el programa no sabe nada, y el
//! punto es el mismo cada vez. Solo alcanzan al proceso que se lanza, no a sus hijos; con
//! `micropod run` en primer plano, ese proceso es el supervisor.

use super::{Done, Running, World, binary};

/// Una llamada al sistema de una ejecución que fue bien.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub syscall: String,
    /// La primera de las suyas es la 1.
    pub nth: usize,
    /// Tal como la escribe strace: `openat(AT_FDCWD, "/run/…`.
    pub text: String,
}

/// Dónde ponerla: la llamada `nth` de las de `syscall`.
#[derive(Clone, Debug)]
pub struct Fault<'a> {
    pub syscall: &'a str,
    pub nth: usize,
    /// Como en strace: `signal=KILL`, `signal=STOP`, `error=ENOSPC`.
    pub action: &'a str,
}

impl World {
    /// Las llamadas que hace el proceso de `micropod ARGS`, en orden.
    pub fn calls_of(&self, args: &[&str]) -> Vec<Call> {
        let trace = self.dir().join("llamadas");
        let mut command = self.command("strace");
        command.args(["-qq", "-s", "120", "-o"]).arg(&trace).arg(binary()).args(args);
        super::run(&mut command).ok();
        calls(&std::fs::read_to_string(&trace).unwrap())
    }

    /// `micropod ARGS` con una avería.
    pub fn faulty(&self, fault: &Fault, args: &[&str]) -> Done {
        super::run(self.command("strace").args(strace(fault)).arg(binary()).args(args))
    }

    /// Lo mismo, dejándolo en marcha. Su pid es el de strace.
    pub fn start_faulty(&self, fault: &Fault, args: &[&str]) -> Running<'_> {
        self.start_with(strace(fault), args)
    }

    /// Lo mismo, y la avería también alcanza a sus hijos: cada proceso cuenta sus propias llamadas.
    pub fn start_faulty_family(&self, fault: &Fault, args: &[&str]) -> Running<'_> {
        let mut own = strace(fault);
        own.insert(0, "-f".into());
        self.start_with(own, args)
    }

    /// Lo que llaman los hijos de `micropod ARGS` antes de ser el programa de un contenedor: de cada
    /// llamada, las veces que la hace el que más.
    pub fn calls_of_children(&self, args: &[&str]) -> Vec<Call> {
        let dir = self.dir().join("hijos");
        std::fs::create_dir_all(&dir).unwrap();
        let mut command = self.command("strace");
        command.args(["-qq", "-ff", "-o"]).arg(dir.join("t")).arg(binary()).args(args);
        super::run(&mut command).ok();
        let mut most: std::collections::BTreeMap<String, Call> = Default::default();
        for entry in std::fs::read_dir(&dir).unwrap().flatten() {
            let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
            // el padre empieza por su execve; un hijo, por lo que hace tras nacer
            if text.starts_with("execve(") {
                continue;
            }
            let own = text.split("\nexecve(").next().unwrap_or_default();
            for call in calls(own) {
                let known = most.get(&call.syscall).map_or(0, |c| c.nth);
                if call.nth > known {
                    most.insert(call.syscall.clone(), call);
                }
            }
        }
        std::fs::remove_dir_all(dir).unwrap();
        let each = most.into_values().flat_map(|c| (1..=c.nth).map(move |nth| Call { nth, ..c.clone() }));
        each.collect()
    }

    fn start_with(&self, own: Vec<String>, args: &[&str]) -> Running<'_> {
        let binary = binary().display().to_string();
        let all: Vec<&str> =
            own.iter().map(String::as_str).chain([binary.as_str()]).chain(args.iter().copied()).collect();
        self.start_program("strace", &all)
    }
}

fn strace(fault: &Fault) -> Vec<String> {
    let Fault { syscall, nth, action } = fault;
    let words = ["-qq", "-o", "/dev/null", "-e"];
    let trace = [format!("trace={syscall}"), "-e".into(), format!("inject={syscall}:{action}:when={nth}")];
    words.into_iter().map(String::from).chain(trace).collect()
}

fn calls(trace: &str) -> Vec<Call> {
    let mut seen = std::collections::HashMap::new();
    let names = trace.lines().filter_map(|line| Some((line.split_once('(')?.0, line)));
    names
        .filter(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        .map(|(name, text)| {
            let nth = seen.entry(name.to_string()).and_modify(|n| *n += 1).or_insert(1);
            Call { syscall: name.to_string(), nth: *nth, text: text.to_string() }
        })
        .collect()
}
