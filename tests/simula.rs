//! `micropod simula`: la vida de un Pod sin Pod, contada, dibujada y siempre igual.

mod common;

use common::{Done, micropod};
use micropod::explain::faults::{self, Faults};
use micropod::explain::simulate::run;
use micropod::explain::story::{Story, Told, print, svg};
use micropod::explain::world::World;
use micropod::logic::simulate::{Answers, Stage, live};
use micropod::logic::{Action, Event, Pod, PodRules};
use micropod::spec::codes::{CODES, Where};
use micropod::spec::parse::parse;
use std::path::PathBuf;
use std::time::Duration;

/// Un Pod con esos campos y contenedores.
fn rules(fields: &str, containers: &str) -> PodRules {
    let text = format!("Pod(metadata: (name: \"p\"), spec: ({fields} containers: [{containers}]))");
    PodRules::from(&parse("p.ron", &text).unwrap_or_else(|e| panic!("{e}")), 1)
}

fn container(name: &str, fields: &str) -> String {
    format!("(name: \"{name}\", image: \"i\", {fields}),")
}

fn tell(rules: &PodRules, faults: &str, until: u64) -> Told {
    let faults = faults::parse_text("a.ron", faults, rules).unwrap_or_else(|e| panic!("{e}"));
    run(rules.clone(), faults, Duration::from_secs(until)).0
}

/// Las líneas de la historia, con los espacios contados.
fn lines(rules: &PodRules, faults: &str, until: u64) -> Vec<String> {
    let text = print::as_text(&tell(rules, faults, until), false);
    let story = text.split("\n\n").next().unwrap();
    story.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[track_caller]
fn says(lines: &[String], expected: &[&str]) {
    for line in expected {
        assert!(lines.iter().any(|l| l == line), "falta «{line}» en:\n{}", lines.join("\n"));
    }
}

fn web() -> PodRules {
    rules(
        "",
        &container("web", "readinessProbe: (tcpSocket: (port: 80)), livenessProbe: (tcpSocket: (port: 80))"),
    )
}

#[test]
fn quien_se_cae_siempre_espera_cada_vez_mas_y_despues_se_cuenta_una_vez() {
    let rules = rules("", &container("c", ""));
    assert_eq!(
        lines(&rules, "[Acaba(contenedor: \"c\", codigo: 1, tras: \"5s\")]", 3600)[..24],
        [
            "0s Pod la pausa está en pie y el Pod tiene red",
            "0s c arranca",
            "0s Pod fase Running",
            "0s Pod el Pod está listo",
            "5s c acaba con código 1 · vivió 5s",
            "5s Pod el Pod deja de estar listo",
            "5s c arranca · reinicio 1",
            "5s Pod el Pod está listo",
            "10s c acaba con código 1 · vivió 5s",
            "10s c CrashLoopBackOff: espera 10s antes de volver",
            "10s Pod el Pod deja de estar listo",
            "20s c arranca · reinicio 2",
            "20s Pod el Pod está listo",
            "25s c acaba con código 1 · vivió 5s",
            "25s c CrashLoopBackOff: espera 20s antes de volver",
            "25s Pod el Pod deja de estar listo",
            "45s c arranca · reinicio 3",
            "45s Pod el Pod está listo",
            "50s c acaba con código 1 · vivió 5s",
            "50s c CrashLoopBackOff: espera 40s antes de volver",
            "50s Pod el Pod deja de estar listo",
            "1m30s c arranca · reinicio 4",
            "1m30s Pod el Pod está listo",
            "1m35s c acaba con código 1 · vivió 5s",
        ]
    );
}

#[test]
fn un_mes_cabe_en_una_pantalla_y_sus_cuentas_son_exactas() {
    let rules = rules(
        "",
        &(container("c", "")
            + &container("web", "livenessProbe: (tcpSocket: (port: 80), periodSeconds: 30)")),
    );
    let told = tell(&rules, "[Acaba(contenedor: \"c\", codigo: 1, tras: \"5s\")]", 30 * 86_400);
    // nueve arranques hasta los 950 s y, desde ahí, uno cada 305
    let starts = 9 + (30 * 86_400 - 950) / 305;
    assert_eq!(told.tallies[0].starts, starts);
    assert_eq!(told.tallies[0].restarts, starts - 1);
    assert_eq!(told.tallies[0].running, Duration::from_secs(5 * (starts - 1) + 5));
    assert_eq!(told.tallies[1].probes, 30 * 86_400 / 30 + 1);
    assert_eq!(told.lost, 0);
    let text = print::as_text(&told, false);
    assert!(text.lines().count() < 60, "{text}");
    assert!(text.contains(&format!("otras {} veces, cada 5m5s", starts - 7)), "{text}");
}

/// La CPU gastada por este hilo: lo que tarde una máquina ocupada no cuenta.
fn spent() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(told.split_whitespace().next().unwrap().parse().unwrap())
}

