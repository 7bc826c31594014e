//! Las llamadas al sistema que nix no ofrece. El único módulo del programa donde cabe `unsafe`.
//!
//! Cada función es la llamada, con su nombre, y nada más: ni decide ni reintenta.

#![allow(unsafe_code)]

use nix::NixPath;
use nix::errno::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::raw::c_int;
use std::path::Path;

/// `CLONE_INTO_CGROUP` no cabe en el entero con que la declara libc.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Qué proceso es este tras [`clone3`].
pub enum Cloned {
    Parent { pid: i32, pidfd: OwnedFd },
    Child,
}

// ANCHOR: clone3
/// Crea un proceso con espacios de nombres nuevos, ya dentro de su cgroup (`clone3(2)`).
///
/// `flags`: las `CLONE_NEW*`. El hijo nace con una copia de la memoria, como con `fork`.
pub fn clone3(flags: u64, cgroup: Option<BorrowedFd>) -> Result<Cloned, Errno> {
    let mut pidfd: c_int = -1;
    // SAFETY: clone_args es una estructura de enteros: todo ceros es un valor válido.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = flags | libc::CLONE_PIDFD as u64;
    args.pidfd = &raw mut pidfd as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    if let Some(fd) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = fd.as_raw_fd() as u64;
    }
    // SAFETY: sin CLONE_VM el hijo tiene su propia copia de la memoria, y micropod no crea hilos:
    // ningún cerrojo puede quedar tomado en el hijo. `args` y `pidfd` viven durante la llamada.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) };
    match Errno::result(pid)? {
        0 => Ok(Cloned::Child),
        // SAFETY: con CLONE_PIDFD el kernel acaba de abrir este descriptor para nosotros.
        pid => Ok(Cloned::Parent { pid: pid as i32, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } }),
    }
}
// ANCHOR_END: clone3

/// Termina ya, sin destructores ni manejadores: lo que ha de hacer un hijo que falla (`_exit(2)`).
pub fn exit_now(code: u8) -> ! {
    // SAFETY: _exit no tiene condiciones; no vuelve.
    unsafe { libc::_exit(code as c_int) }
}

/// Un descriptor que nombra al proceso `pid` sin confundirlo jamás con otro (`pidfd_open(2)`).
pub fn pidfd_open(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: la llamada solo recibe enteros.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: el kernel acaba de abrir este descriptor para nosotros (con CLOEXEC).
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// Envía una señal al proceso que nombra `pidfd` (`pidfd_send_signal(2)`). Señal 0: solo comprobar.
pub fn pidfd_send_signal(pidfd: BorrowedFd, signal: i32) -> Result<(), Errno> {
    // SAFETY: el puntero a siginfo es nulo, como permite la llamada.
    let result = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, std::ptr::null::<u8>(), 0)
    };
    Errno::result(result).map(drop)
}

/// `RESOLVE_*` de `openat2(2)`.
pub const RESOLVE_NO_MAGICLINKS: u64 = libc::RESOLVE_NO_MAGICLINKS;
pub const RESOLVE_NO_SYMLINKS: u64 = libc::RESOLVE_NO_SYMLINKS;
pub const RESOLVE_BENEATH: u64 = libc::RESOLVE_BENEATH;
pub const RESOLVE_IN_ROOT: u64 = libc::RESOLVE_IN_ROOT;

