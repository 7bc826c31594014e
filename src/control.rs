use crate::error::Error; use std::os::fd::BorrowedFd; use nix::poll::PollFlags;
pub enum Request { Delete { grace_seconds: Option<u64>, force: bool } }
pub enum Response { Accepted }
pub struct Control;
impl Control { pub fn listen(_p: &std::path::Path) -> Result<Control, Error> { Ok(Control) } pub fn fds(&self) -> Vec<(BorrowedFd<'_>, PollFlags)> { vec![] } pub fn attend(&mut self) -> Vec<(usize, Request)> { vec![] } pub fn answer(&mut self, _c: usize, _r: &Response) {} }
