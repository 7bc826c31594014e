//! La página de manual dice lo que sabe hacer el programa, ni más ni menos.

use std::path::Path;
use std::process::Command;

fn output(program: &str, args: &[&str]) -> String {
    let done = Command::new(program).args(args).output().unwrap();
    assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Los verbos de una ayuda.
fn verbs(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Comandos:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.split_whitespace().next()).map(String::from).collect()
}

#[test]
fn la_pagina_de_manual_explica_cada_orden_con_todas_sus_opciones() {
    let binary = env!("CARGO_BIN_EXE_micropod");
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/manual");
    let page = output(tool.to_str().unwrap(), &[binary]).replace("\\-", "-");
    let all = verbs(&output(binary, &["--help"]));
    assert!(all.len() > 15, "{all:?}");
    for verb in all {
        let help = output(binary, &[&verb, "--help"]);
        let children = verbs(&help);
        if children.is_empty() {
            assert!(page.contains(&format!("\n.SS {verb}\n")), "falta {verb}");
        }
        for child in children {
            assert!(page.contains(&format!("\n.SS {verb} {child}\n")), "falta {verb} {child}");
        }
        let options = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
        for option in options.filter(|option| *option != "--help") {
            let option = option.split(['[', '=']).next().unwrap();
            assert!(page.contains(option), "falta {option} de {verb}");
        }
    }
    assert!(page.contains(".SH NOMBRE") && page.contains(".SH ESTADO DE SALIDA"), "y lo demás de la página");
}

#[test]
fn el_autocompletado_sabe_los_verbos_y_pregunta_los_nombres_de_los_pods() {
    let binary = env!("CARGO_BIN_EXE_micropod");
    let script = |shell: &str| output(binary, &["completion", shell]);
    let all = verbs(&output(binary, &["--help"]));
    for (shell, script) in ["bash", "zsh", "fish"].map(|shell| (shell, script(shell))) {
        for verb in &all {
            assert!(script.contains(verb.as_str()), "{shell}: falta {verb}");
        }
        assert!(script.contains("permite-cambios") && script.contains("restricted"), "{shell}");
    }
    let zsh = script("zsh");
    let file = zsh.lines().find(|l| l.contains(":POD -- ") && l.contains(":_default"));
    assert!(zsh.contains(":_micropod_pods'") && file.is_none(), "{file:?}");
    let defined = zsh.find("_micropod_pods() {").unwrap();
    assert!(defined < zsh.rfind("funcstack").unwrap(), "se define antes de ejecutarse");
    let asks = |verb: &str| format!("using_subcommand {verb}\" -f -a \"(__fish_micropod_pods)\"");
    let fish = script("fish");
    for verb in ["exec", "logs", "describe", "delete", "por-que", "attach", "wait"] {
        assert!(fish.contains(&asks(verb)), "{verb}");
    }
    assert!(!fish.contains(&asks("run")) && !fish.contains(&asks("image")));
    let bash = script("bash");
    let taken = bash.lines().find(|l| l.contains("COMP_CWORD-1")).unwrap();
    assert!(taken.contains("--container") && !taken.contains("--tty"), "{taken}");
    let unknown = Command::new(binary).args(["completion", "tcsh"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no hay autocompletado para «tcsh»"));
}
