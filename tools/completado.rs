//! El autocompletado de cada shell, con los nombres de los Pods que hay. Lo escribe `build.rs`: solo cambia si
//! cambia la línea de comandos, y clap_complete ocuparía en el binario el triple que sus guiones comprimidos.
//!
//! Los verbos y las opciones los escribe clap; los nombres se preguntan en el momento de completar, y
//! solo los ve quien puede ver los Pods.

use super::cli::args;
use clap_complete::Shell;

/// Las shells que se completan, y el guion de cada una.
pub fn scripts() -> impl Iterator<Item = (Shell, String)> {
    [Shell::Bash, Shell::Zsh, Shell::Fish].into_iter().map(|shell| {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut args::command(), "micropod", &mut script);
        (shell, with_pods(shell, &String::from_utf8(script).expect("clap escribe texto")))
    })
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
    options.sort();
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
