//! Los nombres: cómo se llama el Pod, qué nombres conoce sin preguntar (`/etc/hosts`) y a quién
//! pregunta por los demás (`/etc/resolv.conf`).

use super::PodNetwork;
use crate::spec::types::{DNSPolicy, HostAlias, Pod, PodDNSConfig};
use std::fs;

/// El dominio de un clúster, cuando nadie ha dicho otro.
const CLUSTER_DOMAIN: &str = "cluster.local";

/// Lo que lee la biblioteca de C de `/etc/resolv.conf`, y lo que admite Kubernetes.
pub const MAX_NAMESERVERS: usize = 3;
pub const MAX_SEARCHES: usize = 32;
pub const MAX_SEARCH_LENGTH: usize = 2048;

/// El nombre de máquina que ven los contenedores.
pub fn hostname(pod: &Pod) -> String {
    let spec = &pod.spec;
    if spec.host_network {
        // no estrena UTS: el nombre es el de la máquina
        return fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_string();
    }
    if let Some(name) = &spec.hostname_override {
        return name.clone();
    }
    match full_name(pod) {
        Some(full) if spec.set_hostname_as_fqdn => full,
        _ => short_name(pod),
    }
}

/// El que pide la especificación o el del Pod, de 63 letras como mucho.
fn short_name(pod: &Pod) -> String {
    let wanted = pod.spec.hostname.as_deref().unwrap_or(&pod.metadata.name);
    let cut: String = wanted.chars().take(63).collect();
    cut.trim_end_matches(['-', '.']).to_string()
}

/// El nombre completo, si tiene subdominio: `web.grupo.default.svc.cluster.local`.
pub fn full_name(pod: &Pod) -> Option<String> {
    let subdomain = pod.spec.subdomain.as_deref().filter(|name| !name.is_empty())?;
    let namespace = pod.metadata.namespace();
    Some(format!("{}.{subdomain}.{namespace}.svc.{CLUSTER_DOMAIN}", short_name(pod)))
}

// ANCHOR: hosts
/// El `/etc/hosts` del Pod, como lo escribe kubelet.
pub fn hosts_file(pod: &Pod, network: Option<&PodNetwork>) -> String {
    let mut file = match network {
        None => {
            let node = fs::read_to_string("/etc/hosts").unwrap_or_default();
            format!("# Kubernetes-managed hosts file (host network).\n{node}")
        }
        Some(net) => {
            let names = match full_name(pod) {
                Some(full) => format!("{full}\t{}", short_name(pod)),
                None => hostname(pod),
            };
            format!(
                "# Kubernetes-managed hosts file.\n\
                 127.0.0.1\tlocalhost\n\
                 ::1\tlocalhost ip6-localhost ip6-loopback\n\
                 fe00::0\tip6-localnet\n\
                 fe00::0\tip6-mcastprefix\n\
                 fe00::1\tip6-allnodes\n\
                 fe00::2\tip6-allrouters\n\
                 {}\t{names}\n",
                net.ip
            )
        }
    };
    file.push_str(&aliases(&pod.spec.host_aliases));
    file
}
// ANCHOR_END: hosts

fn aliases(all: &[HostAlias]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let lines = all.iter().map(|alias| format!("{}\t{}\n", alias.ip, alias.hostnames.join("\t")));
    format!("\n# Entries added by HostAliases.\n{}", lines.collect::<String>())
}

/// El `/etc/resolv.conf` del Pod: el de la máquina, salvo que pida otra cosa.
pub fn resolv_conf(pod: &Pod) -> String {
    let spec = &pod.spec;
    // ClusterFirst sin un clúster es Default, como hace kubelet si no le han dicho qué DNS hay
    let own = match spec.dns_policy {
        Some(DNSPolicy::None) => String::new(),
        None | Some(DNSPolicy::ClusterFirst | DNSPolicy::ClusterFirstWithHostNet | DNSPolicy::Default) => {
            of_the_machine()
        }
    };
    match &spec.dns_config {
        Some(config) => with_config(&own, config),
        None => own,
    }
}

/// El de la máquina. Si solo conoce un servidor local (el de systemd-resolved), que desde el Pod no
/// se alcanza, el que ese servidor usa por debajo, como hace kubelet.
fn of_the_machine() -> String {
    let own = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let mut servers =
        own.lines().filter_map(|l| l.trim().strip_prefix("nameserver")).map(str::trim).peekable();
    let only_local = servers.peek().is_some() && servers.all(|s| s.starts_with("127."));
    match fs::read_to_string("/run/systemd/resolve/resolv.conf") {
        Ok(real) if only_local => real,
        _ => own,
    }
}

/// Lo que hay más lo que se pide: lo pedido va detrás, no se repite nada, y de las opciones vale la
/// última. De lo que no cabe, se queda lo primero.
fn with_config(own: &str, config: &PodDNSConfig) -> String {
    let words = |key: &str| -> Vec<String> {
        let lines = own.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(key)).then(|| words.map(String::from).collect::<Vec<_>>())
        });
        lines.flatten().collect()
    };
    // de varias líneas `search` (o `domain`) solo vale la última
    let searches = own.lines().rev().find_map(|line| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("search" | "domain")).then(|| words.map(String::from).collect::<Vec<_>>())
    });
    let mut servers = together(words("nameserver"), &config.nameservers);
    servers.truncate(MAX_NAMESERVERS);
    let mut searches = together(searches.unwrap_or_default(), &config.searches);
    searches.truncate(MAX_SEARCHES);
    while searches.join(" ").len() > MAX_SEARCH_LENGTH {
        searches.pop();
    }
    let mut options: Vec<(String, Option<String>)> = Vec::new();
    let named = words("options").into_iter().map(|word| match word.split_once(':') {
        Some((name, value)) => (name.to_string(), Some(value.to_string())),
        None => (word, None),
    });
    let wanted = config.options.iter().map(|option| (option.name.clone(), option.value.clone()));
    for (name, value) in named.chain(wanted) {
        match options.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => options.push((name, value)),
        }
    }
    write(&servers, &searches, &options)
}

