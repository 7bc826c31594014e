//! Mutantes: la solución con un solo fallo, de los que comete cualquiera al escribir. Un corrector que los
//! acepta no mira lo que dice mirar.

use micropod::spec::language::Language;
use micropod::spec::tree::{Node, Tree, Value};
use std::collections::BTreeSet;
use std::ops::Range;

/// Un cambio en un texto.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutant {
    /// Qué se cambia: `sobra hora.ron:7 volumes: […`.
    pub name: String,
    pub text: String,
}

/// Todos los de un fichero, según lo que sea.
pub fn of(file: &str, text: &str) -> Vec<Mutant> {
    let edits = match file.rsplit('.').next() {
        Some("ron") => of_spec(Language::Ron, text),
        Some("yaml") => of_spec(Language::Yaml, text),
        Some("rs") => {
            of_lines(text, &RUST, |line| line.ends_with(';') && !starts(line, &["let", "use", "//"]))
        }
        Some("sh") => {
            of_lines(text, &SHELL, |line| !starts(line, &["#", "fi", "done", "do", "then", "else"]))
        }
        _ => Vec::new(),
    };
    let mut seen = BTreeSet::from([text.to_string()]);
    let mut mutants = Vec::new();
    for (what, span, new) in edits {
        let mut changed = text.to_string();
        changed.replace_range(span.clone(), &new);
        if seen.insert(changed.clone()) {
            let line = text[..span.start].matches('\n').count() + 1;
            let old: String = text[span].split_whitespace().collect::<Vec<&str>>().join(" ");
            let old: String = old.chars().take(40).collect();
            mutants.push(Mutant { name: format!("{file}:{line} {what} {old}"), text: changed });
        }
    }
    mutants
}

type Edit = (&'static str, Range<usize>, String);

fn starts(line: &str, words: &[&str]) -> bool {
    words.iter().any(|word| line.starts_with(word))
}

fn of_spec(language: Language, text: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    visit(text, &Tree::read(language, text).root, &mut edits);
    edits
}

fn visit(text: &str, node: &Node, edits: &mut Vec<Edit>) {
    let span = node.span.clone();
    let old = &text[span.clone()];
    match &node.value {
        Value::Object { entries, .. } | Value::Map(entries) => {
            for entry in entries {
                edits.push((
                    "sin",
                    with_comma(text, entry.key.span.start..entry.value.span.end),
                    String::new(),
                ));
                visit(text, &entry.value, edits);
            }
        }
        Value::List(items) | Value::Tuple { items, .. } => {
            for item in items {
                edits.push(("sin", with_comma(text, item.span.clone()), String::new()));
                visit(text, item, edits);
            }
        }
        Value::Number(_) => {
            let number = old.parse::<i64>().map(|n| (n + 1).to_string());
            edits.extend(number.ok().map(|new| ("más uno", span, new)));
        }
        Value::Text(_) => {
            // en YAML un texto puede no llevar comillas, y entonces lo que queda detrás es su última letra
            let last = old.char_indices().next_back().map_or(0, |(at, _)| at);
            let (inside, quote) = old.split_at(last);
            edits.push(("otro texto", span, format!("{inside}x{quote}")));
        }
        Value::Word(_) => {
            let new = match old {
                "true" => "false",
                "false" => "true",
                "Always" => "Never",
                "Never" => "Always",
                "OnFailure" => "Never",
                "Memory" => "Default",
                _ => return,
            };
            edits.push(("otra palabra", span, new.into()));
        }
        Value::Char | Value::Null | Value::Unknown => {}
    }
}

/// Con la coma de detrás, si la tiene.
fn with_comma(text: &str, span: Range<usize>) -> Range<usize> {
    let rest = &text[span.end..];
    let comma = rest.len() - rest.trim_start().len();
    let end = if rest.trim_start().starts_with(',') { span.end + comma + 1 } else { span.end };
    span.start..end
}

/// Lo que se confunde en Rust, y con qué.
const RUST: [(&str, &str); 12] = [
    (" == ", " != "),
    (" != ", " == "),
    (" < ", " >= "),
    (" > ", " <= "),
    (" <= ", " > "),
    (" >= ", " < "),
    (" + ", " - "),
    (" - ", " + "),
    (" * ", " + "),
    (" && ", " || "),
    ("true", "false"),
    ("false", "true"),
];

/// Lo que se confunde en la shell.
const SHELL: [(&str, &str); 5] =
    [(" -", " --no-"), (" && ", " ; "), (" = ", " != "), (">", ">>"), ("ro", "rw")];

/// Cambiar una palabra por otra, sumar uno a un número y quitar una línea entera.
fn of_lines(text: &str, swaps: &[(&str, &str)], removable: impl Fn(&str) -> bool) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.trim();
        if !starts(code, &["//", "# ", "#!", "use "]) {
            for (old, new) in swaps {
                edits
                    .extend(line.match_indices(old).map(|(at, _)| {
                        ("otra palabra", start + at..start + at + old.len(), new.to_string())
                    }));
            }
            edits.extend(numbers(line).map(|(span, number)| {
                ("más uno", start + span.start..start + span.end, (number + 1).to_string())
            }));
            if !code.is_empty() && removable(code) {
                edits.push(("sin", start..start + line.len(), "\n".into()));
            }
        }
        start += line.len();
    }
    edits
}

