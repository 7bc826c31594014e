//! La parte de la especificación que habla de la vida de un contenedor: cuándo vuelve a arrancar y qué
//! hace al empezar y antes de acabar.

use super::schema::{object, words};
use super::types::{ExecAction, HttpGetAction, TcpSocketAction};

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

object! {
    /// Lo que se hace al empezar y antes de acabar un contenedor (hooks), y con qué señal se para.
    pub struct Lifecycle {
        required {}
        optional {
            /// Al arrancar, a la vez que su programa: hasta que no acaba, el contenedor no cuenta como
            /// Running y el siguiente no arranca. Si falla, se mata al contenedor.
            post_start: Option<LifecycleHandler>,
            /// Antes de la señal de parada, y a costa del plazo de gracia. No se ejecuta si el
            /// contenedor acaba por su cuenta. Si falla, solo se cuenta.
            pre_stop: Option<LifecycleHandler>,
            /// La señal con la que se le pide que acabe, en lugar de la de la imagen (o de SIGTERM):
            /// SIGINT, SIGQUIT… Kubernetes pide además spec.os.name; micropod, no.
            stop_signal: Option<String>,
        }
    }
}

object! {
    /// Lo que hace un hook. Indica exactamente una manera: exec, httpGet o sleep.
    pub struct LifecycleHandler {
        required {}
        optional {
            /// Ejecutar un comando dentro del contenedor: va bien si sale con 0. No admite $(VARIABLE).
            exec: Option<ExecAction>,
            /// Pedir una página: va bien si responde, con el código que sea.
            http_get: Option<HttpGetAction>,
            /// Esperar.
            sleep: Option<SleepAction>,
            /// No sirve: Kubernetes lo admite y falla siempre. micropod lo rechaza.
            tcp_socket: Option<TcpSocketAction>,
        }
    }
}

object! {
    /// Una espera.
    pub struct SleepAction {
        required {
            /// Segundos, de 0 al plazo de gracia del Pod.
            seconds: i64,
        }
        optional {}
    }
}

object! {
    /// Una llamada a grpc.health.v1.Health/Check, sin cifrar.
    pub struct GrpcAction {
        required {
            /// Puerto: un número.
            port: i64,
        }
        optional {
            /// Servicio por el que se pregunta. El predeterminado es el servidor entero.
            service: String,
        }
    }
}

words! {
    /// Con qué protocolo se pide una página.
    pub enum UriScheme { HTTP, HTTPS }
}

words! {
    /// De dónde sale el mensaje de terminación.
    pub enum TerminationMessagePolicy { File, FallbackToLogsOnError }
}
