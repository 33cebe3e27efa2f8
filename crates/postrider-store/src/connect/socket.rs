//! From a host to a connected stream of bytes, with TLS where that is wanted.

use std::io;
use std::path::Path;

use redis::{RedisConnectionInfo, RedisError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::place::Host;
use super::tls::Tls;
use crate::resp::RespConnection;

/// A connected stream of bytes.
pub(crate) type Socket = Box<dyn Stream>;

/// What a socket can do.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// How servers are reached once they are known.
#[derive(Clone, Copy)]
pub(crate) struct Dialler<'a> {
    tls: Option<&'a Tls>,
    login: &'a RedisConnectionInfo,
}

impl<'a> Dialler<'a> {
    pub(super) fn new(tls: Option<&'a Tls>, login: &'a RedisConnectionInfo) -> Self {
        Self { tls, login }
    }

    /// The same with another login.
    pub(super) fn with_login(self, login: &'a RedisConnectionInfo) -> Self {
        Self { login, ..self }
    }

    /// Connects; the host's name is resolved anew each time. The caller bounds the time.
    pub(super) async fn dial(self, host: &Host) -> io::Result<Socket> {
        let stream = TcpStream::connect((&*host.name, host.port)).await?;
        stream.set_nodelay(true)?;
        Ok(match self.tls {
            Some(tls) => Box::new(tls.over(stream, host).await?),
            None => Box::new(stream),
        })
    }

    /// Connects and logs in.
    pub(super) async fn log_in(self, host: &Host) -> Result<RespConnection, RedisError> {
        RespConnection::over(self.dial(host).await?, self.login).await
    }
}

/// Connects to a socket of this machine.
pub(super) async fn dial_path(path: &Path) -> io::Result<Socket> {
    Ok(Box::new(UnixStream::connect(path).await?))
}
