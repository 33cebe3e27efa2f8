//! A proxy that doesn't work: since when, and how long jobs wait for it. Never asks it anything by itself: the jobs that
//! come back are the questions.

use std::mem::take;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The wait at the first fault: a proxy that is restarted is there again within seconds.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest wait: so long, and half of it, jobs stay away at most when the proxy works again.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The log is told of faults at most so often, however often the proxy fails and works; and again while it lasts.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Share of the wait that is added at random, so that jobs which were put off together don't come back together.
const JITTER: f64 = 0.5;

/// The trouble with the proxy, as this worker meets it.
#[derive(Debug, Default)]
pub(crate) struct ProxyTrouble {
    is_on: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    streak: Option<Streak>,
    /// When the log was last told of a fault.
    told: Option<Instant>,
    /// Whether the log's last word is that the proxy doesn't work.
    is_last_word: bool,
}

/// What one fault means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// How long its job waits.
    pub(crate) pause: Duration,
    /// Whether the log is to be told.
    pub(crate) is_told: bool,
}

/// Faults without an answer of the proxy between them.
#[derive(Clone, Copy, Debug)]
struct Streak {
    since: Instant,
    /// How often the proxy had answered by then.
    answers: u64,
    pause: Duration,
    /// Faults before this moment are of the same round: many jobs meet a proxy that has just gone.
    round_ends: Instant,
}

impl ProxyTrouble {
    /// The proxy has failed a job. It has answered `answers` times so far; `roll` is from 0 to 1.
    pub(crate) fn fault(&self, answers: u64, now: Instant, roll: f64) -> Trouble {
        let mut known = self.known();
        self.is_on.store(true, Ordering::Relaxed);
        let grown = match known.streak {
            Some(streak) if streak.answers == answers => streak.after(now),
            Some(broken) => Streak { since: broken.since, ..Streak::begin(answers, now) },
            None => Streak::begin(answers, now),
        };
        known.streak = Some(grown);
        Trouble { pause: grown.pause.mul_f64(1.0 + JITTER * roll), is_told: known.tell(now) }
    }

    /// Whether there is trouble: all that a job without a proxy asks.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// An attempt was made. If the trouble is over, and the log was told of it: how long it lasted. A tunnel of old says nothing
    /// about new ones.
    pub(crate) fn attempt(&self, answers: u64, now: Instant) -> Option<Duration> {
        let mut known = self.known();
        let over = known.streak.take_if(|streak| streak.answers != answers)?;
        self.is_on.store(false, Ordering::Relaxed);
        take(&mut known.is_last_word).then(|| now.saturating_duration_since(over.since))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Whether the log is to be told of a fault now.
    fn tell(&mut self, now: Instant) -> bool {
        let is_due = self.told.is_none_or(|told| now.saturating_duration_since(told) >= TOLD_EVERY);
        if is_due {
            self.told = Some(now);
            self.is_last_word = true;
        }
        is_due
    }
}

impl Streak {
    fn begin(answers: u64, now: Instant) -> Self {
        Self { since: now, answers, pause: FIRST_PAUSE, round_ends: now + FIRST_PAUSE }
    }

    /// With one more fault: the wait doubles once a round.
    fn after(self, now: Instant) -> Self {
        if now < self.round_ends {
            return self;
        }
        let pause = (self.pause * 2).min(MAX_PAUSE);
        Self { pause, round_ends: now + pause, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_wait_doubles_once_a_round_up_to_its_limit() {
        let (trouble, start) = (ProxyTrouble::default(), Instant::now());
        let mut now = start;
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let many = [(); 100].map(|()| trouble.fault(5, now, 0.0).pause);
            assert_eq!(many, [many[0]; 100], "jobs that fail together wait alike");
            pauses.push(many[0].as_secs());
            now += many[0];
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn jitter_makes_the_wait_longer_by_half_at_most() {
        let (trouble, now) = (ProxyTrouble::default(), Instant::now());
        assert_eq!([0.0, 1.0].map(|roll| trouble.fault(0, now, roll).pause.as_millis()), [1000, 1500]);
    }

    #[test]
    fn it_is_over_with_the_first_attempt_after_an_answer_of_the_proxy() {
        let (trouble, start) = (ProxyTrouble::default(), Instant::now());
        assert!(!trouble.is_on() && trouble.attempt(0, start).is_none());
        trouble.fault(7, start, 0.0);
        assert_eq!((trouble.is_on(), trouble.attempt(7, start)), (true, None), "through an old tunnel");
        assert_eq!(trouble.attempt(8, start + secs(3)), Some(secs(3)));
        assert_eq!((trouble.is_on(), trouble.attempt(9, start)), (false, None));
    }

    #[test]
    fn an_answer_between_two_faults_makes_the_wait_short_again() {
        let (trouble, start) = (ProxyTrouble::default(), Instant::now());
        trouble.fault(1, start, 0.0);
        assert_eq!(trouble.fault(1, start + secs(1), 0.0).pause, secs(2));
        assert_eq!(trouble.fault(2, start + secs(9), 0.0).pause, secs(1));
    }

    #[test]
    fn the_log_is_told_once_a_minute_and_its_last_word_is_true() {
        let (trouble, start) = (ProxyTrouble::default(), Instant::now());
        let is_told = |answers, seconds| trouble.fault(answers, start + secs(seconds), 0.0).is_told;
        let told_over = |answers, seconds| trouble.attempt(answers, start + secs(seconds)).is_some();
        assert!(is_told(0, 0) && !is_told(0, 1), "not for each job");
        assert!(told_over(1, 2));
        assert!(!is_told(1, 3) && !told_over(2, 4), "it comes and goes: neither is told");
        assert!(!is_told(2, 5) && is_told(2, 60), "this time it stays");
        assert!(!is_told(2, 119) && is_told(2, 120) && told_over(3, 121));
    }
}
