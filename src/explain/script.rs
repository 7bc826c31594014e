//! `micropod guion`: el mismo Pod, hecho a mano con comandos de la shell.
//!
//! Los comandos salen de los mismos pasos que ejecuta micropod ([`crate::kernel::Op::shell`]); aquí
//! solo se ordenan: lo que hace el anfitrión va suelto; lo que hacen la pausa y cada contenedor, en un
//! guion suyo que arranca dentro de sus espacios de nombres. Un test ejecuta el resultado y compara lo
//! que ve el kernel con el Pod que hace micropod.

use crate::error::Error;
use crate::kernel::{Actor, Mode, Step};
use crate::run::{REHEARSED, Rehearsal, rehearse};
use crate::runtime::Kind;
use crate::{spec, state};
use std::fmt::Write;
use std::path::Path;

/// Los pasos que en la shell no son un comando más, sino la manera de arrancar al hijo.
const WRAPPERS: [&str; 5] = ["clone3(2)", "setns(2)", "unshare(2)", "setsid(2)", "sigaction(2)"];

/// Lo que la shell hace ella misma, sin ningún programa: sirve también tras mudarse a otra raíz.
const BUILTINS: [&str; 9] = [":", "cd", "case", "echo", "exec", "printf", "test", "ulimit", "umask"];

/// Imprime el guion del Pod que describe `file`; `only`: cuál, si hay varios.
pub fn print(file: &Path, only: Option<&str>) -> Result<(), Error> {
    let loaded = spec::load(file, only)?;
    loaded.notes.iter().for_each(|note| crate::cli::term::note(note));
    let rehearsal = rehearse(&loaded, Mode::Script, Kind::Native)?;
    print!("{}", write_script(&loaded.pod.metadata.name, &rehearsal));
    Ok(())
}

/// Ordena los pasos en un guion.
pub fn write_script(pod: &str, rehearsal: &Rehearsal) -> String {
    let mut out = header(pod);
    write_undo(&mut out, pod, &rehearsal.undo);
    let mut born: Option<Child> = None;
    let mut joins: Vec<String> = Vec::new();
    let mut steps = rehearsal.steps.as_slice();
    while let Some((step, rest)) = steps.split_first() {
        steps = rest;
        match (&step.actor, step.syscall.as_str()) {
            (Actor::Host, "clone3(2)") => {
                born = write_birth(&mut out, step, rest, std::mem::take(&mut joins));
            }
            // donde nacerá el siguiente hijo: es parte de cómo se le arranca
            (Actor::Host, "setns(2)") if born.is_none() => joins.push(step.shell.clone()),
            (Actor::Host, "setns(2)") => {}
            (Actor::Host, _) => write_step(&mut out, step, false),
            (Actor::Pause | Actor::Container(_), _) => {
                // sus pasos ya están en su guion: aquí es donde se le deja empezar
                if let Some(child) = born.take() {
                    write_go(&mut out, &child, &rehearsal.inits);
                }
            }
        }
    }
    out.push_str(FOOTER);
    // lo que en un ensayo está en el directorio de un Pod sin nacer, en el guion está en el suyo
    let rehearsed = state::data_dir(REHEARSED).display().to_string();
    out.replace(&rehearsed, &format!("{}/guion-{pod}/datos", state::LIB))
}