#[test]
fn un_mes_con_dos_sondas_por_segundo_se_simula_en_menos_de_un_segundo() {
    let probes = "readinessProbe: (tcpSocket: (port: 80), periodSeconds: 1), \
                  livenessProbe: (tcpSocket: (port: 80), periodSeconds: 1)";
    let rules = rules("", &(container("web", probes) + &container("c", "")));
    let begun = spent();
    let told = tell(&rules, "[Acaba(contenedor: \"c\", codigo: 1, tras: \"5s\")]", 30 * 86_400);
    let drawn = print::as_text(&told, false).len() + svg::as_svg(&told, "un mes").len();
    let cost = spent() - begun;
    assert_eq!(told.tallies[0].probes, 2 * (30 * 86_400 + 1));
    assert!(drawn > 0);
    // sin optimizar cuesta unas seis veces más
    let limit = Duration::from_secs(if cfg!(debug_assertions) { 6 } else { 1 });
    assert!(cost < limit, "{cost:?}");
}

#[test]
fn cada_averia_hace_lo_que_dice() {
    let all = rules(
        "initContainers: [(name: \"init\", image: \"i\")],",
        &container("web", "readinessProbe: (tcpSocket: (port: 80)), livenessProbe: (tcpSocket: (port: 80))"),
    );
    for (fault, until, expected) in [
        (
            "Acaba(contenedor: \"web\", codigo: 3, tras: \"5s\", vida: 1)",
            60,
            &["6s web acaba con código 3 · vivió 5s"][..],
        ),
        (
            "Muere(contenedor: \"web\", senal: 11, tras: \"5s\", vida: 1)",
            60,
            &["6s web muere con 139: lo mata SIGSEGV · vivió 5s"],
        ),
        (
            "SinMemoria(contenedor: \"web\", tras: \"5s\", vida: 1)",
            60,
            &["6s web muere con 137: se quedó sin memoria (OOMKilled) · vivió 5s"],
        ),
        (
            "NoArranca(contenedor: \"web\", codigo: 127, dice: \"no existe /x\", vida: 1)",
            60,
            &[
                "1s web no arranca: no existe /x (RunContainerError, código 127)",
                "1s web arranca · reinicio 1",
            ],
        ),
        (
            "NoArranca(contenedor: \"web\", dice: \"sin imagen\")",
            60,
            &["1s web no arranca: sin imagen (CreateContainerError) (×6, cada 10s, hasta 51s)"],
        ),
        ("TardaEnArrancar(contenedor: \"web\", tarda: \"7s\")", 60, &["8s web arranca"]),
        (
            "FallaSonda(contenedor: \"web\", sonda: preparacion, hasta: \"25s\", dice: \"rechazada\")",
            60,
            &[
                "1s web sonda de preparación: falla: rechazada (×3, cada 10s, hasta 21s)",
                "31s web está listo",
            ],
        ),
        (
            "FallaSonda(contenedor: \"web\", sonda: vida, tras: \"15s\", vida: 1)",
            200,
            &[
                "41s web el contenedor web no pasa la sonda de vida: se reiniciará",
                "41s web arranca · reinicio 1",
            ],
        ),
        (
            "TardaSonda(contenedor: \"web\", sonda: vida, tarda: \"5s\", desde: \"1m\", vida: 1)",
            200,
            &["1m2s web sonda de vida: falla: no respondió en 1s (×3, cada 10s, hasta 1m22s)"],
        ),
        (
            "Acaba(contenedor: \"init\", codigo: 1, tras: \"2s\", vida: 1)",
            60,
            &[
                "2s init acaba con código 1 · vivió 2s",
                "3s init acaba con código 0 · vivió 1s",
                "3s web arranca",
            ],
        ),
        (
            "FallaLaPausa(dice: \"no hay red\")",
            60,
            &[
                "0s Pod no se pudo crear la pausa: no hay red",
                "0s Pod mueren la pausa y la red: el Pod ha acabado en fase Failed",
            ],
        ),
        (
            "MuereLaPausa(en: \"9s\")",
            60,
            &["9s Pod muere la pausa: avería simulada", "9s web recibe SIGKILL"],
        ),
        (
            "Borra(en: \"9s\", plazo: \"4s\"), IgnoraParada(contenedor: \"web\")",
            60,
            &[
                "9s Pod se pide que acabe, con un plazo de 4s",
                "9s web recibe la señal de parada",
                "13s web recibe SIGKILL",
            ],
        ),
        (
            "Borra(en: \"9s\"), TardaEnParar(contenedor: \"web\", tarda: \"3s\")",
            60,
            &[
                "12s web acaba con código 0 · vivió 11s",
                "12s Pod mueren la pausa y la red: el Pod ha acabado en fase Succeeded",
            ],
        ),
        ("Expulsa(en: \"9s\", dice: \"pesa mucho\")", 60, &["9s Pod Evicted: pesa mucho"]),
    ] {
        says(&lines(&all, &format!("[{fault}]"), until), expected);
    }
}

