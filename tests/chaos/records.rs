//! What Redis tells when all is quiet: who died, what each attempt came to, and what is left over.

use std::collections::HashMap;

use redis::RedisResult;
use redis::aio::MultiplexedConnection;

use crate::clock::MILLI;
use crate::history::Death;
use crate::job::number_of;
use crate::load::{EVENTS, QUEUE};
use crate::scene::Scene;
use crate::watch::used_memory;

/// Dead letters and records that are read at a time.
const PAGE: usize = 2_000;

/// Redis may keep this much more than before the first job once all is gone: buffers, and what is split among them.
const MAX_KEPT_BYTES: u64 = 16 * 1024 * 1024;

/// Keys that outlive the jobs.
const MAY_STAY: [&str; 11] = [
    "",
    ":dead",
    ":dead:counts",
    ":dead:ids",
    ":attempts",
    ":workers",
    ":workers:seen",
    ":stats",
    ":control",
    ":health",
    ":epoch",
];

/// All dead letters. One that no job explains is a problem.
pub(crate) async fn deaths(scene: &Scene) -> anyhow::Result<Vec<Death>> {
    let mut redis = scene.servers.primary().await?;
    let mut deaths = Vec::new();
    for fields in entries(&mut redis, &format!("{{{QUEUE}}}:dead")).await? {
        match death(&fields) {
            Some(death) => deaths.push(death),
            None => scene.ledger.problem(format!("a dead letter that no job explains: {fields:?}")),
        }
    }
    for fields in entries(&mut redis, &format!("{{{EVENTS}}}:dead")).await? {
        scene.ledger.problem(format!("a dead event: {fields:?}"));
    }
    Ok(deaths)
}

fn death(fields: &HashMap<String, String>) -> Option<Death> {
    Some(Death {
        job: number_of(fields.get("_id")?)?,
        reason: fields.get("_reason")?.clone(),
        attempts: fields.get("_attempts")?.parse().ok()?,
        at: fields.get("_diedAt")?.parse::<u64>().ok()? * MILLI,
    })
}

/// The records of the attempts of these jobs, as lines.
pub(crate) async fn records_of(
    scene: &Scene,
    ids: &[String],
) -> anyhow::Result<HashMap<String, Vec<String>>> {
    let mut redis = scene.servers.primary().await?;
    let mut records: HashMap<String, Vec<String>> = HashMap::new();
    for fields in entries(&mut redis, &format!("{{{QUEUE}}}:attempts")).await? {
        let Some(id) = fields.get("job").filter(|id| ids.contains(id)) else { continue };
        let of = |name: &str| fields.get(name).map_or("", String::as_str);
        let line = format!(
            "at {} attempt {} {} {} after {} ms by {} {}",
            of("at"),
            of("attempt"),
            of("outcome"),
            of("status"),
            of("ms"),
            of("worker"),
            of("error")
        );
        records.entry(id.clone()).or_default().push(line);
    }
    Ok(records)
}

async fn entries(redis: &mut MultiplexedConnection, key: &str) -> RedisResult<Vec<HashMap<String, String>>> {
    let (mut all, mut from) = (Vec::new(), "-".to_owned());
    loop {
        let mut ask = redis::cmd("XRANGE");
        ask.arg(key).arg(&from).arg("+").arg("COUNT").arg(PAGE);
        let page: Vec<(String, Vec<String>)> = ask.query_async(redis).await?;
        let Some((last, _)) = page.last() else { return Ok(all) };
        from = format!("({last}");
        let pairs = |flat: Vec<String>| {
            let mut flat = flat.into_iter();
            std::iter::from_fn(|| Some((flat.next()?, flat.next()?))).collect()
        };
        all.extend(page.into_iter().map(|(_, flat)| pairs(flat)));
    }
}

/// Keys that are left over, and memory that Redis doesn't give back. What is meant to stay is removed here: it is the last
/// look at this Redis.
pub(crate) async fn leftovers(scene: &Scene, before_bytes: u64) -> anyhow::Result<Vec<String>> {
    let mut redis = scene.servers.primary().await?;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await?;
    let mut left = Vec::new();
    for key in &keys {
        let millis_left: i64 = redis::cmd("PTTL").arg(key).query_async(&mut redis).await?;
        if !may_stay(key) && !is_about_to_go(key, millis_left) {
            left.push(format!("the key {key} is left over"));
        }
        let () = redis::cmd("DEL").arg(key).query_async(&mut redis).await?;
    }
    let after = used_memory(&mut redis).await?;
    if after > before_bytes + MAX_KEPT_BYTES {
        left.push(format!("Redis uses {after} bytes when all is gone, {before_bytes} before the first job"));
    }
    Ok(left)
}

/// What a worker told of its destinations is forgotten soon after it is gone.
fn is_about_to_go(key: &str, millis_left: i64) -> bool {
    key.starts_with(&format!("{{{QUEUE}}}:destinations:")) && (0..=10_000).contains(&millis_left)
}

fn may_stay(key: &str) -> bool {
    let of_stream = |stream: &str| {
        let satellite = key.strip_prefix(&format!("{{{stream}}}")).filter(|rest| !rest.is_empty());
        let known = |rest: &str| MAY_STAY.contains(&rest) || rest.starts_with(":stats:");
        key == stream || satellite.is_some_and(known)
    };
    of_stream(QUEUE)
        || of_stream(EVENTS)
        || key.starts_with("postrider:hooks:{")
        || key == "postrider:notices"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_workers_told_goes_by_itself_or_is_left_over() {
        let key = format!("{{{QUEUE}}}:destinations:w1");
        assert!(is_about_to_go(&key, 9_000));
        assert!(!is_about_to_go(&key, -1), "it never goes");
        assert!(!is_about_to_go(&format!("{{{QUEUE}}}:retry:jobs"), 9_000));
    }

    #[test]
    fn only_what_outlives_jobs_may_stay() {
        for key in ["postrider:deliveries", "{postrider:deliveries}:dead", "postrider:hooks:{owner1}:latest"]
        {
            assert!(may_stay(key), "{key}");
        }
        for key in ["{postrider:deliveries}", "{postrider:deliveries}:retry:jobs", "postrider:other"] {
            assert!(!may_stay(key), "{key}");
        }
    }
}
