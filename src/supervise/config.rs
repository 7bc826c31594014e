//! Un ConfigMap o un Secret cambia mientras corre su Pod: sus ficheros, de golpe; sus variables, en la
//! próxima vida de cada contenedor.

use super::Supervisor;
use crate::config::{self, publish};
use crate::error::StepError;
use crate::spec::Config;
use crate::{data, plan, state};
use std::collections::BTreeMap;
use std::time::SystemTime;

impl Supervisor {
    // ANCHOR: reconfigure
    /// Lo que se quiere desde ahora está en `config.json`. Devuelve cuántos de sus objetos cambian algo;
    /// o por qué no se puede, y entonces no cambia nada.
    pub(super) fn reconfigure(&mut self) -> Result<usize, String> {
        let wanted = self.read_config()?;
        let changed = self.changes(&wanted)?;
        if changed == 0 {
            return Ok(0);
        }
        let mut config = self.plan.config.clone();
        config.config_maps.extend(wanted.config_maps);
        config.secrets.extend(wanted.secrets);
        let fresh = config::volumes(&self.spec, &config, &self.plan.facts, &self.plan.volumes);
        let failed = |fault: StepError| fault.to_string();
        self.replace_files(&fresh).map_err(failed)?;
        self.plan.config = config;
        self.decide_again();
        Ok(changed)
    }
    // ANCHOR_END: reconfigure

    fn read_config(&self) -> Result<Config, String> {
        let path = state::pod_dir(&self.plan.name).join(state::NEXT_CONFIG);
        let text = std::fs::read(&path).map_err(|fault| fault.to_string())?;
        // lleva secretos, y ya se ha leído
        let _ = std::fs::remove_file(&path);
        data::read(&text).map_err(|fault| fault.to_string())
    }

    /// Cuántos son otros. El que se declaró inmutable no puede serlo.
    fn changes(&self, wanted: &Config) -> Result<usize, String> {
        let now = &self.plan.config;
        let maps = different("ConfigMap", &now.config_maps, &wanted.config_maps, |old| old.immutable)?;
        let secrets = different("Secret", &now.secrets, &wanted.secrets, |old| old.immutable)?;
        Ok(maps + secrets)
    }

    /// Pone a la vista los volúmenes que salen distintos. Al que ahora le falta algo se le deja como está.
    fn replace_files(&mut self, fresh: &[publish::DataVolume]) -> Result<(), StepError> {
        let version = publish::version(SystemTime::now());
        for (i, new) in fresh.iter().enumerate() {
            let Some(old) = self.plan.data.get(i).filter(|old| old.files != new.files) else { continue };
            let Ok(files) = &new.files else {
                if old.files.is_err() {
                    self.plan.data[i] = new.clone();
                }
                continue;
            };
            // los de memoria los montó la pausa en su espacio de montajes, y solo se ven desde él
            let dir = match (new.memory, &self.pause) {
                (true, Some((pause, _))) => crate::sandbox::seen_from(pause.pid, &new.path),
                (true, None) => continue,
                (false, _) => new.path.clone(),
            };
            publish::replace(&mut self.k, new, &dir, files, &version)?;
            self.plan.data[i] = new.clone();
        }
        Ok(())
    }

    /// Con qué arrancará cada contenedor la próxima vez. La ficha también lo dice: `exec` lo lee en ella.
    fn decide_again(&mut self) {
        let all: Vec<_> = plan::all_containers(&self.spec).cloned().collect();
        for (i, container) in all.iter().enumerate() {
            match plan::decide_container(&self.spec, container, &self.plan) {
                Ok(decided) => self.plan.containers[i] = decided,
                Err(error) => log::error!("{} seguirá como estaba: {error}", container.name),
            }
        }
        self.rewrite_record();
    }
}

/// Cuántos de los que se quieren no son como los que hay.
fn different<T: PartialEq>(
    kind: &str,
    now: &BTreeMap<String, T>,
    wanted: &BTreeMap<String, T>,
    immutable: impl Fn(&T) -> Option<bool>,
) -> Result<usize, String> {
    let mut changed = 0;
    for (name, new) in wanted {
        match now.get(name) {
            Some(old) if old == new => {}
            Some(old) if immutable(old) == Some(true) => {
                return Err(format!("el {kind} `{name}` es inmutable (immutable: true)"));
            }
            Some(_) | None => changed += 1,
        }
    }
    Ok(changed)
}
