//! `postrider destinations`: what workers tell of their destinations, and asking them to forget how one has fared, or to leave
//! it alone.
//!
//! - [`row`]: one destination in one worker.

pub(super) mod row;

use anyhow::{Context, anyhow};
use postrider_core::queue_name::QueueName;
use postrider_store::connect::Connector;
use postrider_store::control::Change;
use postrider_store::destinations::paused::{MAX_PAUSED, pause, resume};
use postrider_store::destinations::{ALL, ask_to_reset, told};
use postrider_store::keys::QueueKeys;
use postrider_store::link::Link;
use serde_json::json;

use super::tell;
use crate::args::{DestinationsWork, ListDestinations, OneDestination, ResetDestinations, ShowDestination};
use crate::exit::Failure;
use crate::redis;
use crate::settings::Settings;
use row::Row;

/// Does what was asked for.
pub(crate) fn run(settings: &Settings, work: DestinationsWork) -> Result<(), Failure> {
    let queues = settings.queue.shares.iter().map(|share| share.name.clone()).collect();
    let desk = Desk { queues, connector: redis::connector(&settings.redis)? };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start the runtime")?.block_on(desk.serve(work))
}

/// What every command works with.
struct Desk {
    queues: Vec<QueueName>,
    connector: Connector,
}

/// What the workers of one queue tell.
struct Told {
    /// How many workers told anything.
    workers: usize,
    rows: Vec<Row>,
}

impl Desk {
    async fn serve(&self, work: DestinationsWork) -> Result<(), Failure> {
        match work {
            DestinationsWork::List(args) => self.list(args).await,
            DestinationsWork::Show(args) => self.show(args).await,
            DestinationsWork::Reset(args) => self.reset(&args).await,
            DestinationsWork::Pause(args) => self.pause(&args).await,
            DestinationsWork::Resume(args) => self.resume(&args).await,
        }
    }

    async fn list(&self, args: ListDestinations) -> Result<(), Failure> {
        let mut rows = self.rows().await?;
        rows.retain(|row| row.is_held_back() || !args.held_back);
        if args.json {
            return tell::json_lines(&row::objects(rows));
        }
        if rows.is_empty() {
            tell::note(if args.held_back {
                "no destination is held back"
            } else {
                "no worker has jobs for any destination under way or in line, or holds one back"
            });
            return Ok(());
        }
        tell::table(&row::table(&rows))
    }

    async fn show(&self, args: ShowDestination) -> Result<(), Failure> {
        let mut rows = self.rows().await?;
        rows.retain(|row| row.name() == args.name);
        if rows.is_empty() {
            return Err(unknown(&args.name));
        }
        let objects = row::objects(rows);
        if args.json { tell::json_lines(&objects) } else { tell::key_lines(&objects) }
    }

    async fn reset(&self, args: &ResetDestinations) -> Result<(), Failure> {
        let (mut workers, mut is_told_of) = (0, args.name() == ALL);
        for queue in &self.queues {
            let told = self.told(queue).await?;
            workers += told.workers;
            is_told_of |= told.rows.iter().any(|row| row.name() == args.name());
            let mut link = self.link(queue);
            let asked = ask_to_reset(&mut link, &QueueKeys::new(queue), args.name()).await;
            asked.map_err(|error| redis::failure(&error))?;
            if args.json {
                let asked =
                    json!({"queue": queue.as_str(), "destination": args.name(), "workers": told.workers});
                tell::json_lines(&[asked.as_object().cloned().unwrap_or_default()])?;
            } else {
                tell::done(&what_was_asked(queue, args.name(), told.workers))?;
            }
        }
        if workers == 0 {
            tell::note("no worker has told anything for ten seconds: none may be there to hear of it");
        } else if !is_told_of {
            tell::note(&format!(
                "no worker tells of {}: where its name is misspelt, nothing happens",
                args.name()
            ));
        }
        Ok(())
    }

