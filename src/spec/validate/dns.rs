//! Nombres del Pod y su DNS.

use super::{Checks, MAX_ITEMS, names};
use crate::network::names::{MAX_NAMESERVERS, MAX_SEARCH_LENGTH, MAX_SEARCHES, full_name};
use crate::spec::errors::visible;
use crate::spec::types::{DNSPolicy, HostAlias, Pod, PodDNSConfig};
use std::net::IpAddr;

/// El nombre de máquina más largo que admite el kernel.
const MAX_HOSTNAME: usize = 64;

pub fn check(checks: &mut Checks, pod: &Pod) {
    let spec = &pod.spec;
    if let Some(subdomain) = &spec.subdomain {
        names::dns_label(checks, "spec.subdomain", "el subdominio", subdomain);
    }
    hostname(checks, pod);
    for (i, alias) in spec.host_aliases.iter().enumerate() {
        host_alias(checks, &format!("spec.hostAliases[{i}]"), alias);
    }
    if let Some(config) = &spec.dns_config {
        dns_config(checks, config);
    }
    if spec.dns_policy == Some(DNSPolicy::None) {
        let servers = spec.dns_config.as_ref().map_or(0, |config| config.nameservers.len());
        if servers == 0 {
            let problem = "con `dnsPolicy: None` el Pod no tendría a quién preguntar";
            let hint = "di quién: `dnsConfig: (nameservers: [\"10.244.0.53\"])`";
            checks.add("MP0232", "spec.dnsPolicy", problem, hint);
        }
    }
}

fn hostname(checks: &mut Checks, pod: &Pod) {
    let spec = &pod.spec;
    if let Some(name) = &spec.hostname_override {
        let path = "spec.hostnameOverride";
        names::object(checks, path, "el nombre de máquina", name);
        if name.len() > MAX_HOSTNAME {
            let problem = format!("el nombre tiene {} letras", name.len());
            checks.add("MP0233", path, problem, format!("el kernel admite {MAX_HOSTNAME}"));
        }
        if spec.host_network || spec.set_hostname_as_fqdn {
            let other = if spec.host_network { "hostNetwork" } else { "setHostnameAsFQDN" };
            let problem = format!("`hostnameOverride` no va con `{other}`: cada uno pide un nombre distinto");
            checks.add("MP0233", path, problem, "deja uno de los dos");
        }
    }
    if let (true, Some(full)) = (spec.set_hostname_as_fqdn, full_name(pod)) {
        if full.len() > MAX_HOSTNAME {
            let problem =
                format!("el nombre completo, `{}`, tiene {} letras", visible(&full, 80), full.len());
            let hint = format!("el kernel admite {MAX_HOSTNAME}: acorta `hostname` o `subdomain`");
            checks.add("MP0233", "spec.setHostnameAsFQDN", problem, hint);
        }
    }
}

fn host_alias(checks: &mut Checks, path: &str, alias: &HostAlias) {
    address(checks, "MP0231", &format!("{path}.ip"), &alias.ip);
    for (i, name) in alias.hostnames.iter().enumerate().take(MAX_ITEMS) {
        names::object(checks, &format!("{path}.hostnames[{i}]"), "el nombre", name);
    }
}

fn dns_config(checks: &mut Checks, config: &PodDNSConfig) {
    let path = "spec.dnsConfig";
    for (i, server) in config.nameservers.iter().enumerate().take(MAX_ITEMS) {
        address(checks, "MP0232", &format!("{path}.nameservers[{i}]"), server);
    }
    let too_many = |what: &str, count: usize, max: usize| {
        (count > max).then(|| format!("hay {count} {what}: el máximo es {max}"))
    };
    if let Some(problem) = too_many("servidores de nombres", config.nameservers.len(), MAX_NAMESERVERS) {
        checks.add("MP0232", format!("{path}.nameservers"), problem, "es lo que lee la biblioteca de C");
    }
    if let Some(problem) = too_many("dominios", config.searches.len(), MAX_SEARCHES) {
        checks.add("MP0232", format!("{path}.searches"), problem, "");
    }
    if config.searches.join(" ").len() > MAX_SEARCH_LENGTH {
        let problem = format!("los dominios ocupan más de {MAX_SEARCH_LENGTH} letras");
        checks.add("MP0232", format!("{path}.searches"), problem, "");
    }
    for (i, domain) in config.searches.iter().enumerate().take(MAX_ITEMS) {
        // acabar en punto es decir que no es relativo
        let name = domain.strip_suffix('.').unwrap_or(domain);
        if domain != "." {
            names::object(checks, &format!("{path}.searches[{i}]"), "el dominio", name);
        }
    }
    for (i, option) in config.options.iter().enumerate().take(MAX_ITEMS) {
        let value = option.value.as_deref().unwrap_or_default();
        let one_word = |text: &str| !text.contains(char::is_whitespace);
        if option.name.is_empty() || !one_word(&option.name) || !one_word(value) {
            let problem = format!("la opción `{}` no es una palabra", visible(&option.name, 40));
            let hint = "por ejemplo, (name: \"ndots\", value: \"2\")";
            checks.add("MP0232", format!("{path}.options[{i}].name"), problem, hint);
        }
    }
}

fn address(checks: &mut Checks, code: &'static str, path: &str, text: &str) {
    if text.parse::<IpAddr>().is_err() {
        let problem = format!("`{}` no es una dirección IP", visible(text, 60));
        checks.add(code, path, problem, "por ejemplo, `10.244.0.5`");
    }
}
