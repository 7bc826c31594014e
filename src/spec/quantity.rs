//! Las cantidades de Kubernetes: `64Mi`, `500m`, `1.5`, `1e3`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Una cantidad, tal como se escribió y ya entendida.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    text: String,
    /// Milésimas; lo más fino que 1m se redondea hacia arriba.
    millis: u128,
}

impl Quantity {
    pub fn parse(text: &str) -> Result<Quantity, String> {
        let _ = text;
        Err("pendiente".into())
    }

    /// En unidades enteras (bytes, procesos), redondeando hacia arriba.
    pub fn units(&self) -> u64 {
        u64::try_from(self.millis.div_ceil(1000)).unwrap_or(u64::MAX)
    }

    /// En milésimas (de CPU).
    pub fn millis(&self) -> u64 {
        u64::try_from(self.millis).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Quantity::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl super::schema::Described for Quantity {
    fn kind() -> String {
        "Quantity".to_string()
    }
}
