//! El narrador: toda orden que damos al kernel para construir un Pod pasa por [`Kernel::step`].
//!
//! Una orden es un valor ([`Op`]). De ese único valor salen cinco cosas: la llamada al sistema,
//! la frase de `--narra`, el comando equivalente del guion, el ensayo de `--dry-run` y el mensaje
//! de error. Por eso no pueden contradecirse.

pub mod channel;
pub mod child;
pub mod ops;
pub mod program;
pub mod prompt;
pub mod sys;

use crate::chapters;
use crate::cli::pace::{self, Pace};
use crate::error::{StepError, exit};
use channel::{Channel, Message};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::panic::Location;

// ANCHOR: op
/// Una orden al kernel: los argumentos de una sola llamada al sistema (o de un solo comando).
pub trait Op {
    type Output;
    /// Nombre y sección del manual: `mount(2)`.
    fn syscall(&self) -> &'static str;
    /// Lo mismo, escrito para la shell.
    fn shell(&self) -> String;
    /// Lo hace de verdad.
    fn run(&self) -> Result<Self::Output, Errno>;
    /// Lo que devolvería en un ensayo, sin tocar el sistema.
    fn rehearse(&self) -> Self::Output;
    /// Dónde ningún comando de la shell hace exactamente lo mismo.
    fn caveat(&self) -> Option<&'static str> {
        None
    }
}
// ANCHOR_END: op

/// Cómo se dan los pasos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Sin contar nada: no se formatea ni una letra.
    Quiet,
    /// `--narra`: contar cada paso antes de darlo.
    Narrate,
    /// `--paso-a-paso`: contar y esperar Intro antes de darlo.
    StepByStep,
    /// `--dry-run`: contar sin tocar nada.
    DryRun,
    /// `guion`: apuntar los pasos, sin contar ni tocar nada.
    Script,
}

impl Mode {
    /// ¿Se toca el sistema?
    pub fn is_real(self) -> bool {
        matches!(self, Mode::Quiet | Mode::Narrate | Mode::StepByStep)
    }
}

/// Quién da el paso.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    Host,
    Pause,
    Container(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Actor::Host => write!(f, "anfitrión"),
            Actor::Pause => write!(f, "pausa"),
            Actor::Container(name) => write!(f, "contenedor {name}"),
        }
    }
}

/// Un paso contado: lo que se imprime, se apunta en el guion o viaja del hijo al anfitrión.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub actor: Actor,
    pub goal: String,
    pub shell: String,
    pub syscall: String,
    pub caveat: Option<String>,
    pub file: String,
    pub line: u32,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "[{}] {}", self.actor, self.goal)?;
        for (prompt, line) in prompt::lines(&self.shell) {
            writeln!(f, "      {prompt} {line}")?;
        }
        write!(f, "      {} · {}:{}", self.syscall, self.file, self.line)?;
        if let Some(chapter) = chapters::of(&self.file) {
            write!(f, " · capítulo {}: {}", chapter.number, chapter.title)?;
        }
        if let Some(caveat) = &self.caveat {
            write!(f, "\n      ojo: {caveat}")?;
        }
        Ok(())
    }
}

/// Por dónde cuenta sus pasos este proceso.
enum Voice {
    /// El anfitrión: numera, imprime, lee Intro y guarda lo contado.
    Narrator(Told),
    /// Un hijo: se lo cuenta al anfitrión y espera su «sigue».
    Child(Channel),
}

/// Lo que ha contado el anfitrión.
#[derive(Default)]
struct Told {
    steps: Vec<Step>,
    /// Lo que se cuenta una sola vez y ya se ha contado.
    once: BTreeSet<String>,
    /// En un ensayo, los pasos de un hijo al que aún no se ha dicho «adelante».
    held: Option<Vec<Step>>,
}

struct Undo {
    goal: String,
    op: Box<dyn Op<Output = ()>>,
    site: &'static Location<'static>,
}

pub struct Kernel {
    mode: Mode,
    actor: Actor,
    voice: Voice,
    undo: Vec<Undo>,
}

impl Kernel {
    /// El kernel visto desde el anfitrión.
    pub fn new(mode: Mode) -> Kernel {
        Kernel { mode, actor: Actor::Host, voice: Voice::Narrator(Told::default()), undo: Vec::new() }
    }

