//! Which connection a request was given, a new one or an older one. The client tells it only of answers; this knows it of
//! requests without one too.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::uri::Scheme;
use http::{Extensions, Request};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};

use crate::usage::Usage;

/// The connection of the latest message of an attempt that was watched.
#[derive(Default)]
pub(crate) struct Given(Mutex<Option<CaptureConnection>>);

impl Given {
    /// Watches over the connection that a message is given.
    pub(crate) fn watch<B>(&self, mut message: Request<B>) -> Request<B> {
        *self.lock() = Some(capture_connection(&mut message));
        message
    }

    /// The same where HTTP/2 may be spoken. A connection without it ends by itself, so watching isn't worth its price.
    pub(crate) fn watch_https<B>(&self, message: Request<B>) -> Request<B> {
        if message.uri().scheme() == Some(&Scheme::HTTPS) { self.watch(message) } else { message }
    }

    /// Whether there is one.
    pub(crate) fn is_there(&self) -> bool {
        self.lock().as_ref().is_some_and(|given| given.connection_metadata().is_some())
    }

    /// What it was used for.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let mut extras = Extensions::new();
        self.lock().as_ref()?.connection_metadata().as_ref()?.get_extras(&mut extras);
        extras.remove()
    }

    fn lock(&self) -> MutexGuard<'_, Option<CaptureConnection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
