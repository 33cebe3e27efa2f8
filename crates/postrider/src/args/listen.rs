//! What is typed for `postrider listen`.

use std::net::SocketAddr;

use postrider_core::queue_name::QueueName;

use super::SettingFlags;
use super::hooks::{List, SecretFlags, list};

/// The sections of the settings that it uses.
pub(super) const SECTIONS: &[&str] =
    &["redis", "worker", "delivery", "profile", "retry", "destination", "ssrf", "hooks", "log"];

const AFTER_HELP: &str = "\
With --user, a hook of that user is registered for as long as this runs, with a secret of its own, and removed at the end. Jobs \
that wait for it then end dead, reason unknown_hook. The workers must be allowed to connect to it: ssrf.allow = 127.0.0.1 for \
workers on this machine, given there and here; or --url with an address that leads here.

With --queue, this is a worker of that queue until it ends, whose requests all come here, wherever their jobs lead: for a queue \
that nobody else serves, since what the target accepts is delivered.

Without either nothing is registered: what is sent to --listen or --port is received, from wherever it comes.

What the target answers is what the worker is answered, Retry-After included: 410 switches the hook off, as in production. A target \
that doesn't answer is 502 to the worker, which tries again. Where its URL has no path, the request's own is kept.

Examples:
  postrider listen --forward http://localhost:3000/webhooks --user 9u --on note,reply
  postrider listen --forward http://localhost:3000 --queue dev:deliveries
  postrider listen --port 9000 --secret-file secret.txt
  postrider listen --forward http://localhost:3000 --user 9u --json | jq .type

Exit codes: 0 stopped by Ctrl-C; 1 failed; 2 wrong usage or configuration; 3 Redis can't be reached.";

/// `postrider listen`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ListenArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(flatten)]
    pub(crate) work: Listen,
}

/// Where it listens, for whom, and where it goes.
#[derive(Debug, clap::Args)]
pub(crate) struct Listen {
    /// Forward each request there [default: answer it 200]
    #[arg(long, value_name = "URL")]
    pub(crate) forward: Option<String>,
    /// Register a temporary hook of this user
    #[arg(long, value_name = "ID", required_unless_present_any = ["listen", "port", "queue"])]
    pub(crate) user: Option<String>,
    /// Take the jobs of this queue, wherever they lead
    #[arg(long, value_name = "NAME", conflicts_with = "user", value_parser = QueueName::parse)]
    pub(crate) queue: Option<QueueName>,
    /// Its event types, such as note,reply; * for all
    #[arg(long, value_name = "TYPES", default_value = "*", value_parser = list, requires = "user")]
    pub(crate) on: List,
    /// Its profile: misskey, standard, cloudevents or raw [default: the worker's]
    #[arg(long, value_name = "NAME", requires = "user")]
    pub(crate) profile: Option<String>,
    /// Its URL, where workers reach this machine by another [default: http://127.0.0.1 and the port]
    #[arg(long, requires = "user")]
    pub(crate) url: Option<String>,
    /// Address to listen on; port 0 takes any free one [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Port to listen on, of 127.0.0.1
    #[arg(long, value_name = "N", conflicts_with = "listen")]
    pub(crate) port: Option<u16>,
    // Checked, and with --user also the hook's. Without, a new one where there is a hook, else none.
    #[command(flatten)]
    pub(crate) secret: SecretFlags,
    /// Print JSON, a line a request
    #[arg(long)]
    pub(crate) json: bool,
}
