//! Adding jobs: in bulk, or one by one at an even rate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;

use crate::args::AddArgs;
use crate::job::Job;

/// Jobs that are handed over at once.
const JOBS_PER_TRIP: u64 = 500;

/// How one library takes jobs.
pub(crate) trait Add {
    /// Adds them by whatever the library offers for many.
    async fn add(&mut self, jobs: Vec<Job>) -> anyhow::Result<()>;
}

/// Adds what was asked for.
pub(crate) async fn all(adder: &mut impl Add, args: &AddArgs) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&args.job).context("failed to read the job's file")?;
    let job: Job = serde_json::from_str(&text).context("the job's file is not as expected")?;
    let per_trip = if args.per_second.is_some() { 1 } else { JOBS_PER_TRIP };
    let mut ticks = args.per_second.map(|rate| tokio::time::interval(Duration::from_secs(1) / rate));
    let mut added = 0;
    while added < args.jobs {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let end = (added + per_trip).min(args.jobs);
        adder.add((added..end).map(|number| numbered(&job, number, &args.to)).collect()).await?;
        added = end;
    }
    Ok(())
}

fn numbered(job: &Job, number: u64, to: &[String]) -> Job {
    let place = usize::try_from(number).unwrap_or_default() % to.len().max(1);
    let template = to.get(place).map_or("", String::as_str);
    let to = template.replace("{now}", &now_us().to_string()).replace("{number}", &number.to_string());
    Job { to, event_id: format!("{}-{number}", job.event_id), ..job.clone() }
}

fn now_us() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()
}