fn header(pod: &str) -> String {
    format!(
        "#!/bin/sh\n\
         # El Pod «{pod}», hecho a mano: los mismos pasos que da micropod, con comandos de la shell.\n\
         # No lleva sondas ni reinicios: de eso se ocupa un programa que vigila, y aquí no lo hay.\n\
         # Hace falta ser root, y tener util-linux, iproute2, procps, nftables y busybox-static.\n\
         set -eu\n\
         export G={LIB}/guion-{pod}\n\
         if [ -e \"$G\" ]; then echo \"ya está hecho; para deshacerlo: sh $G/deshacer.sh\" >&2; exit 1; fi\n\
         mkdir -p -m 0700 \"$G\" {LIB}/raiz\n\
         trap 'rm -rf \"$G\"' EXIT\n\
         \n\
         # tras mudarse a su raíz, un contenedor ya no tiene los programas del anfitrión: se lleva los que\n\
         # le harán falta, con lo que necesitan para arrancar\n\
         mkdir \"$G/lleva\"\n\
         lleva() {{ cp -L \"$1\" \"$G/lleva/$2\"; }}\n\
         lleva \"$(command -v busybox)\" busybox\n\
         for programa in setpriv sh; do\n\
         \x20   lleva \"$(command -v \"$programa\")\" \"$programa\"\n\
         \x20   for fichero in $(ldd \"$G/lleva/$programa\" | grep -o '/[^ ]*'); do\n\
         \x20       case $fichero in */ld*) lleva \"$fichero\" cargador ;; *) lleva \"$fichero\" \"${{fichero##*/}}\" ;; esac\n\
         \x20   done\n\
         done\n\
         chmod 0755 \"$G/lleva\"\n\
         \n\
         # los hijos avisan de por dónde van; si uno muere antes de avisar, se acabó\n\
         espera() {{\n\
         \x20   until grep -qx \"$1\" \"$G/avisos\"; do\n\
         \x20       if [ ! -e \"/proc/$!/ns/ipc\" ]; then echo \"no llega a: $1\" >&2; cat \"$G\"/*.log >&2; exit 1; fi\n\
         \x20       sleep 0.05\n\
         \x20   done\n\
         }}\n",
        LIB = state::LIB,
    )
}

const FOOTER: &str = "\ntrap - EXIT\necho \"listo: la pausa es el proceso $PAUSA\"\necho \"lo que escriben sus contenedores: $G/*.log\"\necho \"para deshacerlo: sh $G/deshacer.sh\"\n";

/// El guion que lo deshace todo: se escribe antes de hacer nada, y se ejecuta solo si algo falla.
fn write_undo(out: &mut String, pod: &str, undo: &[Step]) {
    let mut text = format!("G={}/guion-{pod}\n", state::LIB);
    text.push_str(
        "# los procesos del Pod: los de su memoria compartida, que nadie más comparte\n\
         for numero in $(cat \"$G/procesos\"); do\n\
         \x20   [ \"$(readlink \"/proc/$numero/ns/ipc\")\" = \"$(cat \"$G/ipc\")\" ] || continue\n\
         \x20   kill -9 \"$numero\"\n\
         \x20   for _ in 1 2 3 4 5 6 7 8 9; do [ -e \"/proc/$numero/ns/ipc\" ] || break; sleep 0.1; done\n\
         done\n\
         # un grupo de control no se borra hasta que sale de él el último que acaba de morir\n\
         rmdir() {\n\
         \x20   veces=0\n\
         \x20   until command rmdir \"$1\" || [ ! -e \"$1\" ] || [ $veces = 50 ]; do sleep 0.1; veces=$((veces + 1)); done\n\
         }\n",
    );
    for step in undo {
        let _ = write!(text, "\n# {}\n{{\n{}\n}} 2>/dev/null || :\n", step.goal, step.shell);
    }
    text.push_str("\nrm -rf --one-file-system \"$G\"\n");
    out.push_str("\n# ——— cómo deshacerlo ———\n");
    write_file(out, "deshacer", &text);
    out.push_str("touch \"$G/avisos\" \"$G/procesos\" \"$G/ipc\"\ntrap 'sh \"$G/deshacer.sh\"' EXIT\ntrap 'exit 130' INT TERM\n");
}

/// Un guion dentro del guion. La marca de su final no puede ser una de sus líneas.
fn write_file(out: &mut String, name: &str, text: &str) {
    let mut mark = format!("FIN-{name}");
    while text.lines().any(|line| line == mark) {
        mark.push('-');
    }
    let _ = write!(out, "cat > \"$G/{name}.sh\" <<'{mark}'\n{text}{mark}\n");
}

/// Un paso: su porqué, como comentario; su comando, tal cual. `moved`: ya en otra raíz.
fn write_step(out: &mut String, step: &Step, moved: bool) {
    let _ = write!(out, "\n# {}\n", step.goal);
    if let Some(caveat) = &step.caveat {
        let _ = writeln!(out, "# (ojo: {caveat})");
    }
    let first = step.shell.split_whitespace().next().unwrap_or(":");
    let carried = moved && !BUILTINS.contains(&first);
    let _ = writeln!(out, "{}{}", if carried { "\"$BB\" " } else { "" }, step.shell);
}

