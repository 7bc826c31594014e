//! Decir algo por la salida sin entrar en pánico si no se puede: un disco lleno, una tubería que nadie lee.
//!
//! Las macros se llaman como las de la biblioteca estándar, y la sustituyen en todo el programa: las suyas
//! dan por hecho que la salida nunca falla.

use std::fmt::Arguments;
use std::io::Write;

/// Como `std::println!`, pero si no se puede escribir lo dice y acaba con el código 1.
macro_rules! println {
    ($($what:tt)*) => { $crate::say::out(format_args!("{}\n", format_args!($($what)*))) };
}

/// Como `std::print!`, igual.
macro_rules! print {
    ($($what:tt)*) => { $crate::say::out(format_args!($($what)*)) };
}

/// Como `std::eprintln!`; si no se puede, no hay a quién decírselo.
macro_rules! eprintln {
    ($($what:tt)*) => { $crate::say::err(format_args!("{}\n", format_args!($($what)*))) };
}

pub fn out(what: Arguments) {
    let mut stdout = std::io::stdout();
    let Err(error) = stdout.write_fmt(what).and_then(|()| stdout.flush()) else { return };
    err(format_args!(
        "error: no se pudo escribir en la salida\n  causa: {}\n",
        crate::error::in_spanish(error.to_string())
    ));
    std::process::exit(crate::error::exit::FAILED.into())
}

pub fn err(what: Arguments) {
    // sin salida de errores no hay a quién decírselo
    let _ = std::io::stderr().write_fmt(what);
}