/// Abre `path` desde `dir` sin salir de donde digan las `resolve` (`openat2(2)`). Añade CLOEXEC.
pub fn openat2(dir: BorrowedFd, path: &CStr, flags: i32, mode: u32, resolve: u64) -> Result<OwnedFd, Errno> {
    // SAFETY: open_how es una estructura de enteros: todo ceros es un valor válido.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = (flags | libc::O_CLOEXEC) as u64;
    how.mode = u64::from(mode);
    how.resolve = resolve;
    // SAFETY: `path` acaba en NUL y `how` vive durante la llamada.
    let fd = Errno::result(unsafe {
        libc::syscall(
            libc::SYS_openat2,
            dir.as_raw_fd(),
            path.as_ptr(),
            &raw const how,
            size_of::<libc::open_how>(),
        )
    })?;
    // SAFETY: el kernel acaba de abrir este descriptor para nosotros.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// Otra vista del fichero `path`, con sus propios atributos y sin sitio en el árbol (`open_tree(2)`).
pub fn clone_mount(path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC;
    // SAFETY: `path` acaba en NUL y vive durante la llamada.
    let fd =
        Errno::result(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) })?;
    // SAFETY: el kernel acaba de abrir este descriptor para nosotros.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// Cambia de nombre `from` como digan las `RENAME_*` (`renameat2(2)`, que musl no trae).
pub fn rename_with(from: &Path, to: &Path, flags: u32) -> Result<(), Errno> {
    let here = libc::AT_FDCWD;
    // SAFETY: las dos rutas acaban en NUL y viven durante la llamada.
    let rename = |from: &CStr, to: &CStr| unsafe {
        libc::syscall(libc::SYS_renameat2, here, from.as_ptr(), here, to.as_ptr(), flags)
    };
    Errno::result(from.with_nix_path(|from| to.with_nix_path(|to| rename(from, to)))??).map(drop)
}

/// Cambia los atributos de un montaje; con `recursive`, también los de cuanto cuelga de él
/// (`mount_setattr(2)`). `set`: los `MOUNT_ATTR_*` que se encienden. `propagation`: `MS_PRIVATE`… o 0.
pub fn mount_setattr(target: BorrowedFd, recursive: bool, set: u64, propagation: u64) -> Result<(), Errno> {
    // SAFETY: mount_attr es una estructura de enteros: todo ceros es un valor válido.
    let mut attr: libc::mount_attr = unsafe { std::mem::zeroed() };
    attr.attr_set = set;
    attr.propagation = propagation;
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: la ruta vacía acaba en NUL y `attr` vive durante la llamada.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            target.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attr,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(result).map(drop)
}

/// Cierra todos los descriptores menos los de `kept`.
pub fn close_all_but(mut kept: Vec<i32>) {
    kept.sort_unstable();
    let mut first = 0;
    for fd in kept.into_iter().map(|fd| fd as u32).chain(std::iter::once(u32::MAX)) {
        if first < fd {
            // SAFETY: quien llama no vuelve a usar más descriptores que los que conserva.
            unsafe { libc::syscall(libc::SYS_close_range, first, fd - 1, 0) };
        }
        first = fd.saturating_add(1);
    }
}

/// Marca CLOEXEC en todos los descriptores desde `first` (`close_range(2)`).
pub fn cloexec_from(first: u32) -> Result<(), Errno> {
    // SAFETY: la llamada solo recibe enteros y no cierra nada.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) })
        .map(drop)
}

/// Fija las capacidades del hilo: `mask` en efectivas y permitidas, ninguna heredable (`capset(2)`).
pub fn capset(mask: u64) -> Result<(), Errno> {
    const VERSION_3: u32 = 0x2008_0522;
    let header: [u32; 2] = [VERSION_3, 0];
    let (low, high) = (mask as u32, (mask >> 32) as u32);
    // efectivas, permitidas, heredables; primero los 32 bits bajos, luego los altos
    let data: [u32; 6] = [low, low, 0, high, high, 0];
    // SAFETY: cabecera y datos tienen la forma de la versión 3 y viven durante la llamada.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) }).map(drop)
}

/// `prctl(2)` con argumentos enteros.
pub fn prctl(option: c_int, a: u64, b: u64, c: u64, d: u64) -> Result<i32, Errno> {
    // SAFETY: solo la usan opciones cuyos argumentos son enteros.
    Errno::result(unsafe { libc::prctl(option, a, b, c, d) })
}

