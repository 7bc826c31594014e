//! Las líneas que un guion de kubectl espera, letra por letra, y `top` como vista que se refresca.

mod common;

use common::notas::{delete, file, pod, shell, start};
use common::terminal::Terminal;
use common::{World, is_root, wait_until};

fn quiet(name: &str) -> String {
    pod(name, "terminationGracePeriodSeconds: 1,", &shell("c", "exec sleep 3201", ""))
}

#[test]
fn las_lineas_de_resultado_y_de_error_son_las_de_kubectl() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let nothing = world.micropod(&["get", "pods"]).ok();
    assert_eq!(
        (nothing.out.as_str(), nothing.err.as_str()),
        ("", "No resources found in default namespace.\n")
    );
    let made = world.micropod(&["run", "-d", &file(&world, "lineas", &quiet("lineas"))]).ok();
    assert_eq!(made.out, "pod/lineas created\n");
    let failed = world.micropod(&["exec", "lineas", "--", "/bin/sh", "-c", "exit 7"]).exits(7);
    assert_eq!((failed.out.as_str(), failed.err.as_str()), ("", "command terminated with exit code 7\n"));
    let cases: [(&[&str], &str); 3] = [
        (&["get", "pod", "noexiste"], "Error from server (NotFound): pods \"noexiste\" not found\n"),
        (&["get", "foo"], "error: the server doesn't have a resource type \"foo\"\n"),
        (
            &["get", "pods", "-o", "foo"],
            "error: unable to match a printer suitable for the output format \"foo\", allowed formats are: ",
        ),
    ];
    for (args, text) in cases {
        let done = world.micropod(args);
        assert!(done.code > 0 && done.out.is_empty(), "{args:?}");
        assert!(done.err.starts_with(text), "{args:?}: {}", done.err);
    }
    let met = world.micropod(&["wait", "pod/lineas", "--for=condition=Ready"]).ok();
    assert_eq!(met.out, "pod/lineas condition met\n");
    let late = world.micropod(&["wait", "pod/lineas", "--for=delete", "--timeout=1s"]).exits(1);
    assert!(
        late.err.starts_with("error: timed out waiting for the condition on pods/lineas\n"),
        "{}",
        late.err
    );
    let gone = world.micropod(&["delete", "pod", "lineas"]).ok();
    assert_eq!(gone.out, "pod \"lineas\" deleted\n");
}

const CLEAR: &str = "\u{1b}[H\u{1b}[J";

#[test]
fn top_w_es_una_vista_que_se_refresca_y_en_una_tuberia_no_borra_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "uno", &quiet("uno"));
    let mut terminal = Terminal::open(&world, &["top", "pods", "-w"]);
    // cada vez borra la pantalla y lo escribe todo otra vez
    let views = || terminal.text().matches(CLEAR).count();
    wait_until("que se refresque", 15, || views() >= 2);
    let last = || terminal.text().rsplit(CLEAR).next().unwrap().to_string();
    let header = "NAME   CPU(cores)   MEMORY(bytes)";
    wait_until("la tabla", 15, || last().starts_with(header) && last().contains("\nuno "));
    // lo que nace y lo que muere se ve en la siguiente
    start(&world, "dos", &quiet("dos"));
    wait_until("el que nace", 15, || last().contains("\ndos "));
    delete(&world, "uno");
    wait_until("el que muere", 15, || last().contains("\ndos ") && !last().contains("\nuno "));
    let looks = |(_, line): &(i32, String)| line.ends_with("top pods -w");
    let (pid, _) = world.processes().into_iter().find(looks).expect("sigue mirando");
    // no con Ctrl-C: a quien corre en segundo plano, una shell le puede haber dicho que no lo oiga
    world.kill("TERM", pid);
    terminal.code();
    // en una tubería son tablas seguidas, para un programa; y cuando nadie lee, acaba
    let text = world.sh(&format!("{} top pods -w --no-headers | head -2", common::binary().display()));
    let names: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["dos", "dos"], "{text:?}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    delete(&world, "dos");
}

/// También de uno de inicialización, que es quien no deja pasar a los demás.
#[test]
fn en_una_terminal_get_dice_donde_mirar_por_que_se_cae_un_contenedor() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let init = format!("initContainers: [{}],", shell("antes", "exit 3", ""));
    start(&world, "cae", &pod("cae", &init, &shell("web", "exec sleep 3202", "")));
    let table = || world.micropod(&["get", "pods"]).ok();
    wait_until("que espere", 10, || table().out.contains("Init:CrashLoopBackOff"));
    let terminal = Terminal::open(&world, &["get", "pods"]);
    let wanted = "cae/antes: CrashLoopBackOff; la última vez salió con el código 3 (Error)\r\n     \
        pista: sudo micropod logs cae -c antes -p";
    terminal.wait_for(wanted);
    // quien lo lee con un programa no la recibe
    assert!(!table().err.contains("pista"));
    delete(&world, "cae");
}
