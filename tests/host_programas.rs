//! Programas de verdad, con el perfil de fábrica: ninguno necesita lo que un contenedor no tiene. Los que no
//! están en esta máquina se omiten, y se dice.

mod common;

use common::{World, is_root};
use std::path::Path;

/// Un programa: dónde puede estar, qué se le pide y con qué acaba lo que contesta.
struct Program {
    name: &'static str,
    /// Además del suyo, los que usa: si falta alguno, se omite.
    needs: &'static [&'static str],
    line: &'static str,
    answer: &'static str,
}

/// Cada uno hace lo que le es propio: hilos, procesos, sockets, cerrojos, ficheros proyectados en memoria.
const PROGRAMS: &[Program] = &[
    Program {
        name: "java",
        needs: &["javac"],
        line: "cat >Hola.java <<'FIN'
            import java.util.concurrent.*;
            class Hola {
                public static void main(String[] a) throws Exception {
                    ExecutorService hilos = Executors.newFixedThreadPool(4);
                    Future<Integer> f = hilos.submit(() -> 6 * 7);
                    System.out.println(\"java \" + f.get());
                    hilos.shutdown();
                }
            }
FIN
            java -XX:TieredStopAtLevel=1 Hola.java",
        answer: "java 42",
    },
    Program {
        name: "python3",
        needs: &[],
        line: "cat >hola.py <<'FIN'
import multiprocessing, socket, subprocess, tempfile, threading
def doble(n): return 2 * n
if __name__ == '__main__':
    hilo = threading.Thread(target=print, args=('hilo',)); hilo.start(); hilo.join()
    uno, otro = socket.socketpair(); uno.send(b'x'); assert otro.recv(1) == b'x'
    with multiprocessing.Pool(2) as todos: total = sum(todos.map(doble, range(7)))
    print('python', total, subprocess.check_output(['echo', 'hijo']).decode().strip())
FIN
            python3 hola.py",
        answer: "python 42 hijo",
    },
    Program {
        name: "node",
        needs: &[],
        line: "cat >hola.js <<'FIN'
const { Worker } = require('worker_threads'), http = require('http');
const servidor = http.createServer((_, r) => r.end('42')).listen(0, '127.0.0.1', () => {
    new Worker('require(\"worker_threads\").parentPort.postMessage(6 * 7)', { eval: true }).on('message', n =>
        http.get({ port: servidor.address().port, host: '127.0.0.1' }, r =>
            r.on('data', d => { console.log('node ' + n + ' ' + d); process.exit(0); })));
});
FIN
            node hola.js",
        answer: "node 42 42",
    },
    Program {
        name: "sqlite3",
        needs: &[],
        line: "sqlite3 base 'pragma journal_mode=wal; create table t(n); insert into t values (40), (2);
            select \"sqlite \" || sum(n) from t;'",
        answer: "sqlite 42",
    },
    Program {
        name: "git",
        needs: &[],
        line: "export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
            git init -q uno && cd uno && echo 42 >f && git add f &&
            git -c user.name=a -c user.email=a@b commit -qm git && git clone -q . ../dos && cd ../dos &&
            echo $(git log --format=%s) $(cat f)",
        answer: "git 42",
    },
    Program {
        name: "gcc",
        needs: &[],
        line: "cat >hola.c <<'FIN'
#include <pthread.h>
#include <stdio.h>
static void *hilo(void *n) { *(int *)n = 42; return 0; }
int main(void) { int n = 0; pthread_t t; pthread_create(&t, 0, hilo, &n); pthread_join(t, 0);
    printf(\"gcc %d\\n\", n); return 0; }
FIN
            gcc -O2 -pthread hola.c -o hola && ./hola",
        answer: "gcc 42",
    },
];

fn is_here(name: &str) -> bool {
    ["/usr/local/bin", "/usr/bin", "/bin"].iter().any(|dir| Path::new(dir).join(name).exists())
}

#[test]
fn b5_los_programas_de_verdad_funcionan_con_el_perfil_de_fabrica() {
    if !is_root() {
        return;
    }
    if std::env::var_os("MICROPOD_VM").is_some() {
        return common::omitted("en la micro-VM no están");
    }
    let world = World::with_busybox();
    let mut tried = 0;
    for Program { name, needs, line, answer } in PROGRAMS {
        if let Some(missing) = std::iter::once(name).chain(*needs).find(|name| !is_here(name)) {
            common::omitted(&format!("{missing} no está en esta máquina"));
            continue;
        }
        // la raíz de esta máquina, sin tocarla: lo que se escribe va a una capa que muere con él
        let text = format!(
            "Pod(metadata: (name: \"{name}\"), spec: (restartPolicy: Never, volumes: [(name: \"v\")],
                containers: [(name: \"c\", image: \"host\", workingDir: \"/mnt\",
                    command: [\"sh\", \"-c\", r####\"grep ^Seccomp: /proc/self/status\n{line}\"####],
                    env: [(name: \"PATH\", value: \"/usr/local/bin:/usr/bin:/bin\")],
                    volumeMounts: [(name: \"v\", mountPath: \"/mnt\")])]))"
        );
        let file = world.write("programa.ron", &text);
        let done = world.micropod(&["run", file.to_str().unwrap()]);
        let said = world.micropod(&["logs", name]).out;
        assert!(said.starts_with("Seccomp:\t2\n"), "{name} no lleva el perfil de fábrica: {done:?}");
        assert_eq!(said.trim_end().lines().last(), Some(*answer), "{name}: {done:?}\n{said}");
        world.micropod(&["delete", "pod", name]).ok();
        tried += 1;
    }
    assert!(tried > 0, "no hay ninguno: no se prueba nada");
    world.assert_clean();
}