/// Los números sueltos de una línea.
fn numbers(line: &str) -> impl Iterator<Item = (Range<usize>, u64)> + '_ {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut starts: Vec<usize> = Vec::new();
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if c.is_ascii_digit() && !word(before) {
            starts.push(at);
        }
        before = c;
    }
    starts.into_iter().filter_map(move |at| {
        let end = line[at..].find(|c: char| !c.is_ascii_digit()).map_or(line.len(), |n| at + n);
        // 0x10, 1_000 y 3u8 no son números sueltos
        let loose = !line[end..].starts_with(word);
        loose.then_some(())?;
        Some((at..end, line[at..end].parse().ok()?))
    })
}

#[test]
fn de_un_fichero_ron_salen_mutantes_de_cada_clase_y_ninguno_repetido() {
    let text =
        "Pod(spec: (restartPolicy: Always, containers: [(name: \"web\", ports: [(containerPort: 80)])]))";
    let all = of("x.ron", text);
    let texts: Vec<&str> = all.iter().map(|m| m.text.as_str()).collect();
    for expected in [
        "Pod(spec: ( containers: [(name: \"web\", ports: [(containerPort: 80)])]))",
        "Pod(spec: (restartPolicy: Never, containers: [(name: \"web\", ports: [(containerPort: 80)])]))",
        "Pod(spec: (restartPolicy: Always, containers: [(name: \"webx\", ports: [(containerPort: 80)])]))",
        "Pod(spec: (restartPolicy: Always, containers: [(name: \"web\", ports: [(containerPort: 81)])]))",
        "Pod(spec: (restartPolicy: Always, containers: []))",
    ] {
        assert!(texts.contains(&expected), "{expected}\n{texts:#?}");
    }
    assert!(all.iter().any(|m| m.name == "x.ron:1 otro texto \"web\""), "{all:?}");
    let unique: BTreeSet<&str> = texts.iter().copied().collect();
    assert_eq!(unique.len(), texts.len());
    assert!(!texts.contains(&text));
}

#[test]
fn de_un_fichero_yaml_tambien_salen_mutantes() {
    let text = "kind: Pod\nmetadata:\n  name: web\nspec:\n  restartPolicy: Always\n  containers:\n  - name: 'c'\n    ports: [{containerPort: 80}]\n";
    let texts: Vec<String> = of("x.yaml", text).into_iter().map(|m| m.text).collect();
    for (old, new) in
        [("name: web", "name: wexb"), ("'c'", "'cx'"), ("80", "81"), ("Always", "Alwayxs"), ("name: web", "")]
    {
        assert!(texts.contains(&text.replacen(old, new, 1)), "{new}\n{texts:#?}");
    }
}

#[test]
fn de_un_programa_salen_mutantes_que_cambian_una_sola_cosa() {
    let all = of("x.rs", "fn f(n: u32) -> bool {\n    print(7);\n    n == 3 && true\n}\n");
    let texts: Vec<&str> = all.iter().map(|m| m.text.lines().nth(2).unwrap().trim()).collect();
    for expected in ["n != 3 && true", "n == 4 && true", "n == 3 || true", "n == 3 && false"] {
        assert!(texts.contains(&expected), "{texts:?}");
    }
    assert!(all.iter().any(|m| m.name == "x.rs:2 más uno 7"), "{all:?}");
    assert!(all.iter().any(|m| m.name.starts_with("x.rs:2 sin print(7)")), "{all:?}");
}