/// Un hijo ya arrancado, que espera.
enum Child {
    Pause,
    Container(String),
}

/// Escribe el guion de un hijo y la orden que lo arranca en sus espacios de nombres.
fn write_birth(out: &mut String, birth: &Step, rest: &[Step], joins: Vec<String>) -> Option<Child> {
    let start = rest.iter().position(|s| s.actor != Actor::Host)?;
    let end = rest[start..].iter().position(|s| s.actor == Actor::Host).map_or(rest.len(), |n| start + n);
    let steps = &rest[start..end];
    let (child, name) = match &steps[0].actor {
        Actor::Container(name) => (Child::Container(name.clone()), format!("contenedor-{name}")),
        Actor::Pause | Actor::Host => (Child::Pause, "pausa".to_string()),
    };
    let _ = write!(out, "\n# ——— {} ———\n", steps[0].actor);
    write_file(out, &name, &child_script(&child, steps));
    write_launch(out, birth, steps, &name, joins);
    if matches!(child, Child::Pause) {
        out.push_str(
            "espera 'la pausa está en sus espacios de nombres'\nPAUSA=$(cat \"$G/procesos\")\nreadlink \"/proc/$PAUSA/ns/ipc\" > \"$G/ipc\"\n",
        );
    }
    Some(child)
}

/// Lo que hace un hijo, paso a paso.
fn child_script(child: &Child, steps: &[Step]) -> String {
    // el /proc que se ve aún es el del anfitrión: dice qué número tiene este proceso fuera
    let mut text =
        "set -eu\nread -r numero _ < /proc/self/stat\necho \"$numero\" >> \"$G/procesos\"\n".to_string();
    text.push_str(match child {
        Child::Pause => {
            "echo 'la pausa está en sus espacios de nombres' >> \"$G/avisos\"\n\
             until [ -e \"$G/adelante\" ]; do sleep 0.05; done\n"
        }
        Child::Container(_) => {
            "exec 8< \"$G/lleva\" 9>> \"$G/avisos\"\nBB=/proc/self/fd/8/busybox\n\
             # aquí se apuntan los privilegios que soltará al ejecutar su programa\nset --\n"
        }
    });
    let mut moved = false;
    for step in steps.iter().filter(|s| !WRAPPERS.contains(&s.syscall.as_str())) {
        if let Some(options) = step.shell.strip_prefix("setpriv ") {
            let options = options.strip_suffix(" sh").unwrap_or(options);
            let _ = write!(text, "\n# {}\nset -- \"$@\" {options}\n", step.goal);
        } else if let Some(program) = step.shell.strip_prefix("exec env -i ") {
            write_program(&mut text, step, program);
        } else {
            write_step(&mut text, step, moved);
        }
        moved |= step.syscall == "pivot_root(2)";
    }
    if matches!(child, Child::Pause) {
        // SIGCHLD ignorada: el kernel recoge por ella a los huérfanos
        let _ = writeln!(text, "\necho '{}' >> \"$G/avisos\"\ntrap '' CHLD", ready(&Actor::Pause));
        text.push_str("exec sleep infinity\n");
    }
    text
}

/// El final de un contenedor: setpriv suelta los privilegios, busybox deja solo su entorno, y una
/// shell cierra lo que llevaba y se convierte en el programa.
fn write_program(text: &mut String, step: &Step, program: &str) {
    let (environment, argv) = program.split_at(end_of_environment(program));
    let _ = write!(text, "\n# {}\n", step.goal);
    if let Some(caveat) = &step.caveat {
        let _ = writeln!(text, "# (ojo: {caveat})");
    }
    let _ = writeln!(
        text,
        "echo '{}' >&9\n\
         D=/proc/self/fd/8\n\
         exec $D/cargador --library-path $D $D/setpriv \"$@\" $D/busybox env -i \\\n  {} \\\n  \
         $D/cargador --library-path $D $D/sh -c 'exec 8<&- 9>&-; unset PWD; exec \"$@\"' sh \\\n  {}",
        ready(&step.actor),
        environment.trim_end(),
        argv
    );
}