fn together(mut first: Vec<String>, then: &[String]) -> Vec<String> {
    for word in then {
        if !first.contains(word) {
            first.push(word.clone());
        }
    }
    first
}

fn write(servers: &[String], searches: &[String], options: &[(String, Option<String>)]) -> String {
    let mut file = String::new();
    if !searches.is_empty() {
        file.push_str(&format!("search {}\n", searches.join(" ")));
    }
    for server in servers {
        file.push_str(&format!("nameserver {server}\n"));
    }
    if !options.is_empty() {
        let words = options.iter().map(|(name, value)| match value.as_deref().filter(|v| !v.is_empty()) {
            Some(value) => format!("{name}:{value}"),
            None => name.clone(),
        });
        file.push_str(&format!("options {}\n", words.collect::<Vec<_>>().join(" ")));
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::types::{ObjectMeta, PodDNSConfigOption, PodSpec};

    fn pod(name: &str, spec: PodSpec) -> Pod {
        Pod { metadata: ObjectMeta { name: name.into(), ..ObjectMeta::default() }, spec }
    }

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| w.to_string()).collect()
    }

    #[test]
    fn el_nombre_de_maquina_se_corta_a_63_letras() {
        assert_eq!(hostname(&pod("web", PodSpec::default())), "web");
        let long = format!("{}-cola", "a".repeat(62));
        assert_eq!(hostname(&pod(&long, PodSpec::default())), "a".repeat(62));
        let spec = PodSpec { hostname: Some("otro".into()), ..PodSpec::default() };
        assert_eq!(hostname(&pod("web", spec.clone())), "otro");
        let spec = PodSpec { hostname_override: Some("de.verdad".into()), ..spec };
        assert_eq!(hostname(&pod("web", spec)), "de.verdad", "gana a todos");
    }

    #[test]
    fn con_subdominio_el_pod_tiene_un_nombre_completo_y_el_kernel_el_corto_salvo_que_se_pida() {
        let spec = PodSpec { subdomain: Some("grupo".into()), ..PodSpec::default() };
        let mut web = pod("web", spec);
        assert_eq!(full_name(&web).as_deref(), Some("web.grupo.default.svc.cluster.local"));
        assert_eq!(hostname(&web), "web");
        web.spec.set_hostname_as_fqdn = true;
        web.metadata.namespace = Some("curso".into());
        assert_eq!(hostname(&web), "web.grupo.curso.svc.cluster.local");
        web.spec.subdomain = None;
        assert_eq!(hostname(&web), "web", "sin subdominio no hay nombre completo");
    }

    #[test]
    fn los_alias_van_al_final_de_etc_hosts_con_su_cabecera() {
        let spec = PodSpec {
            host_aliases: vec![
                HostAlias { ip: "127.0.0.1".into(), hostnames: texts(&["foo.local", "bar.local"]) },
                HostAlias { ip: "10.1.2.3".into(), hostnames: texts(&["foo.remote"]) },
            ],
            ..PodSpec::default()
        };
        assert_eq!(
            aliases(&spec.host_aliases),
            "\n# Entries added by HostAliases.\n127.0.0.1\tfoo.local\tbar.local\n10.1.2.3\tfoo.remote\n"
        );
        assert_eq!(aliases(&[]), "");
    }

    #[test]
    fn lo_que_pide_dns_config_se_anade_sin_repetir_y_sus_opciones_ganan() {
        let own =
            "# de la máquina\nnameserver 9.9.9.9\nsearch viejo.es\nsearch casa.es\noptions ndots:5 edns0\n";
        let option = |name: &str, value: Option<&str>| PodDNSConfigOption {
            name: name.into(),
            value: value.map(String::from),
        };
        let config = PodDNSConfig {
            nameservers: texts(&["9.9.9.9", "10.0.0.1", "10.0.0.2", "10.0.0.3"]),
            searches: texts(&["casa.es", "aula.es"]),
            options: vec![option("ndots", Some("2")), option("rotate", None)],
        };
        assert_eq!(
            with_config(own, &config),
            "search casa.es aula.es\nnameserver 9.9.9.9\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n\
             options ndots:2 edns0 rotate\n"
        );
        let config = PodDNSConfig { searches: vec!["d".repeat(40); 1], ..PodDNSConfig::default() };
        let many: Vec<String> = (0..40).map(|n| format!("d{n:02}.es")).collect();
        let full = with_config(&format!("search {}", many.join(" ")), &config);
        assert_eq!(full.split_whitespace().count(), 1 + MAX_SEARCHES, "{full}");
    }

    #[test]
    fn con_dns_policy_none_solo_vale_lo_que_se_escribe() {
        let config = PodDNSConfig { nameservers: texts(&["10.0.0.1"]), ..PodDNSConfig::default() };
        let spec =
            PodSpec { dns_policy: Some(DNSPolicy::None), dns_config: Some(config), ..PodSpec::default() };
        assert_eq!(resolv_conf(&pod("p", spec)), "nameserver 10.0.0.1\n");
    }
}
