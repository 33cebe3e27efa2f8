//! The kinds of value that a setting takes: how each is read from text, and how it is described. Which
//! setting has which kind is the table's.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::units::{format_millis, format_size, parse_duration, parse_size, split_list};

/// A kind of value. Bounds of durations are in milliseconds, of sizes in bytes; both ends are accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Whole number.
    Whole { min: u64, max: u64 },
    /// Number from 0 to 1.
    Share,
    /// Events a second.
    Rate,
    /// Span of time.
    Duration { min: u64, max: u64 },
    /// List of spans of time.
    Durations { min: u64, max: u64 },
    /// Bytes.
    Size { min: u64, max: u64 },
    /// `true` or `false`.
    Switch,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Names of queues, each with an optional weight.
    QueueNames,
    /// Name of one stream.
    QueueName,
    /// Redis' URL; its password is hidden wherever it is shown.
    RedisUrl,
    /// A proxy's URL; its credentials are hidden wherever it is shown.
    ProxyUrl,
    /// An http(s) origin.
    ServerUrl,
    /// Value of a header.
    HeaderText,
    /// Beginning of header names.
    HeaderPrefix,
    /// Name of a header.
    HeaderName,
    /// List of address rules.
    Rules,
    /// List of addresses and networks.
    Networks,
    /// Path of a file.
    File,
    /// Address and port to listen on.
    Listen,
    /// A secret; never shown.
    Token,
    /// URL of a collector of traces.
    Collector,
    /// List of headers whose values are secrets; never shown.
    SecretHeaders,
    /// What is logged.
    LogLevel,
}

/// Most requests a second that a rate can say: beyond it, a limit limits nothing.
const MAX_RATE: f64 = 1_000_000.0;

/// The levels of the log, from few lines to many.
pub(crate) const LOG_LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];

