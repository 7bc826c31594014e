//! De una sola definición salen el tipo de Rust y su documentación (`micropod explain`).

use crate::texts;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Un campo de un tipo de Kubernetes, para documentarlo.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// El identificador de Rust; [`Field::name`] da el nombre que se escribe.
    pub ident: &'static str,
    /// El atributo de serde, si lo tiene: `rename = "hostIP"`.
    pub serde: &'static str,
    /// El tipo del que es campo.
    pub owner: &'static str,
    pub required: bool,
    /// `<string>`, `<[]Container>`…, como los escribe kubectl (sin los ángulos).
    pub kind: fn() -> String,
    /// Los campos de su tipo, si es un objeto (o una lista de objetos).
    pub fields: fn() -> &'static [Field],
    /// La descripción del tipo, si es un objeto.
    pub type_doc: fn() -> &'static str,
    /// Los valores posibles, si es una enumeración.
    pub values: fn() -> &'static [&'static str],
}

impl Field {
    /// Sus comentarios `///`, seguidos.
    pub fn doc(&self) -> &'static str {
        documentation(self.owner, self.ident)
    }

    /// ¿Se escribe así? Sin construir el nombre: se pregunta por cada campo de cada objeto de un fichero.
    pub fn is(&self, name: &str) -> bool {
        if let Some(renamed) = self.serde.strip_prefix("rename = ") {
            return renamed.trim_matches('"') == name;
        }
        let mut rest = name;
        for (i, word) in self.ident.trim_start_matches("r#").split('_').enumerate() {
            let (first, tail) = word.split_at(1);
            let fits = |first: &str, written: char| match i {
                0 => first.starts_with(written),
                _ => first.chars().next().is_some_and(|c| c.to_ascii_uppercase() == written),
            };
            let mut letters = rest.chars();
            if !letters.next().is_some_and(|written| fits(first, written)) {
                return false;
            }
            let Some(after) = letters.as_str().strip_prefix(tail) else { return false };
            rest = after;
        }
        rest.is_empty()
    }

    /// El nombre que se escribe: el de Kubernetes, en camelCase.
    pub fn name(&self) -> String {
        if let Some(name) = self.serde.strip_prefix("rename = ") {
            return name.trim_matches('"').to_string();
        }
        let mut words = self.ident.trim_start_matches("r#").split('_');
        let mut name = words.next().unwrap_or_default().to_string();
        for word in words {
            let (first, rest) = word.split_at(1);
            name.push_str(&first.to_uppercase());
            name.push_str(rest);
        }
        name
    }
}

/// Los comentarios `///` de un campo de `owner`, o los suyos si no se dice ninguno. Los guardó `build.rs`, que lee
/// los [`object!`] como están escritos: comprimidos, que casi nunca hacen falta.
pub fn documentation(owner: &str, field: &str) -> &'static str {
    static ALL: LazyLock<BTreeMap<(String, String), String>> = LazyLock::new(|| {
        let text = texts::one("documentacion");
        let entry = |line: &str| {
            let mut parts = line.splitn(3, '\t').map(str::to_string);
            Some(((parts.next()?, parts.next()?), parts.next()?))
        };
        text.lines().filter_map(entry).collect()
    });
    ALL.get(&(owner.to_string(), field.to_string())).map_or("", String::as_str)
}

/// Lo que sabe decir de sí mismo el tipo de un campo.
pub trait Described {
    fn kind() -> String;
    fn fields() -> &'static [Field] {
        &[]
    }
    fn doc() -> &'static str {
        ""
    }
    fn values() -> &'static [&'static str] {
        &[]
    }
}

macro_rules! plain {
    ($($type:ty => $name:literal),* $(,)?) => {
        $(impl Described for $type { fn kind() -> String { $name.to_string() } })*
    };
}

plain!(String => "string", bool => "boolean", i32 => "integer", i64 => "integer", u16 => "integer",
       u32 => "integer", u64 => "integer");

impl<T: Described> Described for Option<T> {
    fn kind() -> String {
        T::kind()
    }
    fn fields() -> &'static [Field] {
        T::fields()
    }
    fn doc() -> &'static str {
        T::doc()
    }
    fn values() -> &'static [&'static str] {
        T::values()
    }
}

