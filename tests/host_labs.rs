//! Los correctores de los laboratorios, puestos a prueba. Aquí va una muestra fija; `make labs` lo prueba todo.

mod common;
#[path = "labs/en_mundo.rs"]
mod en_mundo;
mod labs;

use common::{World, is_root};
use en_mundo::{FOLDER, grade};
use labs::{Case, Files};
use micropod::lab::catalog;
use std::os::unix::fs::MetadataExt;

/// Quien enseña: el dueño de la carpeta de las entregas.
const TEACHER: u32 = common::NOBODY;

/// Los que se pueden comprobar en el mundo de un test: con su busybox, sin límites y sin compilar.
fn cases() -> Vec<Case> {
    let possible = |lab: &catalog::Lab| {
        let needs = lab.blank_sheet().needs;
        needs.controllers.is_empty()
            && !needs.rustc
            && needs.commands.is_empty()
            && needs.images.iter().all(|image| image == "busybox")
    };
    let all = catalog::all();
    let count = all.len();
    let cases: Vec<Case> =
        all.into_iter().filter(possible).map(|lab| Case::open(common::project(), lab)).collect();
    eprintln!("laboratorios que se prueban aquí: {} de {count} (todos, en `make labs`)", cases.len());
    cases
}

#[test]
fn la_solucion_vale_diez_y_no_haber_hecho_nada_vale_poco_o_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    for case in cases() {
        let name = &case.lab.name;
        let solution = grade(&world, &case, &case.answer("solucion"));
        assert_eq!(solution.points(), 10.0, "{name}, la solución:\n{}", solution.story());
        let empty = grade(&world, &case, &Files::new());
        assert_eq!(empty.points(), 0.0, "{name}, nada:\n{}", empty.story());
        world.assert_clean();
    }
}

#[test]
fn una_respuesta_mala_de_cada_laboratorio_se_rechaza_con_su_diagnostico() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    for case in cases() {
        // una distinta de cada uno, y siempre la misma
        let wrong = &case.proofs.malas[usize::from(case.lab.number) % case.proofs.malas.len()];
        let report = grade(&world, &case, &case.wrong(wrong));
        let blamed = report.blames(&wrong.falla, Some(&wrong.concepto));
        assert!(blamed, "{}, «{}»:\n{}", case.lab.name, wrong.nombre, report.story());
        world.assert_clean();
    }
}

/// Su Pod ya no está cuando lo lee: lo que dijo antes de fallar, o se lo enseña el corrector o no lo ve nadie.
#[test]
fn de_un_contenedor_que_falla_se_ensena_lo_que_escribio_y_de_uno_que_va_bien_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let case = cases().into_iter().find(|case| case.lab.number == 4).unwrap();
    let says = |code: u32| {
        let mut files = case.answer("solucion");
        let nota = files.get_mut("nota.ron").unwrap();
        let command = format!("mkdir -p /capa; echo no encuentro la libreta >&2; exit {code}");
        *nota = nota.replace("mkdir -p /capa; exec sleep 3600", &command);
        assert!(nota.contains("la libreta"));
        grade(&world, &case, &files).story()
    };
    let story = says(3);
    assert!(story.contains("Lo que escribió «nota»:\\n  | no encuentro la libreta"), "{story}");
    let story = says(0);
    assert!(!story.contains("la libreta"), "{story}");
    world.assert_clean();
}

#[test]
fn de_quien_debia_escribir_algo_se_ensena_lo_que_ha_escrito() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let case = cases().into_iter().find(|case| case.lab.number == 6).unwrap();
    let mut files = case.answer("solucion");
    let pod = files.get_mut("dos-webs.ron").unwrap();
    *pod = pod.replace("while sleep 1; do wget", "while sleep 1; do echo pregunto a ciegas; true wget");
    assert!(pod.contains("a ciegas"));
    let story = grade(&world, &case, &files).story();
    assert!(story.contains("Lo que escribió «cliente»:\\n  | pregunto a ciegas"), "{story}");
    world.assert_clean();
}