impl Kind {
    /// What would be accepted, completing "expected …".
    pub(crate) fn accepts(self) -> String {
        match self {
            Self::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Self::Share => "a number from 0 to 1".into(),
            Self::Rate => format!("requests a second, a number above 0 and at most {MAX_RATE}"),
            Self::Duration { min, max } => {
                format!(
                    "a duration from {} to {}, such as 250ms, 5s or 1h30m",
                    format_millis(min),
                    format_millis(max)
                )
            }
            Self::Durations { min, max } => {
                let (min, max) = (format_millis(min), format_millis(max));
                format!("a list of durations, each from {min} to {max}, such as 5s,5m,1h")
            }
            Self::Size { min, max } => {
                format!(
                    "a size from {} to {}, such as 65536, 64KiB or 1MiB",
                    format_size(min),
                    format_size(max)
                )
            }
            Self::Switch => "true or false".into(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::QueueNames => {
                "a list of queue names (A-Z a-z 0-9 : . _ - and at most one {tag}), each with an \
                                 optional weight, such as name*4"
                    .into()
            }
            Self::QueueName => "a stream's name: A-Z a-z 0-9 : . _ - and at most one {tag}".into(),
            Self::RedisUrl => postrider_store::connect::ACCEPTED_URLS.into(),
            Self::ProxyUrl => "http://[user:password@]host:port, or https:// for TLS with the proxy".into(),
            Self::ServerUrl => "an http:// or https:// URL without path".into(),
            Self::HeaderText => "visible ASCII, at least one character".into(),
            Self::HeaderPrefix => "the beginning of a header's name, such as X-Misskey".into(),
            Self::HeaderName => "the name of a header, such as X-Forwarded-User".into(),
            Self::Rules => {
                "a list of addresses, networks and host names, each with an optional :port, such as \
                            10.0.0.0/8,[::1]:8080"
                    .into()
            }
            Self::Networks => {
                "a list of addresses and networks, none of them of all addresses, such as 10.0.0.0/8,::1"
                    .into()
            }
            Self::File => "the path of a file, without control characters".into(),
            Self::Listen => "an IP address and a port, such as 127.0.0.1:8080 or [::]:8080".into(),
            Self::Token => "1 to 1024 characters of visible ASCII without spaces".into(),
            Self::Collector => {
                "an http:// or https:// URL without user and query, such as http://127.0.0.1:4318".into()
            }
            Self::SecretHeaders => "a list of headers, name=value each".into(),
            Self::LogLevel => {
                format!("one of {}, or directives such as info,postrider=debug", LOG_LEVELS.join(", "))
            }
        }
    }

    /// What stands for the value in `--help`.
    pub(crate) fn placeholder(self) -> String {
        let word = match self {
            Self::Whole { .. } | Self::Share | Self::Rate => "N",
            Self::Duration { .. } => "DURATION",
            Self::Size { .. } => "SIZE",
            Self::Durations { .. }
            | Self::QueueNames
            | Self::Rules
            | Self::Networks
            | Self::SecretHeaders => "LIST",
            Self::Switch => "BOOL",
            Self::RedisUrl | Self::ProxyUrl | Self::ServerUrl | Self::Collector => "URL",
            Self::File => "FILE",
            Self::Listen => "ADDRESS",
            Self::LogLevel => "LEVEL",
            Self::OneOf(words) => return words.join("|"),
            Self::QueueName | Self::HeaderText | Self::HeaderPrefix | Self::HeaderName | Self::Token => {
                "TEXT"
            }
        };
        word.to_owned()
    }

    /// Whether the value is a list: repeatable as a flag, an array in the file.
    pub(crate) fn is_list(self) -> bool {
        matches!(
            self,
            Self::Durations { .. } | Self::QueueNames | Self::Rules | Self::Networks | Self::SecretHeaders
        )
    }

    /// Whether it is `true` or `false`, so that the bare flag means `true`.
    pub(crate) fn is_switch(self) -> bool {
        matches!(self, Self::Switch)
    }

    /// Reads a whole number within the bounds; digits only.
    pub(crate) fn whole(self, text: &str) -> Option<u64> {
        let Self::Whole { min, max } = self else { return None };
        postrider_core::time::parse_whole(text.as_bytes()).filter(|number| (min..=max).contains(number))
    }

    /// Reads a size in bytes within the bounds.
    pub(crate) fn size(self, text: &str) -> Option<u64> {
        let Self::Size { min, max } = self else { return None };
        parse_size(text).filter(|bytes| (min..=max).contains(bytes))
    }

    /// Reads a duration within the bounds.
    pub(crate) fn duration(self, text: &str) -> Option<Duration> {
        let (Self::Duration { min, max } | Self::Durations { min, max }) = self else { return None };
        parse_duration(text)
            .filter(|span| (Duration::from_millis(min)..=Duration::from_millis(max)).contains(span))
    }

    /// Reads a list of durations, each within the bounds.
    pub(crate) fn durations(self, text: &str) -> Option<Vec<Duration>> {
        split_list(text).into_iter().map(|item| self.duration(item)).collect()
    }

    /// Reads a number from 0 to 1.
    pub(crate) fn share(self, text: &str) -> Option<f64> {
        decimal(text).filter(|share| (0.0..=1.0).contains(share))
    }

    /// Reads a number of requests a second.
    pub(crate) fn rate(self, text: &str) -> Option<f64> {
        decimal(text).filter(|rate| *rate > 0.0 && *rate <= MAX_RATE)
    }

    /// Reads `true` or `false`.
    pub(crate) fn switch(self, text: &str) -> Option<bool> {
        text.parse().ok()
    }

    /// Reads one of the words.
    pub(crate) fn word(self, text: &str) -> Option<&'static str> {
        let Self::OneOf(words) = self else { return None };
        words.iter().copied().find(|word| *word == text)
    }

    /// Reads a path.
    pub(crate) fn file(self, text: &str) -> Option<PathBuf> {
        (!text.chars().any(char::is_control)).then(|| text.into())
    }

    /// Reads a list of addresses and networks. One of all addresses is none to tell apart by; one of IPv4 in IPv6 dress
    /// would never match.
    pub(crate) fn networks(self, text: &str) -> Option<Vec<IpNet>> {
        let network = |item: &str| {
            let network = item.parse::<IpNet>().or_else(|_| item.parse::<IpAddr>().map(IpNet::from)).ok()?;
            let is_mapped = matches!(network, IpNet::V6(net) if net.addr().to_ipv4_mapped().is_some());
            (network.prefix_len() > 0 && !is_mapped).then_some(network)
        };
        split_list(text).into_iter().map(network).collect()
    }