impl<T: Described> Described for Vec<T> {
    fn kind() -> String {
        format!("[]{}", T::kind())
    }
    fn fields() -> &'static [Field] {
        T::fields()
    }
    fn doc() -> &'static str {
        T::doc()
    }
    fn values() -> &'static [&'static str] {
        T::values()
    }
}

impl<T: Described> Described for BTreeMap<String, T> {
    fn kind() -> String {
        format!("map[string]{}", T::kind())
    }
}

/// Un campo `required` no tiene valor de fábrica; los demás, sí.
///
/// ```text
/// object! {
///     /// Descripción del tipo.
///     pub struct EnvVar {
///         required {
///             /// Nombre de la variable.
///             name: String,
///         }
///         optional {
///             /// Valor.
///             value: String,
///         }
///     }
/// }
/// ```
macro_rules! object {
    (
        $(#[doc = $type_doc:literal])*
        pub struct $type:ident {
            required { $( $(#[doc = $rdoc:literal])* $rname:ident : $rtype:ty, )* }
            optional { $( $(#[doc = $odoc:literal])* $(#[serde($($serde:tt)*)])? $oname:ident : $otype:ty, )* }
        }
    ) => {
        $(#[doc = $type_doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $type {
            $( $(#[doc = $rdoc])* pub $rname: $rtype, )*
            $( $(#[doc = $odoc])* pub $oname: $otype, )*
        }

        impl crate::spec::fields::Structure for $type {
            fn slots() -> &'static [crate::spec::fields::Slot<Self>] {
                use crate::spec::fields as f;
                &[
                    $( f::Slot { take: |it, value| f::take(&mut it.$rname, value), give: |it| f::give(&it.$rname) }, )*
                    $( f::Slot { take: |it, value| f::take(&mut it.$oname, value), give: |it| f::give_if_set(&it.$oname) }, )*
                ]
            }
        }

        crate::spec::fields::structure!($type);

        impl crate::spec::schema::Described for $type {
            fn kind() -> String {
                stringify!($type).to_string()
            }
            fn doc() -> &'static str {
                crate::spec::schema::documentation(stringify!($type), "")
            }
            fn fields() -> &'static [crate::spec::schema::Field] {
                &[
                    $( crate::spec::schema::Field {
                        ident: stringify!($rname), serde: "", owner: stringify!($type), required: true,
                        kind: <$rtype as crate::spec::schema::Described>::kind,
                        fields: <$rtype as crate::spec::schema::Described>::fields,
                        type_doc: <$rtype as crate::spec::schema::Described>::doc,
                        values: <$rtype as crate::spec::schema::Described>::values,
                    }, )*
                    $( crate::spec::schema::Field {
                        ident: stringify!($oname), serde: stringify!($($($serde)*)?), owner: stringify!($type), required: false,
                        kind: <$otype as crate::spec::schema::Described>::kind,
                        fields: <$otype as crate::spec::schema::Described>::fields,
                        type_doc: <$otype as crate::spec::schema::Described>::doc,
                        values: <$otype as crate::spec::schema::Described>::values,
                    }, )*
                ]
            }
        }
    };
}

/// Cómo se escribe una palabra: como se llama, si no se dice otra cosa.
macro_rules! word_text {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $text:literal) => {
        $text
    };
}

/// Una enumeración de palabras, como las escribe Kubernetes. La primera es la predeterminada, y en
/// algunas es no escribir nada: `Disk = ""`.
macro_rules! words {
    (
        $(#[doc = $type_doc:literal])*
        pub enum $type:ident { $first:ident $(= $text:literal)? $(, $variant:ident)* $(,)? }
    ) => {
        $(#[doc = $type_doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $type { #[default] $first, $($variant),* }

        crate::spec::fields::word!($type: $first $(, $variant)*);

        impl crate::spec::schema::Described for $type {
            fn kind() -> String {
                "string".to_string()
            }
            fn values() -> &'static [&'static str] {
                &[crate::spec::schema::word_text!($first $($text)?), $(stringify!($variant)),*]
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str(<$type as crate::spec::schema::Described>::values()[*self as usize])
            }
        }
    };
}

pub(crate) use {object, word_text, words};
