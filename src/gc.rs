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
                // y lo del que iba a sustituirlo, si no llegó a nacer
                network::settle_all(uid.trim());
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
    crate::controller::state::sweep();
}
// ANCHOR_END: sweep

/// Deshace un Pod que no llegó a nacer: de él no queda ni la ficha. La que haya de otro, se queda.
pub fn undo_birth(claim: Claim, uid: &str) {
    let record = state::see_claimed(&claim).map(|seen| seen.record);
    let (ours, others) = match record {
        Some(record) if record.uid != uid => (None, true),
        ours => (ours, false),
    };
    remove_objects(&claim.name, uid);
    match ours.and_then(|record| record.network) {
        Some(net) => network::forget(&net, uid),
        None => network::settle_all(uid),
    }
    state::clear_pending(&claim.name);
    if others {
        return;
    }
    forget_logs(&claim.name);
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

// ANCHOR: remove_objects
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
// ANCHOR_END: remove_objects

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

/// Olvida un Pod al que ya no supervisa nadie: lo que dejara, sus logs y su ficha.
pub fn forget_pod(claim: Claim) -> Result<(), Error> {
    if let Some(seen) = state::see_claimed(&claim) {
        reap(&seen.record, &seen.live);
    }
    forget_record(claim)
}

/// Olvida un Pod del que ya se ha recogido todo: sus logs y su ficha.
pub fn forget_record(claim: Claim) -> Result<(), Error> {
    let name = claim.name.clone();
    forget_logs(&name);
    state::clear_pending(&name);
    claim.forget().map_err(|e| Error::failed(format!("no se pudo borrar la ficha de {name}")).because(e))
}

/// `micropod gc`: recoge lo caído, lo huérfano y las fichas de los Pods acabados. Dice qué hizo.
pub fn gc() -> Result<(), Error> {
    sweep_pending();
    let mut done = Vec::new();
    for seen in state::see_all() {
        let name = seen.record.name.clone();
        let Some(claim) = Claim::take(&name)? else { continue };
        forget_pod(claim)?;
        done.push(format!("pod/{name}: ficha y logs ({})", seen.live.status.phase));
    }
    done.extend(forget_unborn()?);
    done.extend(crate::controller::state::forget_finished()?.into_iter().map(|key| format!("{key}: ficha")));
    done.extend(collect_orphans());
    match done.is_empty() {
        true => println!("no había nada que recoger"),
        false => done.iter().for_each(|line| println!("recogido {line}")),
    }
    Ok(())
}

/// Los nombres sin una ficha que se pueda leer: quien los tomó murió antes de escribirla, o se ha
/// estropeado.
fn forget_unborn() -> Result<Vec<String>, Error> {
    let mut done = Vec::new();
    for name in state::names_in(&state::pods_dir()) {
        let has_record = || state::see(&name).is_some();
        let broken = state::pod_dir(&name).join("pod.json").exists();
        let other = state::other_format(&name).is_some();
        if has_record() {
            continue;
        }
        // si otro tiene el cerrojo, está naciendo ahora mismo; y ha podido acabar de nacer y morir
        let Some(claim) = Claim::take(&name)? else { continue };
        if has_record() {
            continue;
        }
        claim
            .forget()
            .map_err(|e| Error::failed(format!("no se pudo soltar el nombre {name}")).because(e))?;
        if broken {
            forget_logs(&name);
            let why = if other { "era de otra versión" } else { "estaba estropeada" };
            done.push(format!("pod/{name}: su ficha {why}"));
        } else {
            done.push(format!("nombre {name}, de un Pod que no llegó a nacer"));
        }
    }
    Ok(done)
}

/// Lo que no es de ningún Pod: ni de los que tienen ficha ni de los que están naciendo.
fn collect_orphans() -> Vec<String> {
    // primero se mira qué hay y después de quién es: quien nazca entre medias se apunta antes de
    // crear nada, así que lo suyo no parecerá de nadie
    let data = Path::new(state::LIB).join("pods");
    let homes = state::names_in(&data);
    let logs = state::names_in(Path::new(state::LOG));
    let groups = Hierarchy::find().map(|h| h.home());
    let groups: Vec<_> =
        groups.iter().flat_map(|home| state::names_in(home).into_iter().map(|n| home.join(n))).collect();
    let leased = network::in_use();
    let (names, mut uids, unknown) = alive();
    let mut done = Vec::new();
    // si no se sabe qué es de uno que corre, podría ser cualquier cosa: no se toca nada de nadie
    if unknown {
        uids.extend(homes.iter().cloned().chain(leased.uids()));
    }
    for uid in homes {
        if !uids.contains(&uid) && fs::remove_dir_all(data.join(&uid)).is_ok() {
            done.push(format!("datos del Pod {uid}"));
        }
    }
    for name in logs {
        // con `_` delante, los de un controlador: se van con él
        let orphan = !name.starts_with('_') && !names.contains(&name);
        if orphan && fs::remove_dir_all(state::log_dir(&name)).is_ok() {
            done.push(format!("logs del Pod {name}"));
        }
    }
    for path in groups {
        let owned = path.file_name().is_some_and(|name| names.iter().any(|n| n.as_str() == name));
        if path.is_dir() && !owned {
            empty_cgroup(&path);
            done.push(format!("grupo de control {}", path.display()));
        }
    }
    done.extend(network::release_orphans(&leased, &uids).into_iter().map(|ip| format!("dirección {ip}")));
    if network::dismantle() {
        done.push(format!("puente {} y tabla de nft", network::BRIDGE));
    }
    done
}

/// Los nombres y los UID de los Pods que hay, contando a los que están naciendo, y si hay alguno en marcha
/// del que no se sabe el UID.
fn alive() -> (Vec<String>, Vec<String>, bool) {
    // por este orden: quien nace escribe su ficha y solo después deja de estar pendiente
    let unborn = state::pending().into_iter().map(|name| {
        let uid = fs::read_to_string(state::pending_path(&name)).unwrap_or_default();
        (name, uid.trim().to_string())
    });
    let mut all: Vec<(String, String)> = unborn.collect();
    let born = state::see_all();
    // los que corren sin que se entienda su ficha también son de alguien
    let unread = state::running_unread(&born);
    let unknown = unread.iter().any(|(_, uid)| uid.is_none());
    all.extend(unread.into_iter().map(|(name, uid)| (name, uid.unwrap_or_default())));
    all.extend(born.into_iter().map(|seen| (seen.record.name, seen.record.uid)));
    let (names, uids) = all.into_iter().unzip();
    (names, uids, unknown)
}