/// Dónde acaban los `CLAVE=valor` de `env -i` y empieza el programa: la primera palabra sin `=`.
fn end_of_environment(words: &str) -> usize {
    let (mut quoted, mut start, mut assigns) = (false, 0, false);
    let mut letters = words.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' if !quoted => _ = letters.next(),
            '\'' => quoted = !quoted,
            '=' => assigns = true,
            ' ' if !quoted && !assigns => return start,
            ' ' if !quoted => (start, assigns) = (at + 1, false),
            _ => {}
        }
    }
    if assigns { words.len() } else { start }
}

/// Cómo arranca: dentro de su cgroup, y envuelto en los `unshare`, `nsenter` y `setsid` que tocan.
fn write_launch(out: &mut String, birth: &Step, steps: &[Step], name: &str, joins: Vec<String>) {
    let _ = write!(out, "\n# {}\n", birth.goal);
    if let Some(caveat) = &birth.caveat {
        let _ = writeln!(out, "# (ojo: {caveat})");
    }
    let mut lines: Vec<&str> = birth.shell.lines().collect();
    let unshare = lines.pop().unwrap_or("unshare sh").to_string();
    let wrappers = steps.iter().filter(|s| WRAPPERS.contains(&s.syscall.as_str())).map(|s| s.shell.clone());
    let chain: Vec<String> =
        joins.into_iter().chain([unshare]).chain(wrappers).map(|w| wrapper(&w)).collect();
    out.push_str("(\n");
    for line in lines {
        // $$ sería el número del guion entero
        let _ =
            writeln!(out, "  read -r numero _ < /proc/self/stat\n  {}", line.replace("$$", "\"$numero\""));
    }
    let _ = writeln!(
        out,
        "  exec {} \\\n    sh \"$G/{name}.sh\"\n) < /dev/null > \"$G/{name}.log\" 2>&1 &",
        chain.join(" \\\n    ")
    );
}

/// «unshare --mount sh» sin su `sh`. Lo que el hijo monte ya lo hace privado él, como en micropod.
fn wrapper(shell: &str) -> String {
    let bare = shell.strip_suffix(" sh").unwrap_or(shell).trim_end();
    let mount = bare.starts_with("unshare") && bare.contains("--mount");
    format!("{bare}{}", if mount { " --propagation unchanged" } else { "" })
}

/// Donde micropod dice «adelante» a un hijo.
fn write_go(out: &mut String, child: &Child, inits: &[String]) {
    let actor = match child {
        Child::Pause => {
            out.push_str("\n# adelante: ya tiene cuanto le toca al anfitrión\n: > \"$G/adelante\"\n");
            Actor::Pause
        }
        Child::Container(name) => Actor::Container(name.clone()),
    };
    let _ = writeln!(out, "espera '{}'", ready(&actor));
    if matches!(child, Child::Container(name) if inits.contains(name)) {
        out.push_str(
            "# es de inicialización: debe acabar bien antes de que empiece el siguiente\nwait \"$!\"\n",
        );
    }
}

/// El aviso de que un hijo ya lo tiene todo.
fn ready(actor: &Actor) -> String {
    format!("{actor}: listo")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn el_entorno_acaba_en_la_primera_palabra_sin_igual() {
        let split = |words: &'static str| words.split_at(end_of_environment(words));
        assert_eq!(split("A=1 'B=b c'\\''d' sh -c 'x=1; y'"), ("A=1 'B=b c'\\''d' ", "sh -c 'x=1; y'"));
        assert_eq!(split("'B=1 2' 'un programa' A=1"), ("'B=1 2' ", "'un programa' A=1"));
        assert_eq!(split("sh"), ("", "sh"));
        assert_eq!(split("A=1"), ("A=1", ""));
    }

    #[test]
    fn un_guion_dentro_de_otro_no_se_cierra_con_una_linea_suya() {
        let mut out = String::new();
        write_file(&mut out, "x", "echo\nFIN-x\nFIN-x-\n");
        assert!(out.starts_with("cat > \"$G/x.sh\" <<'FIN-x--'\n") && out.ends_with("\nFIN-x--\n"), "{out}");
    }
}
