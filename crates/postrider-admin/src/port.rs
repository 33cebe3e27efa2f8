//! The port and its thread: taking the address, starting, stopping. What is answered isn't known here.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::api::{Api, ApiConfig, look_out};
use crate::routes::{AdminState, router};
use crate::serving;

/// The admin port, bound but not yet answering: connections that come before [`AdminPort::serve`] wait.
#[derive(Debug)]
pub struct AdminPort {
    listener: TcpListener,
    address: SocketAddr,
}

impl AdminPort {
    /// Takes the address; port 0 takes any free one. Fails where the address is in use or isn't this
    /// machine's.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers from now on, on a thread with a runtime of its own: a busy engine can't stall a probe, nor the
    /// other way round; without `api`, probes and metrics only. Fails where the system refuses a thread or a poller.
    pub fn serve(self, state: AdminState, api: Option<ApiConfig>) -> io::Result<RunningAdmin> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(self.listener)?
        };
        let (stop, stopped) = watch::channel(());
        let api = api.map(|config| Arc::new(Api::new(config)));
        if let Some(api) = &api {
            // Ends with the runtime.
            runtime.spawn(look_out(api.clone()));
        }
        let router = router(state, api);
        let body = move || runtime.block_on(serving::serve(listener, router, stopped));
        let thread = thread::Builder::new().name("admin".into()).spawn(body)?;
        Ok(RunningAdmin { address: self.address, stop: Some(stop), thread: Some(thread) })
    }
}

/// The port while it answers. Dropping it stops it.
#[derive(Debug)]
pub struct RunningAdmin {
    address: SocketAddr,
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RunningAdmin {
    /// The address that answers.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection, lets requests in flight end for up to [`crate::STOP_GRACE`], and waits for
    /// the thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Dropping the sender is the signal.
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the admin port panicked");
        }
    }
}

impl Drop for RunningAdmin {
    fn drop(&mut self) {
        self.end();
    }
}