#[test]
fn la_averia_de_una_vida_gana_a_la_de_todas_y_de_varias_muertes_ocurre_la_primera() {
    let rules = rules("", &container("c", ""));
    let faults = "[Acaba(contenedor: \"c\", codigo: 1, tras: \"5s\"), Acaba(contenedor: \"c\", codigo: 2, tras: \"9s\", vida: 2), \
                  Acaba(contenedor: \"c\", codigo: 4, tras: \"3s\", vida: 3), Muere(contenedor: \"c\", senal: 9, tras: \"2s\", vida: 3)]";
    let told = lines(&rules, faults, 60);
    says(&told, &["5s c acaba con código 1 · vivió 5s", "14s c acaba con código 2 · vivió 9s"]);
    says(&told, &["26s c muere con 137: lo mata SIGKILL · vivió 2s"]);
}

#[test]
fn una_averia_que_no_llega_a_ocurrir_se_dice() {
    let rules = rules("", &container("c", ""));
    let text = "[\n Acaba(contenedor: \"c\", codigo: 1, tras: \"5s\", vida: 7),\n Borra(en: \"2h\"),\n Acaba(contenedor: \"c\", codigo: 0, tras: \"1s\", vida: 1)]";
    let faults = faults::parse_text("a.ron", text, &rules).unwrap();
    assert_eq!(run(rules, faults, Duration::from_secs(60)).1, [2, 3]);
}

#[test]
fn los_ejemplos_de_los_codigos_de_averias_son_verdad() {
    let one = rules("", &container("web", ""));
    let codes: Vec<_> = CODES.iter().filter(|c| c.place == Where::Faults).collect();
    assert_eq!(codes.len(), 5);
    for code in codes {
        let errors = faults::parse_text("a.ron", &code.wrong, &one).expect_err(&code.code);
        assert!(errors.0.iter().all(|e| e.code == code.code && e.place.is_some()), "{}: {errors}", code.code);
        if let Err(errors) = faults::parse_text("a.ron", &code.right, &one) {
            panic!("{}: {errors}", code.code);
        }
    }
}

