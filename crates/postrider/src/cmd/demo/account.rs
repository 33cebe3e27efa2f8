//! What the demo says, in words: the lines of the story, the state of things, the figures at the end. Pure; where and
//! in which colours it is shown is the screen's.

use std::time::Duration;

use postrider_store::queue::Sample;

use super::cast::CAST;
use super::ledger::{Change, Counts, Expected};

/// What a line is about; the screen may colour it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// What the demo itself does.
    Plain,
    /// Something went well, or was mended.
    Good,
    /// A failure that is being mended.
    Wait,
    /// Something ended for good.
    Bad,
}

/// A line of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

impl Line {
    /// A line of that tone.
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// Picks what is new to a spectator: the first wait and how it ended, the first death of each kind.
#[derive(Debug, Default)]
pub(crate) struct Story {
    followed: Option<String>,
    recovered: bool,
    deaths: Vec<(usize, String)>,
}

impl Story {
    /// The line for a change, if it is one of the first of its kind.
    pub(crate) fn tell(&mut self, change: &Change) -> Option<Line> {
        match change {
            Change::Waits { receiver, kind, job, status } if self.followed.is_none() => {
                self.followed = Some(job.clone());
                let (name, failed) = (CAST[*receiver].name, failed(*status));
                Some(Line::new(
                    Tone::Wait,
                    format!("{name} {failed} to a {kind}: it waits and is sent again"),
                ))
            }
            Change::Recovered { receiver, kind, job, attempt, after }
                if !self.recovered && self.followed.as_ref() == Some(job) =>
            {
                self.recovered = true;
                let (name, after) = (CAST[*receiver].name, seconds(*after));
                let text =
                    format!("{name} took that {kind} at attempt {attempt}, {after} later; others go untold");
                Some(Line::new(Tone::Good, text))
            }
            Change::Died { receiver, status, reason } if self.is_first_death(*receiver, reason) => {
                let (name, failed) = (CAST[*receiver].name, failed(*status));
                let why = CAST[*receiver].dead_reason.map_or("", |_| ", no retry can help");
                let text = format!("{name} {failed}{why}: dead letter ({reason})");
                Some(Line::new(Tone::Bad, text))
            }
            _ => None,
        }
    }

    fn is_first_death(&mut self, receiver: usize, reason: &str) -> bool {
        let death = (receiver, reason.to_owned());
        let is_first = !self.deaths.contains(&death);
        if is_first {
            self.deaths.push(death);
        }
        is_first
    }
}

fn failed(status: u16) -> String {
    if status == 0 { "gave no answer".to_owned() } else { format!("answered {status}") }
}

/// The hook of that receiver was switched off.
pub(crate) fn switched_off(receiver: usize) -> Line {
    let name = CAST[receiver].name;
    Line::new(Tone::Bad, format!("the hook of {name} was switched off: later events become no job for it"))
}

/// Seconds with one decimal, as in `0.4 s`.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// How things stand, in one line of less than 80 columns.
pub(crate) fn status(counts: &Counts, sample: &Sample) -> String {
    let Counts { events, jobs, delivered, .. } = counts;
    let (dead, waiting, in_flight) = (counts.dead_letters(), sample.ready + sample.waiting, sample.leased);
    format!(
        "{events} events, {jobs} jobs: {delivered} delivered, {in_flight} in flight, {waiting} waiting, {dead} dead"
    )
}

/// How the demo ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) counts: Counts,
    /// Jobs that were taken over from the killed worker.
    pub(crate) taken_over: usize,
    /// Jobs that were still on their way when the time was up.
    pub(crate) unfinished: u64,
}

impl Figures {
    /// Jobs that are nowhere: neither delivered, nor dead, nor on their way.
    pub(crate) fn lost(&self) -> u64 {
        self.counts.open().saturating_sub(self.unfinished)
    }

    /// Whether all is as promised.
    pub(crate) fn is_good(&self) -> bool {
        let Counts { unproven, unasked, .. } = self.counts;
        (self.lost(), self.unfinished, unproven, unasked) == (0, 0, 0, 0)
    }

