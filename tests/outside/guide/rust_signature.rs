use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use postrider_core::secret::Secret;
use postrider_core::signature::{DEFAULT_TOLERANCE, verify};
use postrider_core::time::Timestamp;

pub fn is_genuine(headers: &HeaderMap, body: &[u8], secrets: &[Secret]) -> bool {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
    let now = Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
    verify(headers, body, secrets, now, DEFAULT_TOLERANCE).is_ok()
}
