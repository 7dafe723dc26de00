//! The socket in the data folder: whoever may open it is an operator, so it needs no key. The permissions of the file and of
//! its folder are the authority.

use std::fs::{self, Permissions};
use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use axum::Router;
use tokio::net::UnixListener;

/// The name of the socket in the data folder.
pub const FILE_NAME: &str = "admin.sock";

/// A bound socket. It is gone from the folder once it is dropped.
pub struct Socket {
    listener: UnixListener,
    file: SocketFile,
}

struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Who finds a socket that nobody serves is told so by connecting.
        let _ = fs::remove_file(&self.0);
    }
}

impl Socket {
    /// Binds the socket of a data folder. The folder must belong to this process: what another one left there is replaced.
    ///
    /// # Errors
    /// The system says no, mostly because the path is longer than a socket's may be.
    pub fn bind(folder: &Path) -> io::Result<Socket> {
        let path = folder.join(FILE_NAME);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // The folder is open to its owner only, so nobody else gets in between these two.
        let listener = UnixListener::bind(&path)?;
        let file = SocketFile(path);
        fs::set_permissions(&file.0, Permissions::from_mode(0o600))?;
        Ok(Socket { listener, file })
    }

    /// Serves until the future ends; calls that run then are finished.
    ///
    /// # Errors
    /// The socket fails as a whole.
    pub async fn serve(self, router: Router, until: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let Socket { listener, file } = self;
        let served = axum::serve(listener, router).with_graceful_shutdown(until).await;
        drop(file);
        served
    }
}