    /// One line a figure: number, name, what it means.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let counts = &self.counts;
        let row = |tone, number: u64, name: &str, note: &str| {
            Line::new(tone, format!("{number:>7}  {name:<12} {note}").trim_end().to_owned())
        };
        let mut lines = vec![
            row(
                Tone::Plain,
                counts.events,
                "events",
                &format!("pushed with XADD; {} of them no hook asked for", counts.unheard),
            ),
            row(Tone::Plain, counts.jobs, "jobs", "made of them: one for each active hook that asked"),
            row(
                Tone::Good,
                counts.delivered,
                "delivered",
                &format!("{} of them by a retry", counts.delivered_later),
            ),
            row(Tone::Wait, counts.retried, "retried", "attempts that failed and were repeated after a wait"),
            row(
                Tone::Wait,
                self.taken_over as u64,
                "taken over",
                "jobs of the killed worker, done by the other",
            ),
            row(Tone::Wait, counts.twice, "duplicates", duplicates(counts.twice)),
            row(Tone::Bad, counts.dead_letters(), "dead", &self.deaths()),
        ];
        if self.unfinished > 0 {
            lines.push(row(
                Tone::Bad,
                self.unfinished,
                "unfinished",
                "still on their way when the time was up",
            ));
        }
        if counts.unproven > 0 {
            lines.push(row(Tone::Bad, counts.unproven, "unproven", "requests without their hook's secret"));
        }
        if counts.unasked > 0 {
            lines.push(row(Tone::Bad, counts.unasked, "unasked", "requests for hooks that hadn't asked"));
        }
        let tone = if self.lost() == 0 { Tone::Good } else { Tone::Bad };
        lines.push(row(tone, self.lost(), "lost", "jobs - delivered - dead"));
        lines
    }

    fn deaths(&self) -> String {
        let death = |((reason, expected), count): (&(String, Expected), &u64)| match expected {
            Expected::Yes => format!("{count} {reason}"),
            Expected::No => format!("{count} {reason} (not expected)"),
        };
        let listed: Vec<_> = self.counts.dead.iter().map(death).collect();
        let all_expected = self.counts.dead.keys().all(|(_, expected)| *expected == Expected::Yes);
        match (listed.is_empty(), all_expected) {
            (true, _) => String::new(),
            (_, true) => format!("{}: as these receivers answer", listed.join(", ")),
            (_, false) => listed.join(", "),
        }
    }
}

fn duplicates(count: u64) -> &'static str {
    match count {
        0 => "",
        _ => "cut off by the kill, sent again with the same event id",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn counts() -> Counts {
        Counts {
            events: 320,
            unheard: 16,
            jobs: 400,
            delivered: 360,
            delivered_later: 80,
            retried: 81,
            dead: BTreeMap::from([
                (("gone".into(), Expected::Yes), 20),
                (("rejected".into(), Expected::Yes), 20),
            ]),
            twice: 9,
            ..Counts::default()
        }
    }

    fn text(figures: &Figures) -> String {
        figures.lines().into_iter().map(|line| line.text + "\n").collect()
    }

    #[test]
    fn the_figures_of_a_good_end() {
        let figures = Figures { counts: counts(), taken_over: 11, unfinished: 0 };
        let expected = "\
\x20   320  events       pushed with XADD; 16 of them no hook asked for
    400  jobs         made of them: one for each active hook that asked
    360  delivered    80 of them by a retry
     81  retried      attempts that failed and were repeated after a wait
     11  taken over   jobs of the killed worker, done by the other
      9  duplicates   cut off by the kill, sent again with the same event id
     40  dead         20 gone, 20 rejected: as these receivers answer
      0  lost         jobs - delivered - dead
";
        assert_eq!(text(&figures), expected);
        assert!(figures.is_good());
    }

    #[test]
    fn what_is_still_on_its_way_is_not_lost_but_no_good_end_either() {
        let open = Counts { delivered: 350, ..counts() };
        let figures = Figures { counts: open.clone(), taken_over: 0, unfinished: 10 };
        assert!(figures.lost() == 0 && !figures.is_good());
        assert!(text(&figures).contains("     10  unfinished   still on their way"), "{}", text(&figures));
        let figures = Figures { counts: open, taken_over: 0, unfinished: 7 };
        assert!(figures.lost() == 3 && !figures.is_good());
    }

    #[test]
    fn a_request_that_no_hook_asked_for_is_no_good_end() {
        let counts = Counts { unasked: 1, ..counts() };
        let figures = Figures { counts, taken_over: 0, unfinished: 0 };
        assert!(!figures.is_good() && text(&figures).contains("      1  unasked "), "{}", text(&figures));
    }

    #[test]
    fn a_death_that_no_receiver_asks_for_is_named() {
        let mut counts = Counts { delivered: 359, ..counts() };
        counts.dead.insert(("exhausted".into(), Expected::No), 1);
        let told = text(&Figures { counts, taken_over: 0, unfinished: 0 });
        assert!(told.contains("1 exhausted (not expected), 20 gone, 20 rejected\n"), "{told}");
    }

    #[test]
    fn the_status_fits_a_terminal() {
        let sample = Sample { ready: 1, leased: 21, waiting: 13, ..Sample::default() };
        let line = status(&counts(), &sample);
        assert_eq!(line, "320 events, 400 jobs: 360 delivered, 21 in flight, 14 waiting, 40 dead");
    }

    #[test]
    fn each_kind_of_change_is_told_once() {
        let mut story = Story::default();
        let waits = |id: &str| Change::Waits { receiver: 1, kind: "note", job: id.into(), status: 500 };
        let recovered = |id: &str| Change::Recovered {
            receiver: 1,
            kind: "note",
            job: id.into(),
            attempt: 2,
            after: Duration::from_millis(430),
        };
        let died = |receiver| Change::Died { receiver, status: 410, reason: "gone".into() };
        let told: Vec<_> =
            [waits("1"), waits("2"), recovered("2"), recovered("1"), died(4), died(4), died(5)]
                .iter()
                .filter_map(|change| story.tell(change))
                .map(|line| line.text)
                .collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told[0].starts_with("archive answered 500 to a note"), "{told:?}");
        assert!(told[1].starts_with("archive took that note at attempt 2, 0.4 s later"), "{told:?}");
    }
}
