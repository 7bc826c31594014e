//! Capítulo 15 · La pausa: quién sostiene el Pod.
//!
//! Un proceso que no hace nada, salvo existir: mientras viva, viven los espacios de nombres que
//! comparten los contenedores. Por eso la IP del Pod sobrevive a la muerte de cualquiera de ellos.
//! Hace también de centinela: si el supervisor muere a la fuerza, acaba con el Pod entero.

use crate::config::publish;
use crate::error::{StepError, exit};
use crate::kernel::channel::Message;
use crate::kernel::child::{Child, News};
use crate::kernel::ops::{
    Clone3, Mount, NewSession, OpenPath, OpenPidfd, Place, Propagation, SetHostname, SetSysctls, WriteFile,
};
use crate::kernel::{Actor, Kernel, sys};
use crate::plan::PodPlan;
use crate::rootfs::{pod_files, pod_shm};
use crate::{network, state, volume};
use nix::mount::MsFlags;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

// ANCHOR: start
/// Lo que hay en `path` según el espacio de montajes de la pausa: ahí montó los volúmenes de memoria.
pub fn seen_from(pause: i32, path: &Path) -> PathBuf {
    let inside = path.strip_prefix("/").unwrap_or(path);
    Path::new("/proc").join(pause.to_string()).join("root").join(inside)
}

/// Del lado del anfitrión: trae al mundo a la pausa, le da una red y espera a que esté en pie.
pub fn start(k: &mut Kernel, plan: &PodPlan) -> Result<Child, StepError> {
    let cgroup = plan.cgroup.as_ref().map(|pod| pod.join(crate::cgroup::PAUSE));
    let cgroup_fd = match &cgroup {
        Some(path) => Some(k.step("abrir el grupo de control de la pausa", OpenPath(path.clone()))?),
        None => None,
    };
    let birth = Clone3 {
        namespaces: plan.shared,
        cgroup: cgroup_fd.as_ref().and_then(|p| p.fd.as_ref()).map(AsFd::as_fd),
        cgroup_path: cgroup,
    };
    let supervisor = k.step("nombrar al supervisor, para que la pausa note si muere", OpenPidfd::this())?;
    let why = "crear la pausa, que sostendrá lo que comparten los contenedores del Pod";
    let pause = k.spawn(why, birth, "$PAUSA", Actor::Pause, |k| story(k, plan, supervisor.as_ref()))?;
    match put_on_its_feet(k, plan, &pause) {
        Ok(()) => Ok(pause),
        Err(error) => {
            pause.dismiss();
            Err(error)
        }
    }
}

fn put_on_its_feet(k: &mut Kernel, plan: &PodPlan, pause: &Child) -> Result<(), StepError> {
    if let Some(net) = &plan.network {
        network::attach(k, net, pause.pid, &pause.shown())?;
    }
    k.go(pause);
    wait_until_ready(k, pause)
}
// ANCHOR_END: start

/// Atiende a la pausa hasta que esté lista. En un ensayo ya lo está.
fn wait_until_ready(k: &mut Kernel, pause: &Child) -> Result<(), StepError> {
    let Some(channel) = pause.channel() else { return Ok(()) };
    loop {
        match k.hear(channel) {
            None => {}
            Some(News::Ready) => return Ok(()),
            Some(News::Failed(error)) => return Err(*error),
            Some(News::Closed | News::Terminal(_) | News::Born(_) | News::Client(_)) => {
                return Err(StepError {
                    actor: Actor::Pause.to_string(),
                    goal: "poner en pie la pausa".into(),
                    syscall: "clone3(2)".into(),
                    shell: ":".into(),
                    errno: nix::errno::Errno::ESRCH as i32,
                    file: file!().into(),
                    line: line!(),
                    hint: Some("algo la ha matado: mira `dmesg` y la memoria libre".into()),
                    exit_code: exit::FAILED,
                });
            }
        }
    }
}

// ANCHOR: story
/// Del lado de la pausa: prepara lo que es de todo el Pod y se queda de guardia.
fn story(k: &mut Kernel, plan: &PodPlan, supervisor: Option<&OwnedFd>) -> Result<(), StepError> {
    k.step("separarse de la terminal, para que Ctrl-C no la alcance", NewSession)?;
    k.step(
        "que lo que se monte aquí no se vea fuera",
        Propagation { target: "/".into(), kind: MsFlags::MS_SLAVE },
    )?;
    if plan.shared.contains(CloneFlags::CLONE_NEWUTS) {
        k.step("poner nombre a la máquina del Pod", SetHostname(plan.hostname.clone()))?;
    }
    own_files(k, plan)?;
    volume::own(k, &plan.volumes)?;
    publish::all(k, &plan.data, true, &plan.version)?;
    if let Some(net) = &plan.network {
        network::own(k, net)?;
    }
    for (name, value) in &plan.sysctls {
        k.step(format_args!("poner {name} a {value}, solo en este Pod"), SetSysctls::one(name, value))
            .map_err(|e| e.hint("mira qué valores admite con `man 7 ip` y `man 7 tcp`"))?;
    }
    match supervisor {
        Some(supervisor) => keep_watch(k, plan, supervisor),
        None => Ok(()), // en un ensayo no hay nada que vigilar
    }
}
// ANCHOR_END: story

