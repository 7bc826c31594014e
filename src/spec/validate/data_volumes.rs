//! Volúmenes de datos: rutas que no salen del volumen ni se pisan, permisos y orígenes que existen.

use super::{Checks, MAX_ITEMS, data, names, sources};
use crate::config::{downward, files};
use crate::spec::errors::visible;
use crate::spec::types::{DownwardAPIVolumeFile, KeyToPath, Pod, Volume};

pub fn check(checks: &mut Checks, pod: &Pod, path: &str, volume: &Volume) {
    // las rutas que ya tienen dueño dentro del volumen
    let mut taken = Vec::new();
    if let Some(source) = &volume.config_map {
        let path = format!("{path}.configMap");
        names::object(checks, &format!("{path}.name"), "el nombre del ConfigMap", &source.name);
        mode(checks, &format!("{path}.defaultMode"), source.default_mode);
        keys(checks, &path, &source.items, &mut taken);
    }
    if let Some(source) = &volume.secret {
        let path = format!("{path}.secret");
        names::object(checks, &format!("{path}.secretName"), "el nombre del Secret", &source.secret_name);
        mode(checks, &format!("{path}.defaultMode"), source.default_mode);
        keys(checks, &path, &source.items, &mut taken);
    }
    if let Some(source) = &volume.downward_api {
        let path = format!("{path}.downwardAPI");
        mode(checks, &format!("{path}.defaultMode"), source.default_mode);
        fields(checks, pod, &path, &source.items, &mut taken);
    }
    if let Some(projected) = &volume.projected {
        let path = format!("{path}.projected");
        mode(checks, &format!("{path}.defaultMode"), projected.default_mode);
        for (i, source) in projected.sources.iter().enumerate() {
            let path = format!("{path}.sources[{i}]");
            let all = [
                ("configMap", source.config_map.is_some()),
                ("secret", source.secret.is_some()),
                ("downwardAPI", source.downward_api.is_some()),
            ];
            sources::only_one(checks, "MP0188", &path, "este origen", &all);
            if let Some(map) = &source.config_map {
                let path = format!("{path}.configMap");
                names::object(checks, &format!("{path}.name"), "el nombre del ConfigMap", &map.name);
                keys(checks, &path, &map.items, &mut taken);
            }
            if let Some(secret) = &source.secret {
                let path = format!("{path}.secret");
                names::object(checks, &format!("{path}.name"), "el nombre del Secret", &secret.name);
                keys(checks, &path, &secret.items, &mut taken);
            }
            if let Some(downward) = &source.downward_api {
                fields(checks, pod, &format!("{path}.downwardAPI"), &downward.items, &mut taken);
            }
        }
    }
}

fn keys(checks: &mut Checks, path: &str, items: &[KeyToPath], taken: &mut Vec<String>) {
    for (i, item) in items.iter().enumerate() {
        let path = format!("{path}.items[{i}]");
        data::key(checks, &format!("{path}.key"), &item.key);
        mode(checks, &format!("{path}.mode"), item.mode);
        place(checks, &format!("{path}.path"), &item.path, taken);
    }
}

fn fields(
    checks: &mut Checks,
    pod: &Pod,
    path: &str,
    items: &[DownwardAPIVolumeFile],
    taken: &mut Vec<String>,
) {
    for (i, item) in items.iter().enumerate() {
        let path = format!("{path}.items[{i}]");
        let both =
            [("fieldRef", item.field_ref.is_some()), ("resourceFieldRef", item.resource_field_ref.is_some())];
        let what = format!("el fichero `{}`", visible(&item.path, 80));
        sources::only_one(checks, "MP0188", &path, &what, &both);
        if let Some(wanted) = &item.field_ref {
            sources::field(checks, &format!("{path}.fieldRef"), wanted, &downward::FIELDS, true);
        }
        if let Some(wanted) = &item.resource_field_ref {
            sources::resource(checks, pod, &format!("{path}.resourceFieldRef"), wanted, None);
        }
        mode(checks, &format!("{path}.mode"), item.mode);
        place(checks, &format!("{path}.path"), &item.path, taken);
    }
}

fn mode(checks: &mut Checks, path: &str, mode: Option<i64>) {
    let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) else { return };
    let octal = mode.to_string();
    let hint = match octal.len() <= 4 && octal.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        true => format!("van de 0 a 0o777, en octal y con `0o` delante: ¿querías decir `0o{octal}`?"),
        false => "van de 0 a 0o777, en octal: `0o644`".to_string(),
    };
    checks.add("MP0188", path, format!("{mode} no son permisos de un fichero"), hint);
}

/// La ruta de un fichero dentro del volumen.
fn place(checks: &mut Checks, path: &str, place: &str, taken: &mut Vec<String>) {
    if taken.len() >= MAX_ITEMS {
        let problem = format!("el volumen tiene más de {MAX_ITEMS} ficheros, que es el máximo de micropod");
        return checks.add("MP0165", path, problem, "repártelos en varios volúmenes");
    }
    let normal = files::normal(place);
    let fault = if normal.is_empty() {
        "está vacía".to_string()
    } else if place.starts_with('/') {
        "es absoluta".to_string()
    } else if place.split('/').any(|part| part == "..") {
        "sube de directorio".to_string()
    } else if place.starts_with("..") {
        "empieza por `..`, que micropod usa por dentro".to_string()
    } else if place.len() > 4095 || place.split('/').any(|part| part.len() > 255) {
        "es demasiado larga".to_string()
    } else if taken.contains(&normal) {
        "ya la tiene otro fichero del volumen".to_string()
    } else if taken.iter().any(|t| files::is_inside(&normal, t) || files::is_inside(t, &normal)) {
        "sería a la vez un fichero y un directorio".to_string()
    } else {
        taken.push(normal);
        return;
    };
    let problem = format!("la ruta `{}` no vale: {fault}", visible(place, 80));
    checks.add("MP0188", path, problem, "es relativa al volumen y distinta de las demás: `conf/nginx.conf`");
}
