//! What happens in a demo: events are pushed, a worker is killed half-way, the other takes its jobs over, everything
//! ends. Owns the order and the bounds of it; words are the account's, counting is the ledger's.

use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_sink::{Proof, Received};
use postrider_store::fault::StoreError;
use postrider_store::inspect;
use postrider_store::queue::Sample;
use serde::Deserialize;
use tokio::time::{Instant, interval};

use super::account::{Figures, Line, Story, Tone, seconds, status};
use super::events::{Event, url};
use super::ledger::{Change, Ledger, Receipt};
use super::screen::Screen;
use super::stage::Stage;
use crate::stop::Signals;

/// Events of the show itself: ten seconds of them, so that pushing goes on while the killed worker isn't yet missed.
const PLANNED: usize = 400;

/// Pause between two events of the show, and between two of those that follow with `--keep`.
const PUSH_EVERY: Duration = Duration::from_millis(25);
const PUSH_SLOWLY_EVERY: Duration = Duration::from_millis(500);

/// How often Redis is asked how things stand.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// The worker is killed when it holds so many jobs, or at the latest when so many events have been pushed.
const MIN_HELD: usize = 4;
const KILL_AT_THE_LATEST: usize = PLANNED * 3 / 4;

/// What a killed process has sent before its death, Redis has read after this.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// The show without `--keep` is over after this, set-up and taking down apart, whatever still is on its way.
const MAX_SHOW: Duration = Duration::from_secs(24);

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

/// How far the story of the killed worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    BothWork,
    OneIsDead { since: Instant, held: usize },
    TakenOver { jobs: usize },
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
    act: Act,
    /// The consumer name of worker B, which is killed half-way.
    doomed: String,
    pushed: usize,
    attempts_read: EntryId,
    letters_read: EntryId,
    sample: Sample,
}

impl<'a> Show<'a> {
    /// Begins behind what earlier demos have left in the same folder.
    pub(crate) async fn new(
        stage: &'a mut Stage,
        screen: &'a mut Screen,
        encore: Encore,
    ) -> Result<Self, StoreError> {
        let keys = stage.queue.keys();
        let attempts_read = inspect::newest_entry(&mut stage.link, &keys.attempts).await?;
        let letters_read = inspect::newest_entry(&mut stage.link, &keys.dead).await?;
        let doomed = stage.workers.last().map_or_else(String::new, |worker| worker.consumer.clone());
        Ok(Self {
            stage,
            screen,
            encore,
            ledger: Ledger::default(),
            story: Story::default(),
            phase: Phase::Steady,
            act: Act::BothWork,
            doomed,
            pushed: 0,
            attempts_read,
            letters_read,
            sample: Sample::default(),
        })
    }

