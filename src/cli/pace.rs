//! El ritmo de `--paso-a-paso`: quien lee decide cuándo se da el paso siguiente.

use super::term;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

/// Lo que quiere quien lee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Intro: dar este paso.
    Next,
    /// `t`: dar todos los que quedan sin esperar.
    Rest,
    /// Ctrl-C: dejarlo. La señal le llega también al supervisor, que para el Pod como siempre.
    Stop,
}

/// ¿Han pulsado Ctrl-C? signal-hook deja que varios atiendan la misma señal.
static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // si no se pudiera, Ctrl-C solo lo vería el supervisor
        let _ = signal_hook::flag::register(signal, flag.clone());
    }
    flag
});

/// Pregunta en la terminal y espera la respuesta. Sin terminal no hay a quién esperar.
pub fn ask() -> Pace {
    let Ok(terminal) = File::open("/dev/tty") else {
        term::note("no hay terminal en la que pulsar Intro: los demás pasos se cuentan sin parar");
        return Pace::Rest;
    };
    INTERRUPTED.store(false, Ordering::Relaxed);
    term::narration("      Intro: dar este paso · t: todos seguidos · Ctrl-C: dejarlo › ");
    let pace = wait(&terminal);
    if pace == Pace::Stop {
        term::note("\nse deja aquí: lo que falta se hace sin contarlo, para poder deshacerlo entero");
    }
    pace
}

fn wait(terminal: &File) -> Pace {
    loop {
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Pace::Stop;
        }
        let mut fds = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::NONE) {
            // una señal: la pregunta de arriba dirá si era Ctrl-C; puede ser la muerte de un hijo
            Err(Errno::EINTR) => continue,
            Err(_) => return Pace::Rest,
            Ok(_) => {}
        }
        let mut line = [0; 256];
        return match nix::unistd::read(terminal, &mut line) {
            Err(Errno::EINTR) => continue,
            // la terminal se ha cerrado: nadie lee ya
            Err(_) | Ok(0) => Pace::Rest,
            Ok(n) => answer(&line[..n]),
        };
    }
}

fn answer(line: &[u8]) -> Pace {
    match line.trim_ascii() {
        b"t" | b"T" => Pace::Rest,
        _ => Pace::Next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intro_da_un_paso_y_t_los_que_quedan() {
        assert_eq!(answer(b"\n"), Pace::Next);
        assert_eq!(answer(b"hola\n"), Pace::Next);
        assert_eq!(answer(b"t\n"), Pace::Rest);
        assert_eq!(answer(b" T \n"), Pace::Rest);
    }
}
