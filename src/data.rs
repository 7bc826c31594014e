//! De los tipos al texto de una ficha o de un mensaje, y al revés.
//!
//! serde escribe el código de cada tipo una vez por cada formato en que se lee o se escribe: con varios,
//! los tipos ocuparían más que todo lo demás. Aquí todo pasa por un solo camino: se escribe siempre JSON
//! en una línea, y se lee siempre de un [`Value`], con [`Reader`], que recuerda qué campo estaba mal.

use serde::Serialize;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
pub use serde_json::{Map, Value};
use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};

/// Lo que está mal en un valor, y dónde. Aparte, porque lo devuelve, por si acaso, cada campo de cada tipo:
/// un puntero cabe en un registro, y lo que señala habría que copiarlo en todos esos sitios.
#[derive(Debug, Default, PartialEq)]
pub struct Fault(Box<Blame>);

/// Lo que está mal en `path`: `spec.containers[1].image`.
#[derive(Debug, Default, PartialEq)]
pub struct Blame {
    pub path: String,
    pub problem: String,
    pub hint: Option<String>,
    /// ¿Lo que está mal es el nombre del campo, y no su valor?
    pub on_key: bool,
}

impl Fault {
    pub fn new(problem: impl Into<String>) -> Fault {
        Fault(Box::new(Blame { problem: problem.into(), ..Blame::default() }))
    }

    pub fn with_hint(mut self, hint: Option<String>) -> Fault {
        self.hint = hint;
        self
    }

    /// El mismo, visto desde quien lo contiene: un campo, o `[1]`.
    pub fn under(mut self, step: &str) -> Fault {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{step}{dot}{}", self.path);
        self
    }
}

impl Deref for Fault {
    type Target = Blame;
    fn deref(&self) -> &Blame {
        &self.0
    }
}

impl DerefMut for Fault {
    fn deref_mut(&mut self) -> &mut Blame {
        &mut self.0
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.problem),
            path => write!(f, "{path}: {}", self.problem),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(problem: T) -> Fault {
        Fault::new(problem.to_string())
    }

    fn invalid_value(_: de::Unexpected, _: &dyn de::Expected) -> Fault {
        Fault::new("este número no cabe ahí")
    }

    fn missing_field(field: &'static str) -> Fault {
        Fault::new(format!("falta el campo `{field}`"))
    }

    fn duplicate_field(field: &'static str) -> Fault {
        Fault::new(format!("el campo `{field}` está repetido"))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Fault {
        let hint = Some(format!("campos posibles: {}", expected.join(", ")));
        let problem = format!("campo desconocido `{field}`");
        Fault(Box::new(Blame { path: field.into(), problem, hint, on_key: true }))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Fault {
        let hint = Some(format!("valores posibles: {}", expected.join(", ")));
        Fault::new(format!("valor desconocido `{variant}`")).with_hint(hint)
    }
}

/// Lee lo que escribió [`bytes`].
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    typed(parse(bytes)?)
}

/// El JSON de `bytes`.
pub fn parse(bytes: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(bytes).map_err(|e| Fault::new(format!("no es JSON válido ({e})")))
}

pub fn typed<T: DeserializeOwned>(mut value: Value) -> Result<T, Fault> {
    T::deserialize(Reader(&mut value))
}

/// JSON en una línea.
pub fn bytes(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    // los tipos no tienen mapas con claves que no sean textos ni números, que es lo único que falla
    serde_json::to_vec(value).unwrap_or_default()
}

/// Como [`bytes`], para buscar dentro o enseñarlo de otra manera.
pub fn value(value: &(impl Serialize + ?Sized)) -> Value {
    parse(&bytes(value)).unwrap_or_default()
}

/// JSON para que lo lea una persona.
pub fn pretty(value: &(impl Serialize + ?Sized)) -> String {
    format!("{:#}", self::value(value))
}

/// Hace los tipos a partir de un valor, que se vacía según se lee. Lo que no depende del tipo va en funciones
/// aparte, y de un sitio a otro se pasan punteros: lo demás se repite en cada campo de cada tipo.
struct Reader<'a>(&'a mut Value);