    /// Plays it to its end.
    pub(crate) async fn play(mut self, signals: &mut Signals) -> anyhow::Result<Figures> {
        self.tell(Tone::Plain, format!("{PLANNED} events are pushed with XADD, 40 a second"));
        let (mut push, mut look) = (interval(PUSH_EVERY), interval(LOOK_EVERY));
        while !self.is_over() {
            tokio::select! {
                Some(received) = self.stage.receivers.reports.recv() => self.receive(&received),
                _ = push.tick(), if self.may_push() => {
                    self.push().await?;
                    if self.pushed == PLANNED {
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
        let Phase::Finishing { deadline } = self.phase else { return false };
        let all_ended = self.ledger.counts().open() == 0 && !matches!(self.act, Act::OneIsDead { .. });
        all_ended || Instant::now() >= deadline
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
                self.tell(Tone::Plain, "the demo goes on with two events a second until Ctrl-C; to add one of your own:");
                let text = own_event(&self.stage.redis.url, &url(self.stage.receivers.addresses[0]));
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
                self.tell(Tone::Plain, "stopping: what is on its way may end; Ctrl-C again doesn't wait for it");
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
        let event = Event::numbered(self.pushed);
        let url = url(self.stage.receivers.addresses[event.receiver]);
        let Stage { link, queue, secret, .. } = &mut *self.stage;
        let id = inspect::add(link, queue.name(), &event.fields(&url, secret)).await?;
        // In the default queue the entry's id is the job's and the event's too.
        self.ledger.added(id.to_string(), &event);
        self.pushed += 1;
        Ok(())
    }

    async fn look(&mut self) -> anyhow::Result<()> {
        self.read_queue().await?;
        self.advance().await?;
        for worker in &mut self.stage.workers {
            worker.check_running()?;
        }
        self.screen.status(&status(self.ledger.counts(), &self.sample));
        if self.screen.nobody_reads() && self.phase == Phase::Slow {
            self.hurry();
        }
        Ok(())
    }

    async fn read_queue(&mut self) -> Result<(), StoreError> {
        let Stage { link, queue, receivers, .. } = &mut *self.stage;
        self.sample = queue.sample(link).await?;
        let attempts = inspect::attempts_after(link, queue.keys(), self.attempts_read).await?;
        let letters = inspect::dead_letters_after(link, queue.keys(), self.letters_read).await?;
        // A receiver reports before it answers: what Redis has of an answer is among the reports by now.
        let mut received = Vec::new();
        while let Ok(report) = receivers.reports.try_recv() {
            received.push(report);
        }
        received.iter().for_each(|received| self.receive(received));
        let now = self.screen.elapsed();
        for (id, attempt) in attempts {
            self.attempts_read = id;
            let change = self.ledger.attempted(&attempt, now);
            self.narrate(change);
        }
        for (id, letter) in letters {
            self.letters_read = id;
            let change = self.ledger.died(&letter);
            self.narrate(change);
        }
        Ok(())
    }

    fn narrate(&mut self, change: Option<Change>) {
        if let Some(line) = change.and_then(|change| self.story.tell(&change)) {
            self.screen.tell(&line);
        }
    }

    /// Goes on with the story of the killed worker where it is time.
    async fn advance(&mut self) -> Result<(), StoreError> {
        match self.act {
            Act::BothWork if self.phase == Phase::Steady && self.pushed >= PLANNED / 2 => {
                let held = self.held_by_the_doomed().await?.unwrap_or(0);
                if held >= MIN_HELD || self.pushed >= KILL_AT_THE_LATEST {
                    self.kill_the_doomed().await?;
                }
            }
            Act::OneIsDead { since, held } => {
                if self.held_by_the_doomed().await?.is_none() {
                    self.note_the_taking_over(since, held);
                }
            }
            Act::BothWork | Act::TakenOver { .. } => {}
        }
        Ok(())
    }

    fn note_the_taking_over(&mut self, since: Instant, jobs: usize) {
        self.act = Act::TakenOver { jobs };
        let after = seconds(since.elapsed());
        let text = format!("worker A took over the {jobs} jobs of B, {after} after its death, and sends them again");
        self.tell(Tone::Good, text);
    }

    /// Jobs that worker B holds; `None` where the queue knows it no more.
    async fn held_by_the_doomed(&mut self) -> Result<Option<usize>, StoreError> {
        let consumers = self.stage.queue.consumers(&mut self.stage.link).await?;
        let doomed = consumers.iter().find(|consumer| *consumer.name == *self.doomed);
        Ok(doomed.map(|consumer| consumer.pending))
    }

    async fn kill_the_doomed(&mut self) -> Result<(), StoreError> {
        // Gone with its process: only Redis knows it now.
        drop(self.stage.workers.pop());
        let since = Instant::now();
        tokio::time::sleep(LAST_WORDS).await;
        let held = self.held_by_the_doomed().await?.unwrap_or(0);
        self.act = Act::OneIsDead { since, held };
        self.tell(Tone::Bad, format!("worker B is killed (SIGKILL) with {held} jobs in its hands"));
        self.tell(Tone::Plain, "worker A goes on alone; after 5 s without a heartbeat it will count B as dead");
        Ok(())
    }

    fn tell(&mut self, tone: Tone, text: impl Into<String>) {
        self.screen.tell(&Line::new(tone, text));
    }

    fn figures(&self) -> Figures {
        let counts = self.ledger.counts().clone();
        let Sample { ready, leased, waiting, .. } = self.sample;
        let taken_over = match self.act {
            Act::TakenOver { jobs } => jobs,
            Act::BothWork | Act::OneIsDead { .. } => 0,
        };
        Figures { unfinished: counts.open().min(ready + leased + waiting), counts, taken_over }
    }
}

fn own_event(redis: &str, to: &str) -> String {
    format!(
        "          redis-cli -u {redis} XADD postrider:deliveries '*' to {to} type note content '{{\"note\":{{\"id\":\"mine\"}}}}'"
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
