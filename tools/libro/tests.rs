//! Una comprobación que nunca se ha visto fallar no es una comprobación: a un libro pequeño y bueno se
//! le dice una mentira cada vez, y ha de notarlo la que tiene que notarlo. Y el de verdad no tiene faltas.

use crate::book::Book;
use crate::browser::Browser;
use crate::console::{self, Outcome};
use crate::gates::{self, coverage, source_map};
use crate::session::{self, Person};
use crate::{finish, html};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Un proyecto pequeño en un directorio que se borra al acabar.
struct Fixture(PathBuf);

impl Fixture {
    fn empty() -> Fixture {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("micropod-libro-prueba-{}-{n}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Fixture(dir)
    }

    /// Un libro de un capítulo, sin ninguna falta.
    fn good() -> Fixture {
        let fixture = Fixture::empty();
        fixture.write("src/demo.rs", "// ANCHOR: uno\nfn uno() {}\n// ANCHOR_END: uno\nfn dos() {}\n");
        fixture.write("book/src/SUMMARY.md", "# Índice\n\n- [Uno](01-uno.md)\n- [Dos]()\n");
        fixture.write("book/src/01-uno.md", CHAPTER);
        fixture.write("examples/paso08.rs", "fn main() {}\n");
        fixture.write("book/specs/a.ron", "Pod(…)\n");
        fixture
            .write("book/figuras/f.svg", "<svg><title>Una vaina</title><g fill=\"currentColor\"/></svg>\n");
        fixture.write("labs/01-uno/lab.ron", "");
        fixture.write(
            "book/glosario.ron",
            r#"[(termino: "clúster", ingles: "cluster", genero: "m", definicion: "Varias máquinas.", prohibidas: ["cluster"])]"#,
        );
        fixture.write(
            "book/estilo.ron",
            r#"(media_de_palabras: 22.0, maximo_de_palabras: 40, inflesz: 55.0, sin_ejecutar: 50,
                prohibidas: [("simplemente", "no lo es")])"#,
        );
        fixture.write(
            "book/datos.ron",
            r#"[(clave: "hora", valor: "55 minutos", origen: Fichero(fichero: "src/demo.rs", texto: "fn dos"))]"#,
        );
        fixture.write(
            "book/cobertura.ron",
            r#"(minimo: 50.0, corazon: ["src/demo.rs"], minimo_del_corazon: 50.0, exentos: [])"#,
        );
        fixture.write("book/pendiente.ron", r#"(capitulos: [(2, "Dos", 10)], laboratorios: ["L02"])"#);
        let all = source_map::SENTENCES.iter().map(|s| {
            let (chapter, lab) = if *s == "S1" { (1, "L01") } else { (2, "L02") };
            format!(
                "(frase: \"{s}\", idea: \"x\", capitulos: [{chapter}], laboratorios: [\"{lab}\"], specs: [\"a.ron\"]),\n"
            )
        });
        fixture.write("book/mapa-fuente.ron", &format!("[{}]", all.collect::<String>()));
        fixture
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Cambia un texto de un fichero, que ha de estar en él.
    fn lie(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.0.join(path)).unwrap();
        assert!(text.contains(from), "{path} no contiene «{from}»");
        self.write(path, &text.replacen(from, to, 1));
    }

    /// Las faltas del libro, con el nombre de quien las ve.
    fn faults(&self) -> Vec<String> {
        let mut book = Book::read(&self.0);
        let mut all: Vec<String> =
            std::mem::take(&mut book.faults).iter().map(|f| format!("lectura: {f}")).collect();
        for gate in gates::FAST.iter().chain(gates::BOOK_ONLY) {
            let report = gate(&book);
            all.extend(report.faults.iter().map(|f| format!("{}: {f}", report.name)));
        }
        all
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const CHAPTER: &str = r#"---
capitulo: 1
minutos: 60
fuente: S1
laboratorio: L01
objetivo: Saber algo.
specs:
  a.ron: Running 1/1
---
# Uno

Una frase corta. Un [enlace](#la-idea). Dura {{dato hora}}.

```ron,fichero=a.ron
{{#include book/specs/a.ron}}
```

```console
$ echo hola
hola
```

## Antes de mirar

Frase que se lee bien.

## La idea

Frase que se lee bien. Y otra. Y otra. Y otra. Y otra. Y otra. Y otra. Y otra. Y otra.

{{figura f}}

## Rómpelo

```console,no-ejecuta="pide una contraseña"
$ su -
```

## El código

```rust
{{#include src/demo.rs:uno}}
```

```rust
{{#include examples/paso08.rs}}
```

## En Kubernetes se llama…

Igual.

## Lo que la fuente simplifica

Nada.

## Comprueba que lo has entendido

<summary>Respuesta</summary>
<summary>Respuesta</summary>
<summary>Respuesta</summary>

## Laboratorio

Uno.

## Nota de diseño

Así.

<summary>Para el profesorado</summary>
"#;

#[test]
fn el_libro_pequeno_no_tiene_faltas() {
    assert_eq!(Fixture::good().faults(), Vec::<String>::new());
}

#[test]
fn cada_mentira_la_ve_quien_la_tiene_que_ver() {
    let page = "book/src/01-uno.md";
    let long = format!("Frase {}.", "muy ".repeat(41));
    let hard = "La interdisciplinariedad institucionalizada descontextualiza. ".repeat(20);
    let steady =
        "Y el pan que se ve en la mesa es el que da la luz y la sal al que va y al que ve lo que hay. "
            .repeat(90);
    // fichero, qué dice, qué se le hace decir, quién lo ve y qué dice
    let lies: &[(&str, &str, &str, &str, &str)] = &[
        (page, "demo.rs:uno", "demo.rs:tres", "includes", "no tiene el ancla `tres`"),
        (page, "src/demo.rs:uno", "src/nada.rs:uno", "includes", "no se puede leer `src/nada.rs`"),
        (page, "src/demo.rs:uno", "src/demo.rs", "includes", "por anclas"),
        (page, "src/demo.rs:uno", "src/demo.rs:fn tres", "includes", "no tiene `fn tres`"),
        ("src/demo.rs", "fn uno() {}\n", "", "includes", "está vacío"),
        (page, "{{#include src/demo.rs:uno}}", "fn uno() {}", "código escrito a mano", "escrito a mano"),
        (page, "no-ejecuta=\"pide una contraseña\"", "no-ejecuta", "lectura", "necesita un motivo"),
        (
            "book/estilo.ron",
            "sin_ejecutar: 50",
            "sin_ejecutar: 49",
            "consola sin ejecutar",
            "el tope es el 49 %",
        ),
        (page, "{{figura f}}", "{{figura g}}", "figuras", "no existe `book/figuras/g.svg`"),
        ("book/figuras/f.svg", "<title>Una vaina</title>", "", "figuras", "no dice en <title>"),
        ("book/figuras/f.svg", "currentColor", "black", "figuras", "los colores de la página"),
        (
            "examples/paso08.rs",
            "fn main() {}",
            &"//\n".repeat(61),
            "programas de examples/",
            "tiene 62 líneas",
        ),
        (page, "{{#include examples/paso08.rs}}", "", "programas de examples/", "ninguna página lo enseña"),
        (page, "## Rómpelo", "## Rompe", "forma de los capítulos", "falta el apartado «## Rómpelo»"),
        (page, "minutos: 60\n", "", "forma de los capítulos", "`minutos`"),
        (page, "capitulo: 1", "capitulo: 3", "forma de los capítulos", "en el índice es el 1"),
        (page, "<summary>Respuesta</summary>\n", "", "forma de los capítulos", "tiene 2 preguntas"),
        (page, "Para el profesorado", "Profes", "forma de los capítulos", "Para el profesorado"),
        ("book/pendiente.ron", "(2, \"Dos\", 10)", "", "por escribir", "ni está en book/pendiente.ron"),
        (
            "book/pendiente.ron",
            "(2, \"Dos\", 10)",
            "(2, \"Dos\", 10), (3, \"Tres\", 5)",
            "por escribir",
            "ya no es un borrador",
        ),
        (page, "  a.ron: Running 1/1\n", "", "especificaciones declaradas", "ningún capítulo la declara"),
        (page, "  a.ron: Running", "  a.ron: Runing", "especificaciones declaradas", "no es una fase"),
        (page, "  a.ron:", "  b.ron:", "especificaciones declaradas", "no existe `book/specs/b.ron`"),
        (page, "#la-idea", "#la-otra", "enlaces internos", "no tiene el título `#la-otra`"),
        (page, "(#la-idea)", "(02-dos.md)", "enlaces internos", "no lleva a ninguna página"),
        (page, "Dura {{dato hora}}", "Dura 55 minutos", "cifras", "«55 minutos»"),
        (page, "{{dato hora}}", "{{dato ora}}", "cifras", "no está en book/datos.ron"),
        ("src/demo.rs", "fn dos", "fn doce", "cifras", "ya no contiene"),
        (page, "Nada.", "Un cluster.", "glosario", "en este libro es «clúster»"),
        (page, "Nada.", "Simplemente, nada.", "palabras", "«simplemente»"),
        (page, "Nada.", "Tarda 1.5 segundos o 1.5 s[^n].", "palabras", "la coma es la decimal"),
        (page, "Nada.", "Dice \"nada\".", "palabras", "las comillas"),
        (page, "Nada.", &long, "lectura", "42 palabras"),
        (page, "Nada.", &hard, "lectura", "INFLESZ"),
        (page, "Nada.", &steady, "lectura", "palabras por frase"),
        ("book/mapa-fuente.ron", "(frase: \"S7\"", "(frase: \"S7x\"", "mapa de la fuente", "falta S7"),
        (
            "book/mapa-fuente.ron",
            "capitulos: [1]",
            "capitulos: []",
            "mapa de la fuente",
            "S1 no tiene capítulo",
        ),
        (
            "book/mapa-fuente.ron",
            "specs: [\"a.ron\"]",
            "specs: [\"z.ron\"]",
            "mapa de la fuente",
            "ningún capítulo ejecuta",
        ),
        ("book/pendiente.ron", "\"L02\"", "", "mapa de la fuente", "no existe el laboratorio L02"),
        (page, "laboratorio: L01", "laboratorio: L09", "mapa de la fuente", "no existe el laboratorio L09"),
        (page, "fuente: S1", "fuente: S1 S2", "mapa de la fuente", "dice explicar S2"),
        ("book/cobertura.ron", "minimo: 50.0", "minimo: 51.0", "cobertura de src/", "solo puede subir"),
        (
            "book/cobertura.ron",
            "minimo_del_corazon: 50.0",
            "minimo_del_corazon: 51.0",
            "cobertura de src/",
            "del corazón",
        ),
        (
            "book/cobertura.ron",
            "[\"src/demo.rs\"]",
            "[\"src/demo.rs\", \"src/x.rs\"]",
            "cobertura de src/",
            "es del corazón y ya no existe",
        ),
        (
            "book/cobertura.ron",
            "exentos: []",
            "exentos: [(\"src/x.rs\", \"no\")]",
            "cobertura de src/",
            "ya no existe",
        ),
        (page, "```console\n$", "```console,rot\n$", "lectura", "no conozco el atributo `rot`"),
        ("book/src/SUMMARY.md", "01-uno.md", "01-un.md", "lectura", "no se puede leer `01-un.md`"),
        ("book/datos.ron", "[(", "[(((", "lectura", "no se entiende"),
    ];
    for (file, from, to, gate, wanted) in lies {
        let fixture = Fixture::good();
        fixture.lie(file, from, to);
        let faults = fixture.faults();
        let seen = faults.iter().any(|f| f.starts_with(&format!("{gate}: ")) && f.contains(wanted));
        assert!(seen, "en {file}, «{to}» por «{from}»: nadie dice «{gate}: … {wanted}»; se dice {faults:#?}");
    }
}

/// Ejecuta la consola de un libro en una shell corriente de esta máquina.
fn run_console(fixture: &Fixture) -> Vec<String> {
    let home = fixture.0.join("casa");
    fs::create_dir_all(&home).unwrap();
    let scratch = fixture.0.clone();
    let person = Person { home, become_user: vec![], become_root: vec![], slowness: 1, scratch };
    let book = Book::read(&fixture.0);
    let script = console::script(&book, &book.pages[0]);
    let mut outcomes: Vec<Outcome> = Vec::new();
    session::run(&script, &person, &mut |o| outcomes.push(o)).unwrap();
    console::compare(&script, &outcomes).iter().map(ToString::to_string).collect()
}

#[test]
fn una_salida_que_no_es_la_de_verdad_se_nota_al_ejecutarla() {
    let page = "book/src/01-uno.md";
    assert_eq!(run_console(&Fixture::good()), Vec::<String>::new());
    for (from, to, wanted) in [
        ("hola\nhola\n", "hola\nadiós\n", "| hola"),
        ("$ echo hola", "$ echo hola; false", "sale con 1"),
        ("$ echo hola", "$ noexiste", "noexiste"),
        ("$ echo hola\nhola", "$ cat a.ron\nOtro(…)", "| Pod(…)"),
    ] {
        let fixture = Fixture::good();
        fixture.lie(page, from, to);
        let faults = run_console(&fixture);
        assert!(faults.len() == 1 && faults[0].contains(wanted), "{to}: {faults:#?}");
        assert!(faults[0].starts_with("book/src/01-uno.md:19: "), "{faults:#?}");
    }
}

#[test]
fn una_especificacion_que_no_llega_y_un_pod_que_se_queda_son_faltas() {
    let fixture = Fixture::good();
    let book = Book::read(&fixture.0);
    let script = console::specs_script(&book.pages[0]);
    let outcome =
        |line, code, text: &str| Outcome { page: "01-uno.md".into(), line, output: vec![text.into()], code };
    let faults = |outcomes: &[Outcome]| -> Vec<String> {
        console::compare(&script, outcomes).iter().map(ToString::to_string).collect()
    };
    let line = book.pages[0].front.specs[0].2;
    assert_eq!(faults(&[outcome(line, Some(0), "")]), Vec::<String>::new());
    let late = faults(&[outcome(line, Some(1), "fase Pending")]);
    assert!(late.len() == 1 && late[0].contains("`book/specs/a.ron`: fase Pending"), "{late:?}");
    assert!(faults(&[])[0].contains("no se ha llegado a ejecutar"));
    let left = faults(&[outcome(line, Some(0), ""), outcome(0, None, "olvidado")]);
    assert!(left.len() == 1 && left[0].contains("quedan Pods: olvidado"), "{left:?}");
}

#[test]
fn cada_terminal_y_root_tienen_su_propia_shell_y_la_conservan() {
    let fixture = Fixture::good();
    let blocks = "```console\n$ x=uno; cd /\n```\n```console,terminal=b\n$ echo \"[$x]\"\n[]\n```\n\
                  ```console,root\n# echo \"[$x]\"\n[]\n# x=raíz\n```\n```console\n$ echo \"[$x]\"; pwd\n[uno]\n/\n```\n\
                  ```console,root,sale=3\n# echo \"[$x]\"; (exit 3)\n[raíz]\n```\n";
    fixture.lie("book/src/01-uno.md", "```console\n$ echo hola\nhola\n```\n", blocks);
    assert_eq!(run_console(&fixture), Vec::<String>::new());
}

#[test]
fn un_comando_que_no_acaba_se_corta_y_lo_que_sigue_se_ejecuta() {
    let fixture = Fixture::good();
    let blocks = "```console,plazo=1\n$ echo antes; sleep 30\n$ echo hola\nhola\n```\n";
    fixture.lie("book/src/01-uno.md", "```console\n$ echo hola\nhola\n```\n", blocks);
    let faults = run_console(&fixture);
    assert!(faults.len() == 1 && faults[0].contains("no acaba en 1 s; llevaba dicho: antes"), "{faults:?}");
}

#[test]
fn un_texto_de_mdbook_que_desaparece_o_que_queda_en_ingles_es_una_falta() {
    let book = |html: &str| {
        let fixture = Fixture::empty();
        fixture.write(
            "book/interfaz.ron",
            r#"[(en: "html", de: "title=\"Print this\"", a: "title=\"Imprimir\"")]"#,
        );
        fixture.write("book/js/buscador.js", "// español\n");
        fixture.write("salida/elasticlunr.min.js", "// inglés\n");
        let item = |page: &str| {
            let link = format!("<a href=\"apendices/{page}.html\">E</a></span></li>");
            format!("<li class=\"chapter-item \"><span class=\"chapter-link-wrapper\">{link}")
        };
        for name in ["toc.js", "toc.html"] {
            let all = format!("{}{}{}", item("errores"), item("errores/mp0101"), item("fuente"));
            fixture.write(&format!("salida/{name}"), &all);
        }
        fixture.write("salida/a.html", html);
        let faults: Vec<String> = finish::translate(&fixture.0, &fixture.0.join("salida"))
            .faults
            .iter()
            .map(|f| f.text.clone())
            .collect();
        (fixture, faults)
    };
    let (fixture, faults) = book("<a title=\"Print this\">");
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(fs::read_to_string(fixture.0.join("salida/a.html")).unwrap(), "<a title=\"Imprimir\">");
    let search = fs::read_to_string(fixture.0.join("salida/elasticlunr.min.js")).unwrap();
    assert_eq!(search, "// inglés\n\n// español\n");
    let toc = fs::read_to_string(fixture.0.join("salida/toc.js")).unwrap();
    assert_eq!(toc.matches("<li").count(), 2, "{toc}");
    assert!(!toc.contains("mp0101") && toc.ends_with("fuente.html\">E</a></span></li>"), "{toc}");
    let broken = Fixture::empty();
    broken.write("book/interfaz.ron", "[]");
    broken.write("salida/toc.js", "otra cosa");
    let faults = finish::translate(&broken.0, &broken.0.join("salida")).faults;
    assert!(faults.iter().any(|f| f.text.contains("ya no tiene la forma")), "{faults:?}");
    assert!(book("<a>").1[0].contains("ya no dice"));
    let note = "<a title=\"Print this\"><p class=\"blockquote-tag-title\"><svg></svg>Note</p>";
    assert!(book(note).1[0].contains("queda en inglés: «Note»"));
    assert!(
        book("<a title=\"Print this\"><b title=\"Search me\">").1[0].contains("queda en inglés: «Search me»")
    );
}

#[test]
fn un_enlace_roto_y_algo_que_pida_la_red_son_faltas_del_html() {
    let faults = |html: &str| {
        let fixture = Fixture::good();
        fixture.write("salida/01-uno.html", html);
        fixture.write("salida/b.html", "<h2 id=\"año\">");
        // las páginas generadas no están en esta salida
        let report = html::links(&Book::read(&fixture.0), &fixture.0.join("salida"));
        let ours = report.faults.into_iter().filter(|f| !f.text.contains("apendices/errores/"));
        ours.map(|f| f.text).collect::<Vec<_>>()
    };
    assert_eq!(faults("<a href=\"b.html#a%C3%B1o\">"), Vec::<String>::new());
    assert!(faults("<a href=\"c.html\">")[0].contains("no lleva a ningún fichero"));
    assert!(faults("<a href=\"b.html#ano\">")[0].contains("un título que no existe"));
    assert!(faults("<script src=\"https://x.es/a.js\">")[0].contains("pide algo a la red"));
}

#[test]
fn una_pagina_que_mdbook_no_construye_es_una_falta() {
    let fixture = Fixture::good();
    fixture.write("salida/otra.html", "");
    let report = html::links(&Book::read(&fixture.0), &fixture.0.join("salida"));
    assert!(report.faults.iter().any(|f| f.text == "mdBook no ha construido 01-uno.md"));
}

#[test]
fn un_parrafo_que_no_cabe_en_un_movil_o_en_una_hoja_y_una_busqueda_sin_fruto_son_faltas() {
    let Some(browser) = Browser::find() else {
        return eprintln!("omitido: no hay chromium");
    };
    let page = |style: &str| {
        let fixture = Fixture::empty();
        let html = format!(
            "<!doctype html><div id=\"mdbook-content\"><main><p style=\"{style}\">a</p></main></div>\
             <ul id=\"mdbook-searchresults\"><li><a href=\"a.html?x\">a</a></li></ul>"
        );
        fixture.write("index.html", &html);
        fixture.write(
            "book/busquedas.ron",
            r#"[(busca: "a", encuentra: ["a.md"]), (busca: "b", encuentra: ["b.md"])]"#,
        );
        fixture
    };
    let narrow = page("");
    assert!(browser.fits_phone(&narrow.0).faults.is_empty());
    let wide = page("width: 900px");
    assert!(browser.fits_phone(&wide.0).faults[0].text.contains("no cabe en 390 px"));
    let faults = browser.searches(&narrow.0, &narrow.0).faults;
    assert!(faults.len() == 1 && faults[0].text == "«b» no encuentra b.md", "{faults:?}");
    assert!(browser.pdf(&narrow.0).faults[0].text.contains("no hay página para imprimir"));
    assert!(browser.one_sheet(&narrow.0, "index.html").faults.is_empty());
    let long = page("height: 3000px");
    let faults = browser.one_sheet(&long.0, "index.html").faults;
    assert!(faults[0].text.starts_with("impresa, ocupa "), "{faults:?}");
}

/// El de verdad: lo mismo que `make book`, sin lo que hay que ejecutar.
#[test]
fn el_libro_cumple_las_comprobaciones_que_no_ejecutan_nada() {
    let mut book = Book::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let mut faults = std::mem::take(&mut book.faults);
    faults.extend(gates::FAST.iter().flat_map(|gate| gate(&book).faults));
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "el libro tiene faltas:\n{}", lines.join("\n"));
}

#[test]
fn una_tabla_incluida_fuera_de_un_bloque_sale_en_la_pagina() {
    let fixture = Fixture::good();
    fixture.write("book/tablas/t.md", "| a | b |\n|---|---|\n| 1 | 2 |\n");
    fixture.lie("book/src/01-uno.md", "## La idea", "{{#include book/tablas/t.md}}\n\n## La idea");
    let book = Book::read(&fixture.0);
    let page = crate::preprocess::render(&book, book.page("01-uno.md").unwrap());
    assert!(page.contains("\n| 1 | 2 |\n") && !page.contains("#include"), "{page}");
}

#[test]
fn encima_de_cada_trozo_se_dice_de_donde_sale() {
    let caption = |includes: &str| {
        let fixture = Fixture::good();
        fixture.lie("book/src/01-uno.md", "{{#include src/demo.rs:uno}}", includes);
        let book = Book::read(&fixture.0);
        crate::preprocess::render(&book, book.page("01-uno.md").unwrap())
    };
    let one = "{{#include src/demo.rs:uno}}";
    let two = "{{#include src/demo.rs:fn dos}}";
    assert!(caption(one).contains("<code>src/demo.rs, líneas 2 a 2</code>"), "{}", caption(one));
    assert!(caption(&format!("{one}\n{two}")).contains("src/demo.rs, líneas 2 a 2 y 4 a 4<"));
    assert!(caption(&format!("{one}\n{two}\n{one}")).contains("src/demo.rs, entre las líneas 2 y 4<"));
}

#[test]
fn la_cobertura_cuenta_las_lineas_de_codigo_que_se_ensenan() {
    let fixture = Fixture::good();
    let covered = coverage::measure(&Book::read(&fixture.0));
    assert_eq!(covered.files["src/demo.rs"], (1, 2));
    assert_eq!(covered.unused, Vec::<String>::new());
    fixture.lie("src/demo.rs", "fn dos() {}", "// ANCHOR: dos\nfn dos() {}\n// ANCHOR_END: dos");
    assert_eq!(coverage::measure(&Book::read(&fixture.0)).unused, ["src/demo.rs:dos"]);
}
