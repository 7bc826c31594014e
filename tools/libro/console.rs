//! Los bloques de consola: se ejecutan todos, en orden, y se comparan con lo que dice la página.
//!
//! Aquí está el lado de fuera: qué hay que ejecutar, y si la salida es la que dice el libro. Lo que
//! se ejecuta, y dónde, está en `session.rs` y en `machine.rs`.

use crate::book::Book;
use crate::fault::Fault;
use crate::include;
use crate::matching::{self, Varying};
use crate::page::{Block, Page};
use crate::specs::Expected;
use serde::{Deserialize, Serialize};

/// Un capítulo que ejecutar: sus pasos, en orden, en una carpeta personal vacía.
#[derive(Debug, Serialize, Deserialize)]
pub struct Script {
    pub page: String,
    pub steps: Vec<Step>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Step {
    /// Quien lee guarda un fichero.
    Save {
        line: usize,
        name: String,
        text: String,
    },
    Run(Command),
    /// Una especificación llega al estado que declara.
    Reach {
        line: usize,
        file: String,
        expected: Expected,
    },
}

/// Un comando de un bloque, tal como se escribe.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Command {
    /// La línea de la página donde está.
    pub line: usize,
    pub text: String,
    pub root: bool,
    /// Cada terminal es una sesión aparte.
    pub terminal: String,
    /// Segundos que puede tardar.
    pub patience: u64,
    /// Lo que dice la página que imprime.
    pub expected: Vec<String>,
    pub code: i32,
    pub varying: String,
}

/// Lo que pasó al dar un paso.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub page: String,
    pub line: usize,
    pub output: Vec<String>,
    /// `None` si no acabó a tiempo.
    pub code: Option<i32>,
}

const PATIENCE: u64 = 30;

/// Los pasos de una página; vacío si no tiene nada que ejecutar.
pub fn script(book: &Book, page: &Page) -> Script {
    let mut steps = Vec::new();
    for block in &page.blocks {
        if let Some(name) = block.attribute("fichero") {
            steps.push(Step::Save { line: block.line, name: name.into(), text: whole(book, block) });
        } else if block.language == "console" && block.not_run().is_none() {
            steps.extend(commands(block).into_iter().map(Step::Run));
        }
    }
    Script { page: page.path.clone(), steps }
}

/// Las especificaciones que declara una página, como un guion aparte.
pub fn specs_script(page: &Page) -> Script {
    let steps = page.front.specs.iter().filter_map(|(name, expected, line)| {
        let expected = Expected::read(expected).ok()?;
        Some(Step::Reach { line: *line, file: Book::spec_path(name), expected })
    });
    Script { page: page.path.clone(), steps: steps.collect() }
}

/// El fichero que se guarda: el que se enseña, entero.
fn whole(book: &Book, block: &Block) -> String {
    let mut text = String::new();
    for line in &block.body {
        match include::request(line).map(|(path, anchor)| include::piece(&book.root, path, anchor)) {
            Some(Ok(piece)) => text += &piece.lines.join("\n"),
            Some(Err(_)) => {}
            None => text += line,
        }
        text.push('\n');
    }
    text
}

/// Los comandos de un bloque, cada uno con la salida que se le supone.
pub fn commands(block: &Block) -> Vec<Command> {
    let root = block.attribute("root").is_some();
    let prompt = if root { "# " } else { "$ " };
    let mut all: Vec<Command> = Vec::new();
    for (i, line) in block.body.iter().enumerate() {
        if let Some(text) = line.strip_prefix(prompt) {
            all.push(Command {
                line: block.line + 1 + i,
                text: text.to_string(),
                root,
                terminal: block.attribute("terminal").unwrap_or_default().to_string(),
                patience: block.attribute("plazo").and_then(|p| p.parse().ok()).unwrap_or(PATIENCE),
                expected: Vec::new(),
                code: 0,
                varying: block.attribute("varia").unwrap_or_default().to_string(),
            });
        } else if let Some(command) = all.last_mut() {
            match line.strip_prefix("> ").or((line == ">").then_some("")) {
                Some(more) if command.expected.is_empty() => {
                    command.text.push('\n');
                    command.text.push_str(more);
                }
                _ => command.expected.push(line.clone()),
            }
        }
    }
    if let (Some(last), Some(code)) = (all.last_mut(), block.attribute("sale")) {
        last.code = code.parse().unwrap_or(-1);
    }
    all
}

/// Compara lo que pasó con lo que dice la página.
pub fn compare(script: &Script, outcomes: &[Outcome]) -> Vec<Fault> {
    let file = format!("book/src/{}", script.page);
    let mut faults = Vec::new();
    for step in &script.steps {
        let line = match step {
            Step::Save { line, .. } | Step::Reach { line, .. } => *line,
            Step::Run(command) => command.line,
        };
        let outcome = outcomes.iter().find(|o| o.page == script.page && o.line == line);
        let mut fault = |text: String| faults.push(Fault::new(&file, line, text));
        match (step, outcome) {
            (Step::Save { .. }, _) => {}
            (_, None) => fault("no se ha llegado a ejecutar".into()),
            (Step::Reach { file, .. }, Some(outcome)) => {
                if outcome.code != Some(0) {
                    fault(format!("`{file}`: {}", outcome.output.join(" · ")));
                }
            }
            (Step::Run(command), Some(outcome)) => {
                if let Some(problem) = difference(command, outcome) {
                    fault(format!("`{}`: {problem}", command.text.lines().next().unwrap_or_default()));
                }
            }
        }
    }
    // lo que un capítulo deja sin recoger se apunta en la línea 0
    for left in outcomes.iter().filter(|o| o.page == script.page && o.line == 0) {
        faults.push(Fault::new(
            &file,
            1,
            format!("al acabar el capítulo quedan Pods: {}", left.output.join(" ")),
        ));
    }
    faults
}

