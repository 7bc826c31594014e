//! A quién se compara: cada rival, con lo que necesita para hacer lo mismo que micropod.

use crate::Bench;
use crate::medidas::{run, words};
use std::fs;
use std::path::PathBuf;

/// Algo que se cronometra: un nombre y sus comandos, uno tras otro.
pub struct Rival {
    pub name: &'static str,
    pub commands: Vec<Vec<String>>,
}

impl Rival {
    pub fn new(name: &'static str, commands: Vec<Vec<String>>) -> Rival {
        Rival { name, commands }
    }
}

impl Bench {
    /// Un comando de micropod.
    pub fn own(&self, line: &str) -> Vec<String> {
        [vec![self.micropod.clone()], words(line)].concat()
    }

    /// La raíz de los demás: otra copia de la imagen busybox. Ellos crean dentro lo que le falte.
    pub fn root(&self) -> PathBuf {
        let copy = self.dir.join("raiz");
        if !copy.exists() {
            let image = "/var/lib/micropod/images/busybox/rootfs";
            run(&words(&format!("cp -a {image} {}", copy.display()))).expect("se puede copiar la imagen");
        }
        copy
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.dir.join(name);
        fs::write(&path, text).expect("se puede escribir en el directorio de trabajo");
        path.display().to_string()
    }

    /// Escribe un Pod con esos contenedores y devuelve su ruta. Ven en `/banco` el directorio de
    /// trabajo.
    pub fn pod(&self, name: &str, commands: &[&str]) -> String {
        let container = |(i, command): (usize, &&str)| {
            let words: Vec<String> = command.split_whitespace().map(|word| format!("\"{word}\"")).collect();
            format!("(name: \"c{i}\", image: \"busybox\", command: [{}])", words.join(", "))
        };
        let containers: Vec<String> = commands.iter().enumerate().map(container).collect();
        let text = format!(
            "Pod(metadata: (name: \"{name}\"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 0, \
             containers: [{}]))",
            containers.join(", ")
        );
        self.write(&format!("{name}.ron"), &text)
    }

    /// Un Pod de un contenedor que ejecuta `command` y ve en `/banco` el directorio de trabajo.
    pub fn pod_with_files(&self, name: &str, command: &str) -> String {
        let text = format!(
            "Pod(metadata: (name: \"{name}\"), spec: (restartPolicy: Never, volumes: [(name: \"banco\", \
             hostPath: (path: \"{}\"))], containers: [(name: \"c0\", image: \"busybox\", command: \
             [\"sh\", \"-c\", \"{command}\"], volumeMounts: [(name: \"banco\", mountPath: \"/banco\")])]))",
            self.dir.display()
        );
        self.write(&format!("{name}.ron"), &text)
    }

    /// Un bundle de OCI sobre la raíz de busybox.
    pub fn bundle(&self, name: &str, args: &str) -> String {
        let dir = self.dir.join(format!("bundle-{name}"));
        let config = format!(
            "{{\"ociVersion\":\"1.0.2\",\"process\":{{\"terminal\":false,\"user\":{{\"uid\":0,\"gid\":0}},\
             \"args\":[{args}],\"env\":[\"PATH=/usr/bin:/bin\"],\"cwd\":\"/\",\"noNewPrivileges\":true}},\
             \"root\":{{\"path\":\"{}\",\"readonly\":true}},\"hostname\":\"banco\",\"mounts\":[\
             {{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}},\
             {{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"mode=755\"]}}],\
             \"linux\":{{\"namespaces\":[{{\"type\":\"pid\"}},{{\"type\":\"network\"}},{{\"type\":\"ipc\"}},\
             {{\"type\":\"uts\"}},{{\"type\":\"mount\"}}]}}}}",
            self.root().display()
        );
        fs::create_dir_all(&dir).expect("se puede escribir en el directorio de trabajo");
        fs::write(dir.join("config.json"), config).expect("se puede escribir en el directorio de trabajo");
        dir.display().to_string()
    }

    /// Podman con su propio almacén, y la misma raíz como imagen. Sin red: no se le cuenta.
    pub fn podman(&self, line: &str) -> Vec<String> {
        let dir = self.dir.display();
        words(&format!(
            "env CONTAINERS_CONF={dir}/containers.conf podman --root {dir}/podman \
             --runroot /run/banco-podman --tmpdir /run/banco-libpod {line}"
        ))
    }

    /// Prepara un Pod de podman como los nuestros: la imagen y su YAML, que devuelve.
    pub fn podman_pod(&self, name: &str, commands: &[&str]) -> Result<String, String> {
        let settings = "[engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\n\
                        [containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n";
        self.write("containers.conf", settings);
        if run(&self.podman("image exists localhost/banco:1")).is_err() {
            let tar = self.dir.join("raiz.tar");
            run(&words(&format!("tar -C {} -cf {} .", self.root().display(), tar.display())))?;
            run(&self.podman(&format!("import -q {} localhost/banco:1", tar.display())))?;
        }
        let container = |(i, command): (usize, &&str)| {
            let words: Vec<String> = command.split_whitespace().map(|word| format!("'{word}'")).collect();
            format!("  - name: c{i}\n    image: localhost/banco:1\n    command: [{}]\n", words.join(", "))
        };
        let containers: String = commands.iter().enumerate().map(container).collect();
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n  restartPolicy: Never\n  \
             terminationGracePeriodSeconds: 0\n  containers:\n{containers}"
        );
        Ok(self.write(&format!("{name}.yaml"), &text))
    }
}
