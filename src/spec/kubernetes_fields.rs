//! Los campos que tiene Kubernetes v1 en cada tipo, los haga micropod o no.
//!
//! Sirven para decir «`affinity` existe en Kubernetes, micropod no lo implementa» en vez de
//! «campo desconocido»: quien copia un ejemplo de Kubernetes no se ha equivocado al escribir.

use crate::texts;
use std::sync::LazyLock;

/// Un tipo: cómo lo llama micropod, cómo lo llama Kubernetes y sus campos.
pub struct KubernetesType {
    pub rust: &'static str,
    pub name: &'static str,
    pub fields: Vec<&'static str>,
}

/// El tipo que micropod llama `rust`.
pub fn of(rust: &str) -> Option<&'static KubernetesType> {
    TYPES.iter().find(|t| t.rust == rust)
}

/// El tipo de Kubernetes en el que existe `field`, si existe en alguno.
pub fn with_field(field: &str) -> Option<&'static KubernetesType> {
    TYPES.iter().find(|t| t.fields.contains(&field))
}

/// Los de `kubernetes_fields.txt`, en su orden.
static TYPES: LazyLock<Vec<KubernetesType>> = LazyLock::new(|| {
    let text = texts::one("kubernetes_fields.txt").leak();
    let mut types: Vec<KubernetesType> = Vec::new();
    for line in text.lines().skip(1) {
        let mut words = line.split_whitespace();
        match types.last_mut() {
            Some(last) if line.starts_with(' ') => last.fields.extend(words),
            _ => {
                let (rust, name) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                types.push(KubernetesType { rust, name, fields: Vec::new() });
            }
        }
    }
    types
});

/// Los objetos de Kubernetes que micropod no crea, y qué hacer en su lugar.
pub fn other_kind(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicationController" => {
            "para tener varios Pods iguales, copia su `template` en un `ReplicaSet(…)`; para uno, en un \
             `Pod(metadata: …, spec: …)`"
        }
        "Service" | "Ingress" | "EndpointSlice" | "Endpoints" | "Gateway" => {
            "los contenedores de un Pod se hablan por `localhost`; para llegar desde fuera usa `hostPort` en \
             `ports`"
        }
        "PersistentVolume" | "PersistentVolumeClaim" | "StorageClass" => {
            "usa un volumen `hostPath`: sobrevive al Pod"
        }
        "Namespace" => "no hay que crearlo: dilo con `-n`, o en `metadata.namespace`",
        "Node" => "micropod gobierna una sola máquina",
        "NetworkPolicy"
        | "ServiceAccount"
        | "Role"
        | "RoleBinding"
        | "ClusterRole"
        | "ClusterRoleBinding"
        | "HorizontalPodAutoscaler"
        | "PodDisruptionBudget"
        | "ResourceQuota"
        | "LimitRange"
        | "PodTemplate"
        | "PriorityClass"
        | "CustomResourceDefinition" => {
            "es del plano de control de un clúster: en una sola máquina no hace falta, quítalo"
        }
        _ => return None,
    })
}
