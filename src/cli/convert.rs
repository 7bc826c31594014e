//! `micropod convert`: lo mismo en otro lenguaje. De aquí a un clúster, y de un clúster aquí.

use super::term::note;
use crate::error::Error;
use crate::output::yaml::to_portable_yaml;
use crate::spec::language::Language;
use crate::spec::types::{Container, Object, Pod};
use crate::spec::{self, Manifest, Validation, comments, write};
use std::collections::BTreeSet;
use std::path::Path;

/// `micropod convert FICHERO -o ron|yaml|json`
pub fn convert(file: &Path, output: Language, validation: Validation) -> Result<(), Error> {
    let manifest = spec::load_with(file, validation)?;
    let (text, lost) = written(&manifest, output);
    print!("{text}");
    manifest.notes.iter().for_each(|text| note(text));
    left_behind(&lost, output).iter().for_each(|said| note(said));
    if output != Language::Ron {
        changes(&manifest.objects).iter().for_each(|change| note(&format!("nota: {change}")));
    }
    Ok(())
}

/// Lo que dice `manifest`, en `language`, y las líneas de los comentarios que no han pasado.
pub fn written(manifest: &Manifest, language: Language) -> (String, Vec<usize>) {
    let objects = &manifest.objects;
    let text = match language {
        Language::Ron => write::ron(objects),
        // en YAML, cada objeto es un documento; sin ninguno, el fichero no diría nada
        Language::Yaml if objects.is_empty() => to_portable_yaml(&write::kubernetes_list(objects)),
        Language::Yaml => {
            let documents: Vec<String> =
                objects.iter().map(|object| to_portable_yaml(&write::kubernetes(object))).collect();
            documents.join("---\n")
        }
        Language::Json => format!("{:#}\n", write::kubernetes_list(objects)),
    };
    comments::carry(manifest, language, text)
}

/// De cuántos comentarios se dice en qué línea están.
const NAMED: usize = 20;

/// Lo que hay que decir de los comentarios que no han pasado, por sus líneas.
fn left_behind(lines: &[usize], output: Language) -> Option<String> {
    let numbers: Vec<String> = lines.iter().take(NAMED).map(usize::to_string).collect();
    let more = if lines.len() > NAMED { ", …" } else { "" };
    let them = match &numbers[..] {
        [] => return None,
        [one] => format!("el comentario de la línea {one} no tiene"),
        many => format!("{} comentarios (líneas {}{more}) no tienen", lines.len(), many.join(", ")),
    };
    let why = if output == Language::Json { ": JSON no los admite" } else { "" };
    Some(format!("aviso: {them} sitio en el fichero convertido{why}"))
}

/// Lo que en un clúster no será como aquí.
pub fn changes(objects: &[Object]) -> Vec<String> {
    let pods: Vec<Pod> = objects.iter().filter_map(|object| Some(object.pod()?.1)).collect();
    let containers = || pods.iter().flat_map(|p| p.spec.init_containers.iter().chain(&p.spec.containers));
    let mut said = Vec::new();
    let mut say = |names: BTreeSet<String>, text: &str| {
        if !names.is_empty() {
            let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
            said.push(text.replace("{}", &names.join(", ")));
        }
    };
    let images = |host: bool| {
        containers().filter(|c| (c.image == "host") == host).map(|c| c.image.clone()).collect::<BTreeSet<_>>()
    };
    say(
        images(false),
        "las imágenes ({}) son las de esta máquina: en un clúster salen de un registro, con ese nombre",
    );
    say(images(true), "la imagen {} es la raíz de esta máquina, y en un clúster no existe: pon otra");
    let paths = |relative: bool| {
        let volumes = pods.iter().flat_map(|pod| &pod.spec.volumes);
        let paths = volumes.filter_map(|v| v.host_path.as_ref()).map(|h| h.path.clone());
        paths.filter(|path| path.starts_with('/') != relative).collect::<BTreeSet<_>>()
    };
    say(paths(false), "hostPath ({}) es de cada nodo: en otro puede no estar, o tener otra cosa");
    say(paths(true), "hostPath ({}) es una ruta relativa, y Kubernetes la exige absoluta: cámbiala");
    let ports = |c: &Container| c.ports.iter().filter_map(|p| p.host_port).collect::<Vec<_>>();
    let host_ports = containers().flat_map(ports).map(|port| port.to_string()).collect();
    say(host_ports, "hostPort ({}) ocupa ese puerto en el nodo: lo habitual en un clúster es un Service");
    let pids = pods.iter().filter(|p| p.spec.resources.limits.pids.is_some());
    say(
        pids.map(|p| p.metadata.name.clone()).collect(),
        "el límite de pids de {} lo pone en un clúster quien lo administra: quítalo si no lo admite",
    );
    let escalate = containers().filter(|c| c.security_context.allow_privilege_escalation.is_none());
    say(
        escalate.map(|c| c.name.clone()).collect(),
        "allowPrivilegeEscalation no está escrito en {}: aquí es false, y en Kubernetes, true",
    );
    said
}
