//! La única manera de escribir en un cgroup: un valor que se comprueba antes y se lee después.
//!
//! El kernel acepta valores imposibles y se queda con otros: `memory.max` con veinte cifras da la
//! vuelta, y con más de lo que cabe es «sin límite». Un tope que no se ha puesto no se promete.

use super::{errno_of, quote, quote_path};
use crate::kernel::Op;
use nix::errno::Errno;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

/// Lo que se escribe en un fichero de un cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CgroupValue {
    /// `memory.max`, en bytes.
    MemoryMax(u64),
    /// `memory.swap.max`, en bytes.
    SwapMax(u64),
    /// `memory.oom.group`: si falta memoria, morir todos.
    OomGroup,
    /// `cpu.max`: microsegundos de CPU de cada periodo.
    CpuMax { quota: u64, period: u64 },
    /// `cpu.weight`.
    CpuWeight(u64),
    /// `pids.max`.
    PidsMax(u64),
    /// `cgroup.subtree_control`: los controladores que se reparten hacia abajo, con `+` delante.
    Controllers(String),
    /// `cgroup.kill`: matar de un golpe cuanto viva dentro.
    Kill,
}

/// Lo que mide una página: la memoria se cuenta en páginas enteras.
const PAGE: u64 = 4096;

impl CgroupValue {
    fn file(&self) -> &'static str {
        match self {
            CgroupValue::MemoryMax(_) => "memory.max",
            CgroupValue::SwapMax(_) => "memory.swap.max",
            CgroupValue::OomGroup => "memory.oom.group",
            CgroupValue::CpuMax { .. } => "cpu.max",
            CgroupValue::CpuWeight(_) => "cpu.weight",
            CgroupValue::PidsMax(_) => "pids.max",
            CgroupValue::Controllers(_) => "cgroup.subtree_control",
            CgroupValue::Kill => "cgroup.kill",
        }
    }

    fn text(&self) -> String {
        match self {
            CgroupValue::MemoryMax(n) | CgroupValue::SwapMax(n) => n.to_string(),
            CgroupValue::CpuWeight(n) | CgroupValue::PidsMax(n) => n.to_string(),
            CgroupValue::CpuMax { quota, period } => format!("{quota} {period}"),
            CgroupValue::Controllers(list) => list.clone(),
            CgroupValue::OomGroup | CgroupValue::Kill => "1".to_string(),
        }
    }

    // ANCHOR: valid
    /// ¿Es un valor que el kernel guarda tal cual?
    fn is_valid(&self) -> bool {
        match self {
            // más de la mitad de lo que cabe en 64 bits es para el kernel «sin límite»
            CgroupValue::MemoryMax(bytes) => (PAGE..=i64::MAX as u64 - PAGE).contains(bytes),
            CgroupValue::SwapMax(bytes) => *bytes <= i64::MAX as u64 - PAGE,
            CgroupValue::CpuMax { quota, period } => {
                (1_000..=1_000_000).contains(period) && (1_000..=u64::MAX / 1_000).contains(quota)
            }
            CgroupValue::CpuWeight(weight) => (1..=10_000).contains(weight),
            CgroupValue::PidsMax(pids) => (1..=4_194_304).contains(pids),
            CgroupValue::Controllers(list) => list
                .split(' ')
                .all(|c| c.strip_prefix('+').is_some_and(|name| ["cpu", "memory", "pids"].contains(&name))),
            CgroupValue::OomGroup | CgroupValue::Kill => true,
        }
    }

    /// ¿Es `now`, lo que hay en el fichero, lo que se quiso dejar?
    fn is_in(&self, now: &str) -> bool {
        let now = now.trim();
        match self {
            CgroupValue::MemoryMax(bytes) | CgroupValue::SwapMax(bytes) => {
                now.parse() == Ok(bytes / PAGE * PAGE)
            }
            CgroupValue::Controllers(list) => {
                list.split(' ').all(|c| now.split(' ').any(|n| c.strip_prefix('+') == Some(n)))
            }
            // no se lee: se ha cumplido o no
            CgroupValue::Kill => true,
            other => now == other.text(),
        }
    }
    // ANCHOR_END: valid
}

