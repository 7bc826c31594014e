//! De dónde sacan un contenedor o un volumen sus datos: ConfigMaps, Secrets y el propio Pod.

use super::quantity::Quantity;
use super::schema::object;

object! {
    /// De dónde sale el valor de una variable. Indica exactamente un origen.
    pub struct EnvVarSource {
        required {}
        optional {
            /// Una clave de un ConfigMap del mismo fichero.
            config_map_key_ref: Option<ConfigMapKeySelector>,
            /// Una clave de un Secret del mismo fichero.
            secret_key_ref: Option<SecretKeySelector>,
            /// Un campo del Pod: su nombre, su IP, una etiqueta…
            field_ref: Option<ObjectFieldSelector>,
            /// Un límite o una solicitud de recursos de un contenedor.
            resource_field_ref: Option<ResourceFieldSelector>,
        }
    }
}

object! {
    /// Una clave de un ConfigMap.
    pub struct ConfigMapKeySelector {
        required {
            /// Nombre del ConfigMap.
            name: String,
            /// La clave, de las de su data.
            key: String,
        }
        optional {
            /// Con true, si no está, la variable no se pone. Si no, el contenedor espera
            /// (CreateContainerConfigError).
            optional: bool,
        }
    }
}

object! {
    /// Una clave de un Secret.
    pub struct SecretKeySelector {
        required {
            /// Nombre del Secret.
            name: String,
            /// La clave.
            key: String,
        }
        optional {
            /// Con true, si no está, la variable no se pone. Si no, el contenedor espera
            /// (CreateContainerConfigError).
            optional: bool,
        }
    }
}

object! {
    /// Un campo del propio Pod.
    pub struct ObjectFieldSelector {
        required {
            /// El camino del campo: metadata.name, metadata.namespace, metadata.uid,
            /// metadata.labels['clave'], metadata.annotations['clave']. En una variable, también
            /// spec.nodeName, spec.serviceAccountName, status.hostIP, status.hostIPs,
            /// status.podIP y status.podIPs. En un volumen, también metadata.labels y
            /// metadata.annotations enteras.
            field_path: String,
        }
        optional {
            /// Versión en la que se entiende el camino: solo v1.
            api_version: Option<String>,
        }
    }
}

object! {
    /// Un límite o una solicitud de recursos.
    pub struct ResourceFieldSelector {
        required {
            /// limits.cpu, limits.memory, requests.cpu o requests.memory. Un límite que no está
            /// vale lo que tenga el Pod o, si tampoco, la máquina entera.
            resource: String,
        }
        optional {
            /// De qué contenedor. En una variable, el predeterminado es el suyo; en un volumen hay
            /// que decirlo.
            container_name: Option<String>,
            /// Entre cuánto se divide; el resultado se redondea hacia arriba. Predeterminado: 1.
            /// De cpu, 1 o 1m; de memory, 1, 1k, 1M, 1G, 1Ki, 1Mi, 1Gi…
            divisor: Option<Quantity>,
        }
    }
}

object! {
    /// Todas las claves de un ConfigMap o de un Secret, como variables. Indica exactamente uno.
    pub struct EnvFromSource {
        required {}
        optional {
            /// Texto que se pone delante del nombre de cada variable.
            prefix: String,
            /// Las claves de data de un ConfigMap.
            config_map_ref: Option<ConfigMapEnvSource>,
            /// Las claves de un Secret.
            secret_ref: Option<SecretEnvSource>,
        }
    }
}

object! {
    /// Un ConfigMap entero.
    pub struct ConfigMapEnvSource {
        required {
            /// Nombre del ConfigMap.
            name: String,
        }
        optional {
            /// Con true, si no está, no se pone ninguna variable. Si no, el contenedor espera
            /// (CreateContainerConfigError).
            optional: bool,
        }
    }
}

object! {
    /// Un Secret entero.
    pub struct SecretEnvSource {
        required {
            /// Nombre del Secret.
            name: String,
        }
        optional {
            /// Con true, si no está, no se pone ninguna variable. Si no, el contenedor espera
            /// (CreateContainerConfigError).
            optional: bool,
        }
    }
}

object! {
    /// Un volumen con las claves de un ConfigMap como ficheros. Siempre en solo lectura.
    pub struct ConfigMapVolumeSource {
        required {
            /// Nombre del ConfigMap.
            name: String,
        }
        optional {
            /// Qué claves, y con qué nombre de fichero. Si no se dice, todas, cada una con el suyo.
            items: Vec<KeyToPath>,
            /// Permisos de los ficheros, en octal: 0o644 es el predeterminado.
            default_mode: Option<i64>,
            /// Con true, si falta el ConfigMap o una clave, no se pone. Si no, el Pod espera
            /// (FailedMount).
            optional: bool,
        }
    }
}

