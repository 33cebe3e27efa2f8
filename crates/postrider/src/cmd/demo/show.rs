//! What happens in a demo: events are pushed, a worker is killed half-way, the other takes its jobs over, everything
//! ends. Owns the order and the bounds of it; words are the account's, counting is the ledger's.

use std::time::Duration;

use postrider_sink::{Proof, Received};
use postrider_store::fault::StoreError;
use postrider_store::inspect;
use postrider_store::queue::Sample;
use serde::Deserialize;
use tokio::time::{Instant, interval};

use super::account::{Figures, Line, Story, Tone, status, switched_off};
use super::cast::CAST;
use super::doomed::{Doomed, Hour};
use super::events::Event;
use super::hooks::Hooks;
use super::ledger::{Ledger, Receipt};
use super::queue_view::{QueueView, Seen};
use super::screen::Screen;
use super::stage::Stage;
use crate::stop::Signals;

/// Events of the show itself: ten seconds of them, so that pushing goes on while the killed worker isn't yet missed.
const PLANNED: u64 = 400;

/// Pause between two events of the show, and between two of those that follow with `--keep`.
const PUSH_EVERY: Duration = Duration::from_millis(25);
const PUSH_SLOWLY_EVERY: Duration = Duration::from_millis(500);

/// How often Redis is asked how things stand.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// Worker B may be killed from so many events on, and is at the latest with so many.
const KILL_FROM: u64 = PLANNED / 2;
const KILL_AT_THE_LATEST: u64 = PLANNED * 3 / 4;

/// Without `--keep`, the show is over so long after the beginning, whatever still is on its way: with the taking down,
/// the demo ends within 30 s.
const MAX_SHOW: Duration = Duration::from_secs(22);

/// After Ctrl-C, what is on its way may take so long: a worker's death to be noticed, and the longest retries.
const MAX_FINISH: Duration = Duration::from_secs(12);

/// Jobs that may be open at a time; with more, nothing is pushed.
const MAX_OPEN: u64 = 2000;

/// How far the pushing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The events of the show.
    Steady,
    /// A slow stream until Ctrl-C.
    Slow,
    /// Nothing more is pushed; the rest may end.
    Finishing { deadline: Instant },
}

/// Whether the demo ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encore {
    None,
    UntilAsked,
}

/// The running show.
pub(crate) struct Show<'a> {
    stage: &'a mut Stage,
    screen: &'a mut Screen,
    encore: Encore,
    ledger: Ledger,
    story: Story,
    phase: Phase,
    doomed: Doomed,
    hooks: Hooks,
    view: QueueView,
    /// The number of the next event; some are passed over.
    number: usize,
    sample: Sample,
    /// Events that haven't become jobs yet.
    events_left: u64,
}

impl<'a> Show<'a> {
    /// Begins behind what earlier demos have left in the same folder.
    pub(crate) async fn new(
        stage: &'a mut Stage,
        screen: &'a mut Screen,
        encore: Encore,
    ) -> Result<Self, StoreError> {
        let view = QueueView::begin(&mut stage.link, &stage.queue).await?;
        let doomed = Doomed::on(stage);
        Ok(Self {
            stage,
            screen,
            encore,
            ledger: Ledger::new(format!("demo-{:08x}", fastrand::u32(..))),
            story: Story::default(),
            phase: Phase::Steady,
            doomed,
            hooks: Hooks::new(),
            view,
            number: 0,
            sample: Sample::default(),
            events_left: 0,
        })
    }

    /// Plays it to its end.
    pub(crate) async fn play(mut self, signals: &mut Signals) -> anyhow::Result<Figures> {
        self.tell(
            Tone::Plain,
            format!("{PLANNED} events are pushed with XADD, 40 a second; each becomes a job for"),
        );
        self.tell(Tone::Plain, "every active hook of its user that asked for it");
        let (mut push, mut look) = (interval(PUSH_EVERY), interval(LOOK_EVERY));
        while !self.is_over() {
            tokio::select! {
                Some(received) = self.stage.receivers.reports.recv() => self.receive(&received),
                _ = push.tick(), if self.may_push() => {
                    self.push().await?;
                    if self.pushed() == PLANNED {
                        self.go_on_after_the_planned();
                        push = interval(PUSH_SLOWLY_EVERY);
                    }
                }
                _ = look.tick() => self.look().await?,
                () = signals.next() => self.hurry(),
            }
        }
        Ok(self.figures())
    }

    fn is_over(&self) -> bool {
        match self.phase {
            Phase::Finishing { deadline } => self.all_ended() || Instant::now() >= deadline,
            Phase::Steady | Phase::Slow => self.encore == Encore::None && self.screen.elapsed() >= MAX_SHOW,
        }
    }

    fn all_ended(&self) -> bool {
        self.ledger.counts().open() == 0 && !self.doomed.leaves_jobs()
    }

    fn may_push(&self) -> bool {
        !matches!(self.phase, Phase::Finishing { .. }) && self.ledger.counts().open() < MAX_OPEN
    }