#[test]
fn un_fichero_de_averias_mal_escrito_se_explica_con_su_linea_y_con_lo_que_quizas_se_queria_decir() {
    for (text, code, line, parts) in [
        ("Acaba(contenedor: \"web\")", "MP0301", 1, &["aquí va una lista"][..]),
        (
            "[\n  Acava(contenedor: \"web\", codigo: 1, tras: \"5s\")]",
            "MP0301",
            2,
            &["¿querías decir `Acaba`?"],
        ),
        ("[(contenedor: \"web\")]", "MP0301", 1, &["falta decir qué avería es"]),
        (
            "[Acaba(contenedor: \"web\", codgo: 1, tras: \"5s\")]",
            "MP0302",
            1,
            &["¿querías decir `codigo`?", "le falta el campo `codigo`"],
        ),
        ("[Acaba(\"web\", 1)]", "MP0302", 1, &["llevan su nombre delante"]),
        ("[Acaba(contenedor: \"web\", codigo: 1, codigo: 2, tras: \"5s\")]", "MP0302", 1, &["repetido"]),
        ("[Acaba(contenedor: \"web\", codigo: 300, tras: \"5s\")]", "MP0303", 1, &["de 0 a 255"]),
        ("[Acaba(contenedor: \"web\", codigo: 1, tras: \"cinco\")]", "MP0303", 1, &["plazo entre comillas"]),
        ("[FallaSonda(contenedor: \"web\", sonda: \"vida\")]", "MP0303", 1, &["inicio, preparacion o vida"]),
        ("[Acaba(contenedor: \"wev\", codigo: 1, tras: \"5s\")]", "MP0304", 1, &["¿querías decir `web`?"]),
        ("[FallaSonda(contenedor: \"web\", sonda: inicio)]", "MP0304", 1, &["no tiene `startupProbe`"]),
        (
            "[TardaHook(contenedor: \"web\", hook: preStop, tarda: \"1s\")]",
            "MP0304",
            1,
            &["no tiene `lifecycle.preStop`"],
        ),
        (
            "[\nNoArranca(contenedor: \"web\"),\nNoArranca(contenedor: \"web\", codigo: 1)]",
            "MP0305",
            3,
            &["la de la línea 2"],
        ),
        ("[Acaba(contenedor: \"web\", codigo: 1 tras: \"5s\")]", "MP0109", 1, &["coma"]),
        ("[Acaba(contenedor: \"web\", codigo: 1, tras: \"5s\")", "MP0109", 1, &["no se cierra"]),
    ] {
        let errors = faults::parse_text("a.ron", text, &web()).expect_err(text);
        let shown = errors.to_string();
        assert_eq!(errors.0[0].code, code, "{shown}");
        assert_eq!(errors.0[0].place.as_ref().unwrap().line, line, "{shown}");
        for part in parts {
            assert!(shown.contains(part), "falta «{part}»:\n{shown}");
        }
    }
}

/// Las cajas de los textos de un SVG: (x, ancho, y de su base, texto).
fn texts(svg: &str) -> Vec<(f64, f64, f64, String)> {
    let number = |tag: &str, name: &str| -> f64 {
        tag.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    };
    let mut found = Vec::new();
    for piece in svg.split("<text").skip(1) {
        let (tag, rest) = piece.split_once('>').unwrap();
        let text = rest.split("</text>").next().unwrap().to_string();
        let size = if tag.contains("nota") {
            6.65
        } else if tag.contains("titulo") {
            8.45
        } else {
            7.85
        };
        let width = text.chars().count() as f64 * size;
        let x = number(tag, "x") - if tag.contains("middle") { width / 2.0 } else { 0.0 };
        found.push((x, width, number(tag, "y"), text));
    }
    found
}

