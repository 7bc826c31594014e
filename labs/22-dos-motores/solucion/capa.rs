//! La capa del Pod: ejecuta un programa con una política de reinicio, sobre el motor que le digan.
//!
//!     capa MOTOR NOMBRE PROGRAMA ARGUMENTOS…

use std::process::{Command, exit};
use std::thread::sleep;
use std::time::Duration;

/// Lo que la capa de arriba pide a un motor. No dice cómo ha de hacerse.
trait Runtime {
    /// Prepara un contenedor, o dice que no puede.
    fn create(&mut self, name: &str, program: &[String]) -> Result<(), String>;
    fn start(&self) -> Result<(), String>;
    /// Nada, si sigue en marcha; si ha acabado, su código: 128 más la señal, si lo mató una.
    fn code(&self) -> Result<Option<i32>, String>;
    fn delete(&self) -> Result<(), String>;
}

/// Los motores son guiones de la carpeta que diga MOTORES.
fn engine(name: &str) -> Command {
    let folder = std::env::var("MOTORES").unwrap_or("motores".into());
    let mut command = Command::new("sh");
    command.arg(format!("{folder}/{name}"));
    command
}

/// Da una orden a un motor. Devuelve si acabó con 0, y lo que escribió.
fn ask(command: &mut Command) -> (bool, String) {
    let output = command.output().expect("hay sh");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_string())
}

#[derive(Default)]
struct Roble {
    name: String,
}

impl Runtime for Roble {
    fn create(&mut self, name: &str, program: &[String]) -> Result<(), String> {
        self.name = name.into();
        match ask(engine("roble").args(["create", name]).args(program)) {
            (true, _) => Ok(()),
            (false, _) => Err("roble no puede crearlo".into()),
        }
    }

    fn start(&self) -> Result<(), String> {
        match ask(engine("roble").args(["start", &self.name])) {
            (true, _) => Ok(()),
            (false, _) => Err("roble no puede arrancarlo".into()),
        }
    }

    fn code(&self) -> Result<Option<i32>, String> {
        let (_, said) = ask(engine("roble").args(["state", &self.name]));
        match said.strip_prefix("stopped ") {
            Some(code) => code.parse().map(Some).map_err(|_| said.clone()),
            None => Ok(None),
        }
    }

    fn delete(&self) -> Result<(), String> {
        match ask(engine("roble").args(["delete", &self.name])) {
            (true, _) => Ok(()),
            (false, _) => Err("roble no puede quitarlo".into()),
        }
    }
}

#[derive(Default)]
struct Pino {
    number: String,
}

impl Runtime for Pino {
    fn create(&mut self, _name: &str, program: &[String]) -> Result<(), String> {
        match ask(engine("pino").arg("nuevo").args(program)) {
            (true, number) => self.number = number,
            (false, _) => return Err("pino no puede crearlo".into()),
        }
        Ok(())
    }

    fn start(&self) -> Result<(), String> {
        match ask(engine("pino").args(["arranca", &self.number])) {
            (true, _) => Ok(()),
            (false, _) => Err("pino no puede arrancarlo".into()),
        }
    }

    fn code(&self) -> Result<Option<i32>, String> {
        let (alive, said) = ask(engine("pino").args(["mira", &self.number]));
        if alive {
            return Ok(None);
        }
        let code = match said.strip_prefix("lo mató ") {
            Some(signal) => signal.parse::<i32>().map(|signal| 128 + signal),
            None => said.trim_start_matches("acabó ").parse(),
        };
        code.map(Some).map_err(|_| said)
    }

    fn delete(&self) -> Result<(), String> {
        match ask(engine("pino").args(["quita", &self.number])) {
            (true, _) => Ok(()),
            (false, _) => Err("pino no puede quitarlo".into()),
        }
    }
}

/// Ejecuta el programa una vez, y dice con qué código acaba.
fn once(runtime: &mut dyn Runtime, name: &str, program: &[String]) -> Result<i32, String> {
    runtime.create(name, program)?;
    runtime.start()?;
    loop {
        if let Some(code) = runtime.code()? {
            runtime.delete()?;
            return Ok(code);
        }
        sleep(Duration::from_millis(100));
    }
}

/// Si acaba mal se repite, con {{intentos}} intentos como mucho. Vale para cualquier motor: no conoce ninguno.
fn on_failure(runtime: &mut dyn Runtime, name: &str, program: &[String]) -> Result<i32, String> {
    let mut code = 0;
    for _ in 0..{{intentos}} {
        code = once(runtime, name, program)?;
        if code == 0 {
            break;
        }
    }
    Ok(code)
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [runtime, name, program @ ..] = words.as_slice() else { exit(2) };
    if program.is_empty() {
        exit(2);
    }
    let mut runtime: Box<dyn Runtime> = match runtime.as_str() {
        "roble" => Box::new(Roble::default()),
        "pino" => Box::new(Pino::default()),
        _ => exit(2),
    };
    match on_failure(runtime.as_mut(), name, program) {
        Ok(code) => exit(code),
        Err(why) => {
            eprintln!("{why}");
            exit(125);
        }
    }
}