    fn go_on_after_the_planned(&mut self) {
        match self.encore {
            Encore::None => {
                let left = MAX_SHOW.saturating_sub(self.screen.elapsed());
                self.phase = Phase::Finishing { deadline: Instant::now() + left };
                self.tell(Tone::Plain, "all events are pushed; the last ones are on their way");
            }
            Encore::UntilAsked => {
                self.phase = Phase::Slow;
                self.tell(Tone::Plain, "two events a second go on until Ctrl-C; to add one of your own:");
                let text = own_event(&self.stage.redis.url);
                self.screen.print_text(&text);
            }
        }
    }

    /// A first signal ends the pushing, a second one the waiting.
    fn hurry(&mut self) {
        let now = Instant::now();
        let deadline = match self.phase {
            Phase::Finishing { .. } => now,
            Phase::Steady | Phase::Slow => {
                self.tell(
                    Tone::Plain,
                    "stopping: what is on its way may end; Ctrl-C again doesn't wait for it",
                );
                now + MAX_FINISH
            }
        };
        self.phase = Phase::Finishing { deadline };
    }

    fn receive(&mut self, received: &Received) {
        if let Some(receipt) = receipt(received) {
            self.ledger.received(&receipt);
        }
    }

    async fn push(&mut self) -> Result<(), StoreError> {
        let (event, receivers) = self.next_event();
        let id = self.ledger.next_id();
        let Stage { link, events, .. } = &mut *self.stage;
        inspect::add(link, events.name(), &event.fields(&id)).await?;
        self.ledger.pushed(&id, &event, &receivers);
        self.hooks.told(&receivers);
        Ok(())
    }

    /// The next event of which it can be said what it will become. Only those for a hook that is being switched off are
    /// passed over.
    fn next_event(&mut self) -> (Event, Vec<usize>) {
        loop {
            let event = Event::numbered(self.number);
            self.number += 1;
            if let Some(receivers) = self.hooks.asking(&event, Instant::now()) {
                return (event, receivers);
            }
        }
    }

    fn pushed(&self) -> u64 {
        self.ledger.counts().events
    }

    async fn look(&mut self) -> anyhow::Result<()> {
        let Stage { link, queue, events, .. } = &mut *self.stage;
        let seen = self.view.look(link, queue, events).await?;
        self.note(&seen);
        for receiver in self.hooks.look(&mut self.stage.link).await? {
            self.screen.tell(&switched_off(receiver));
        }
        let hour = self.hour();
        for line in self.doomed.advance(self.stage, hour).await? {
            self.screen.tell(&line);
        }
        for worker in &mut self.stage.workers {
            worker.check_running()?;
        }
        self.screen.status(&status(self.ledger.counts(), &self.sample));
        if self.screen.nobody_reads() && self.phase == Phase::Slow {
            self.hurry();
        }
        Ok(())
    }

    fn note(&mut self, seen: &Seen) {
        // A receiver reports before it answers: what Redis has of an answer is among the reports by now.
        while let Ok(received) = self.stage.receivers.reports.try_recv() {
            self.receive(&received);
        }
        (self.sample, self.events_left) = (seen.sample, seen.events_left);
        let now = self.screen.elapsed();
        let mut changes = Vec::new();
        changes.extend(seen.attempts.iter().filter_map(|attempt| self.ledger.attempted(attempt, now)));
        changes.extend(seen.letters.iter().filter_map(|letter| self.ledger.died(letter)));
        for line in changes.iter().filter_map(|change| self.story.tell(change)) {
            self.screen.tell(&line);
        }
    }

    /// Whether it is time for worker B.
    fn hour(&self) -> Hour {
        match self.phase {
            Phase::Steady if self.pushed() >= KILL_AT_THE_LATEST => Hour::Now,
            Phase::Steady if self.pushed() >= KILL_FROM => Hour::WhenBusy,
            _ => Hour::NotYet,
        }
    }

    fn tell(&mut self, tone: Tone, text: impl Into<String>) {
        self.screen.tell(&Line::new(tone, text));
    }

    fn figures(&self) -> Figures {
        let counts = self.ledger.counts().clone();
        let Sample { ready, leased, waiting, .. } = self.sample;
        // An event that is left may become a job for every receiver.
        let on_their_way = ready + leased + waiting + self.events_left * CAST.len() as u64;
        Figures { unfinished: counts.open().min(on_their_way), counts, taken_over: self.doomed.taken_over() }
    }
}

fn own_event(redis: &str) -> String {
    let owner = CAST[0].owner;
    format!(
        "          redis-cli -u {redis} XADD postrider:events '*' userId {owner} type note content '{{\"note\":{{\"id\":\"mine\"}}}}'"
    )
}

/// What the demo needs to know of a request; `None` where it names no event.
fn receipt(received: &Received) -> Option<Receipt> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        event_id: String,
    }
    let body: Body = serde_json::from_slice(&received.body).ok()?;
    Some(Receipt {
        event_id: body.event_id,
        accepted: (200..300).contains(&received.status_sent),
        proven: received.proof == Proof::SecretMatches,
    })
}
