//! The way to the platform API: the socket of the gateway that runs, else one of our own over the opened data folder.

use std::sync::Arc;

use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use usher_client::{ClientBuilder, HttpTransport};
use usher_register::Simulator;
use usher_server::documents;
use usher_server::gateway::stored_products;
use usher_server::register::Registers;
use usher_server::socket::{self, Socket};
use usher_storage::Store;

use super::Fault;
use crate::data::{self, Data};
use crate::serve;
use crate::settings::Settings;

/// What the generated client calls through.
pub(super) type Wire<'w> = &'w HttpTransport;

/// An open way.
pub(super) struct Way {
    transport: HttpTransport,
    own: Option<Own>,
}

/// The gateway that this process is for the moment.
struct Own {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
    store: Store,
}

impl Way {
    /// Opens the way to the gateway of a data folder.
    pub(super) async fn open(settings: &Settings) -> Result<Way, Fault> {
        let folder = &settings.data_folder;
        // Opening a folder makes it; here that would be a mistake of the operator's.
        if !folder.exists() {
            return Err(Fault::NoGateway { folder: folder.display().to_string() });
        }
        let path = folder.join(socket::FILE_NAME);
        let own = match UnixStream::connect(&path).await {
            Ok(_) => None,
            Err(_) => Some(Own::start(settings).await?),
        };
        let transport = ClientBuilder::of_socket(&path).build_transport().map_err(Fault::Setup)?;
        Ok(Way { transport, own })
    }

    /// What to call through.
    pub(super) fn wire(&self) -> Wire<'_> {
        &self.transport
    }

    /// Ends it in an orderly way.
    pub(super) async fn close(self) {
        // Connections that are kept open would keep the server waiting.
        drop(self.transport);
        let Some(own) = self.own else { return };
        let _ = own.stop.send(());
        let _ = own.serving.await;
        let store = own.store;
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
    }
}

impl Own {
    async fn start(settings: &Settings) -> Result<Own, Fault> {
        let Data { store, secrets, folder, .. } = Data::open(&settings.data_folder).await?;
        let products = stored_products(&store).await.map_err(data::Fault::from)?;
        // Operators ask no register.
        let registers = Registers { sandbox: Arc::new(Simulator::new(settings.sandbox_step)), production: None };
        let gateway = serve::gateway(store.clone(), secrets, products, registers, settings.sandbox_step);
        documents::load(&gateway).await.map_err(data::Fault::from)?;
        let socket = Socket::bind(&folder).map_err(|source| data::Fault::Socket { source })?;
        let (stop, stopped) = oneshot::channel();
        let until = async move {
            let _ = stopped.await;
        };
        let serving = tokio::spawn(socket.serve(usher_server::admin_router(&gateway), until));
        Ok(Own { stop, serving, store })
    }
}
