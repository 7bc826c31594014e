//! Una regla, un test: lo que se rechaza nombra su campo, y lo que cumple se admite.

use super::*;
use crate::spec::parse::parse_all;
use std::path::PathBuf;

/// Un Pod que cumple la más estrecha.
const GOOD: &str = "Pod(metadata: (name: \"p\"), spec: (securityContext: (runAsNonRoot: true, runAsUser: 1000, \
     seccompProfile: (type: RuntimeDefault)), containers: [(name: \"c\", image: \"i\", securityContext: \
     (allowPrivilegeEscalation: false, capabilities: (drop: [\"ALL\"], add: [\"NET_BIND_SERVICE\"])))]))";

fn judged(policy: Policy, text: &str) -> Vec<Broken> {
    let manifest = parse_all("p.ron", text).unwrap_or_else(|e| panic!("{e}"));
    let pod = manifest.into_pod().unwrap().pod;
    check(policy, &pod, Path::new("/casa/lab"))
}

/// Los campos que se rechazan.
fn refused(policy: Policy, text: &str) -> Vec<String> {
    judged(policy, text).into_iter().map(|b| b.path).collect()
}

fn pod(spec: &str, container: &str) -> String {
    format!(
        "Pod(metadata: (name: \"p\"), spec: ({spec} containers: [(name: \"c\", image: \"i\", {container})]))"
    )
}

#[track_caller]
fn only(policy: Policy, text: &str, field: &str) {
    let broken = judged(policy, text);
    let paths: Vec<&str> = broken.iter().map(|b| b.path.as_str()).collect();
    assert_eq!(paths, [field], "{text}");
    assert!(broken[0].problem.contains(policy.name()), "{}", broken[0].problem);
    assert!(
        broken[0].hint.as_ref().is_some_and(|hint| hint.len() > 10),
        "sin consejo: {}",
        broken[0].problem
    );
}

#[test]
fn lo_que_cumple_la_mas_estrecha_cumple_todas() {
    for policy in [Policy::Privileged, Policy::Baseline, Policy::Restricted, Policy::Lab] {
        assert_eq!(refused(policy, GOOD), Vec::<String>::new(), "{policy:?}");
    }
}

#[test]
fn privileged_lo_admite_todo() {
    let all = pod(
        "hostNetwork: true, volumes: [(name: \"v\", hostPath: (path: \"/\"))],",
        "securityContext: (privileged: true)",
    );
    assert!(judged(Policy::Privileged, &all).is_empty());
}

#[test]
fn un_pod_corriente_cumple_baseline_y_lab_pero_no_restricted() {
    let plain = pod("", "");
    assert!(judged(Policy::Baseline, &plain).is_empty() && judged(Policy::Lab, &plain).is_empty());
    let demanded = refused(Policy::Restricted, &plain);
    let security = "spec.containers[0].securityContext";
    for field in ["allowPrivilegeEscalation", "runAsNonRoot", "seccompProfile", "capabilities.drop"] {
        assert!(demanded.contains(&format!("{security}.{field}")), "{field}: {demanded:?}");
    }
    assert_eq!(demanded.len(), 4);
}

#[test]
fn baseline_no_admite_la_red_de_la_maquina() {
    only(Policy::Baseline, &pod("hostNetwork: true,", ""), "spec.hostNetwork");
}

#[test]
fn baseline_no_admite_privilegiados_ni_en_los_de_inicializacion() {
    let text = "Pod(metadata: (name: \"p\"), spec: (initContainers: [(name: \"a\", image: \"i\", securityContext: \
                (privileged: true))], containers: [(name: \"c\", image: \"i\")]))";
    only(Policy::Baseline, text, "spec.initContainers[0].securityContext.privileged");
}

#[test]
fn baseline_admite_trece_capacidades_y_ninguna_mas() {
    for name in crate::security::CAPABILITIES.into_iter().chain(["ALL"]) {
        let text = pod("", &format!("securityContext: (capabilities: (add: [\"{name}\"]))"));
        match BASELINE_CAPABILITIES.contains(&name) {
            true => assert!(judged(Policy::Baseline, &text).is_empty(), "{name}"),
            false => only(Policy::Baseline, &text, "spec.containers[0].securityContext.capabilities.add[0]"),
        }
    }
}

#[test]
fn baseline_no_admite_host_path_ni_host_port() {
    let volume = "volumes: [(name: \"v\"), (name: \"h\", hostPath: (path: \"datos\"))],";
    only(Policy::Baseline, &pod(volume, ""), "spec.volumes[1].hostPath");
    let ports = "ports: [(containerPort: 80), (containerPort: 81, hostPort: 8081)]";
    only(Policy::Baseline, &pod("", ports), "spec.containers[0].ports[1].hostPort");
}

#[test]
fn baseline_no_admite_que_una_sonda_pregunte_a_otra_maquina() {
    for (probe, action) in [
        ("livenessProbe", "httpGet: (port: 80, host: \"10.0.0.1\")"),
        ("readinessProbe", "tcpSocket: (port: 80, host: \"10.0.0.1\")"),
        ("startupProbe", "tcpSocket: (port: 80, host: \"x\")"),
    ] {
        let kind = action.split(':').next().unwrap();
        let field = format!("spec.containers[0].{probe}.{kind}.host");
        only(Policy::Baseline, &pod("", &format!("{probe}: ({action})")), &field);
    }
    assert!(judged(Policy::Baseline, &pod("", "livenessProbe: (httpGet: (port: 80))")).is_empty());
}