enum Number {
    Natural(u64),
    Integer(i64),
    Real(f64),
}

impl Number {
    fn of(number: Option<serde_json::Number>) -> Result<Number, Fault> {
        let number = number.ok_or_else(|| wants("un número"))?;
        Ok(match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Number::Natural(number),
            (_, Some(number)) => Number::Integer(number),
            _ => Number::Real(number.as_f64().unwrap_or_default()),
        })
    }

    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Number::Natural(number) => visitor.visit_u64(number),
            Number::Integer(number) => visitor.visit_i64(number),
            Number::Real(number) => visitor.visit_f64(number),
        }
    }
}

fn wants(what: &str) -> Fault {
    Fault::new(format!("se esperaba {what}"))
}

impl<'a> Reader<'a> {
    fn number(self) -> Result<Number, Fault> {
        match self.0 {
            Value::Number(number) => Number::of(Some(number.clone())),
            _ => Number::of(None),
        }
    }

    fn text(self) -> Result<String, Fault> {
        match self.0 {
            Value::String(text) => Ok(mem::take(text)),
            _ => Err(wants("un texto entre comillas")),
        }
    }

    fn items(self) -> Result<Items<'a>, Fault> {
        match self.0 {
            Value::Array(items) => Ok(Items { rest: items.iter_mut(), next: 0 }),
            _ => Err(wants("una lista: [ … ]")),
        }
    }

    fn fields(self, what: &str) -> Result<Fields<'a>, Fault> {
        match self.0 {
            Value::Object(map) => Ok(Fields { rest: map.iter_mut(), value: None }),
            _ => Err(wants(what)),
        }
    }

    fn block(self) -> Result<Fields<'a>, Fault> {
        self.fields("un bloque entre paréntesis")
    }

    /// `Nombre(…)` es lo mismo que `(…)` donde solo cabe un `Nombre`.
    fn block_named(self, name: &str, fields: &[&str]) -> Result<Fields<'a>, Fault> {
        let Value::Object(map) = &*self.0 else { return self.block() };
        match map.iter().next() {
            Some((found, Value::Object(_))) if map.len() == 1 && !fields.contains(&found.as_str()) => {
                match found == name {
                    true => Reader(&mut self.0[name]).block(),
                    false => Err(Fault::new(format!("se esperaba `{name}(…)` y pone `{found}`"))),
                }
            }
            _ => self.block(),
        }
    }

    /// Una de varias formas: su nombre y lo que lleva. `"Nada"`, `{"Nada": null}` o `{"Algo": …}`.
    fn variant(self) -> Result<Variant<'a>, Fault> {
        if let Value::String(name) = self.0 {
            let name = mem::take(name);
            *self.0 = Value::Null;
            return Ok(Variant { name, content: self });
        }
        let only = match self.0 {
            Value::Object(map) if map.len() == 1 => map.iter_mut().next(),
            _ => None,
        };
        let (name, content) = only.ok_or_else(|| wants("un nombre"))?;
        Ok(Variant { name: name.clone(), content: Reader(content) })
    }
}

/// Los métodos de cada clase de número, para quien tiene un `number`.
macro_rules! numbers {
    () => {
        numbers!(deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
                 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64);
    };
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.number()?.visit(visitor)
        })*
    };
}

// Un struct se lee siempre de un mapa y nunca de una lista: así ese otro código ni existe.
impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(_) => self.number()?.visit(visitor),
            Value::String(text) => visitor.visit_string(mem::take(text)),
            Value::Array(_) => visitor.visit_seq(self.items()?),
            Value::Object(_) => visitor.visit_map(self.fields("")?),
        }
    }

    numbers!();

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(*value),
            _ => Err(wants("true o false")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(self.fields("un mapa: { … }")?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(self.block_named(name, fields)?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(self.variant()?)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct identifier
    }
}

/// El nombre de un campo o de una forma, o la clave de un mapa: en JSON siempre es un texto, aunque diga un
/// número.
struct Key<'a>(&'a str);

