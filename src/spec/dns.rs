//! Cómo se llama el Pod y a quién pregunta por los demás: nombres y DNS.

use super::schema::{object, words};

words! {
    /// De dónde sale el DNS de un Pod. ClusterFirst pide el del clúster, y aquí no hay clúster: vale
    /// como Default, el de la máquina.
    pub enum DNSPolicy { ClusterFirst, ClusterFirstWithHostNet, Default, None }
}

object! {
    /// El DNS que quiere un Pod: se añade al que le toque por dnsPolicy.
    pub struct PodDNSConfig {
        required {}
        optional {
            /// Direcciones de los servidores de nombres: 3 como mucho.
            nameservers: Vec<String>,
            /// Dominios en los que se busca un nombre corto: 32 como mucho.
            searches: Vec<String>,
            /// Opciones de resolv.conf. Si una ya estaba, vale la de aquí.
            options: Vec<PodDNSConfigOption>,
        }
    }
}

object! {
    /// Una opción de resolv.conf: `ndots:2` es (name: "ndots", value: "2").
    pub struct PodDNSConfigOption {
        required {
            /// Nombre de la opción.
            name: String,
        }
        optional {
            /// Valor, si lo lleva.
            value: Option<String>,
        }
    }
}

object! {
    /// Una línea más en el /etc/hosts del Pod.
    pub struct HostAlias {
        required {
            /// Dirección IP.
            ip: String,
        }
        optional {
            /// Nombres de esa dirección.
            hostnames: Vec<String>,
        }
    }
}
