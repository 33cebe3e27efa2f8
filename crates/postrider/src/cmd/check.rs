//! `postrider check`: whether a worker with these settings would connect to a URL. Sends nothing; with `--resolve` it asks DNS.
//!
//! - [`judge`]: the verdict on one URL; [`source`]: where URLs come from; [`print`]: how verdicts are shown.

mod judge;
mod print;
mod source;
#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::time::Instant;

use anyhow::{Context, anyhow};
use postrider_sender::{Lookup, system_lookup};
use tokio::task::JoinHandle;

use crate::args::CheckWork;
use crate::exit::Failure;
use crate::progress;
use crate::settings::Settings;
use judge::{Judge, Verdict};
use print::Rows;
use source::Source;

/// URLs that are judged at a time. With `--resolve` each waits for a lookup of its own, which takes a thread.
const MAX_AT_A_TIME: usize = 64;

const BEHIND_A_PROXY: &str =
    "postrider: proxy.url is set, so DNS is not asked: the addresses of names are the proxy's duty";

/// Judges all URLs; fails unless all are allowed.
pub(crate) fn run(settings: &Settings, work: CheckWork) -> Result<(), Failure> {
    let lookup = lookup_of(settings, work.resolve);
    let judge = Judge::new(settings.addresses.clone(), lookup, settings.delivery.timeout);
    let source = Source::new(work.urls, io::stdin());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("failed to start the runtime")?;
    let told = runtime.block_on(tell_all(&judge, source, Rows::new(work.json)));
    // A lookup of the system can't be stopped, and its answer is of no use any more.
    runtime.shutdown_background();
    told
}

/// Behind a proxy no name is looked up here: the addresses are the proxy's duty.
fn lookup_of(settings: &Settings, resolve: bool) -> Option<Lookup> {
    if resolve && settings.proxy.is_some() {
        let _ = writeln!(io::stderr().lock(), "{BEHIND_A_PROXY}");
        return None;
    }
    resolve.then(system_lookup)
}

async fn tell_all<R: Read>(judge: &Judge, mut source: Source<R>, mut rows: Rows) -> Result<(), Failure> {
    let (mut all, mut refused, mut bytes) = (0_u64, 0_u64, 0_u64);
    let (bar, began) = (source.bar(), Instant::now());
    loop {
        let urls = source.next_chunk(MAX_AT_A_TIME).context("failed to read stdin")?;
        if urls.is_empty() {
            break;
        }
        // With their line breaks.
        bytes += urls.iter().map(|url| url.len() as u64 + 1).sum::<u64>();
        bar.suspend(|| rows.expect(&urls))?;
        let judging: Vec<_> = urls.into_iter().map(|url| begin(judge, url)).collect();
        for judged in judging {
            let (url, verdict) = judged.await.context("failed to judge a URL")?;
            all += 1;
            refused += u64::from(verdict != Verdict::Allowed);
            bar.suspend(|| rows.add(&url, verdict))?;
        }
        bar.set_position(bytes);
        bar.set_message(format!("{all} judged, {}", progress::a_second(all, began.elapsed())));
    }
    bar.finish_and_clear();
    if refused == 0 { Ok(()) } else { Err(anyhow!("{refused} of {all} not allowed").into()) }
}

fn begin(judge: &Judge, url: Vec<u8>) -> JoinHandle<(Vec<u8>, Verdict)> {
    let judge = judge.clone();
    tokio::spawn(async move {
        let verdict = judge.judge(&url).await;
        (url, verdict)
    })
}