/// Escribir un valor en un cgroup y comprobar que se ha quedado puesto.
pub struct WriteCgroup {
    pub dir: PathBuf,
    pub value: CgroupValue,
}

impl Op for WriteCgroup {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "write(2)"
    }
    fn shell(&self) -> String {
        format!("echo {} > {}", quote(&self.value.text()), quote_path(&self.dir.join(self.value.file())))
    }
    fn run(&self) -> Result<(), Errno> {
        if !self.value.is_valid() {
            return Err(Errno::ERANGE);
        }
        let path = self.dir.join(self.value.file());
        // una sola write: el kernel lee el valor entero o lo rechaza
        let mut file = OpenOptions::new().write(true).open(&path).map_err(|e| errno_of(&e))?;
        file.write_all(self.value.text().as_bytes()).map_err(|e| errno_of(&e))?;
        if self.value == CgroupValue::Kill {
            return Ok(());
        }
        let now = fs::read_to_string(&path).map_err(|e| errno_of(&e))?;
        if self.value.is_in(&now) { Ok(()) } else { Err(Errno::ERANGE) }
    }
    fn rehearse(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use CgroupValue::*;

    #[test]
    fn lo_que_el_kernel_cambiaria_en_silencio_no_se_escribe() {
        for bad in [
            MemoryMax(0),
            MemoryMax(1),
            MemoryMax(u64::MAX),
            MemoryMax(1 << 63),
            CpuMax { quota: 999, period: 100_000 },
            CpuMax { quota: 5_000, period: 1_000_001 },
            CpuMax { quota: u64::MAX, period: 100_000 },
            CpuWeight(0),
            CpuWeight(10_001),
            PidsMax(0),
            PidsMax(u64::MAX),
            Controllers("memory".into()),
            Controllers("+memory\n-pids".into()),
            Controllers(String::new()),
        ] {
            assert!(!bad.is_valid(), "{bad:?}");
            let op = WriteCgroup { dir: "/no-existe".into(), value: bad };
            assert_eq!(op.run(), Err(Errno::ERANGE), "se rechaza antes de abrir nada");
        }
        for good in [
            MemoryMax(64 << 20),
            SwapMax(0),
            CpuMax { quota: 50_000, period: 100_000 },
            CpuWeight(100),
            PidsMax(512),
            Controllers("+cpu +memory +pids".into()),
            OomGroup,
            Kill,
        ] {
            assert!(good.is_valid(), "{good:?}");
        }
    }

    #[test]
    fn lo_que_se_lee_despues_debe_ser_lo_que_se_escribio() {
        assert!(MemoryMax(5000).is_in("4096\n") && !MemoryMax(5000).is_in("max\n"));
        assert!(!MemoryMax(5000).is_in("8192\n"));
        assert!(CpuMax { quota: 5_000, period: 100_000 }.is_in("5000 100000\n"));
        assert!(!CpuMax { quota: 5_000, period: 100_000 }.is_in("max 100000\n"));
        assert!(PidsMax(7).is_in("7\n") && !PidsMax(7).is_in("max\n"));
        assert!(Controllers("+cpu +pids".into()).is_in("cpuset cpu io pids\n"));
        assert!(!Controllers("+cpu +pids".into()).is_in("cpuset cpu io\n"));
    }

    #[test]
    fn un_fichero_que_no_guarda_lo_escrito_es_un_error() {
        let dir = std::env::temp_dir().join(format!("micropod-cgroup-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let write = |value| WriteCgroup { dir: dir.clone(), value }.run();
        assert_eq!(write(PidsMax(7)), Err(Errno::ENOENT));
        fs::write(dir.join("pids.max"), "").unwrap();
        assert_eq!(write(PidsMax(7)), Ok(()));
        // se escribe sin vaciarlo, como un fichero del kernel: lo que queda no es un 7
        fs::write(dir.join("pids.max"), "999").unwrap();
        assert_eq!(write(PidsMax(7)), Err(Errno::ERANGE));
        fs::remove_dir_all(dir).unwrap();
    }
}
