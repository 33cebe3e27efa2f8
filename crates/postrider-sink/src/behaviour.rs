//! Hostile receivers by name, played on real sockets. Owns which there are; what each does is data, in
//! `tests/cases/hostile_receivers.json`, and a few plays in code where a script can't say it.
//!
//! - [`case`]: the file as types; `script`, `value` and `http_date`: its little language; `gzip`: the data of a bomb.
//! - [`stage`]: the listener that plays one; `player` carries a script out on one connection, `wire` reads what comes.
//! - [`book`]: what was seen meanwhile.
//! - `tls` and `http2`: handshakes and frames that no script can tell.

pub mod book;
pub mod case;
mod gzip;
mod http2;
mod http_date;
mod player;
mod script;
pub mod stage;
mod tls;
mod value;
mod wire;

use std::fmt;
use std::io;
use std::sync::LazyLock;

use tokio::net::TcpStream;

pub use book::{Book, Note, Report, Request};
pub use case::{Case, Expectation, Listener};
pub use stage::Stage;

use player::Scene;
use script::Scripts;

/// A hostile receiver that can be played.
#[derive(Clone, Copy)]
pub struct Behaviour(&'static Entry);

struct Entry {
    name: String,
    case: Case,
    play: Play,
}

/// What happens on a connection.
enum Play {
    /// Nothing: it isn't accepted, or nobody listens.
    Nothing,
    /// A script of bytes.
    Script(Scripts),
    /// A faulty handshake, or a fault above a good one.
    Tls(tls::Play),
    /// Frames over TLS.
    Http2(http2::Play),
}

static ALL: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let of_the_file = case::all().iter().cloned();
    let more = [tls::MORE_CASES, http2::MORE_CASES].into_iter().flat_map(case::read);
    let mut all: Vec<Entry> = of_the_file.chain(more).filter_map(Entry::of).collect();
    all.sort_by_key(|entry| case::all().iter().position(|first| first.group == entry.case.group));
    all
});

impl Entry {
    /// `None` for a case that takes more than one receiver on one socket: names to resolve, or many hosts.
    fn of(mut case: Case) -> Option<Self> {
        if case.needs.as_deref() == Some("packet filter") {
            // A queue that is full does the same.
            case.listener = Some(Listener::Deaf);
        }
        let play = if let Some(scripts) = case.script.clone() {
            Play::Script(scripts)
        } else if let Some(play) = tls::Play::of(&case) {
            Play::Tls(play)
        } else if let Some(play) = http2::Play::of(&case) {
            Play::Http2(play)
        } else {
            case.listener?;
            Play::Nothing
        };
        Some(Self { name: case.name.replace('_', "-"), case, play })
    }
}

impl Behaviour {
    /// All, in the order of their groups.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(Self)
    }

    /// The one of this name. The words of a name may come in any order, so that `drip-body` is `body-drip`.
    pub fn named(name: &str) -> Option<Self> {
        let wanted = sorted_words(name);
        Self::all().find(|one| sorted_words(one.name()) == wanted)
    }

    /// The one that a case of the file tells of, where it can be played.
    pub fn of(case: &Case) -> Option<Self> {
        Self::all().find(|one| one.case().id == case.id)
    }

    /// Its name, in words with dashes between.
    pub fn name(self) -> &'static str {
        &self.0.name
    }

    /// What it does, in words.
    pub fn description(self) -> &'static str {
        &self.0.case.behaviour
    }

    /// The case that it comes from.
    pub fn case(self) -> &'static Case {
        &self.0.case
    }

    /// Whether senders must speak TLS to it.
    pub fn is_https(self) -> bool {
        matches!(self.0.play, Play::Tls(_) | Play::Http2(_)) || self.case().job.scheme == case::Scheme::Https
    }

    /// Plays it on one connection.
    async fn play(self, stream: TcpStream, connection: u64, scene: &Scene) -> io::Result<()> {
        match &self.0.play {
            Play::Nothing => Ok(()),
            Play::Script(scripts) => player::play(scripts, stream, connection, scene).await,
            Play::Tls(play) => play.play(stream, connection, &scene.book).await,
            Play::Http2(play) => play.play(stream, connection, &scene.book).await,
        }
    }

    fn script(self) -> Option<&'static Scripts> {
        match &self.0.play {
            Play::Script(scripts) => Some(scripts),
            _ => None,
        }
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Behaviour({})", self.name())
    }
}

fn sorted_words(name: &str) -> Vec<&str> {
    let mut words: Vec<&str> = name.split(['-', '_']).collect();
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_words_of_a_name_may_come_in_any_order() {
        for name in ["body-drip", "drip-body", "body_drip"] {
            assert_eq!(Behaviour::named(name).map(Behaviour::name), Some("body-drip"), "{name}");
        }
        for name in ["", "drip", "body-drip-body", "Body-Drip"] {
            assert!(Behaviour::named(name).is_none(), "{name}");
        }
    }

    #[test]
    fn no_two_names_are_of_the_same_words() {
        let words: BTreeSet<_> = Behaviour::all().map(|one| sorted_words(one.name())).collect();
        assert_eq!(words.len(), Behaviour::all().count());
    }

    #[test]
    fn those_of_a_group_stand_together() {
        let all: Vec<_> = Behaviour::all().collect();
        let groups = all.chunk_by(|one, next| one.case().group == next.case().group).count();
        let names: BTreeSet<_> = all.iter().map(|one| &one.case().group).collect();
        assert_eq!(groups, names.len());
    }

    #[test]
    fn every_script_of_the_file_can_be_played() {
        for case in case::all().iter().filter(|case| case.script.is_some()) {
            assert!(Behaviour::of(case).is_some(), "{}", case.id);
        }
    }
}
