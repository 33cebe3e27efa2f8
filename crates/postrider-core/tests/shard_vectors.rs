//! The vectors that producers in other languages are held to.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use postrider_core::shard::shard_of;
use serde_json::Value;

#[test]
fn vectors_of_shards_come_out() {
    let file: Value = serde_json::from_str(include_str!("../../../tests/cases/shard_vectors.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let field = |name: &str| case[name].as_str().unwrap_or_default().as_bytes();
        let shards = u16::try_from(case["shards"].as_u64().unwrap()).unwrap();
        let shard = shard_of(field("userId"), field("hookId"), field("to"), shards);
        assert_eq!(u64::from(shard), case["shard"].as_u64().unwrap(), "{case}");
    }
}