/// Dentro de una página, con otros dibujos: cada regla y cada trama llevan su nombre, que no es el de otro.
fn minds_its_own_business(drawn: &str) {
    let scope = drawn.split("class=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(drawn.contains("</title>\n<style>"), "no dice lo que es a quien no lo ve");
    let style = drawn.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let style = style.replace("@media(prefers-color-scheme:dark){", "").replace("}}", "}");
    for selector in style.split_terminator('}').flat_map(|rule| rule.split('{').next().unwrap().split(',')) {
        assert!(selector.starts_with(&format!(".{scope}")), "«{selector}» toca toda la página");
    }
    for piece in drawn.split(" id=\"").skip(1).chain(drawn.split("url(#").skip(1)) {
        assert!(piece.starts_with(&format!("{scope}-")), "{}", &piece[..30]);
    }
    let other = svg::as_svg(&tell(&web(), "[]", 60), "otro");
    assert!(!other.contains(scope), "dos dibujos distintos se llaman igual");
}

#[test]
fn en_el_dibujo_ningun_texto_tapa_a_otro_ni_se_sale_y_los_ratos_no_se_solapan() {
    let crash = "[Acaba(contenedor: \"web\", codigo: 139, tras: \"3s\")]";
    for (until, faults) in
        [(60, crash), (3600, crash), (30 * 86_400, crash), (1, "[]"), (3600, "[Borra(en: \"0s\")]")]
    {
        let long = "un-contenedor-con-un-nombre-larguisimo-para-lo-que-hace";
        let rules = rules("", &(container("web", "") + &container(long, "")));
        let told = tell(&rules, faults, until);
        let drawn = svg::as_svg(&told, &format!("Pod p, simulado <{until}> & \"más\""));
        assert!(drawn.contains("&lt;") && drawn.contains("&amp; &quot;más&quot;"));
        assert!(drawn.contains("prefers-color-scheme:dark"));
        minds_its_own_business(&drawn);
        let texts = texts(&drawn);
        for (i, (x, width, y, text)) in texts.iter().enumerate() {
            assert!(*x >= 0.0 && x + width <= 1040.0, "se sale: {text} ({x} + {width})");
            for (x2, width2, y2, other) in &texts[i + 1..] {
                let apart = x + width <= *x2 || x2 + width2 <= *x || (y - y2).abs() >= 11.0;
                assert!(apart, "«{text}» y «{other}» se tapan");
            }
        }
        for lane in &told.lanes {
            assert!(lane.spans.windows(2).all(|w| w[0].to == w[1].from), "{:?}", lane.spans);
            assert_eq!(
                lane.spans.first().map(|s| s.from),
                Some(Duration::ZERO).filter(|_| !told.end.is_zero())
            );
        }
    }
}

fn file(name: &str, text: &str) -> PathBuf {
    let path =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("simula-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

fn simula(pod: &str, faults: &str, more: &[&str]) -> Done {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let (pod, faults) = (file(&format!("{n}-pod.ron"), pod), file(&format!("{n}-averias.ron"), faults));
    let mut args = vec!["simula", pod.to_str().unwrap(), "--averias", faults.to_str().unwrap()];
    args.extend(more);
    micropod(&args)
}

const POD: &str = "Pod(metadata: (name: \"p\"), spec: (containers: [(name: \"web\", image: \"i\")]))";
const CRASH: &str = "[Acaba(contenedor: \"web\", codigo: 1, tras: \"5s\")]";

#[test]
fn la_orden_simula_da_siempre_lo_mismo_en_los_tres_formatos() {
    for format in ["texto", "svg", "json"] {
        let once = simula(POD, CRASH, &["-o", format, "--hasta", "2d"]).ok().out;
        assert_eq!(once, simula(POD, CRASH, &["-o", format, "--hasta", "2d"]).ok().out, "{format}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&simula(POD, CRASH, &["-o", "json"]).ok().out).unwrap();
    assert_eq!(json["end"], 3600.0);
    assert_eq!(json["phase"], "Running");
    assert_eq!(json["containers"][0]["name"], "web");
    let waits = json["timeline"].as_array().unwrap();
    assert!(
        waits.iter().any(|line| line["text"] == "CrashLoopBackOff: espera 10s antes de volver"),
        "{json}"
    );
    let fast = simula(POD, CRASH, &["--acelera", "10"]).ok().out;
    assert!(fast.contains("CrashLoopBackOff: espera 1s"), "{fast}");
}

#[test]
fn lo_que_se_pide_mal_sale_con_2_y_sin_imprimir_nada_en_la_salida() {
    for (pod, faults, more, says) in [
        (POD, "[Nada()]", &[][..], "no es ninguna avería"),
        ("Pod(", CRASH, &[], "error"),
        (POD, CRASH, &["--hasta", "mañana"], "no es un plazo"),
        (POD, CRASH, &["--hasta", "0s"], "no es un plazo"),
        (POD, CRASH, &["-o", "png"], "texto, svg, json"),
        (POD, CRASH, &["--acelera", "0"], "de 1 a 1000"),
    ] {
        let done = simula(pod, faults, more).exits(2);
        assert!(done.err.contains(says) && done.out.is_empty(), "{done:?}");
    }
    let done = micropod(&["simula", "no-existe.ron"]).exits(2);
    assert!(done.err.contains("no se puede leer"), "{}", done.err);
    let help = micropod(&["explain", "averias"]).ok().out;
    for kind in faults::KINDS {
        assert!(help.contains(kind.name) && help.contains(kind.doc), "{}", kind.name);
    }
}

#[test]
fn sin_averias_todo_va_bien() {
    let told = run(web(), Faults::default(), Duration::from_secs(100)).0;
    assert_eq!((told.tallies[0].ready, told.over), (Duration::from_secs(100), false));
}

/// El mismo espectáculo, sin saltarse nada.
struct Slow {
    world: World,
    story: Story,
    end: Duration,
}

impl Stage for Slow {
    fn answer(&mut self, now: Duration, action: &Action) -> Answers {
        self.world.answer(now, action)
    }

    fn see(&mut self, pod: &Pod, at: Duration, event: &Event, actions: &[Action]) {
        self.end = at;
        self.story.tell(pod, at, event, actions);
    }
}

#[test]
fn saltarse_la_calma_cuenta_lo_mismo_que_vivirla() {
    let probe = |period: u64| format!("(tcpSocket: (port: 80), periodSeconds: {period})");
    for (a, b, faults) in [
        (1, 1, "Acaba(contenedor: \"c\", codigo: 1, tras: \"17s\")"),
        (2, 5, "Acaba(contenedor: \"c\", codigo: 0, tras: \"700s\")"),
        (3, 7, "FallaSonda(contenedor: \"web\", sonda: vida, desde: \"500s\", hasta: \"640s\")"),
        (
            7,
            4,
            "FallaSonda(contenedor: \"web\", sonda: preparacion, tras: \"333s\"), Muere(contenedor: \"c\", senal: 9, tras: \"33s\")",
        ),
        (
            10,
            6,
            "TardaSonda(contenedor: \"web\", sonda: vida, tarda: \"9s\", desde: \"1000s\", hasta: \"1010s\")",
        ),
        (1, 3, "Borra(en: \"2500s\"), SinMemoria(contenedor: \"web\", tras: \"900s\")"),
        (2, 3, "FallaSonda(contenedor: \"web\", sonda: preparacion, hasta: \"50m\")"),
        (11, 13, "Expulsa(en: \"4000s\")"),
    ] {
        let probes = format!("readinessProbe: {}, livenessProbe: {}", probe(a), probe(b));
        let rules = rules("activeDeadlineSeconds: 5000,", &(container("web", &probes) + &container("c", "")));
        let faults = faults::parse_text("a.ron", &format!("[{faults}]"), &rules).unwrap();
        let until = Duration::from_secs(6000);
        let (fast, unused) = run(rules.clone(), faults.clone(), until);
        let world = World::new(faults, &rules);
        let plans = world.plans();
        let mut slow = Slow { story: Story::new(&rules, Duration::ZERO), world, end: Duration::ZERO };
        let mut pod = Pod::new(rules);
        live(&mut pod, until, plans, &mut slow);
        assert!(pod.is_over());
        let end = slow.end;
        assert_eq!(unused, slow.world.unused(end));
        let slow = slow.story.finish(&pod, end);
        assert_eq!(print::as_text(&fast, false), print::as_text(&slow, false));
        assert_eq!(svg::as_svg(&fast, "p"), svg::as_svg(&slow, "p"));
    }
}
