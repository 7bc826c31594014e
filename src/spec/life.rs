//! La parte de la especificación que habla de la vida de un contenedor: cuándo vuelve a arrancar.

use super::schema::{object, words};

object! {
    /// Qué hacer cuando un contenedor acaba con ciertos códigos.
    pub struct ContainerRestartRule {
        required {
            /// Qué se hace si el código casa: Restart (reiniciar este contenedor) o
            /// RestartAllContainers (matarlos todos y empezar otra vez por los de inicialización).
            action: ContainerRestartRuleAction,
            /// Con qué códigos de salida casa la regla.
            exit_codes: ContainerRestartRuleOnExitCodes,
        }
        optional {}
    }
}

words! {
    /// Qué hace una regla de reinicio.
    pub enum ContainerRestartRuleAction { Restart, RestartAllContainers }
}

object! {
    /// Los códigos de salida con los que casa una regla de reinicio.
    pub struct ContainerRestartRuleOnExitCodes {
        required {
            /// In (el código es uno de estos) o NotIn (no es ninguno de estos).
            operator: ContainerRestartRuleOnExitCodesOperator,
            /// Los códigos: de 0 a 255, y como mucho 255.
            values: Vec<i64>,
        }
        optional {}
    }
}

words! {
    /// Cómo se comparan los códigos de salida de una regla de reinicio.
    pub enum ContainerRestartRuleOnExitCodesOperator { In, NotIn }
}