    /// El kernel visto desde un hijo recién nacido. No hereda lo que el padre ha de deshacer.
    pub fn child(mode: Mode, actor: Actor, channel: Channel) -> Kernel {
        Kernel { mode, actor, voice: Voice::Child(channel), undo: Vec::new() }
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    pub fn is_real(&self) -> bool {
        self.mode.is_real()
    }

    // ANCHOR: step
    /// Da un paso: lo cuenta (si toca), lo ejecuta (si toca) y, si el kernel se niega, devuelve
    /// un error que dice qué, por qué y qué hacer.
    ///
    /// `goal` es una frase en infinitivo con su porqué: «montar un /proc propio, para que ps solo
    /// vea este contenedor». Pasa un `format_args!` cuando lleve datos: sin narración no se formatea.
    #[track_caller]
    pub fn step<O: Op>(&mut self, goal: impl fmt::Display, op: O) -> Result<O::Output, StepError> {
        let site = Location::caller();
        if self.mode != Mode::Quiet {
            self.tell(&goal, &op, site);
        }
        if !self.mode.is_real() {
            return Ok(op.rehearse());
        }
        op.run().map_err(|errno| self.error(&goal, &op, errno, site))
    }
    // ANCHOR_END: step

    /// Apunta cómo deshacer lo que acabamos de hacer; se ejecuta en orden inverso.
    #[track_caller]
    pub fn undo_later(&mut self, goal: impl fmt::Display, op: impl Op<Output = ()> + 'static) {
        let undo = Undo { goal: goal.to_string(), op: Box::new(op), site: Location::caller() };
        self.undo.push(undo);
    }

    /// Deshace todo lo apuntado, en orden inverso. Un fallo no detiene a los demás.
    pub fn teardown(&mut self) -> Vec<StepError> {
        let mut failed = Vec::new();
        while let Some(Undo { goal, op, site }) = self.undo.pop() {
            if self.mode != Mode::Quiet {
                self.tell(&goal, op.as_ref(), site);
            }
            if !self.mode.is_real() {
                continue;
            }
            if let Err(errno) = op.run() {
                failed.push(self.error(&goal, op.as_ref(), errno, site));
            }
        }
        failed
    }

    /// En un ensayo nadie nace: la historia del hijo se ensaya en este mismo proceso. Se devuelven sus
    /// pasos, para contarlos cuando le tocaría empezar.
    fn rehearse_as(
        &mut self,
        actor: Actor,
        story: impl FnOnce(&mut Kernel) -> Result<(), StepError>,
    ) -> Result<Vec<Step>, StepError> {
        let host = std::mem::replace(&mut self.actor, actor);
        if let Voice::Narrator(told) = &mut self.voice {
            told.held = Some(Vec::new());
        }
        let result = story(self);
        self.actor = host;
        let held = match &mut self.voice {
            Voice::Narrator(told) => told.held.take().unwrap_or_default(),
            Voice::Child(_) => Vec::new(),
        };
        result.map(|()| held)
    }

    /// Cuenta un paso que nos manda un hijo y, si toca, espera a que el lector pulse Intro.
    pub fn narrate(&mut self, step: Step) {
        let Voice::Narrator(told) = &mut self.voice else { return };
        if let Some(held) = &mut told.held {
            held.push(step);
            return;
        }
        told.steps.push(step);
        if matches!(self.mode, Mode::Script | Mode::Quiet) {
            return;
        }
        let text = format!("{:>3}. {}", told.steps.len(), told.steps[told.steps.len() - 1]);
        match self.mode {
            // de un ensayo, lo contado es el resultado: se lee con `| less`
            Mode::DryRun => crate::cli::term::data(&text),
            _ => crate::cli::term::note(&text),
        }
        if self.mode == Mode::StepByStep {
            self.mode = match pace::ask() {
                Pace::Next => Mode::StepByStep,
                Pace::Rest => Mode::Narrate,
                Pace::Stop => Mode::Quiet,
            };
        }
    }

    /// Hace algo que se repite mientras viva el Pod (una sonda), y lo cuenta solo la primera vez.
    pub fn tell_once<T>(&mut self, what: impl fmt::Display, act: impl FnOnce(&mut Kernel) -> T) -> T {
        let mode = self.mode;
        if let (Voice::Narrator(told), true) = (&mut self.voice, mode != Mode::Quiet) {
            if !told.once.insert(what.to_string()) {
                self.mode = Mode::Quiet;
            }
        }
        let hushed = self.mode != mode;
        let result = act(self);
        if hushed {
            self.mode = mode;
        }
        result
    }

    /// Los pasos contados hasta ahora (solo los conoce el anfitrión).
    pub fn told(&self) -> &[Step] {
        match &self.voice {
            Voice::Narrator(told) => &told.steps,
            Voice::Child(_) => &[],
        }
    }

    /// El canal que une a este hijo con el anfitrión.
    pub fn channel(&self) -> Option<&Channel> {
        match &self.voice {
            Voice::Narrator(..) => None,
            Voice::Child(channel) => Some(channel),
        }
    }

    /// Otro extremo del mismo canal, para quien haya de hablar después; `None`, en un ensayo o si no se puede.
    pub fn copy_channel(&self) -> Option<Channel> {
        self.channel()?.try_clone().ok()
    }

    fn tell<O: Op + ?Sized>(&mut self, goal: &dyn fmt::Display, op: &O, site: &Location) {
        let step = Step {
            actor: self.actor.clone(),
            goal: goal.to_string(),
            shell: op.shell(),
            syscall: op.syscall().to_string(),
            caveat: op.caveat().map(String::from),
            file: site.file().to_string(),
            line: site.line(),
        };
        match &self.voice {
            Voice::Narrator(..) => self.narrate(step),
            Voice::Child(channel) => channel.tell_and_wait(&Message::Step(step)),
        }
    }

    fn error<O: Op + ?Sized>(
        &self,
        goal: &dyn fmt::Display,
        op: &O,
        errno: Errno,
        site: &Location,
    ) -> StepError {
        StepError {
            actor: self.actor.to_string(),
            goal: goal.to_string(),
            syscall: op.syscall().to_string(),
            shell: op.shell(),
            errno: errno as i32,
            file: site.file().to_string(),
            line: site.line(),
            hint: None,
            exit_code: if self.actor == Actor::Host { exit::FAILED } else { exit::SETUP },
        }
    }
}
