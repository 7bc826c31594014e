//! Las traducciones de direcciones en vigor, preguntadas al kernel por medio de `nft -j`.

use super::nft;
use crate::data;
use crate::kernel::program::Program;
use serde_json::Value;
use std::net::Ipv4Addr;

/// Lo que se traduce de un Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    /// ¿Sale a otras redes con la dirección de la máquina?
    pub masquerade: bool,
    /// Puertos de la máquina que llevan a él: «tcp 8080 → 80».
    pub ports: Vec<Port>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    pub protocol: String,
    /// Solo en esta dirección de la máquina.
    pub host_ip: Option<Ipv4Addr>,
    pub host_port: u16,
    pub container_port: u16,
}

/// Las de la dirección `pod`, o `None` si nft no está o no se le puede preguntar.
pub fn of(pod: Ipv4Addr) -> Option<Translation> {
    let ask = Program::new(nft::find()?, nft::LIMIT).ok()?.options(["-j"]);
    let answer = ask.operands(["list", "table", "ip", "micropod"]).run(b"").ok()?;
    if !answer.status.success() {
        // sin tabla no se traduce nada
        return Some(Translation::default());
    }
    read(&data::parse(&answer.out).ok()?, pod)
}

fn read(answer: &Value, pod: Ipv4Addr) -> Option<Translation> {
    let mut found = Translation::default();
    for item in answer["nftables"].as_array()? {
        found.masquerade |= masquerades(&item["rule"]["expr"], pod);
        let elements = item["map"]["elem"].as_array().into_iter().flatten();
        found.ports.extend(elements.filter_map(|element| port(element, pod)));
    }
    Some(found)
}

/// ¿Cambia esta regla la dirección de lo que sale del Pod hacia otras redes?
fn masquerades(rule: &Value, pod: Ipv4Addr) -> bool {
    let Some(parts) = rule.as_array() else { return false };
    let acts = parts.iter().any(|part| part.get("masquerade").is_some());
    let matches: Vec<&Value> = parts.iter().map(|part| &part["match"]).filter(|m| !m.is_null()).collect();
    let from_pod =
        matches.iter().any(|m| m["left"]["payload"]["field"] == "saddr" && holds(&m["right"], pod));
    // la que vuelve al puente solo es para lo que ya entró por un hostPort
    let only_returns = matches.iter().any(|m| !m["left"]["ct"].is_null());
    acts && from_pod && !only_returns
}

/// ¿Está `ip` en `{"prefix": {"addr": "10.244.0.0", "len": 16}}`?
fn holds(range: &Value, ip: Ipv4Addr) -> bool {
    let prefix = &range["prefix"];
    let Some(base) = prefix["addr"].as_str().and_then(|a| a.parse::<Ipv4Addr>().ok()) else { return false };
    let Some(length @ 0..=32) = prefix["len"].as_u64() else { return false };
    let mask = u32::MAX.checked_shl(32 - length as u32).unwrap_or(0);
    u32::from(base) & mask == u32::from(ip) & mask
}

/// Un elemento de un mapa: `[{"concat": ["tcp", 8080]}, {"concat": ["10.244.0.2", 80]}]`.
fn port(element: &Value, pod: Ipv4Addr) -> Option<Port> {
    let (key, target) = (element[0]["concat"].as_array()?, element[1]["concat"].as_array()?);
    let number = |value: &Value| value.as_u64().and_then(|n| u16::try_from(n).ok());
    if target.first()?.as_str()? != pod.to_string() {
        return None;
    }
    // la clave lleva delante la dirección si el puerto es solo de una
    let [rest @ .., protocol, host_port] = key.as_slice() else { return None };
    Some(Port {
        protocol: protocol.as_str()?.to_string(),
        host_ip: rest.first().and_then(Value::as_str).and_then(|ip| ip.parse().ok()),
        host_port: number(host_port)?,
        container_port: number(target.get(1)?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const POD: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 2);

    fn rule(parts: Value) -> Value {
        json!({"nftables": [{"rule": {"expr": parts}}]})
    }

    #[test]
    fn enmascara_la_regla_que_lo_saca_a_otras_redes_y_no_la_que_lo_devuelve() {
        let from = json!({"match": {"op": "==", "left": {"payload": {"field": "saddr"}},
            "right": {"prefix": {"addr": "10.244.0.0", "len": 16}}}});
        let returning = json!({"match": {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}});
        let act = json!({"masquerade": null});
        let says = |parts: Value, ip| read(&rule(parts), ip).unwrap().masquerade;
        assert!(says(json!([from, act]), POD));
        assert!(!says(json!([from, act]), Ipv4Addr::new(10, 245, 0, 2)), "es otra red");
        assert!(!says(json!([from, returning, act]), POD));
        assert!(!says(json!([from]), POD));
        assert!(!says(json!([act]), POD));
    }

    #[test]
    fn de_los_mapas_se_leen_los_puertos_que_llevan_a_este_pod() {
        let map = json!({"nftables": [{"map": {"elem": [
            [{"concat": ["tcp", 8080]}, {"concat": ["10.244.0.2", 80]}],
            [{"concat": ["udp", 53]}, {"concat": ["10.244.0.9", 53]}],
        ]}}, {"map": {"elem": [[{"concat": ["127.0.0.1", "tcp", 9000]}, {"concat": ["10.244.0.2", 90]}]]}}]});
        let found = read(&map, POD).unwrap().ports;
        let port = |host_ip, host_port, container_port| Port {
            protocol: "tcp".into(),
            host_ip,
            host_port,
            container_port,
        };
        assert_eq!(found, [port(None, 8080, 80), port(Some(Ipv4Addr::LOCALHOST), 9000, 90)]);
    }
}
