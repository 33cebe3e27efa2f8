//! `postrider sink`: what can be typed.

use std::net::SocketAddr;
use std::time::Duration;

use postrider_sink::Behaviour;

use super::{TypedSecret, typed_secret};
use crate::settings::units::parse_duration;

/// `postrider sink`.
#[derive(Debug, clap::Args)]
pub(crate) struct SinkArgs {
    /// Address to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", env = "POSTRIDER_SINK_LISTEN", default_value = "127.0.0.1:9000")]
    pub(crate) listen: SocketAddr,
    /// Status of an ordinary answer
    #[arg(long, value_name = "N", env = "POSTRIDER_SINK_STATUS", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u16).range(200..=999))]
    pub(crate) status: u16,
    /// Answer the first N attempts of every event 500
    #[arg(long, value_name = "N", env = "POSTRIDER_SINK_FAIL_FIRST", default_value_t = 0)]
    pub(crate) fail_first: u64,
    /// Hold each answer back this long
    #[arg(long, value_name = "DURATION", env = "POSTRIDER_SINK_DELAY", default_value = "0s", value_parser = delay)]
    pub(crate) delay: Duration,
    /// Secret that requests must prove to know
    #[arg(long, value_name = "TEXT", env = "POSTRIDER_SINK_SECRET", hide_env_values = true, value_parser = typed_secret)]
    pub(crate) secret: Option<TypedSecret>,
    /// Print JSON, a line a request
    #[arg(long)]
    pub(crate) json: bool,
    /// Play a hostile receiver, such as drip-body; `--behave list` names them
    #[arg(long, value_name = "NAME", env = "POSTRIDER_SINK_BEHAVE", value_parser = behave)]
    #[arg(conflicts_with_all = ["status", "fail_first", "delay", "secret", "json"])]
    pub(crate) behave: Option<Behave>,
}

/// What was asked of `--behave`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behave {
    /// To name all behaviours.
    List,
    /// To play this one.
    Play(Behaviour),
}

fn behave(name: &str) -> Result<Behave, String> {
    if name == "list" {
        return Ok(Behave::List);
    }
    let found = Behaviour::named(name).map(Behave::Play);
    found.ok_or_else(|| format!("there is no such behaviour; these are there:\n{}", names_of_behaviours()))
}

/// Widest line of the list, as terminals are at least.
const MAX_WIDTH: usize = 79;

/// All behaviours by name: a paragraph for each group.
pub(crate) fn names_of_behaviours() -> String {
    let all: Vec<Behaviour> = Behaviour::all().collect();
    let mut text = String::new();
    for group in all.chunk_by(|one, next| one.case().group == next.case().group) {
        let Some(first) = group.first() else { continue };
        text.push_str(&format!("\n{}\n", first.case().group));
        text.push_str(&wrapped(group.iter().map(|one| one.name())));
    }
    text
}

fn wrapped<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let (mut text, mut width) = (String::new(), usize::MAX);
    for word in words {
        if width.saturating_add(1 + word.len()) > MAX_WIDTH {
            text.push_str(if text.is_empty() { " " } else { "\n " });
            width = 1;
        }
        text.push(' ');
        text.push_str(word);
        width += 1 + word.len();
    }
    text.push('\n');
    text
}

/// Longest delay of the sink: longer than any attempt may take.
const MAX_DELAY: Duration = Duration::from_secs(600);

fn delay(text: &str) -> Result<Duration, &'static str> {
    let delay = parse_duration(text).filter(|delay| *delay <= MAX_DELAY);
    delay.ok_or("expected a duration up to 10m, such as 250ms or 5s")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        sink: SinkArgs,
    }

    fn parse(line: &str) -> Result<SinkArgs, clap::Error> {
        Line::try_parse_from(line.split(' ')).map(|line| line.sink)
    }

    #[test]
    fn the_sink_takes_its_options() {
        let args =
            parse("sink --listen 127.0.0.1:0 --status 503 --fail-first 2 --delay 250ms --secret s3cret");
        let args = args.unwrap();
        assert_eq!((args.status, args.fail_first, args.delay), (503, 2, Duration::from_millis(250)));
        for bad in ["--status 99", "--status 1000", "--delay 5", "--delay 11m", "--listen 9000"] {
            assert!(parse(&format!("sink {bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_behaviour_is_named_and_excludes_ordinary_answers() {
        let args = parse("sink --behave drip-body").unwrap();
        assert!(matches!(args.behave, Some(Behave::Play(one)) if one.name() == "body-drip"));
        for other in ["--status 200", "--fail-first 1", "--delay 1s", "--secret s"] {
            assert!(parse(&format!("sink --behave drip-body {other}")).is_err(), "{other}");
        }
    }

    #[test]
    fn the_list_names_every_behaviour_and_fits_a_terminal() {
        let list = names_of_behaviours();
        assert!(list.lines().all(|line| line.len() <= MAX_WIDTH), "{list}");
        let words: Vec<&str> = list.split_whitespace().collect();
        for one in Behaviour::all() {
            assert!(words.contains(&one.name()), "{list}");
        }
    }
}