impl Key<'_> {
    fn number(&self) -> Result<Number, Fault> {
        Number::of(self.0.parse().ok())
    }
}

impl<'de> de::Deserializer<'de> for Key<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.0)
    }

    numbers!();

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(Variant { name: self.0.into(), content: Reader(&mut Value::Null) })
    }

    forward_to_deserialize_any! {
        bool i128 u128 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

struct Items<'a> {
    rest: std::slice::IterMut<'a, Value>,
    next: usize,
}

impl Items<'_> {
    /// Lo que está mal en el último que se ha leído.
    fn blame(&self, fault: Fault) -> Fault {
        fault.under(&format!("[{}]", self.next - 1))
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(value) = self.rest.next() else { return Ok(None) };
        self.next += 1;
        seed.deserialize(Reader(value)).map(Some).map_err(|fault| self.blame(fault))
    }
}

struct Fields<'a> {
    rest: serde_json::map::IterMut<'a>,
    /// El campo por el que se va.
    value: Option<(&'a str, &'a mut Value)>,
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (key, value) = self.rest.next()?;
        self.value = Some((key, value));
        Some(key)
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        match self.next() {
            Some(key) => seed.deserialize(Key(key)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        // serde pide siempre la clave antes
        let (key, value) = self.value.take().ok_or_else(|| wants("una clave"))?;
        seed.deserialize(Reader(value)).map_err(|fault| fault.under(key))
    }
}

struct Variant<'a> {
    name: String,
    content: Reader<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Fault;
    type Variant = Reader<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Reader<'a>), Fault> {
        Ok((seed.deserialize(Key(&self.name))?, self.content))
    }
}

impl<'de> VariantAccess<'de> for Reader<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.0 {
            Value::Null => Ok(()),
            _ => Err(wants("el nombre solo, sin nada detrás")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(self.items()?)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(self.block()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        name: String,
        size: u8,
        #[serde(default)]
        ports: BTreeMap<i16, Option<f64>>,
        #[serde(default)]
        shapes: Vec<Shape>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Dot,
        Line(i64),
        Box(u32, u32),
        Named { name: String },
    }

    #[test]
    fn lo_que_se_escribe_se_lee_igual() {
        let shapes = vec![Shape::Dot, Shape::Line(-1), Shape::Box(1, 2), Shape::Named { name: "ñ\n".into() }];
        let ports = [(-1, None), (80, Some(0.5))].into();
        let thing = Thing { name: "80".into(), size: 255, ports, shapes };
        assert_eq!(read::<Thing>(&bytes(&thing)), Ok(thing));
    }

    #[test]
    fn lo_que_esta_mal_se_dice_con_su_camino() {
        for (value, said) in [
            (json!({"name": "a", "size": 256}), "size: este número no cabe ahí"),
            (json!({"name": 1, "size": 1}), "name: se esperaba un texto entre comillas"),
            (json!({"name": "a"}), "falta el campo `size`"),
            (json!({"name": "a", "size": 1, "x": 1}), "x: campo desconocido `x`"),
            (json!({"name": "a", "size": 1, "ports": {"a": 1}}), "ports: se esperaba un número"),
            (json!({"name": "a", "size": 1, "shapes": ["Dot", "X"]}), "shapes[1]: valor desconocido `X`"),
            (json!({"name": "a", "size": 1, "shapes": ["Line"]}), "shapes[0]: se esperaba un número"),
            (
                json!({"name": "a", "size": 1, "shapes": [{"Dot": 1}]}),
                "shapes[0]: se esperaba el nombre solo",
            ),
            (json!({"name": "a", "size": 1, "shapes": [{"Box": [1]}]}), "shapes[0]: "),
            (json!({"name": "a", "size": 1, "shapes": [{"Named": {}}]}), "shapes[0]: falta el campo `name`"),
            (json!(["a", 1]), "se esperaba un bloque entre paréntesis"),
        ] {
            let fault = typed::<Thing>(value.clone()).unwrap_err();
            assert!(fault.to_string().starts_with(said), "{value}: {fault}");
        }
    }
}