object! {
    /// Un volumen con las claves de un Secret como ficheros, en memoria y en solo lectura.
    pub struct SecretVolumeSource {
        required {
            /// Nombre del Secret.
            secret_name: String,
        }
        optional {
            /// Qué claves, y con qué nombre de fichero. Si no se dice, todas, cada una con el suyo.
            items: Vec<KeyToPath>,
            /// Permisos de los ficheros, en octal: 0o644 es el predeterminado.
            default_mode: Option<i64>,
            /// Con true, si falta el Secret o una clave, no se pone. Si no, el Pod espera
            /// (FailedMount).
            optional: bool,
        }
    }
}

object! {
    /// Una clave y el fichero en el que acaba.
    pub struct KeyToPath {
        required {
            /// La clave.
            key: String,
            /// Ruta del fichero dentro del volumen, relativa y sin subir de directorio.
            path: String,
        }
        optional {
            /// Permisos de este fichero, en octal, en lugar de los de defaultMode.
            mode: Option<i64>,
        }
    }
}

object! {
    /// Un volumen con lo que se sabe del Pod, como ficheros en memoria y en solo lectura.
    pub struct DownwardAPIVolumeSource {
        required {}
        optional {
            /// Los ficheros.
            items: Vec<DownwardAPIVolumeFile>,
            /// Permisos de los ficheros, en octal: 0o644 es el predeterminado.
            default_mode: Option<i64>,
        }
    }
}

object! {
    /// Un fichero con algo que se sabe del Pod. Indica exactamente un origen.
    pub struct DownwardAPIVolumeFile {
        required {
            /// Ruta del fichero dentro del volumen, relativa y sin subir de directorio.
            path: String,
        }
        optional {
            /// Un campo del Pod.
            field_ref: Option<ObjectFieldSelector>,
            /// Un límite o una solicitud de recursos de un contenedor, que hay que nombrar.
            resource_field_ref: Option<ResourceFieldSelector>,
            /// Permisos de este fichero, en octal, en lugar de los de defaultMode.
            mode: Option<i64>,
        }
    }
}

object! {
    /// Un volumen que junta varios orígenes en un solo directorio, en memoria y en solo lectura.
    pub struct ProjectedVolumeSource {
        required {
            /// Los orígenes. Si dos ponen el mismo fichero, gana el último.
            sources: Vec<VolumeProjection>,
        }
        optional {
            /// Permisos de los ficheros, en octal: 0o644 es el predeterminado.
            default_mode: Option<i64>,
        }
    }
}

object! {
    /// Uno de los orígenes de un volumen projected. Indica exactamente uno.
    pub struct VolumeProjection {
        required {}
        optional {
            /// Las claves de un ConfigMap.
            config_map: Option<ConfigMapProjection>,
            /// Las claves de un Secret.
            secret: Option<SecretProjection>,
            /// Lo que se sabe del Pod.
            #[serde(rename = "downwardAPI")]
            downward_api: Option<DownwardAPIProjection>,
        }
    }
}

object! {
    /// Las claves de un ConfigMap dentro de un volumen projected.
    pub struct ConfigMapProjection {
        required {
            /// Nombre del ConfigMap.
            name: String,
        }
        optional {
            /// Qué claves, y con qué nombre de fichero. Si no se dice, todas, cada una con el suyo.
            items: Vec<KeyToPath>,
            /// Con true, si falta el ConfigMap o una clave, no se pone. Si no, el Pod espera
            /// (FailedMount).
            optional: bool,
        }
    }
}

object! {
    /// Las claves de un Secret dentro de un volumen projected.
    pub struct SecretProjection {
        required {
            /// Nombre del Secret.
            name: String,
        }
        optional {
            /// Qué claves, y con qué nombre de fichero. Si no se dice, todas, cada una con el suyo.
            items: Vec<KeyToPath>,
            /// Con true, si falta el Secret o una clave, no se pone. Si no, el Pod espera
            /// (FailedMount).
            optional: bool,
        }
    }
}

object! {
    /// Lo que se sabe del Pod dentro de un volumen projected.
    pub struct DownwardAPIProjection {
        required {}
        optional {
            /// Los ficheros.
            items: Vec<DownwardAPIVolumeFile>,
        }
    }
}
