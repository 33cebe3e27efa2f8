//! From a host name to addresses that may be dialled.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use postrider_core::address::{AddressPolicy, MAX_DIALLED};
use postrider_core::endpoint::Endpoint;
use postrider_core::outcome::NoAnswer;
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

/// Whether an attempt would find addresses to dial at this URL now: its host is looked up and the answers are checked as
/// for a connection. What the URL shows by itself is [`AddressPolicy::check_endpoint`]'s. The caller bounds the time.
///
/// # Errors
/// Why there would be no connection.
pub async fn check_addresses(
    policy: &AddressPolicy,
    lookup: Lookup,
    endpoint: &Endpoint,
) -> Result<(), NoAnswer> {
    let resolver = Resolver::new(Arc::new(policy.clone()), lookup);
    let host = endpoint.uri().host().ok_or(NoAnswer::Dns)?;
    resolver.resolve(host, endpoint.port()).await.map(|_| ()).map_err(|fault| fault.cause())
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
        if let Some(ip) = literal(host) {
            self.policy.check_literal(ip, port).map_err(|_| ConnectFault::NotAllowed)?;
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let answers = self.look_up(self.full_name(host, port)).await?;
        if answers.is_empty() {
            return Err(ConnectFault::Dns(None));
        }
        self.policy.check_answers(host, port, &answers).map_err(|_| ConnectFault::NotAllowed)?;
        Ok(answers.into_iter().take(MAX_DIALLED).map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// The addresses of a host that the operator named: as the system finds them, unchecked.
    pub(crate) async fn resolve_for_the_operator(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, ConnectFault> {
        let addresses = match literal(host) {
            Some(ip) => vec![ip],
            None => self.look_up(host.to_owned()).await?,
        };
        if addresses.is_empty() {
            return Err(ConnectFault::Dns(None));
        }
        Ok(addresses.into_iter().take(MAX_DIALLED).map(|ip| SocketAddr::new(ip, port)).collect())
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
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| ConnectFault::Dns(None))?;
        let lookup = (self.lookup)(name);
        // An attempt that gives up can't stop the system's lookup, so the permit belongs to the lookup itself.
        let answers = tokio::spawn(async move {
            let _permit = permit;
            lookup.await
        });
        let answers = answers.await.map_err(|_| ConnectFault::Dns(None))?;
        answers.map_err(|error| ConnectFault::Dns(Some(error)))
    }
}

/// The address that a URL's host is, where it is one.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
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
