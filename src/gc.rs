//! Recoger lo que dejó un supervisor que murió a la fuerza.
//!
//! Lo que un Pod crea fuera de sus propios espacios de nombres es poco y tiene nombre: un cgroup, un
//! directorio de datos, una dirección, una entrada en la tabla de vecinos y, con `hostPort`, unas
//! entradas en la tabla de nft. Los montajes y el par veth se van solos con los procesos.

use crate::cgroup::{self, Hierarchy};
use crate::error::Error;
use crate::network;
use crate::state::{self, Claim, Live, Record};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

// ANCHOR: sweep
/// Lo primero que hace todo comando: mirar si alguien ha dejado un Pod a medias.
///
/// En reposo es leer un directorio vacío, haya uno o mil Pods.
pub fn sweep_pending() {
    for name in state::pending() {
        // un Pod que está naciendo o muriendo tiene su cerrojo tomado: no es cosa nuestra
        let Ok(Some(claim)) = Claim::take(&name) else { continue };
        let uid = fs::read_to_string(state::pending_path(&name)).unwrap_or_default();
        match state::see_claimed(&claim) {
            Some(seen) => {
                reap(&seen.record, &seen.live);
                state::clear_pending(&name);
                if state::is_to_be_forgotten(&name) {
                    forget_logs(&name);
                    // si no se puede, el siguiente `gc` lo intentará
                    let _ = claim.forget();
                }
            }
            None => undo_birth(claim, uid.trim()),
        }
    }
}
// ANCHOR_END: sweep

/// Deshace un Pod que no llegó a nacer: de él no queda ni la ficha.
pub fn undo_birth(claim: Claim, uid: &str) {
    let network = state::see_claimed(&claim).and_then(|seen| seen.record.network);
    remove_objects(&claim.name, uid);
    match network {
        Some(net) => network::forget(&net, uid),
        None => network::settle_all(uid),
    }
    forget_logs(&claim.name);
    state::clear_pending(&claim.name);
    // si no se puede, el siguiente `gc` lo intentará
    let _ = claim.forget();
}

/// Recoge los restos de un Pod sin supervisor y deja su ficha con el final que tuvo.
pub fn reap(record: &Record, live: &Live) {
    remove_objects(&record.name, &record.uid);
    if let Some(net) = &record.network {
        network::forget(net, &record.uid);
    }
    if let Err(error) = state::write_live(&record.name, live) {
        log::error!("no se pudo publicar el final de {}: {error}", record.name);
    }
}

/// Lo que hay en el disco y en los cgroups.
fn remove_objects(name: &str, uid: &str) {
    if let Some(hierarchy) = Hierarchy::find() {
        empty_cgroup(&hierarchy.home().join(name));
    }
    if !uid.is_empty() {
        // si queda algo, el siguiente `gc` lo intentará
        let _ = fs::remove_dir_all(state::data_dir(uid));
    }
}

/// Mata lo que viva en un cgroup y lo borra cuando se vacía.
fn empty_cgroup(path: &Path) {
    if !path.exists() {
        return;
    }
    if let Err(error) = cgroup::kill(path) {
        log::error!("no se pudo vaciar {}: {error}", path.display());
    }
    let limit = Instant::now() + Duration::from_secs(5);
    while cgroup::remove_tree(path).is_err() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Borra los logs de un Pod.
pub fn forget_logs(name: &str) {
    // si no había, mejor
    let _ = fs::remove_dir_all(state::log_dir(name));
}

/// `micropod gc`: recoge lo caído, lo huérfano y las fichas de los Pods acabados. Dice qué hizo.
pub fn gc() -> Result<(), Error> {
    sweep_pending();
    let mut done = Vec::new();
    for seen in state::see_all() {
        let name = seen.record.name.clone();
        let Some(claim) = Claim::take(&name)? else { continue };
        reap(&seen.record, &seen.live);
        forget_logs(&name);
        state::clear_pending(&name);
        claim
            .forget()
            .map_err(|e| Error::failed(format!("no se pudo borrar la ficha de {name}")).because(e))?;
        done.push(format!("pod/{name}: ficha y logs ({})", seen.live.status.phase));
    }
    done.extend(collect_orphans());
    match done.is_empty() {
        true => println!("no había nada que recoger"),
        false => done.iter().for_each(|line| println!("recogido {line}")),
    }
    Ok(())
}

/// Lo que no es de ningún Pod con ficha.
fn collect_orphans() -> Vec<String> {
    let alive = state::see_all();
    let mut done = Vec::new();
    let data = Path::new(state::LIB).join("pods");
    for uid in state::names_in(&data) {
        if !alive.iter().any(|seen| seen.record.uid == uid) && fs::remove_dir_all(data.join(&uid)).is_ok() {
            done.push(format!("datos del Pod {uid}"));
        }
    }
    if let Some(home) = Hierarchy::find().map(|h| h.home()) {
        for name in state::names_in(&home) {
            let path = home.join(&name);
            if path.is_dir() && !alive.iter().any(|seen| seen.record.name == name) {
                empty_cgroup(&path);
                done.push(format!("grupo de control {}", path.display()));
            }
        }
    }
    let uids: Vec<&str> = alive.iter().map(|seen| seen.record.uid.as_str()).collect();
    done.extend(network::release_orphans(&uids).into_iter().map(|ip| format!("dirección {ip}")));
    if network::dismantle() {
        done.push(format!("puente {} y tabla de nft", network::BRIDGE));
    }
    done
}
