//! Which host names can be public ones.

/// Suffixes that never lead to a public host: special-use names (RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476) and those
/// that inner networks use by custom.
const SPECIAL_SUFFIXES: [&str; 16] = [
    "alt",
    "arpa",
    "corp",
    "home",
    "home.arpa",
    "i2p",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "test",
];

/// A name with a dot inside and without a special-use suffix; `name` is lower-case.
pub(super) fn is_public(name: &str) -> bool {
    let name = without_root(name);
    name.contains('.') && !SPECIAL_SUFFIXES.iter().any(|suffix| is_under(name, suffix))
}

fn is_under(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The name without the root's dot, which changes nothing about whom it names.
pub(super) fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}
