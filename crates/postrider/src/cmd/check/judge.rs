//! The verdict on one URL: the guard's own checks, in the order in which a worker makes them.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::address::AddressPolicy;
use postrider_core::endpoint::Endpoint;
use postrider_core::outcome::NoAnswer;
use postrider_sender::{Lookup, check_addresses};
use tokio::time::timeout;

/// The reason where the name doesn't resolve (contract section 7).
pub(super) const DNS: &str = "dns";

/// The reason where the URL is fine, but not what DNS answers.
pub(super) const ANSWERS: &str = "an address that the name resolves to";

/// Whether a worker would connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// By which rule.
    Blocked(&'static str),
    /// What a URL must be.
    Invalid(&'static str),
}

impl Verdict {
    /// Its word.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked(_) => "blocked",
            Self::Invalid(_) => "invalid",
        }
    }

    /// Why not.
    pub(super) fn reason(self) -> Option<&'static str> {
        match self {
            Self::Allowed => None,
            Self::Blocked(reason) | Self::Invalid(reason) => Some(reason),
        }
    }
}

/// Judges by the settings; cheap to clone.
#[derive(Clone)]
pub(super) struct Judge {
    policy: Arc<AddressPolicy>,
    /// Where DNS is to be asked too.
    lookup: Option<Lookup>,
    max_lookup: Duration,
}

impl Judge {
    /// A lookup may take as long as an attempt that waits for it.
    pub(super) fn new(policy: AddressPolicy, lookup: Option<Lookup>, max_lookup: Duration) -> Self {
        Self { policy: Arc::new(policy), lookup, max_lookup }
    }

    /// The verdict on this text.
    pub(super) async fn judge(&self, url: &[u8]) -> Verdict {
        let endpoint = match Endpoint::parse(url) {
            Ok(endpoint) => endpoint,
            Err(rule) => return Verdict::Invalid(rule),
        };
        if let Err(rule) = self.policy.check_endpoint(&endpoint) {
            return Verdict::Blocked(rule);
        }
        match &self.lookup {
            Some(lookup) => self.judge_answers(Lookup::clone(lookup), &endpoint).await,
            None => Verdict::Allowed,
        }
    }

    async fn judge_answers(&self, lookup: Lookup, endpoint: &Endpoint) -> Verdict {
        let checking = check_addresses(&self.policy, lookup, endpoint);
        match timeout(self.max_lookup, checking).await {
            Ok(Ok(())) => Verdict::Allowed,
            Ok(Err(NoAnswer::AddressNotAllowed)) => Verdict::Blocked(ANSWERS),
            Ok(Err(_)) | Err(_) => Verdict::Blocked(DNS),
        }
    }
}