    async fn pause(&self, OneDestination { name, json }: &OneDestination) -> Result<(), Failure> {
        for queue in &self.queues {
            let asked = pause(&mut self.link(queue), &QueueKeys::new(queue), name).await;
            let change = asked.map_err(|error| redis::failure(&error))?;
            let change = change.ok_or_else(|| one_too_many(queue))?;
            let words = match change {
                Change::Made => {
                    format!(
                        "{name} is paused: within 2s nothing more is sent to it; what is in flight finishes"
                    )
                }
                Change::Needless => format!("{name} was paused already"),
            };
            tell_change(queue, name, true, change, &words, *json)?;
        }
        self.note_if_unknown(name).await
    }

    async fn resume(&self, OneDestination { name, json }: &OneDestination) -> Result<(), Failure> {
        for queue in &self.queues {
            let asked = resume(&mut self.link(queue), &QueueKeys::new(queue), name).await;
            let change = asked.map_err(|error| redis::failure(&error))?;
            let words = match change {
                Change::Made => format!("{name} gets its jobs again, the last of them within a minute"),
                Change::Needless => format!("{name} was not paused"),
            };
            tell_change(queue, name, false, change, &words, *json)?;
        }
        Ok(())
    }

    async fn note_if_unknown(&self, name: &str) -> Result<(), Failure> {
        if !self.rows().await?.iter().any(|row| row.name() == name) {
            tell::note(&format!(
                "no worker tells of {name} so far: where its name is misspelt, nothing happens"
            ));
        }
        Ok(())
    }

    /// What all workers tell, in the order of lists.
    async fn rows(&self) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        for queue in &self.queues {
            rows.append(&mut self.told(queue).await?.rows);
        }
        rows.sort_by(Row::compare);
        Ok(rows)
    }

    async fn told(&self, queue: &QueueName) -> Result<Told, Failure> {
        let told = told(&mut self.link(queue), &QueueKeys::new(queue)).await;
        let told = told.map_err(|error| redis::failure(&error))?;
        let mut rows = Vec::new();
        for (worker, json) in &told {
            let Some(mut read) = row::read(queue, worker, json) else {
                tell::note(&format!("what worker {worker} tells can't be read; it is of another version"));
                continue;
            };
            rows.append(&mut read);
        }
        Ok(Told { workers: told.len(), rows })
    }

    /// To where the queue is, whose clock counts.
    fn link(&self, queue: &QueueName) -> Link {
        Link::new(self.connector.for_key(queue.as_str()))
    }
}

fn what_was_asked(queue: &QueueName, name: &str, workers: usize) -> String {
    let what = if name == ALL { "all destinations" } else { name };
    match workers {
        0 => format!("{queue}: asked to reset {what}"),
        1 => format!("{queue}: asked 1 worker to reset {what}, which happens within a second"),
        _ => format!("{queue}: asked {workers} workers to reset {what}, which happens within a second"),
    }
}

fn one_too_many(queue: &QueueName) -> Failure {
    Failure::Failed(anyhow!(
        "{queue}: {MAX_PAUSED} destinations are paused already, and no more can be; resume some, or pause the queue: \
         postrider queue pause {queue}"
    ))
}

/// How a destination is now, in words or as `postrider queue pause --json` tells of a queue.
fn tell_change(
    queue: &QueueName,
    name: &str,
    is_paused: bool,
    change: Change,
    words: &str,
    json: bool,
) -> Result<(), Failure> {
    if !json {
        return tell::done(&format!("{queue}: {words}"));
    }
    let object = json!({
        "queue": queue.as_str(),
        "destination": name,
        "paused": is_paused,
        "changed": change == Change::Made,
    });
    tell::json_lines(&[object.as_object().cloned().unwrap_or_default()])
}

fn unknown(name: &str) -> Failure {
    Failure::Failed(anyhow!(
        "no worker tells of a destination {name:?}; `postrider destinations list` shows their names: <userId>/<hookId> of a \
         hook, or scheme, host and port of a URL, as long as there are jobs for it or it is held back"
    ))
}
