//! What each feature costs: the same load with one thing changed.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use postrider_tests::http_get::get;
use serde::Serialize;
use tokio::task::JoinHandle;

use super::cost::{self, Cost};
use crate::scene::{Worker, in_flight};

/// Requests in flight.
const CONCURRENCY: u32 = 64;

/// Between two looks at the metrics, where they are looked at: far more often than any Prometheus does.
const SCRAPE_EVERY: Duration = Duration::from_millis(100);

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    #[serde(skip)]
    settings: &'static [(&'static str, &'static str)],
    #[serde(skip)]
    scraped: bool,
}

const fn changed(name: &'static str, settings: &'static [(&'static str, &'static str)]) -> Variant {
    Variant { name, settings, scraped: false }
}

/// The first is what the others are compared with.
pub(crate) const VARIANTS: [Variant; 6] = [
    changed("as it comes", &[]),
    changed("without attempt records", &[("POSTRIDER_ATTEMPTS_MAX_ENTRIES", "0")]),
    changed("without the admin port", &[("POSTRIDER_HTTP_LISTEN", "")]),
    Variant { name: "metrics fetched ten times a second", settings: &[], scraped: true },
    changed("with a rate for each destination", &[("POSTRIDER_DESTINATION_RATE", "1000000")]),
    changed("signed (profile standard)", &[("POSTRIDER_DELIVERY_PROFILE", "standard")]),
];

/// One run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Feature {
    pub(crate) variant: Variant,
    pub(crate) cost: Cost,
}

/// Runs one variant once.
pub(crate) async fn run(program: &Path, variant: Variant, jobs: u64) -> anyhow::Result<Feature> {
    let slots = in_flight(CONCURRENCY);
    let mut settings: Vec<_> = slots.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.extend(variant.settings);
    let mut scraper = None;
    let cost = cost::run(jobs, |scene| {
        let worker = scene.worker(program, &settings)?;
        scraper = worker.admin().filter(|_| variant.scraped).map(scrape);
        Ok::<Vec<Worker>, anyhow::Error>(vec![worker])
    });
    let cost = cost.await;
    if let Some(scraper) = scraper {
        scraper.abort();
    }
    Ok(Feature { variant, cost: cost? })
}

/// Until it is aborted, at the end of the run.
fn scrape(admin: SocketAddr) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(SCRAPE_EVERY);
        loop {
            ticks.tick().await;
            // Before the port is open and after the worker's end there is nothing to fetch.
            let _ = get(admin, "/metrics").await;
        }
    })
}