    /// Reads an address and port.
    pub(crate) fn address(self, text: &str) -> Option<SocketAddr> {
        text.parse().ok()
    }
}

/// A plain decimal number: digits with at most one point. `f64` alone would also take `inf`, `nan` and
/// `1e300`.
fn decimal(text: &str) -> Option<f64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_range_are_accepted_and_nothing_beyond() {
        let whole = Kind::Whole { min: 1, max: 10_000 };
        assert_eq!(["1", "10000"].map(|text| whole.whole(text)), [Some(1), Some(10_000)]);
        for bad in ["0", "10001", "-1", "+5", "1.0", "1e3", " 1", "", "ten", "99999999999999999999"] {
            assert_eq!(whole.whole(bad), None, "{bad:?}");
        }
        let size = Kind::Size { min: 1 << 10, max: 64 << 20 };
        assert_eq!(["1KiB", "64MiB"].map(|text| size.size(text)), [Some(1 << 10), Some(64 << 20)]);
        assert_eq!(["1023", "67108865"].map(|text| size.size(text)), [None, None]);
        let span = Kind::Duration { min: 100, max: 120_000 };
        assert!(span.duration("100ms").is_some() && span.duration("2m").is_some());
        assert!(span.duration("99ms").is_none() && span.duration("2m1s").is_none());
    }

    #[test]
    fn shares_and_rates_are_plain_decimals() {
        assert_eq!(
            ["0", "1", "0.2", "1.0"].map(|text| Kind::Share.share(text)),
            [Some(0.0), Some(1.0), Some(0.2), Some(1.0)]
        );
        for bad in ["1.01", "-0.1", "nan", "inf", "1e-1", "20%", "", ".", "1.2.3"] {
            assert_eq!(Kind::Share.share(bad), None, "{bad:?}");
        }
        assert_eq!(Kind::Rate.rate("0.5"), Some(0.5));
        for bad in ["0", "0.0", "1000001", "inf", "5/s"] {
            assert_eq!(Kind::Rate.rate(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn switches_and_words_are_exact() {
        assert_eq!(["true", "false"].map(|text| Kind::Switch.switch(text)), [Some(true), Some(false)]);
        assert!(["1", "yes", "True", ""].iter().all(|text| Kind::Switch.switch(text).is_none()));
        let order = Kind::OneOf(&["weighted", "strict"]);
        assert_eq!(
            (order.word("strict"), order.word("Strict"), order.word("")),
            (Some("strict"), None, None)
        );
    }

    #[test]
    fn a_list_is_refused_for_one_bad_item() {
        let list = Kind::Durations { min: 1, max: 86_400_000 };
        assert_eq!(list.durations("5s, 5m").map(|waits| waits.len()), Some(2));
        assert_eq!(list.durations(""), Some(Vec::new()));
        assert!(["5s,,5m", "5s,", "5s,5", "5s;5m", "0s"].iter().all(|text| list.durations(text).is_none()));
    }

    #[test]
    fn networks_are_addresses_or_networks_and_never_everyone() {
        let networks = |text: &str| Kind::Networks.networks(text).map(|networks| networks.len());
        assert_eq!(networks("10.0.0.0/8, 192.0.2.1,::1,fd00::/64"), Some(4));
        for bad in
            ["0.0.0.0/0", "::/0", "10.0.0.0/33", "proxy", "10.0.0.1:80", "::ffff:10.0.0.1", "10.0.0.1,"]
        {
            assert_eq!(networks(bad), None, "{bad}");
        }
    }

    #[test]
    fn listening_needs_an_ip_address_and_a_port() {
        assert!(["127.0.0.1:8080", "[::]:0"].iter().all(|text| Kind::Listen.address(text).is_some()));
        assert!(
            ["8080", ":8080", "localhost:8080", "127.0.0.1", "::1:8080"]
                .iter()
                .all(|text| Kind::Listen.address(text).is_none())
        );
    }
}
