//! The secrets, each with `cnry` in it, and the texts that would betray one.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

pub(super) const REDIS_PASSWORD: &str = "cnry-redis-password";
pub(super) const TOKEN: &str = "cnry-admin-token-4f9A-Zx71-wPl2-Vb8m";
pub(super) const PROXY_PASSWORD: &str = "cnry-proxy-password";
/// With everything that JSON, URLs and HTML escape.
pub(super) const JOB_SECRET: &str = r#"cnry"job\secret/+&<'%> 4711"#;
pub(super) const HEADER: &str = "cnry-header;x=\"y\"";
pub(super) const HOOK_SECRET: &str = "whsec_Y25yeS1vbGQtaG9vay1zZWNyZXQtMDEyMzQ1Njc4OWFi";
pub(super) const NEW_HOOK_SECRET: &str = "whsec_Y25yeS1uZXctaG9vay1zZWNyZXQtMDEyMzQ1Njc4OWFi";
pub(super) const HOOK_HEADER: &str = "cnry-hook-header";
/// A key of the signing vectors.
pub(super) const WHSK: &str =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

/// A key in base64.
pub(super) fn whsec() -> String {
    format!("whsec_{}", BASE64_STANDARD.encode("cnry-job-signing-key-0123456789"))
}

/// What no text may hold, lower case: `cnry`, as it is and in all encodings that the receiver uses, and the keys.
pub(super) fn betrayals() -> Vec<String> {
    let plain = "cnry";
    let hex: String = plain.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = plain.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let json: String = plain.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let entities: String = plain.bytes().map(|byte| format!("&#{byte};")).collect();
    let keys =
        [WHSK, HOOK_SECRET, NEW_HOOK_SECRET].map(|secret| secret.split('_').nth(1).unwrap()[..12].to_owned());
    let texts = [plain.to_owned(), hex, percent, json, entities];
    texts.into_iter().chain(in_base64(plain)).chain(keys).map(|text| text.to_lowercase()).collect()
}

/// The part of its base64 that is the same wherever it stands, for each of the three places.
fn in_base64(text: &str) -> Vec<String> {
    let of = |before: &str, from: usize, to: usize| {
        BASE64_STANDARD.encode(format!("{before}{text}"))[from..to].to_owned()
    };
    vec![of("", 0, 5), of("a", 2, 6), of("ab", 3, 8)]
}