/// Que el programa que ejecute `command` muera cuando muera quien lo ejecuta (`PR_SET_PDEATHSIG`).
pub fn die_with_parent(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    let ask = || prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64, 0, 0, 0).map(drop).map_err(Into::into);
    // SAFETY: entre fork y exec solo se hace una llamada al sistema, sin pedir memoria ni cerrojos.
    unsafe { command.pre_exec(ask) };
}

/// Una instrucción de un filtro BPF clásico.
pub type BpfInstruction = libc::sock_filter;

/// Instala un filtro de seccomp en este hilo (`seccomp(2)`).
pub fn seccomp_set_filter(program: &[BpfInstruction]) -> Result<(), Errno> {
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // SAFETY: el kernel copia el programa durante la llamada y no escribe en él.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter)
    })
    .map(drop)
}

/// El filtro número `index` del proceso `pid`, que ya está detenido para quien llama (`ptrace(2)`);
/// el 0 es el último que se puso.
pub fn seccomp_get_filter(pid: i32, index: usize) -> Result<Vec<BpfInstruction>, Errno> {
    // glibc y musl no se ponen de acuerdo en el signo de lo que se pide
    const PTRACE_SECCOMP_GET_FILTER: u16 = 0x420c;
    let null = std::ptr::null_mut::<BpfInstruction>();
    // SAFETY: con un puntero nulo el kernel solo dice cuántas instrucciones hay.
    let length = Errno::result(unsafe { libc::ptrace(PTRACE_SECCOMP_GET_FILTER.into(), pid, index, null) })?;
    let mut program = vec![BpfInstruction { code: 0, jt: 0, jf: 0, k: 0 }; length as usize];
    // SAFETY: caben las instrucciones que acaba de decir; el proceso está detenido y no puede cambiarlas.
    Errno::result(unsafe {
        libc::ptrace(PTRACE_SECCOMP_GET_FILTER.into(), pid, index, program.as_mut_ptr())
    })?;
    Ok(program)
}

/// Deja todas las señales como al nacer: acción predeterminada y ninguna bloqueada (`signal(7)`).
///
/// Rust hace que SIGPIPE se ignore, y lo que se ignora se hereda al ejecutar otro programa.
pub fn default_signals() {
    // la forma que espera el kernel: manejador, banderas, restaurador y máscara, todo a cero
    let action = [0u64; 4];
    for signal in 1..=64 {
        // SAFETY: el kernel lee la estructura durante la llamada; a cero es SIG_DFL y no instala código.
        // Se llama al kernel directamente: libc no deja tocar las señales 32 y 33, que se reserva.
        // SIGKILL y SIGSTOP fallan, y no hace falta cambiarlas.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, action.as_ptr(), std::ptr::null::<u64>(), 8) };
    }
    let empty = 0u64;
    // SAFETY: el kernel lee la máscara durante la llamada.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const empty,
            std::ptr::null::<u64>(),
            8,
        )
    };
}

/// Ignora una señal.
pub fn ignore_signal(signal: i32) {
    // SAFETY: SIG_IGN no instala código nuestro.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// El nombre que enseña `ps` (como mucho 15 bytes).
pub fn set_process_name(name: &CStr) {
    // SAFETY: el nombre acaba en NUL y el kernel lo copia durante la llamada.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// SIGPIPE con su acción predeterminada: `micropod get pods | head -1` acaba sin ruido.
pub fn default_sigpipe() {
    // SAFETY: SIG_DFL no instala código nuestro.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// Un llavero de sesión nuevo, para que el contenedor no vea las llaves del anfitrión (`keyctl(2)`).
pub fn new_session_keyring() -> Result<(), Errno> {
    const KEYCTL_JOIN_SESSION_KEYRING: c_int = 1;
    // SAFETY: el nombre nulo pide un llavero anónimo.
    let result =
        unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<u8>()) };
    Errno::result(result).map(drop)
}

/// Sustituye este proceso por el programa abierto en `path` (`execve(2)`). Solo vuelve si falla.
pub fn execve(path: &CStr, argv: &[CString], env: &[CString]) -> Errno {
    match nix::unistd::execve(path, argv, env) {
        Err(errno) => errno,
        Ok(never) => match never {},
    }
}

/// El tamaño de la terminal que hay en `fd` (filas, columnas).
pub fn terminal_size(fd: BorrowedFd) -> Result<(u16, u16), Errno> {
    // SAFETY: winsize es una estructura de enteros: todo ceros es un valor válido.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: TIOCGWINSZ escribe un winsize, que vive durante la llamada.
    Errno::result(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) })?;
    Ok((size.ws_row, size.ws_col))
}

