//! `micropod guion`: el mismo Pod, hecho a mano con comandos de la shell.
//!
//! Los comandos salen de los mismos pasos que ejecuta micropod ([`crate::kernel::Op::shell`]); aquí
//! solo se ordenan: lo que hace el anfitrión va suelto, y lo que hacen la pausa y cada contenedor va
//! en un guion suyo, que arranca dentro de sus espacios de nombres.

use crate::error::Error;
use crate::kernel::{Actor, Mode, Step};
use crate::spec;
use std::fmt::Write;
use std::path::Path;

/// Los pasos que en la shell no son un comando más, sino la manera de arrancar al hijo.
const WRAPPERS: [&str; 4] = ["clone3(2)", "setns(2)", "unshare(2)", "setsid(2)"];

/// Imprime el guion del Pod que describe `file`.
pub fn print(file: &Path) -> Result<(), Error> {
    let loaded = spec::load(file)?;
    let steps = crate::run::rehearse(&loaded, Mode::Script)?;
    print!("{}", write_script(&loaded.pod.metadata.name, &steps));
    Ok(())
}

/// Ordena los pasos en un guion.
pub fn write_script(pod: &str, steps: &[Step]) -> String {
    let mut out = header(pod);
    let mut rest = steps;
    while let Some((step, after)) = rest.split_first() {
        if step.syscall == "clone3(2)" {
            let (child, next) = child_steps(after);
            write_child(&mut out, step, child, &mut rest_of_host(next));
            rest = next;
            continue;
        }
        if step.syscall != "setns(2)" {
            write_step(&mut out, step, "");
        }
        rest = after;
    }
    out.push_str("\necho \"listo: la pausa es el proceso $PAUSA\"\n");
    out
}

/// Los pasos seguidos de un hijo, y los que vienen detrás.
fn child_steps(steps: &[Step]) -> (&[Step], &[Step]) {
    let end = steps.iter().position(|s| s.actor == Actor::Host).unwrap_or(steps.len());
    steps.split_at(end)
}

fn rest_of_host(_next: &[Step]) -> Vec<Step> {
    Vec::new()
}

fn header(pod: &str) -> String {
    format!(
        "#!/bin/sh\n\
         # El Pod «{pod}», hecho a mano: los mismos pasos que da micropod, con comandos de la shell.\n\
         # Hace falta ser root, y tener util-linux, iproute2 y un busybox estático (busybox-static).\n\
         # Para deshacerlo: mata la pausa y los contenedores, y borra los directorios que crea.\n\
         set -eu\n\
         G=$(mktemp -d)\n\
         # tras mudarse a su raíz, el contenedor ya no tiene los comandos del anfitrión: lleva consigo busybox\n\
         exec 9< \"$(command -v busybox)\"\n\
         BB=/proc/self/fd/9\n"
    )
}

/// Un paso: su porqué, como comentario; su comando, tal cual.
fn write_step(out: &mut String, step: &Step, prefix: &str) {
    let _ = write!(out, "\n# {}\n", step.goal);
    if let Some(caveat) = &step.caveat {
        let _ = writeln!(out, "# (ojo: {caveat})");
    }
    for line in step.shell.lines() {
        let _ = writeln!(out, "{prefix}{line}");
    }
}

/// Un hijo: su guion en un fichero, y la orden que lo arranca en sus espacios de nombres.
fn write_child(out: &mut String, birth: &Step, steps: &[Step], _: &mut Vec<Step>) {
    let Some(first) = steps.first() else { return };
    let (name, variable) = match &first.actor {
        Actor::Container(name) => (format!("contenedor-{name}"), "CONTENEDOR"),
        Actor::Pause | Actor::Host => ("pausa".to_string(), "PAUSA"),
    };
    let _ = write!(out, "\n# ——— {} ———\n", first.actor);
    let _ = write!(out, "cat > \"$G/{name}.sh\" <<'FIN'\nset -eu\n");
    if variable == "PAUSA" {
        // el anfitrión le pone la red antes de dejarla empezar
        out.push_str("read -r _ < \"$G/sigue\"\n");
    }
    let mut moved = false;
    for step in steps.iter().filter(|s| !WRAPPERS.contains(&s.syscall.as_str())) {
        // los comandos del anfitrión se quedan en la raíz antigua
        let external = moved && !["cd ", "exec ", ": ", "case "].iter().any(|b| step.shell.starts_with(b));
        write_step(out, step, if external { "\"$BB\" " } else { "" });
        moved |= step.syscall == "pivot_root(2)";
    }
    if variable == "PAUSA" {
        out.push_str("\n: > \"$G/lista\"\nexec sleep infinity\n");
    }
    out.push_str("FIN\n");
    write_launch(out, birth, steps, &name, variable);
}

/// Cómo arranca: dentro de su cgroup, y envuelto en los `unshare`, `nsenter` y `setsid` que tocan.
fn write_launch(out: &mut String, birth: &Step, steps: &[Step], name: &str, variable: &str) {
    let _ = write!(out, "\n# {}\n", birth.goal);
    if let Some(caveat) = &birth.caveat {
        let _ = writeln!(out, "# (ojo: {caveat})");
    }
    let mut lines: Vec<&str> = birth.shell.lines().collect();
    let unshare = lines.pop().unwrap_or("unshare sh").trim_end_matches(" sh");
    let wrappers = steps.iter().filter(|s| WRAPPERS.contains(&s.syscall.as_str()));
    let chain: Vec<String> = std::iter::once(unshare.to_string())
        .chain(wrappers.map(|s| s.shell.trim_end_matches(" sh").to_string()))
        .map(|w| {
            if w.contains("--mount") && w.starts_with("unshare") {
                format!("{w} --propagation unchanged")
            } else {
                w
            }
        })
        .collect();
    let handshake =
        if variable == "PAUSA" { "mkfifo \"$G/sigue\"\nexport G BB\n" } else { "export G BB PAUSA\n" };
    out.push_str(handshake);
    out.push_str("(\n");
    for line in lines {
        let _ = writeln!(out, "  {}", line.replace("$$", "$(exec sh -c 'echo $PPID')"));
    }
    let _ = writeln!(out, "  exec {} sh \"$G/{name}.sh\"\n) &\n{variable}=$!", chain.join(" "));
}