#[test]
fn si_se_pulsa_ctrl_c_mientras_corrige_no_queda_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let case = Case::open(common::project(), catalog::find("5").unwrap());
    // los de partida fallan, y el corrector espera: da tiempo a interrumpirlo
    case.lay_out(&world.dir().join("05-fecha"), &case.start());
    let running = world.start(&["lab", "comprueba", "5"]);
    common::wait_until("que haya Pods en marcha", 20, || {
        world.processes().iter().any(|(_, line)| line.contains("httpd -f"))
    });
    running.signal("INT");
    let done = running.wait().exits(130);
    assert_eq!(
        done.err, "interrumpido: no cuenta como intento\n",
        "y fuera de una terminal no se cuenta cómo va"
    );
    common::wait_until("que no quede ningún proceso", 5, || world.processes().is_empty());
    // y mientras vigila, ya corregido, también se puede dejar
    let running = world.start(&["lab", "comprueba", "5", "--vigila"]);
    let state = world.dir().join("05-fecha/.micropod-lab.json");
    common::wait_until("que apunte el intento", 90, || {
        std::fs::read_to_string(&state).is_ok_and(|text| text.contains("\"puntos\""))
    });
    running.signal("INT");
    running.wait().exits(130);
    world.assert_clean();
}

#[test]
fn se_corrige_otra_vez_en_la_maquina_de_quien_ensena_y_los_valores_de_otro_no_valen() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let case = Case::open(common::project(), catalog::find("5").unwrap());
    let solution = case.answer("solucion");
    let folder = world.dir().join(FOLDER);
    let package = |student: &str| {
        case.lay_out(&folder, &solution);
        let state = format!(r#"{{"lab": "05-fecha", "alumno": "{student}", "curso": "", "empezado": 0}}"#);
        std::fs::write(folder.join(".micropod-lab.json"), state).unwrap();
        let binary = common::binary().display().to_string();
        world.sh(&format!(
            "cd {FOLDER} && chown {TEACHER}:{TEACHER} . && {binary} lab entrega >/dev/null && mkdir -p ../todas && mv *.tar.gz ../todas/"
        ));
    };
    package("ana.ruiz");
    // la misma respuesta, con otro nombre: los valores no son los suyos
    package("eva.copia");
    std::fs::write(world.dir().join("todas/rota.tar.gz"), "esto no es un paquete").unwrap();
    // la carpeta es de quien enseña, que corrige con sudo y lee sin él
    world.sh(&format!("chown {TEACHER}:{TEACHER} todas"));
    let done = world.micropod(&["lab", "corrige", "todas"]).exits(1);
    assert!(done.out.contains("L05-ana.ruiz.tar.gz: 10\n"), "{}", done.out);
    assert!(!done.out.contains("L05-eva.copia.tar.gz: 10\n"), "{}", done.out);
    assert!(done.out.contains("rota.tar.gz: no se puede corregir"), "{}", done.out);
    // lo corregido no se repite
    let again = world.micropod(&["lab", "corrige", "todas"]).exits(1);
    assert_eq!(again.out.matches("ya estaba corregida").count(), 2, "{}", again.out);
    // la semilla es del examen, y aquí no hay ninguno; el curso cambia los valores, y hay que volver a mirar
    let again = world.micropod(&["lab", "corrige", "todas", "--semilla", "2ASIR"]).exits(1);
    assert_eq!(again.out.matches("ya estaba corregida").count(), 2, "{}", again.out);
    std::fs::create_dir(world.dir().join("otro")).unwrap();
    world.sh("cp todas/L05-ana.ruiz.tar.gz todas/resultados.json otro/");
    let other = world.micropod(&["lab", "corrige", "otro", "--curso", "2ASIR"]).ok();
    let line = other.out.lines().next().unwrap_or_default();
    assert!(!line.contains(": 10") && line.contains("(se empezó sin curso"), "{}", other.out);
    world.micropod(&["lab", "informe", "todas"]).ok();
    for file in ["L05-ana.ruiz.tar.gz", "resultados.json", "informe.html", "notas.csv", "notas.tsv"] {
        let about = std::fs::metadata(world.dir().join("todas").join(file)).unwrap();
        assert_eq!((about.uid(), about.gid()), (TEACHER, TEACHER), "{file}");
    }
    // en una carpeta de root no basta con ser quien enseña, y se dice qué hacer
    world.sh("chown -R 0:0 todas");
    let mut inform = world.command_as_nobody(common::binary());
    let refused = common::run(inform.args(["lab", "informe", "todas"]));
    assert_eq!(
        refused.exits(1).err,
        "error: no se puede leer todas/resultados.json\n  causa: permiso denegado\n  pista: sudo micropod lab informe todas\n"
    );
    let notes = std::fs::read_to_string(world.dir().join("todas/notas.csv")).unwrap();
    assert!(notes.contains("\nana.ruiz;05-fecha;10,00;0;0;Todo bien.\n"), "{notes}");
    let page = std::fs::read_to_string(world.dir().join("todas/informe.html")).unwrap();
    assert!(page.contains("<li>ana.ruiz, eva.copia</li>"), "{page}");
    world.assert_clean();
}

