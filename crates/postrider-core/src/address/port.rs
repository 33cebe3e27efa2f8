//! Which ports a webhook may use.

/// From 1024 up: the ports that browsers refuse (the Fetch standard's "bad port"), and those of Redis and memcached, which
/// take commands from any text.
const REFUSED: [u16; 21] = [
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669,
    6679, 6697, 10080, 11211,
];

/// 80, 443, or from 1024 up without the refused ones.
pub(super) fn is_ordinary(port: u16) -> bool {
    matches!(port, 80 | 443) || (port >= 1024 && !REFUSED.contains(&port))
}
