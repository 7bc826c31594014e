//! De los objetos de Kubernetes a JSON y al revés, campo a campo.
//!
//! Los tipos de [`object!`](super::schema) son casi todo lo que se lee y se escribe. El código que haría
//! serde para cada uno ocuparía diez veces más que esta tabla: por cada campo, cómo se pone y cómo se da.
//! Los nombres son los de su documentación ([`Field`]), que así no puede decir otra cosa.

use super::schema::{Described, Field};
use crate::data::{Fault, Map, Value};
use std::collections::BTreeMap;

// ANCHOR: data
/// Lo que se lee de un valor de JSON y se escribe en él.
pub trait Data: Sized {
    fn read(value: Value) -> Result<Self, Fault>;
    fn write(&self) -> Value;
}

/// Un campo de `T`: ponerle lo que dice un valor, y darlo si hay que escribirlo.
pub struct Slot<T> {
    pub take: fn(&mut T, Value) -> Result<(), Fault>,
    pub give: fn(&T) -> Option<Value>,
}

/// Un objeto con campos, en el orden de [`Described::fields`].
pub trait Structure: Described + Default + 'static {
    fn slots() -> &'static [Slot<Self>];
}
// ANCHOR_END: data

#[inline(never)]
pub fn take<T: Data>(slot: &mut T, value: Value) -> Result<(), Fault> {
    *slot = T::read(value)?;
    Ok(())
}

pub fn give<T: Data>(slot: &T) -> Option<Value> {
    Some(slot.write())
}

/// Un campo con su valor de fábrica no se escribe.
#[inline(never)]
pub fn give_if_set<T: Data + Default + PartialEq>(slot: &T) -> Option<Value> {
    (*slot != T::default()).then(|| slot.write())
}

/// Lee un objeto: cada campo, a su sitio.
pub fn read<T: Structure>(value: Value) -> Result<T, Fault> {
    let mut object = T::default();
    read_fields(T::fields(), value, &mut |i, value| (T::slots()[i].take)(&mut object, value))?;
    Ok(object)
}

pub fn write<T: Structure>(object: &T) -> Value {
    write_fields(T::fields(), &mut |i| (T::slots()[i].give)(object))
}

fn read_fields(
    fields: &[Field],
    value: Value,
    take: &mut dyn FnMut(usize, Value) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let Value::Object(map) = value else { return Err(Fault::new("se esperaba un objeto con sus campos")) };
    let missing = fields.iter().find(|field| field.required && !map.contains_key(&field.name()));
    if let Some(field) = missing {
        return Err(Fault::new(format!("falta el campo `{}`", field.name())));
    }
    for (name, value) in map {
        let Some(i) = fields.iter().position(|field| field.is(&name)) else {
            return Err(Fault::new(format!("campo desconocido `{name}`")));
        };
        take(i, value).map_err(|fault| fault.under(&name))?;
    }
    Ok(())
}

fn write_fields(fields: &[Field], give: &mut dyn FnMut(usize) -> Option<Value>) -> Value {
    let written = |(i, field): (usize, &Field)| Some((field.name(), give(i)?));
    Value::Object(fields.iter().enumerate().filter_map(written).collect())
}

/// Una palabra de las que hay: en qué puesto está.
pub fn position(words: &[&str], value: &Value) -> Result<usize, Fault> {
    let found = value.as_str().and_then(|text| words.iter().position(|word| *word == text));
    found.ok_or_else(|| {
        let hint = Some(format!("valores posibles: {}", words.join(", ")));
        Fault::new(format!("valor desconocido `{value}`")).with_hint(hint)
    })
}

/// El nombre y el contenido de `{"Pod": {…}}`.
pub fn named(value: Value) -> Result<(String, Value), Fault> {
    match value {
        Value::Object(map) if map.len() == 1 => Ok(map.into_iter().next().unwrap_or_default()),
        _ => Err(Fault::new("se esperaba un objeto con su clase")),
    }
}

