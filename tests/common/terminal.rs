//! Lo que se ve en una terminal, y lo que se teclea.

use super::{World, binary, patience, wait_until};
use nix::pty::openpty;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

/// Un micropod en su propia terminal.
pub struct Terminal {
    keyboard: File,
    screen: Arc<Mutex<String>>,
    child: Child,
}

impl Terminal {
    /// La abre, y lanza en ella la orden.
    pub fn open(world: &World, args: &[&str]) -> Terminal {
        let pair = openpty(None, None).unwrap();
        let slave = || Stdio::from(pair.slave.try_clone().unwrap());
        let mut command = world.command("busybox");
        command.args(["setsid", "-c"]).arg(binary()).args(args);
        let child = command.stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
        drop(command);
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut master, shown) = (File::from(pair.master), screen.clone());
        let keyboard = master.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n) = master.read(&mut chunk) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..n]));
            }
        });
        Terminal { keyboard, screen, child }
    }

    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Lo que se ha escrito en ella, todo.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    pub fn shows(&self, text: &str) -> bool {
        self.screen.lock().unwrap().contains(text)
    }

    pub fn wait_for(&self, text: &str) {
        wait_until(&format!("que se lea «{text}»"), 5, || self.shows(text));
    }

    /// Espera a que acabe, y dice con qué código; de quien muere por una señal, 128 más su número.
    pub fn code(&mut self) -> i32 {
        let deadline = std::time::Instant::now() + patience(10);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
            }
            assert!(std::time::Instant::now() < deadline, "sigue en marcha:\n{}", self.text());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
