//! From a host name to addresses that may be dialled.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use postrider_core::address::{AddressPolicy, MAX_DIALLED};
use tokio::sync::Semaphore;

use crate::connector::ConnectFault;

/// Most lookups at a time. Each one holds a thread of tokio's blocking pool (512 by default) for as long as the system's
/// resolver takes; half of them stay free for others.
const MAX_LOOKUPS: usize = 256;

/// Finds the addresses of a host name. The name may end in the root's dot.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The system's own resolver (`getaddrinfo`).
pub fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(
            async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) },
        )
    })
}

pub(crate) struct Resolver {
    policy: Arc<AddressPolicy>,
    lookup: Lookup,
    permits: Arc<Semaphore>,
}

impl Resolver {
    pub(crate) fn new(policy: Arc<AddressPolicy>, lookup: Lookup) -> Self {
        Self { policy, lookup, permits: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }

    /// The addresses to dial, at most [`MAX_DIALLED`], each of them checked; one bad answer refuses the host.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectFault> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            self.policy.check_literal(ip, port).map_err(|_| ConnectFault::NotAllowed)?;
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let answers = self.look_up(self.full_name(host, port)).await?;
        if answers.is_empty() {
            return Err(ConnectFault::Dns);
        }
        self.policy.check_answers(host, port, &answers).map_err(|_| ConnectFault::NotAllowed)?;
        Ok(answers.into_iter().take(MAX_DIALLED).map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// The root's dot keeps the system's search list from turning a stranger's name into one of the local network. Names
    /// that the operator opened are left alone: those may well rely on it.
    fn full_name(&self, host: &str, port: u16) -> String {
        if host.ends_with('.') || self.policy.opens_name(host, port) {
            host.to_owned()
        } else {
            format!("{host}.")
        }
    }

    async fn look_up(&self, name: String) -> Result<Vec<IpAddr>, ConnectFault> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| ConnectFault::Dns)?;
        let lookup = (self.lookup)(name);
        // An attempt that gives up can't stop the system's lookup, so the permit belongs to the lookup itself.
        let answers = tokio::spawn(async move {
            let _permit = permit;
            lookup.await
        });
        answers.await.map_err(|_| ConnectFault::Dns)?.map_err(|_| ConnectFault::Dns)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn resolver(answers: Vec<IpAddr>) -> Resolver {
        let lookup: Lookup = Arc::new(move |_| Box::pin(std::future::ready(Ok(answers.clone()))));
        Resolver::new(Arc::default(), lookup)
    }

    #[tokio::test]
    async fn all_answers_are_checked_and_eight_are_dialled() {
        let mut answers: Vec<IpAddr> =
            (0..1000).map(|n| Ipv4Addr::from_bits(0x5db8_0000 + n).into()).collect();
        let dialled = resolver(answers.clone()).resolve("many.example.com", 8443).await.unwrap();
        assert_eq!((dialled.len(), dialled[0].to_string().as_str()), (MAX_DIALLED, "93.184.0.0:8443"));
        answers.push(Ipv4Addr::LOCALHOST.into());
        let refused = resolver(answers).resolve("many.example.com", 8443).await;
        assert!(matches!(refused, Err(ConnectFault::NotAllowed)));
    }

    #[tokio::test]
    async fn literals_are_checked_and_never_looked_up() {
        let resolver = resolver(vec![Ipv4Addr::LOCALHOST.into()]);
        for refused in ["127.0.0.1", "[::1]", "[64:ff9b::7f00:1]"] {
            assert!(
                matches!(resolver.resolve(refused, 80).await, Err(ConnectFault::NotAllowed)),
                "{refused}"
            );
        }
        let public = resolver.resolve("[2606:4700:4700::1111]", 443).await.unwrap();
        assert_eq!(public[0].to_string(), "[2606:4700:4700::1111]:443");
    }
}
