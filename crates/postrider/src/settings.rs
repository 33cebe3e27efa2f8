//! What was typed, set and written into the file means: one checked value, or all problems together.
//!
//! - [`keys`] is the table of all settings, each a [`key`]; [`kind`] and [`units`]: how values look.
//! - [`layers`] chooses between flag, environment, [`file`] and default; [`reader`] turns texts into values.
//! - [`sections`], [`outgoing`] and [`traces`]: the values; [`rules`]: what must hold between them.
//! - [`problem`]: how it is told when something is wrong; [`redact`]: what is never shown.
//!
//! A component takes its own small configuration, never [`Settings`].

pub(crate) mod file;
pub(crate) mod key;
pub(crate) mod keys;
pub(crate) mod kind;
pub(crate) mod layers;
#[allow(dead_code, reason = "each command reads the part that it needs")]
pub(crate) mod outgoing;
pub(crate) mod problem;
pub(crate) mod reader;
pub(crate) mod redact;
pub(crate) mod rules;
#[allow(dead_code, reason = "each command reads the part that it needs")]
pub(crate) mod sections;
pub(crate) mod traces;
pub(crate) mod units;

use std::io::IsTerminal;

use postrider_core::address::AddressPolicy;
use postrider_core::retry::RetryPolicy;
use postrider_sender::Proxy;

use key::Preset;
use layers::{Chosen, Given, Layers};
use outgoing::Delivery;
use problem::Problems;
use reader::Reader;
use sections::{Events, Http, Keep, Log, LogFormat, Misskey, Queue, Redis, Tls, Worker};
use traces::Traces;

/// All settings, checked.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "each command reads the part that it needs")]
pub(crate) struct Settings {
    /// Where Redis is.
    pub(crate) redis: Redis,
    /// What is served.
    pub(crate) queue: Queue,
    /// Where events to fan out come from, if anywhere.
    pub(crate) events: Option<Events>,
    /// The engine's limits and rhythm.
    pub(crate) worker: Worker,
    /// What requests look like.
    pub(crate) delivery: Delivery,
    /// When failed jobs are sent again.
    pub(crate) retry: RetryPolicy,
    /// Where requests may go.
    pub(crate) addresses: AddressPolicy,
    /// The proxy that requests go through, if any.
    pub(crate) proxy: Option<Proxy>,
    /// How TLS is spoken with receivers.
    pub(crate) tls: Tls,
    /// The admin port.
    pub(crate) http: Http,
    /// Who may ask there in the shape of Misskey's own API.
    pub(crate) misskey: Misskey,
    /// What is kept, and how much of it.
    pub(crate) keep: Keep,
    /// What is logged, and how.
    pub(crate) log: Log,
    /// Who is told of traces.
    pub(crate) traces: Traces,
}

/// Settings and where they came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    /// The texts in force, in the table's order; derived defaults filled in.
    pub(crate) chosen: Vec<Chosen>,
    /// What is odd but harmless, a sentence each.
    pub(crate) warnings: Vec<String>,
}

impl Settings {
    /// Chooses, reads and checks everything.
    pub(crate) fn load(given: &Given) -> Result<Loaded, Problems> {
        let Layers { mut chosen, mut problems, warnings } = Layers::of(given);
        let mut reader = Reader::new(&chosen);
        let settings = Self::read(&mut reader);
        rules::check(&settings, &mut reader);
        problems.0.extend(reader.into_problems().0);
        if !problems.0.is_empty() {
            return Err(problems);
        }
        fill_derived(&mut chosen, &settings);
        Ok(Loaded { settings, chosen, warnings })
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let queue = Queue::read(reader);
        Self {
            redis: Redis::read(reader),
            events: Events::read(reader, queue.first()),
            queue,
            worker: Worker::read(reader),
            delivery: Delivery::read(reader),
            retry: outgoing::read_retry(reader),
            addresses: outgoing::read_addresses(reader),
            proxy: outgoing::read_proxy(reader),
            tls: Tls::read(reader, "tls"),
            http: Http::read(reader),
            misskey: Misskey::read(reader),
            keep: Keep::read(reader),
            log: Log::read(reader, std::io::stderr().is_terminal()),
            traces: Traces::read(reader),
        }
    }
}

/// Writes what was derived where nothing was given, so that `postrider config` shows what is in force.
fn fill_derived(chosen: &mut [Chosen], settings: &Settings) {
    let derived =
        |chosen: &&mut Chosen| matches!(chosen.key.preset, Preset::Derived(_)) && chosen.text.is_empty();
    for chosen in chosen.iter_mut().filter(derived) {
        chosen.text = match chosen.key.name {
            "destination.max_in_flight" => settings.worker.max_in_flight.to_string(),
            "events.queue" => settings.queue.first().to_string(),
            "traces.endpoint" => settings.traces.collector().to_owned(),
            "log.format" => settings.log.format.as_str().to_owned(),
            _ => String::new(),
        };
    }
}

impl LogFormat {
    /// Its name in the settings.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

#[cfg(test)]
mod tests;
