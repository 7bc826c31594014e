//! Los ajustes del kernel que son de cada Pod (`sysctl(8)`).
//!
//! Casi todos valen para toda la máquina, y esos no se tocan. Los de aquí viven en el espacio de red
//! o en el de memoria compartida: cambiarlos en un Pod no cambia nada fuera.

/// Los que se pueden pedir: la lista segura de Kubernetes.
pub const SAFE: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

// ANCHOR: defaults
/// Los que micropod pone en la red de todo Pod. Un espacio de red nuevo copia los de IPv4 de la
/// máquina, y a ella le hemos dicho que reenvíe paquetes: un Pod no debe hacer de router, ni creer a
/// quien le diga que lo es.
pub const OF_EVERY_POD: [(&str, &str); 10] = [
    ("net.ipv4.ip_forward", "0"),
    ("net.ipv4.conf.all.route_localnet", "0"),
    ("net.ipv4.conf.eth0.route_localnet", "0"),
    // después de ip_forward, que los enciende al apagarse
    ("net.ipv4.conf.all.accept_redirects", "0"),
    ("net.ipv4.conf.eth0.accept_redirects", "0"),
    ("net.ipv4.conf.all.rp_filter", "1"),
    ("net.ipv6.conf.eth0.accept_ra", "0"),
    ("net.ipv6.conf.eth0.accept_redirects", "0"),
    // que cualquier usuario del Pod abra puertos bajos y haga ping, sin ninguna capacidad
    ("net.ipv4.ip_unprivileged_port_start", "0"),
    ("net.ipv4.ping_group_range", "0 2147483647"),
];
// ANCHOR_END: defaults

/// Kubernetes deja escribirlos también con barras.
pub fn with_dots(name: &str) -> String {
    name.replace('/', ".")
}

/// ¿Es de la red? Con la de la máquina (hostNetwork), cambiarlo sería cambiárselo a ella.
pub fn is_of_network(name: &str) -> bool {
    name.starts_with("net.")
}

/// Un valor: números, y lo que los separa.
pub fn is_value(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_digit() || " ,-".contains(c);
    text.chars().any(|c| c.is_ascii_digit()) && text.len() <= 256 && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn un_valor_son_numeros_y_nada_que_se_pueda_colar_en_otra_linea() {
        for good in ["0", "1024 65535", "8080,9148,10000-12000", "4096 131072 6291456"] {
            assert!(is_value(good), "{good}");
        }
        for bad in ["", " ", "sí", "1\n2", "1;2", "../x", "1\0", &"1".repeat(300)] {
            assert!(!is_value(bad), "{bad}");
        }
    }

    #[test]
    fn ninguno_de_los_seguros_sale_del_pod() {
        for name in SAFE {
            assert!(is_of_network(name) || name == "kernel.shm_rmid_forced", "{name}");
            assert!(!name.contains('/') && !name.contains(".."));
        }
    }
}
