//! What a service manager is told over its socket (`sd_notify(3)`): that the gateway is ready, that it stops, that it lives.
//! Without such a manager nothing is said to nobody.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The way to the service manager, if there is one.
pub(crate) struct Manager(Option<SocketAddr>);

impl Manager {
    /// The one that started this process, as its environment says.
    pub(crate) fn of_environment() -> Self {
        Manager(std::env::var_os("NOTIFY_SOCKET").and_then(|name| address(&name)))
    }

    /// From now on requests are taken.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// From now on none are.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// It goes on; said more often than the manager's watchdog waits.
    pub(crate) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, state: &str) {
        // A manager that does not listen does what it does with a service that says nothing.
        let _ = self.try_tell(state);
    }

    fn try_tell(&self, state: &str) -> io::Result<()> {
        let Some(address) = &self.0 else { return Ok(()) };
        UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), address).map(drop)
    }
}

/// A path, or a name that begins with `@` and stands in no folder.
fn address(name: &OsStr) -> Option<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
        [b'/', ..] => SocketAddr::from_pathname(name).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_arrives_at_a_path_and_at_a_name_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("@usher-test-{}", folder.path().display());
        for name in [path.into_os_string(), name.into()] {
            let address = address(&name).unwrap();
            let socket = UnixDatagram::bind_addr(&address).unwrap();
            let manager = Manager(Some(address));
            manager.ready();
            manager.alive();
            manager.stopping();
            for expected in ["READY=1", "WATCHDOG=1", "STOPPING=1"] {
                let mut said = [0; 32];
                let length = socket.recv(&mut said).unwrap();
                assert_eq!(&said[..length], expected.as_bytes());
            }
        }
        assert!(address(OsStr::new("relative")).is_none() && address(OsStr::new("")).is_none());
    }
}