impl Data for String {
    fn read(value: Value) -> Result<String, Fault> {
        match value {
            Value::String(text) => Ok(text),
            _ => Err(Fault::new("se esperaba un texto")),
        }
    }
    fn write(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Data for bool {
    fn read(value: Value) -> Result<bool, Fault> {
        value.as_bool().ok_or_else(|| Fault::new("se esperaba true o false"))
    }
    fn write(&self) -> Value {
        Value::Bool(*self)
    }
}

fn integer<T: TryFrom<i64> + TryFrom<u64>>(value: &Value) -> Result<T, Fault> {
    let small = value.as_i64().and_then(|number| T::try_from(number).ok());
    let number = small.or_else(|| value.as_u64().and_then(|number| T::try_from(number).ok()));
    number.ok_or_else(|| Fault::new("se esperaba un número entero que quepa ahí"))
}

macro_rules! integers {
    ($($type:ty)*) => {
        $(impl Data for $type {
            fn read(value: Value) -> Result<$type, Fault> {
                integer(&value)
            }
            fn write(&self) -> Value {
                Value::from(*self)
            }
        })*
    };
}

integers!(i32 i64 u16 u32 u64);

impl<T: Data> Data for Option<T> {
    fn read(value: Value) -> Result<Option<T>, Fault> {
        if value.is_null() { Ok(None) } else { T::read(value).map(Some) }
    }
    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::write)
    }
}

impl<T: Data> Data for Vec<T> {
    fn read(value: Value) -> Result<Vec<T>, Fault> {
        let Value::Array(items) = value else { return Err(Fault::new("se esperaba una lista")) };
        let read = |(i, item)| T::read(item).map_err(|fault: Fault| fault.under(&format!("[{i}]")));
        items.into_iter().enumerate().map(read).collect()
    }
    fn write(&self) -> Value {
        Value::Array(self.iter().map(T::write).collect())
    }
}

impl<T: Data> Data for BTreeMap<String, T> {
    fn read(value: Value) -> Result<BTreeMap<String, T>, Fault> {
        let Value::Object(map) = value else { return Err(Fault::new("se esperaba un mapa")) };
        let read = |(key, value): (String, Value)| match T::read(value) {
            Ok(value) => Ok((key, value)),
            Err(fault) => Err(fault.under(&key)),
        };
        map.into_iter().map(read).collect()
    }
    fn write(&self) -> Value {
        let pairs = self.iter().map(|(key, value)| (key.clone(), value.write()));
        Value::Object(pairs.collect::<Map<String, Value>>())
    }
}

/// serde, para los tipos que llevan dentro estos: lo que dice `Data`.
macro_rules! through_data {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&crate::spec::fields::Data::write(self), serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = <crate::data::Value as serde::Deserialize>::deserialize(deserializer)?;
                crate::spec::fields::Data::read(value).map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! structure {
    ($type:ident) => {
        impl crate::spec::fields::Data for $type {
            fn read(value: crate::data::Value) -> Result<$type, crate::data::Fault> {
                crate::spec::fields::read(value)
            }
            fn write(&self) -> crate::data::Value {
                crate::spec::fields::write(self)
            }
        }

        crate::spec::fields::through_data!($type);
    };
}

macro_rules! word {
    ($type:ident: $($variant:ident),*) => {
        impl crate::spec::fields::Data for $type {
            fn read(value: crate::data::Value) -> Result<$type, crate::data::Fault> {
                let words = <$type as crate::spec::schema::Described>::values();
                Ok([$($type::$variant),*][crate::spec::fields::position(words, &value)?])
            }
            fn write(&self) -> crate::data::Value {
                crate::data::Value::from(<$type as crate::spec::schema::Described>::values()[*self as usize])
            }
        }

        crate::spec::fields::through_data!($type);
    };
}

pub(crate) use {structure, through_data, word};