#[test]
fn baseline_no_admite_destapar_proc_ni_quitar_el_filtro() {
    only(
        Policy::Baseline,
        &pod("", "securityContext: (procMount: Unmasked)"),
        "spec.containers[0].securityContext.procMount",
    );
    let off = "securityContext: (seccompProfile: (type: Unconfined))";
    only(Policy::Baseline, &pod("", off), "spec.containers[0].securityContext.seccompProfile.type");
    only(Policy::Baseline, &pod(&format!("{off},"), ""), "spec.securityContext.seccompProfile.type");
}

#[test]
fn baseline_admite_los_sysctl_de_su_lista() {
    for name in crate::security::sysctls::SAFE {
        let text = pod(&format!("securityContext: (sysctls: [(name: \"{name}\", value: \"1\")]),"), "");
        match BASELINE_SYSCTLS.contains(&name) {
            true => assert!(judged(Policy::Baseline, &text).is_empty(), "{name}"),
            false => only(Policy::Baseline, &text, "spec.securityContext.sysctls[0].name"),
        }
    }
}

/// [`GOOD`] con un trozo cambiado.
fn but(from: &str, to: &str) -> String {
    assert_eq!(GOOD.matches(from).count(), 1, "{from}");
    GOOD.replace(from, to)
}

#[test]
fn restricted_exige_no_ser_root_en_el_pod_o_en_cada_contenedor() {
    let field = "spec.containers[0].securityContext";
    only(Policy::Restricted, &but("runAsNonRoot: true, ", ""), &format!("{field}.runAsNonRoot"));
    let only_here = but("runAsNonRoot: true, ", "").replace("(allowPriv", "(runAsNonRoot: true, allowPriv");
    assert!(judged(Policy::Restricted, &only_here).is_empty());
    let zero = but("runAsNonRoot: true, runAsUser: 1000,", "runAsUser: 0,");
    let zero = zero.replace("(allowPriv", "(runAsNonRoot: true, runAsUser: 7, allowPriv");
    only(Policy::Restricted, &zero, "spec.securityContext.runAsUser");
}

#[test]
fn restricted_exige_por_escrito_lo_que_en_kubernetes_no_viene_de_fabrica() {
    let field = "spec.containers[0].securityContext";
    let gains = but("allowPrivilegeEscalation: false, ", "");
    only(Policy::Restricted, &gains, &format!("{field}.allowPrivilegeEscalation"));
    let unfiltered = but(", seccompProfile: (type: RuntimeDefault)", "");
    only(Policy::Restricted, &unfiltered, &format!("{field}.seccompProfile"));
    only(Policy::Restricted, &but("drop: [\"ALL\"], ", ""), &format!("{field}.capabilities.drop"));
    let two = but("\"NET_BIND_SERVICE\"", "\"NET_BIND_SERVICE\", \"CHOWN\"");
    only(Policy::Restricted, &two, &format!("{field}.capabilities.add[1]"));
}

#[test]
fn lab_admite_host_path_por_debajo_del_fichero_y_solo_ahi() {
    let volume = |path: &str| pod(&format!("volumes: [(name: \"h\", hostPath: (path: \"{path}\"))],"), "");
    for good in ["datos", "./datos", ".", "a/b", "/casa/lab", "/casa/lab/www"] {
        assert!(judged(Policy::Lab, &volume(good)).is_empty(), "{good}");
    }
    for bad in ["/", "/etc", "/casa", "/casa/laboratorio", "/casa/lab2"] {
        only(Policy::Lab, &volume(bad), "spec.volumes[0].hostPath.path");
    }
    // con `..` ni siquiera es un Pod
    assert!(parse_all("p.ron", &volume("/casa/lab/../otro")).is_err());
    let device = pod("volumes: [(name: \"h\", hostPath: (path: \"d\", type: BlockDevice))],", "");
    only(Policy::Lab, &device, "spec.volumes[0].hostPath.type");
}

#[test]
fn lab_no_admite_la_imagen_de_la_propia_maquina() {
    for image in ["host", "host:latest"] {
        let text =
            format!("Pod(metadata: (name: \"p\"), spec: (containers: [(name: \"c\", image: \"{image}\")]))");
        only(Policy::Lab, &text, "spec.containers[0].image");
        assert!(judged(Policy::Baseline, &text).is_empty());
    }
}

#[test]
fn el_error_ensena_la_linea_aunque_lo_que_falte_no_este_escrito() {
    let text = "Pod(\n  metadata: (name: \"p\"),\n  spec: (containers: [\n    (name: \"c\", image: \"i\",\n     securityContext: (privileged: true)),\n  ]),\n)\n";
    let mut manifest = parse_all("p.ron", text).unwrap();
    manifest.base = PathBuf::from("/casa/lab");
    let said = manifest.enforce(Policy::Baseline).unwrap_err().to_string();
    assert!(said.contains("error[MP0200]") && said.contains("p.ron:5:"), "{said}");
    let said = manifest.enforce(Policy::Restricted).unwrap_err().to_string();
    assert!(said.contains("MP0201") && !said.contains("p.ron:1:1"), "{said}");
}