/// Cambia el tamaño de la terminal que hay en `fd`; su proceso recibe SIGWINCH.
pub fn set_terminal_size(fd: BorrowedFd, rows: u16, columns: u16) -> Result<(), Errno> {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCSWINSZ lee un winsize, que vive durante la llamada.
    Errno::result(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }).map(drop)
}

/// Hace de la terminal en `fd` la de control de esta sesión (`ioctl_tty(2)`).
pub fn set_controlling_terminal(fd: BorrowedFd) -> Result<(), Errno> {
    // SAFETY: TIOCSCTTY solo recibe un entero.
    Errno::result(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCSCTTY, 0) }).map(drop)
}

/// Se hace cargo de un descriptor recién recibido por un socket.
pub fn own_fd(fd: std::os::fd::RawFd) -> OwnedFd {
    // SAFETY: quien llama acaba de recibirlo del kernel (SCM_RIGHTS) y nadie más lo tiene.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Recibe los avisos de la muerte de un hijo desde un pidfd ajeno o propio: ¿sigue vivo?
pub fn is_alive(pidfd: impl AsFd) -> bool {
    pidfd_send_signal(pidfd.as_fd(), 0).is_ok()
}

/// ¿Ha muerto ya, aunque nadie lo haya recogido?
pub fn has_died(pidfd: impl AsFd) -> bool {
    dies_within(pidfd, 0)
}

/// Espera a que muera, esos milisegundos como mucho: ¿ha muerto?
pub fn dies_within(pidfd: impl AsFd, milliseconds: u16) -> bool {
    use nix::poll::{PollFd, PollFlags, poll};
    let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    loop {
        match poll(&mut fds, milliseconds) {
            Err(Errno::EINTR) => {}
            other => return matches!(other, Ok(1)),
        }
    }
}

/// Lo que va la hora local por delante de UTC en el instante `unix`, en segundos (`localtime_r(3)`).
pub fn local_offset(unix: i64) -> i64 {
    // SAFETY: tm es una estructura de enteros y un puntero que no se sigue: todo ceros es un valor válido.
    let mut local: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: localtime_r lee un entero y escribe un tm, que viven durante la llamada; no hay hilos.
    let done = unsafe { libc::localtime_r(&raw const unix, &raw mut local) };
    if done.is_null() { 0 } else { local.tm_gmtoff }
}

/// Abre el otro extremo de un par de terminal sin pasar por ninguna ruta (`ioctl_tty(2)`).
pub fn open_terminal_peer(master: BorrowedFd) -> Result<OwnedFd, Errno> {
    let unlock: c_int = 0;
    // SAFETY: TIOCSPTLCK lee un entero, que vive durante la llamada.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlock) })?;
    // SAFETY: TIOCGPTPEER recibe solo banderas.
    let fd = Errno::result(unsafe {
        libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC)
    })?;
    // SAFETY: el kernel acaba de abrir este descriptor para nosotros.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Una tubería que se cierra sola al ejecutar otro programa: (por donde se lee, por donde se escribe).
pub fn report_pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)
}

/// Pone el atributo extendido `name` al fichero abierto `fd` (`fsetxattr(2)`).
pub fn fsetxattr(fd: BorrowedFd, name: &str, value: &[u8]) -> Result<(), Errno> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    // SAFETY: `name` acaba en NUL y `value` mide lo que se dice; ambos viven durante la llamada.
    let result =
        unsafe { libc::fsetxattr(fd.as_raw_fd(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
    Errno::result(result).map(drop)
}
