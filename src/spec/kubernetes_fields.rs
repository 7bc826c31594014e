//! Los campos que tiene Kubernetes v1 en cada tipo, los haga micropod o no.
//!
//! Sirven para decir «`affinity` existe en Kubernetes, micropod no lo implementa» en vez de
//! «campo desconocido»: quien copia un ejemplo de Kubernetes no se ha equivocado al escribir.

/// Un tipo: cómo lo llama micropod, cómo lo llama Kubernetes y sus campos.
pub struct KubernetesType {
    pub rust: &'static str,
    pub name: &'static str,
    pub fields: &'static [&'static str],
}

/// El tipo que micropod llama `rust`.
pub fn of(rust: &str) -> Option<&'static KubernetesType> {
    TYPES.iter().find(|t| t.rust == rust)
}

/// El tipo de Kubernetes en el que existe `field`, si existe en alguno.
pub fn with_field(field: &str) -> Option<&'static KubernetesType> {
    TYPES.iter().find(|t| t.fields.contains(&field))
}

/// Kubernetes 1.37.
pub const TYPES: &[KubernetesType] = &[
    KubernetesType {
        rust: "Pod",
        name: "Pod",
        fields: &["apiVersion", "kind", "metadata", "spec", "status"],
    },
    KubernetesType {
        rust: "ObjectMeta",
        name: "ObjectMeta",
        fields: &[
            "annotations",
            "creationTimestamp",
            "deletionGracePeriodSeconds",
            "deletionTimestamp",
            "finalizers",
            "generateName",
            "generation",
            "labels",
            "managedFields",
            "name",
            "namespace",
            "ownerReferences",
            "resourceVersion",
            "selfLink",
            "uid",
        ],
    },
    KubernetesType {
        rust: "PodSpec",
        name: "PodSpec",
        fields: &[
            "activeDeadlineSeconds",
            "affinity",
            "automountServiceAccountToken",
            "containers",
            "dnsConfig",
            "dnsPolicy",
            "enableServiceLinks",
            "ephemeralContainers",
            "evictionResponders",
            "hostAliases",
            "hostIPC",
            "hostNetwork",
            "hostPID",
            "hostUsers",
            "hostname",
            "hostnameOverride",
            "imagePullSecrets",
            "initContainers",
            "nodeName",
            "nodeSelector",
            "os",
            "overhead",
            "preemptionPolicy",
            "priority",
            "priorityClassName",
            "resourceClaims",
            "resources",
            "restartPolicy",
            "runtimeClassName",
            "schedulerName",
            "schedulingGates",
            "schedulingGroup",
            "securityContext",
            "serviceAccount",
            "serviceAccountName",
            "setHostnameAsFQDN",
            "shareProcessNamespace",
            "subdomain",
            "terminationGracePeriodSeconds",
            "tolerations",
            "topologySpreadConstraints",
            "volumes",
        ],
    },
    KubernetesType {
        rust: "Container",
        name: "Container",
        fields: &[
            "args",
            "command",
            "env",
            "envFrom",
            "image",
            "imagePullPolicy",
            "lifecycle",
            "livenessProbe",
            "name",
            "ports",
            "readinessProbe",
            "resizePolicy",
            "resources",
            "restartPolicy",
            "restartPolicyRules",
            "securityContext",
            "startupProbe",
            "stdin",
            "stdinOnce",
            "terminationMessagePath",
            "terminationMessagePolicy",
            "tty",
            "volumeDevices",
            "volumeMounts",
            "workingDir",
        ],
    },
    KubernetesType {
        rust: "EphemeralContainer",
        name: "EphemeralContainer",
        fields: &[
            "args",
            "command",
            "env",
            "envFrom",
            "image",
            "imagePullPolicy",
            "lifecycle",
            "livenessProbe",
            "name",
            "ports",
            "readinessProbe",
            "resizePolicy",
            "resources",
            "restartPolicy",
            "restartPolicyRules",
            "securityContext",
            "startupProbe",
            "stdin",
            "stdinOnce",
            "targetContainerName",
            "terminationMessagePath",
            "terminationMessagePolicy",
            "tty",
            "volumeDevices",
            "volumeMounts",
            "workingDir",
        ],
    },
    KubernetesType {
        rust: "ContainerRestartRule",
        name: "ContainerRestartRule",
        fields: &["action", "exitCodes"],
    },
    KubernetesType {
        rust: "ContainerRestartRuleOnExitCodes",
        name: "ContainerRestartRuleOnExitCodes",
        fields: &["operator", "values"],
    },
    KubernetesType { rust: "EnvVar", name: "EnvVar", fields: &["name", "value", "valueFrom"] },
    KubernetesType {
        rust: "ContainerPort",
        name: "ContainerPort",
        fields: &["containerPort", "hostIP", "hostPort", "name", "protocol"],
    },
    KubernetesType {
        rust: "ResourceRequirements",
        name: "ResourceRequirements",
        fields: &["claims", "limits", "requests"],
    },
    KubernetesType {
        rust: "ResourceList",
        name: "ResourceList",
        fields: &["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "hugepages-1Gi"],
    },
    KubernetesType {
        rust: "Volume",
        name: "Volume",
        fields: &[
            "awsElasticBlockStore",
            "azureDisk",
            "azureFile",
            "cephfs",
            "cinder",
            "configMap",
            "csi",
            "downwardAPI",
            "emptyDir",
            "ephemeral",
            "fc",
            "flexVolume",
            "flocker",
            "gcePersistentDisk",
            "gitRepo",
            "glusterfs",
            "hostPath",
            "image",
            "iscsi",
            "name",
            "nfs",
            "persistentVolumeClaim",
            "photonPersistentDisk",
            "portworxVolume",
            "projected",
            "quobyte",
            "rbd",
            "scaleIO",
            "secret",
            "storageos",
            "vsphereVolume",
        ],
    },
    KubernetesType {
        rust: "EmptyDir",
        name: "EmptyDirVolumeSource",
        fields: &["medium", "mode", "sizeLimit"],
    },
    KubernetesType { rust: "HostPath", name: "HostPathVolumeSource", fields: &["path", "type"] },
    KubernetesType {
        rust: "VolumeMount",
        name: "VolumeMount",
        fields: &[
            "bindMountOptions",
            "mountPath",
            "mountPropagation",
            "name",
            "readOnly",
            "recursiveReadOnly",
            "subPath",
            "subPathExpr",
        ],
    },
    KubernetesType {
        rust: "Probe",
        name: "Probe",
        fields: &[
            "exec",
            "failureThreshold",
            "grpc",
            "httpGet",
            "initialDelaySeconds",
            "periodSeconds",
            "successThreshold",
            "tcpSocket",
            "terminationGracePeriodSeconds",
            "timeoutSeconds",
        ],
    },
    KubernetesType { rust: "ExecAction", name: "ExecAction", fields: &["command"] },
    KubernetesType {
        rust: "HttpGetAction",
        name: "HTTPGetAction",
        fields: &["host", "httpHeaders", "path", "port", "protocol", "scheme"],
    },
    KubernetesType { rust: "HttpHeader", name: "HTTPHeader", fields: &["name", "value"] },
    KubernetesType { rust: "TcpSocketAction", name: "TCPSocketAction", fields: &["host", "port"] },
    KubernetesType {
        rust: "PodSecurityContext",
        name: "PodSecurityContext",
        fields: &[
            "appArmorProfile",
            "fsGroup",
            "fsGroupChangePolicy",
            "runAsGroup",
            "runAsNonRoot",
            "runAsUser",
            "seLinuxChangePolicy",
            "seLinuxOptions",
            "seccompProfile",
            "supplementalGroups",
            "supplementalGroupsPolicy",
            "sysctls",
            "windowsOptions",
        ],
    },
    KubernetesType {
        rust: "SecurityContext",
        name: "SecurityContext",
        fields: &[
            "allowPrivilegeEscalation",
            "appArmorProfile",
            "capabilities",
            "privileged",
            "procMount",
            "readOnlyRootFilesystem",
            "runAsGroup",
            "runAsNonRoot",
            "runAsUser",
            "seLinuxOptions",
            "seccompProfile",
            "windowsOptions",
        ],
    },
    KubernetesType { rust: "Capabilities", name: "Capabilities", fields: &["add", "drop"] },
    KubernetesType { rust: "SeccompProfile", name: "SeccompProfile", fields: &["localhostProfile", "type"] },
    KubernetesType { rust: "Lifecycle", name: "Lifecycle", fields: &["postStart", "preStop", "stopSignal"] },
    KubernetesType {
        rust: "LifecycleHandler",
        name: "LifecycleHandler",
        fields: &["exec", "httpGet", "sleep", "tcpSocket"],
    },
    KubernetesType {
        rust: "EnvVarSource",
        name: "EnvVarSource",
        fields: &["configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef"],
    },
    KubernetesType {
        rust: "ConfigMapKeySelector",
        name: "ConfigMapKeySelector",
        fields: &["key", "name", "optional"],
    },
    KubernetesType {
        rust: "SecretKeySelector",
        name: "SecretKeySelector",
        fields: &["key", "name", "optional"],
    },
    KubernetesType {
        rust: "ObjectFieldSelector",
        name: "ObjectFieldSelector",
        fields: &["apiVersion", "fieldPath"],
    },
    KubernetesType {
        rust: "ResourceFieldSelector",
        name: "ResourceFieldSelector",
        fields: &["containerName", "divisor", "resource"],
    },
    KubernetesType {
        rust: "EnvFromSource",
        name: "EnvFromSource",
        fields: &["configMapRef", "prefix", "secretRef"],
    },
    KubernetesType { rust: "ConfigMapEnvSource", name: "ConfigMapEnvSource", fields: &["name", "optional"] },
    KubernetesType { rust: "SecretEnvSource", name: "SecretEnvSource", fields: &["name", "optional"] },
    KubernetesType {
        rust: "ConfigMapVolumeSource",
        name: "ConfigMapVolumeSource",
        fields: &["defaultMode", "items", "name", "optional"],
    },
    KubernetesType {
        rust: "SecretVolumeSource",
        name: "SecretVolumeSource",
        fields: &["defaultMode", "items", "optional", "secretName"],
    },
    KubernetesType { rust: "KeyToPath", name: "KeyToPath", fields: &["key", "mode", "path"] },
    KubernetesType {
        rust: "DownwardAPIVolumeSource",
        name: "DownwardAPIVolumeSource",
        fields: &["defaultMode", "items"],
    },
    KubernetesType {
        rust: "DownwardAPIVolumeFile",
        name: "DownwardAPIVolumeFile",
        fields: &["fieldRef", "mode", "path", "resourceFieldRef"],
    },
    KubernetesType {
        rust: "ProjectedVolumeSource",
        name: "ProjectedVolumeSource",
        fields: &["defaultMode", "sources"],
    },
    KubernetesType {
        rust: "VolumeProjection",
        name: "VolumeProjection",
        fields: &[
            "clusterTrustBundle",
            "configMap",
            "downwardAPI",
            "podCertificate",
            "secret",
            "serviceAccountToken",
        ],
    },
    KubernetesType {
        rust: "ConfigMapProjection",
        name: "ConfigMapProjection",
        fields: &["items", "name", "optional"],
    },
    KubernetesType {
        rust: "SecretProjection",
        name: "SecretProjection",
        fields: &["items", "name", "optional"],
    },
    KubernetesType { rust: "DownwardAPIProjection", name: "DownwardAPIProjection", fields: &["items"] },
    KubernetesType {
        rust: "PodDNSConfig",
        name: "PodDNSConfig",
        fields: &["nameservers", "options", "searches"],
    },
    KubernetesType { rust: "PodDNSConfigOption", name: "PodDNSConfigOption", fields: &["name", "value"] },
    KubernetesType { rust: "HostAlias", name: "HostAlias", fields: &["hostnames", "ip"] },
    KubernetesType {
        rust: "ConfigMap",
        name: "ConfigMap",
        fields: &["apiVersion", "binaryData", "data", "immutable", "kind", "metadata"],
    },
    KubernetesType {
        rust: "Secret",
        name: "Secret",
        fields: &["apiVersion", "data", "immutable", "kind", "metadata", "stringData", "type"],
    },
    KubernetesType { rust: "List", name: "List", fields: &["apiVersion", "items", "kind", "metadata"] },
    KubernetesType { rust: "GrpcAction", name: "GRPCAction", fields: &["mode", "port", "service"] },
    KubernetesType { rust: "SleepAction", name: "SleepAction", fields: &["seconds"] },
    KubernetesType {
        rust: "ReplicaSet",
        name: "ReplicaSet",
        fields: &["apiVersion", "kind", "metadata", "spec", "status"],
    },
    KubernetesType {
        rust: "ReplicaSetSpec",
        name: "ReplicaSetSpec",
        fields: &["minReadySeconds", "replicas", "selector", "template"],
    },
    KubernetesType {
        rust: "LabelSelector",
        name: "LabelSelector",
        fields: &["matchExpressions", "matchLabels"],
    },
    KubernetesType { rust: "PodTemplate", name: "PodTemplateSpec", fields: &["metadata", "spec"] },
    KubernetesType {
        rust: "TemplateMeta",
        name: "ObjectMeta",
        fields: &[
            "annotations",
            "creationTimestamp",
            "finalizers",
            "generateName",
            "labels",
            "name",
            "namespace",
            "ownerReferences",
        ],
    },
    KubernetesType {
        rust: "Job",
        name: "Job",
        fields: &["apiVersion", "kind", "metadata", "spec", "status"],
    },
    KubernetesType {
        rust: "JobSpec",
        name: "JobSpec",
        fields: &[
            "activeDeadlineSeconds",
            "backoffLimit",
            "backoffLimitPerIndex",
            "completionMode",
            "completions",
            "managedBy",
            "manualSelector",
            "maxFailedIndexes",
            "parallelism",
            "podFailurePolicy",
            "podReplacementPolicy",
            "selector",
            "successPolicy",
            "suspend",
            "template",
            "ttlSecondsAfterFinished",
        ],
    },
    KubernetesType {
        rust: "CronJob",
        name: "CronJob",
        fields: &["apiVersion", "kind", "metadata", "spec", "status"],
    },
    KubernetesType {
        rust: "CronJobSpec",
        name: "CronJobSpec",
        fields: &[
            "concurrencyPolicy",
            "failedJobsHistoryLimit",
            "jobTemplate",
            "schedule",
            "startingDeadlineSeconds",
            "successfulJobsHistoryLimit",
            "suspend",
            "timeZone",
        ],
    },
    KubernetesType { rust: "JobTemplate", name: "JobTemplateSpec", fields: &["metadata", "spec"] },
];

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
