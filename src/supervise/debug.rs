//! Contenedores efímeros: llegan con el Pod ya en marcha, a mirarlo (`micropod debug`).

use super::Supervisor;
use crate::control::Response;
use crate::logic::{ContainerId, Event, rules};
use crate::spec::types::{EphemeralContainer, ObjectMeta, Pod};
use crate::spec::validate;
use crate::{plan, state};
use nix::sched::CloneFlags;
use std::os::fd::OwnedFd;

impl Supervisor {
    /// Añade `new`; con `attach`, quien lo pide se queda mirándolo desde antes de que nazca.
    pub(super) fn debug(&mut self, client: OwnedFd, new: EphemeralContainer, attach: bool) {
        match self.add_ephemeral(&new) {
            Ok(id) if attach => self.accept_attached(client, id, new.stdin),
            Ok(_) => self.control.answer(client, &Response::Accepted),
            Err(why) => self.control.answer(client, &Response::Refused(why)),
        }
    }

    // ANCHOR: add_ephemeral
    /// Se decide como cualquier contenedor, se apunta en la ficha y se cuenta al núcleo, que lo arranca.
    fn add_ephemeral(&mut self, new: &EphemeralContainer) -> Result<ContainerId, String> {
        if self.finished || self.core.is_ending() {
            return Err(format!("el Pod `{}` está acabando", self.plan.name));
        }
        let metadata = ObjectMeta { name: self.plan.name.clone(), ..ObjectMeta::default() };
        let pod = Pod { metadata, spec: self.spec.clone() };
        if let Some(broken) = validate::ephemeral::check(&pod, new, self.plan.policy).first() {
            return Err(format!("{}: {}", broken.path, broken.problem));
        }
        if let Some(target) = &new.target_container_name {
            self.running(target).ok_or_else(|| format!("el contenedor `{target}` no está en marcha"))?;
        }
        let decided = plan::decide_container(&self.spec, &new.as_container(), &self.plan);
        let mut decided = decided.map_err(|fault| fault.to_string().replacen("error: ", "", 1))?;
        decided.target = new.target_container_name.clone();
        self.plan.containers.push(decided);
        self.spec.ephemeral_containers.push(new.clone());
        self.make_room();
        self.rewrite_record();
        self.events.push_back(Event::EphemeralAdded(Box::new(rules::ephemeral(new))));
        Ok(self.plan.containers.len() - 1)
    }
    // ANCHOR_END: add_ephemeral

    /// Un sitio más en todo lo que se lleva por contenedor.
    fn make_room(&mut self) {
        self.lives.push(None);
        self.lives_so_far.push(0);
        self.told.push(String::new());
        self.live.processes.push(None);
        if let Some(screen) = &mut self.screen {
            screen.add_lane(&self.plan.containers);
        }
    }

    /// La ficha, con lo que se ha decidido después de nacer: `exec` lo lee en ella.
    pub(super) fn rewrite_record(&self) {
        let record = state::see(&self.plan.name).map(|seen| seen.record);
        let Some(mut record) = record.filter(|record| record.uid == self.plan.uid) else { return };
        record.plans = self.plan.containers.clone();
        record.pod.spec.ephemeral_containers = self.spec.ephemeral_containers.clone();
        if let Err(error) = state::write_record(&record) {
            log::error!("la ficha de {} se queda como estaba: {error}", record.name);
        }
    }

    /// El contenedor de ese nombre, si su programa ya corre.
    pub(super) fn running(&self, name: &str) -> Option<ContainerId> {
        let id = self.plan.containers.iter().position(|plan| plan.name == name)?;
        self.lives[id].as_ref().is_some_and(|life| life.channel.is_none()).then_some(id)
    }

    /// Quién es el que va a mirar `id`, si mira a uno y no son ya todos los procesos del Pod.
    pub(super) fn target_of(&self, id: ContainerId) -> Option<&str> {
        let shared = self.plan.shared.contains(CloneFlags::CLONE_NEWPID);
        self.plan.containers[id].target.as_deref().filter(|_| !shared)
    }

    /// El PID 1 entre cuyos procesos va a nacer, y cómo se escribe en la shell.
    pub(super) fn target_process(&self, id: ContainerId) -> Option<(OwnedFd, String)> {
        let target = self.running(self.target_of(id)?)?;
        let life = self.lives[target].as_ref()?;
        Some((life.pidfd.try_clone().ok()?, life.process.pid.to_string()))
    }
}