fn difference(command: &Command, outcome: &Outcome) -> Option<String> {
    let Some(code) = outcome.code else {
        return Some(format!(
            "no acaba en {} s; llevaba dicho: {}",
            command.patience,
            outcome.output.join(" ⏎ ")
        ));
    };
    let wanted: Vec<&str> = command.expected.iter().map(String::as_str).collect();
    let seen: Vec<&str> = outcome.output.iter().map(String::as_str).collect();
    if !matching::matches(&wanted, &seen, &Varying::read(&command.varying)) {
        let mark = |lines: &[&str]| lines.iter().map(|l| format!("\n      | {l}")).collect::<String>();
        return Some(format!("la página dice{}\n    y sale{}", mark(&wanted), mark(&seen)));
    }
    (code != command.code).then(|| format!("sale con {code}, y la página dice que con {}", command.code))
}

/// La página con las salidas de verdad en lugar de las suyas, donde no casan.
pub fn update(page: &Page, outcomes: &[Outcome]) -> String {
    let mut lines = page.lines.clone();
    // de abajo arriba: así los números de línea de lo que queda por cambiar siguen valiendo
    for block in page.blocks.iter().rev() {
        for command in commands(block).iter().rev() {
            let Some(outcome) = outcomes.iter().find(|o| o.page == page.path && o.line == command.line)
            else {
                continue;
            };
            if outcome.code.is_none() || difference(command, outcome).is_none() {
                continue;
            }
            let first = command.line + command.text.lines().count().max(1) - 1;
            let wanted: Vec<&str> = command.expected.iter().map(String::as_str).collect();
            let seen: Vec<&str> = outcome.output.iter().map(String::as_str).collect();
            let kept = matching::keep_wildcards(&wanted, &seen, &Varying::read(&command.varying));
            let indented = kept.iter().map(|l| format!("{}{l}", block.indent).trim_end().to_string());
            lines.splice(first..first + wanted.len(), indented);
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page::read("x.md", text, &mut Vec::new())
    }

    fn outcome(line: usize, output: &[&str], code: i32) -> Outcome {
        let output = output.iter().map(|l| l.to_string()).collect();
        Outcome { page: "x.md".into(), line, output, code: Some(code) }
    }

    const TEXT: &str = "# T\n```console\n$ echo a\na\n$ cat <<FIN\n> b\n> FIN\nb\n```\nfin\n";

    fn check(text: &str, outcomes: &[Outcome]) -> Vec<String> {
        let page = page(text);
        let steps = page.blocks.iter().flat_map(commands).map(Step::Run).collect();
        let script = Script { page: "x.md".into(), steps };
        compare(&script, outcomes).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn un_comando_puede_ocupar_varias_lineas() {
        let page = page(TEXT);
        let all = commands(&page.blocks[0]);
        assert_eq!((all[1].line, all[1].text.as_str()), (5, "cat <<FIN\nb\nFIN"));
        assert_eq!(all[1].expected, ["b"]);
    }

    #[test]
    fn una_salida_distinta_es_una_falta_con_su_linea() {
        let faults = check(TEXT, &[outcome(3, &["a"], 0), outcome(5, &["c"], 0)]);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("book/src/x.md:5: ") && faults[0].contains("| c"), "{faults:?}");
    }

    #[test]
    fn un_codigo_de_salida_que_no_se_dice_es_una_falta() {
        let text = "```console\n$ false\n```\n";
        assert!(check(text, &[outcome(2, &[], 1)])[0].contains("sale con 1"));
        assert!(check(&text.replace("console", "console,sale=1"), &[outcome(2, &[], 1)]).is_empty());
    }

    #[test]
    fn lo_que_no_se_ejecuto_y_los_pods_que_quedan_son_faltas() {
        let faults = check(TEXT, &[outcome(3, &["a"], 0), outcome(0, &["web"], 0)]);
        assert!(faults[0].contains("no se ha llegado a ejecutar"), "{faults:?}");
        assert!(faults[1].contains("quedan Pods: web"), "{faults:?}");
    }

    #[test]
    fn actualizar_cambia_solo_la_salida_que_no_casa() {
        let text = TEXT.replace("\na\n", "\n…\n");
        let new = update(&page(&text), &[outcome(3, &["a"], 0), outcome(5, &["c", "d"], 0)]);
        assert_eq!(new, "# T\n```console\n$ echo a\n…\n$ cat <<FIN\n> b\n> FIN\nc\nd\n```\nfin\n");
    }
}
