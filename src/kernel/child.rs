//! Los hijos que el anfitrión trae al mundo para dar pasos: la pausa y los contenedores.

use super::channel::{Channel, Message};
use super::ops::Clone3;
use super::{Actor, Kernel, Mode, Op, Step, sys};
use crate::error::StepError;
use nix::errno::Errno;
use std::cell::RefCell;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::Location;

/// Un hijo recién nacido.
#[derive(Debug)]
pub struct Child {
    /// Su número, visto desde el anfitrión; 0 en un ensayo.
    pub pid: i32,
    /// Descriptores que en un ensayo no existen.
    pidfd: Option<OwnedFd>,
    channel: Option<Channel>,
    /// Cómo lo llama el guion: `$PAUSA`.
    name: &'static str,
    /// En un ensayo, los pasos que dará cuando se le diga «adelante».
    rehearsed: RefCell<Vec<Step>>,
}

impl Child {
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    pub fn channel(&self) -> Option<&Channel> {
        self.channel.as_ref()
    }

    /// Se queda con sus descriptores: (pidfd, canal).
    pub fn into_parts(self) -> Option<(OwnedFd, Channel)> {
        Some((self.pidfd?, self.channel?))
    }

    /// Lo mata y lo recoge: no llegó a servir.
    pub fn dismiss(self) {
        let Some(pidfd) = &self.pidfd else { return };
        // si ya ha muerto, basta recogerlo
        let _ = sys::pidfd_send_signal(pidfd.as_fd(), libc::SIGKILL);
        let _ = nix::sys::wait::waitid(
            nix::sys::wait::Id::PIDFd(pidfd.as_fd()),
            nix::sys::wait::WaitPidFlag::WEXITED,
        );
    }

    /// Como se escribe este proceso en la shell: su número o, en un ensayo, su nombre.
    pub fn shown(&self) -> String {
        if self.pid == 0 { self.name.to_string() } else { self.pid.to_string() }
    }
}

/// Lo que dijo un hijo por su canal.
#[derive(Debug)]
pub enum News {
    /// La pausa está en pie.
    Ready,
    /// No pudo: este es el porqué.
    Failed(Box<StepError>),
    /// El contenedor manda el extremo de su terminal.
    Terminal(Option<OwnedFd>),
    /// Quien hizo el recado dice qué proceso es el contenedor.
    Born(i32),
    /// El contenedor es este proceso; quien lo dice vivirá lo que él, y acabará con su código.
    Client(i32),
    /// `execve` cerró el canal: su programa ya corre. (O murió sin decir nada: lo dirá su pidfd.)
    Closed,
}

impl Kernel {
    /// Trae al mundo un proceso que vivirá `story`. No empieza hasta que se le dice [`Kernel::go`].
    ///
    /// En un ensayo nadie nace: su historia se ensaya aquí mismo, y se cuenta cuando le toque.
    #[track_caller]
    pub fn spawn(
        &mut self,
        goal: impl fmt::Display,
        birth: Clone3,
        name: &'static str,
        actor: Actor,
        story: impl FnOnce(&mut Kernel) -> Result<(), StepError>,
    ) -> Result<Child, StepError> {
        let site = Location::caller();
        if self.mode() != Mode::Quiet {
            self.tell(&goal, &birth, site);
        }
        if !self.is_real() {
            let rehearsed = RefCell::new(self.rehearse_as(actor, story)?);
            return Ok(Child { pid: 0, pidfd: None, channel: None, name, rehearsed });
        }
        let failed = |k: &Kernel, errno| k.error(&goal, &birth, errno, site);
        let (ours, theirs) = Channel::pair().map_err(|errno| failed(self, errno))?;
        match birth.run().map_err(|errno| failed(self, errno))? {
            Some(sys::Cloned::Parent { pid, pidfd }) => {
                let rehearsed = RefCell::default();
                Ok(Child { pid, pidfd: Some(pidfd), channel: Some(ours), name, rehearsed })
            }
            Some(sys::Cloned::Child) => {
                drop(ours);
                live(Kernel::child(self.mode(), actor, theirs), story)
            }
            None => Err(failed(self, Errno::ENOSYS)),
        }
    }

    /// Dice «adelante» al hijo. Un hijo muerto ya lo dirá por su pidfd.
    pub fn go(&mut self, child: &Child) {
        for step in child.rehearsed.take() {
            self.narrate(step);
        }
        if let Some(channel) = &child.channel {
            channel.go_on();
        }
    }

    /// Atiende un mensaje del hijo. Contar un paso no es noticia: devuelve `None`.
    pub fn hear(&mut self, channel: &Channel) -> Option<News> {
        let (message, fd) = channel.receive_with_fd().unzip();
        match message {
            Some(Message::Step(step)) => {
                self.narrate(step);
                channel.go_on();
                None
            }
            Some(Message::Ready) => Some(News::Ready),
            Some(Message::Terminal) => Some(News::Terminal(fd.flatten())),
            Some(Message::Born(pid)) => Some(News::Born(pid)),
            Some(Message::Client(pid)) => Some(News::Client(pid)),
            Some(Message::Failed(error)) => Some(News::Failed(Box::new(error))),
            Some(Message::Go) | None => Some(News::Closed),
        }
    }
}

// ANCHOR: live
/// La vida del hijo: espera el permiso, vive su historia y, si falla, lo cuenta y muere.
fn live(mut k: Kernel, story: impl FnOnce(&mut Kernel) -> Result<(), StepError>) -> ! {
    // sin esto, un anfitrión muerto a la fuerza dejaría hijos a medio construir
    let orphaned = sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64, 0, 0, 0).is_err();
    let told_to_go = matches!(k.channel().and_then(Channel::receive), Some(Message::Go));
    if orphaned || !told_to_go {
        sys::exit_now(crate::error::exit::SETUP);
    }
    let code = match story(&mut k) {
        Ok(()) => crate::error::exit::OK,
        Err(error) => {
            let code = error.exit_code;
            if let Some(channel) = k.channel() {
                // si nadie escucha, el código de salida es lo único que queda
                let _ = channel.send(&Message::Failed(error));
            }
            code
        }
    };
    sys::exit_now(code)
}
// ANCHOR_END: live