// ANCHOR: own_files
/// Los ficheros y la memoria que comparte el Pod, en montajes con tope que mueren con la pausa:
/// un contenedor puede escribir en `/etc/hosts`, pero no llenar con él el disco del anfitrión.
fn own_files(k: &mut Kernel, plan: &PodPlan) -> Result<(), StepError> {
    let closed = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let files = pod_files();
    k.step(
        "montar un directorio en memoria para los ficheros de todo el Pod",
        Mount {
            fstype: "tmpfs",
            target: &Place::at(&files),
            flags: closed,
            data: "mode=0755,size=1m".into(),
        },
    )?;
    for (name, content) in [
        ("hosts", &plan.hosts),
        ("hostname", &format!("{}\n", plan.hostname)),
        ("resolv.conf", &plan.resolv_conf),
    ] {
        k.step(
            format_args!("escribir el /etc/{name} del Pod"),
            WriteFile { path: files.join(name), content: content.clone(), mode: 0o644 },
        )?;
    }
    k.step(
        "montar la memoria compartida del Pod",
        Mount {
            fstype: "tmpfs",
            target: &Place::at(pod_shm()),
            flags: closed,
            data: "mode=1777,size=64m".into(),
        },
    )
}
// ANCHOR_END: own_files

// ANCHOR: keep_watch
/// Avisa de que todo está listo y espera. Si el supervisor muere, mata a todo el Pod, ella incluida.
fn keep_watch(k: &Kernel, plan: &PodPlan, supervisor: &OwnedFd) -> ! {
    let guard = Guard::prepare(plan, supervisor);
    sys::default_signals();
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGCHLD] {
        // SIGCHLD ignorada: si es el PID 1 del Pod, el kernel recoge por ella a los huérfanos
        sys::ignore_signal(signal);
    }
    // desde aquí, la muerte del supervisor la trata ella; ya no debe morir sin más
    let _ = sys::prctl(libc::PR_SET_PDEATHSIG, 0, 0, 0, 0);
    if let (Some(channel), Ok(guard)) = (k.channel(), guard) {
        if channel.send(&Message::Ready).is_ok() {
            guard.watch();
        }
    }
    sys::exit_now(exit::SETUP)
}
// ANCHOR_END: keep_watch

// ANCHOR: guard
/// Lo que la pausa necesita el día que muera el supervisor: abierto desde antes, para no depender
/// entonces ni de memoria ni de rutas.
struct Guard<'a> {
    supervisor: &'a OwnedFd,
    kill: Option<OwnedFd>,
    pending: std::path::PathBuf,
}

impl Guard<'_> {
    fn prepare<'a>(plan: &PodPlan, supervisor: &'a OwnedFd) -> Result<Guard<'a>, nix::errno::Errno> {
        use nix::fcntl::{OFlag, open};
        let write = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let kill = match &plan.cgroup {
            Some(path) => Some(open(&path.join("cgroup.kill"), write, nix::sys::stat::Mode::empty())?),
            None => None,
        };
        sys::set_process_name(c"micropod: pausa");
        Ok(Guard { supervisor, kill, pending: state::pending_path(&plan.name) })
    }

    fn watch(self) -> ! {
        // no retener nada del supervisor: ni su cerrojo, ni las tuberías de nadie, ni su terminal
        let kept: Vec<i32> = std::iter::once(self.supervisor.as_raw_fd())
            .chain(self.kill.as_ref().map(AsRawFd::as_raw_fd))
            .collect();
        sys::close_all_but(kept);
        loop {
            let mut fds = [PollFd::new(self.supervisor.as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, PollTimeout::NONE).is_ok() {
                break;
            }
        }
        // que el próximo comando venga a recoger lo que queda
        let _ = state::write_private(&self.pending, b"");
        if let Some(kill) = &self.kill {
            let _ = nix::unistd::write(kill, b"1");
        }
        sys::exit_now(exit::SETUP)
    }
}
// ANCHOR_END: guard
