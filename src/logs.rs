pub enum Stream { Stdout, Stderr }
impl Clone for Stream { fn clone(&self) -> Stream { *self } } impl Copy for Stream {}
pub struct LogWriter;
impl LogWriter { pub fn open(_d: &std::path::Path, _n: u32) -> LogWriter { LogWriter } pub fn write(&mut self, _s: Stream, _b: &[u8], _t: std::time::SystemTime) {} pub fn finish(&mut self, _t: std::time::SystemTime) {} }