#[test]
fn en_un_examen_el_porque_solo_se_le_dice_a_quien_ensena() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let begin = |student: &str| {
        world.micropod(&["lab", "examen", "--semilla", "2ASIR", "--alumno", student]).ok();
        world.sh(&format!("mv 23-diagnostica {student}"));
    };
    begin("ana");
    begin("eva");
    // quien lo ha empezado con otra semilla no se queda con la de antes
    world.micropod(&["lab", "empieza", "23", "--alumno", "ana"]).ok();
    let refused = world.micropod(&["lab", "examen", "--semilla", "2ASIR", "--alumno", "ana"]).exits(1);
    assert!(
        refused.err.contains("en otro directorio") && !refused.err.contains("reinicia"),
        "{}",
        refused.err
    );
    world.sh("mv 23-diagnostica practica");
    let read = |path: &str| std::fs::read_to_string(world.dir().join(path)).unwrap();
    let differ = ["buzon.ron", "reparto.ron", "tienda.ron", "mesa.ron", "guardia.ron"]
        .iter()
        .filter(|file| read(&format!("ana/{file}")) != read(&format!("eva/{file}")));
    assert!(differ.count() > 2);
    let binary = common::binary().display().to_string();
    let inside = |words: &str| {
        common::run(world.command("sh").arg("-c").arg(format!("cd ana && {binary} lab {words}")))
    };
    // el quinto, con su avería: se dice que está mal, y nada más
    let text = inside("comprueba --tarea 5");
    assert!(text.out.contains("[mal]") && !text.out.contains("capítulo"), "{}", text.out);
    let report = inside("comprueba --tarea 5 -o json");
    let report: serde_json::Value = serde_json::from_str(&report.out).unwrap();
    for test in report["tests"].as_array().unwrap() {
        assert!(test["message"] == "" && test["concepto"].is_null(), "{test}");
    }
    assert!(inside("pista 23 5").err.contains("en un examen no hay pistas"));
    // con un fichero basta: los otros cuatro faltan, y corregirlos no tarda nada
    world.sh("cd ana && rm buzon.ron reparto.ron tienda.ron mesa.ron");
    inside("entrega");
    world.sh("mkdir clase && mv ana/*.tar.gz clase/");
    world.micropod(&["lab", "corrige", "clase", "--semilla", "2ASIR"]).ok();
    world.micropod(&["lab", "informe", "clase"]).ok();
    let page = read("clase/informe.html");
    assert!(
        page.contains("(capítulo 1") || page.contains("(capítulo 2") || page.contains("(capítulo 6)"),
        "{page}"
    );
    world.assert_clean();
}
