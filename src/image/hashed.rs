//! Lo que se lee o se escribe, resumido según pasa.

use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};

/// Quien lee o escribe y calcula a la vez el SHA-256 de lo que pasa, y cuánto es.
pub(super) struct Hashed<T> {
    inner: T,
    hasher: Sha256,
    size: u64,
}

impl<T> Hashed<T> {
    pub(super) fn new(inner: T) -> Hashed<T> {
        Hashed { inner, hasher: Sha256::new(), size: 0 }
    }

    /// Lo de dentro, el resumen en hexadecimal y los bytes que han pasado.
    pub(super) fn finish(self) -> (T, String, u64) {
        (self.inner, format!("{:x}", self.hasher.finalize()), self.size)
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.passed(&buffer[..read]);
        Ok(read)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.passed(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
