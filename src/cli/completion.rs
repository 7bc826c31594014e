//! `micropod completion`: el autocompletado de una shell, con los nombres de los Pods que hay.
//!
//! Los verbos y las opciones los escribe clap; los nombres se preguntan en el momento de completar, y
//! solo los ve quien puede ver los Pods.

use super::args;
use crate::error::Error;
use clap_complete::Shell;
use std::io::Write;

pub fn print(name: &str) -> Result<(), Error> {
    let shell: Shell = name.parse().map_err(|_| {
        Error::usage(format!("no hay autocompletado para «{name}»")).with_hint("bash, zsh, fish o elvish")
    })?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "micropod", &mut script);
    let script = with_pods(shell, &String::from_utf8_lossy(&script));
    // quien cierra la tubería ya ha leído lo que quería
    let _ = std::io::stdout().write_all(script.as_bytes());
    Ok(())
}

/// Los verbos que nombran un Pod, y las opciones de todos que llevan un valor detrás.
fn pod_verbs() -> (Vec<String>, Vec<String>) {
    let command = args::command();
    let names_a_pod = |verb: &&clap::Command| {
        verb.get_positionals().any(|arg| ["POD", "ORIGEN"].contains(&arg.get_id().as_str()))
    };
    let verbs = command.get_subcommands().filter(names_a_pod).map(|v| v.get_name().to_string()).collect();
    let mut options: Vec<String> = command
        .get_subcommands()
        .flat_map(|verb| verb.get_opts())
        .filter(|option| option.get_action().takes_values())
        .flat_map(|option| {
            let long = option.get_long().map(|name| format!("--{name}"));
            long.into_iter().chain(option.get_short().map(|letter| format!("-{letter}")))
        })
        // `logs -f` no lleva valor; `delete -f` sí
        .filter(|option| option != "-f")
        .collect();
    crate::order::sort(&mut options);
    options.dedup();
    (verbs, options)
}

/// Cómo se preguntan los nombres.
const LIST: &str = "{ micropod get pods -o name || sudo -n micropod get pods -o name; } 2>/dev/null";

fn with_pods(shell: Shell, script: &str) -> String {
    let (verbs, options) = pod_verbs();
    match shell {
        Shell::Bash => format!(
            "{script}\n_micropod_con_pods() {{\n    \
             _micropod \"$@\"\n    \
             local escrito=\"${{COMP_WORDS[COMP_CWORD]}}\"\n    \
             case \"${{COMP_WORDS[COMP_CWORD-1]}}\" in {}) return ;; esac\n    \
             case \"$escrito\" in -*) return ;; esac\n    \
             case \" ${{COMP_WORDS[*]:0:COMP_CWORD}} \" in *' -- '*) return ;; esac\n    \
             case \"${{COMP_WORDS[1]}}\" in\n        \
             {})\n            \
             local nombres\n            \
             nombres=$({LIST} | sed 's|.*/||')\n            \
             COMPREPLY+=($(compgen -W \"$nombres\" -- \"$escrito\")) ;;\n    \
             esac\n}}\n\
             complete -F _micropod_con_pods -o nosort -o bashdefault -o default micropod\n",
            options.join(" | "),
            verbs.join(" | "),
        ),
        Shell::Fish => format!(
            "{script}\nfunction __fish_micropod_pods\n    \
             begin; micropod get pods -o name; or sudo -n micropod get pods -o name; end 2>/dev/null | \
             string replace -r '.*/' ''\nend\n{}",
            verbs.iter().map(|verb| format!(
                "complete -c micropod -n \"__fish_micropod_using_subcommand {verb}\" -f -a \"(__fish_micropod_pods)\"\n"
            )).collect::<String>(),
        ),
        Shell::Zsh => {
            let lines = script.lines().map(|line| {
                if line.contains(":POD -- ") { line.replace(":_default'", ":_micropod_pods'") } else { line.to_string() }
            });
            let functions = format!(
                "_micropod_pods() {{\n    local -a nombres\n    nombres=(${{${{(f)\"$({LIST})\"}}#*/}})\n    \
                 compadd -a nombres\n    _files\n}}\n"
            );
            // la última parte del guion ya ejecuta `_micropod`: las funciones van antes
            let lines: Vec<String> = lines.collect();
            let last = lines.iter().rposition(|line| line.starts_with("if [ \"$funcstack[1]\"")).unwrap_or(lines.len());
            format!("{}\n{functions}\n{}\n", lines[..last].join("\n"), lines[last..].join("\n"))
        }
        _ => script.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn los_verbos_que_nombran_un_pod_salen_de_la_propia_linea_de_comandos() {
        let (verbs, options) = pod_verbs();
        for verb in ["exec", "logs", "describe", "delete", "por-que", "attach", "wait"] {
            assert!(verbs.iter().any(|v| v == verb), "falta {verb}: {verbs:?}");
        }
        assert!(!verbs.iter().any(|v| v == "run" || v == "image"), "{verbs:?}");
        assert!(options.iter().any(|o| o == "--container") && !options.iter().any(|o| o == "--tty"));
    }

    #[test]
    fn zsh_y_fish_preguntan_los_nombres() {
        let (mut zsh, mut fish) = (Vec::new(), Vec::new());
        clap_complete::generate(Shell::Zsh, &mut args::command(), "micropod", &mut zsh);
        clap_complete::generate(Shell::Fish, &mut args::command(), "micropod", &mut fish);
        let zsh = with_pods(Shell::Zsh, &String::from_utf8(zsh).unwrap());
        assert!(
            zsh.contains(":_micropod_pods'")
                && !zsh.lines().any(|l| l.contains(":POD -- ") && l.contains(":_default"))
        );
        let defined = zsh.find("_micropod_pods() {").unwrap();
        assert!(defined < zsh.rfind("funcstack").unwrap(), "se define antes de ejecutarse");
        let fish = with_pods(Shell::Fish, &String::from_utf8(fish).unwrap());
        assert!(fish.contains("using_subcommand logs\" -f -a \"(__fish_micropod_pods)\""));
    }
}
