//! What the jobs of the load are: what their receiver answers, and what must become of them. Pure.

/// So many hooks share the jobs of a class that is sent to.
const HOOKS_OF_A_CLASS: u32 = 20;

/// Owners whose events are fanned out.
pub(crate) const OWNERS: u32 = 8;

/// Most registered hooks of one owner.
pub(crate) const MAX_HOOKS: u32 = 4;

/// The numbers of registered hooks begin here; those of the others are below.
const FIRST_REGISTERED: u16 = 10_000;

/// Attempts that a job gets whose receiver fails for ever.
pub(crate) const MAX_ATTEMPTS_OF_FAILING: u32 = 3;

/// What `Later` asks for, in seconds.
const RETRY_AFTER: u64 = 1;

/// How a job's receiver behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Class {
    /// 200 at once.
    Fine,
    /// 200 after a while.
    Slow,
    /// Some failures, then 200.
    Flaky,
    /// 503 that asks for a longer wait, then 200.
    Later,
    /// Doesn't answer the first attempt.
    Hanging,
    /// Closes on the first attempt without an answer.
    Closing,
    /// 410.
    Gone,
    /// 404.
    Rejected,
    /// 500 for ever.
    Failing,
    /// Fine, but not before a moment.
    Timed,
    /// An address that is never allowed.
    Blocked,
    /// Not a job at all.
    Invalid,
    /// A hook that isn't registered.
    Unknown,
    /// One slow hook that gets many at once.
    Flood,
}

/// What must become of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A receiver accepts it.
    Delivered,
    /// It is buried, for this reason.
    Dead(&'static str),
}

/// What a receiver does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This status after so many milliseconds, with a `Retry-After` where there is one.
    Status { status: u16, after_ms: u64, retry_after: Option<u64> },
    /// None.
    Never,
    /// None, and the connection is closed.
    Close,
}

impl Class {
    /// All of them.
    pub(crate) const ALL: [Self; 14] = [
        Self::Fine,
        Self::Slow,
        Self::Flaky,
        Self::Later,
        Self::Hanging,
        Self::Closing,
        Self::Gone,
        Self::Rejected,
        Self::Failing,
        Self::Timed,
        Self::Blocked,
        Self::Invalid,
        Self::Unknown,
        Self::Flood,
    ];

    /// Its name in paths, hook ids and job ids.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Slow => "slow",
            Self::Flaky => "flaky",
            Self::Later => "later",
            Self::Hanging => "hanging",
            Self::Closing => "closing",
            Self::Gone => "gone",
            Self::Rejected => "rejected",
            Self::Failing => "failing",
            Self::Timed => "timed",
            Self::Blocked => "blocked",
            Self::Invalid => "invalid",
            Self::Unknown => "unknown",
            Self::Flood => "flood",
        }
    }

    /// By its name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Its share of the jobs that are added one by one, in thousandths. The rest of a thousand is [`Self::Fine`].
    pub(crate) fn share(self) -> u32 {
        match self {
            Self::Slow => 250,
            Self::Flaky => 120,
            Self::Later | Self::Closing | Self::Timed => 20,
            Self::Hanging => 8,
            Self::Gone | Self::Rejected | Self::Failing => 15,
            Self::Blocked | Self::Invalid | Self::Unknown => 4,
            Self::Fine | Self::Flood => 0,
        }
    }

    /// The class of a job that is added one by one, for a roll of 0 to 999.
    pub(crate) fn of_roll(mut roll: u32) -> Self {
        for class in Self::ALL {
            match roll.checked_sub(class.share()) {
                None => return class,
                Some(left) => roll = left,
            }
        }
        Self::Fine
    }

    /// What must become of its jobs.
    pub(crate) fn end(self) -> End {
        match self {
            Self::Gone => End::Dead("gone"),
            Self::Rejected => End::Dead("rejected"),
            Self::Failing => End::Dead("exhausted"),
            Self::Blocked => End::Dead("blocked"),
            Self::Invalid => End::Dead("invalid"),
            Self::Unknown => End::Dead("unknown_hook"),
            _ => End::Delivered,
        }
    }

    /// What its receiver does with this attempt of this job.
    pub(crate) fn answer(self, job: u32, attempt: u32) -> Answer {
        let status = |status| Answer::Status { status, after_ms: u64::from(job % 4), retry_after: None };
        match self {
            Self::Slow => {
                Answer::Status { status: 200, after_ms: 20 + u64::from(job % 380), retry_after: None }
            }
            Self::Flood => Answer::Status { status: 200, after_ms: 250, retry_after: None },
            Self::Flaky if attempt <= 1 + job % 3 => status([500, 503, 429][(job % 3) as usize]),
            Self::Later if attempt == 1 => {
                Answer::Status { status: 503, after_ms: 1, retry_after: Some(RETRY_AFTER) }
            }
            Self::Hanging if attempt == 1 => Answer::Never,
            Self::Closing if attempt == 1 => Answer::Close,
            Self::Gone => status(410),
            Self::Rejected => status(404),
            Self::Failing => status(500),
            _ => status(200),
        }
    }

    /// The shortest wait in milliseconds that its receiver asked for by its answer to this attempt.
    pub(crate) fn asked_wait_ms(self, attempt: u32) -> u64 {
        if self == Self::Later && attempt == 1 { RETRY_AFTER * 1000 } else { 0 }
    }

    /// The hook that this job of it belongs to.
    pub(crate) fn hook(self, job: u32) -> Hook {
        let spread = if self == Self::Flood { 1 } else { HOOKS_OF_A_CLASS };
        let index = Self::ALL.iter().position(|class| *class == self).unwrap_or_default();
        Hook(u16::try_from(index * 100 + (job % spread) as usize).unwrap_or_default())
    }
}

/// A destination: jobs of one hook share its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Hook(pub(crate) u16);

impl Hook {
    /// A registered one: hook `nth` of an owner.
    pub(crate) fn registered(owner: u32, nth: u32) -> Self {
        Self(FIRST_REGISTERED + u16::try_from(owner * MAX_HOOKS + nth).unwrap_or_default())
    }

    /// Where a registered one stands among its owner's; `None` for others.
    pub(crate) fn registered_nth(self) -> Option<u32> {
        self.0.checked_sub(FIRST_REGISTERED).map(|place| u32::from(place) % MAX_HOOKS)
    }

    /// Which way from the workers to the receiver its requests take, of so many.
    pub(crate) fn way(self, ways: usize) -> usize {
        usize::from(self.0) % ways
    }
}

/// How many hooks an owner has registered.
pub(crate) fn hooks_of(owner: u32) -> u32 {
    1 + owner % MAX_HOOKS
}

/// How the receiver behind an owner's hook behaves.
pub(crate) fn class_of_registered(nth: u32) -> Class {
    [Class::Fine, Class::Flaky, Class::Slow, Class::Fine][(nth % MAX_HOOKS) as usize]
}

/// The id of a job that is added one by one; its event's id is the same.
pub(crate) fn id_of(class: Class, number: u32) -> String {
    format!("{}-{number}", class.name())
}

/// The id of an event whose first job is `number`; those of its other hooks follow.
pub(crate) fn event_id(number: u32) -> String {
    format!("event-{number}")
}

/// The number of the job that bears this id, as [`id_of`] or an event's fan-out made it.
pub(crate) fn number_of(id: &str) -> Option<u32> {
    let (_, rest) = id.split_once('-')?;
    match rest.split_once(":h") {
        Some((first, nth)) => first.parse::<u32>().ok()?.checked_add(nth.parse().ok()?),
        None => rest.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_found_by_its_id() {
        assert_eq!(number_of(&id_of(Class::Flaky, 17)), Some(17));
        assert_eq!(number_of(&format!("{}:h2", event_id(40))), Some(42));
        for bad in ["", "fine", "fine-", "fine-x", "event-1:h", "event-1:hx", "event-4294967295:h1"] {
            assert_eq!(number_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn rolls_give_each_class_its_share() {
        for class in Class::ALL.into_iter().filter(|class| *class != Class::Fine) {
            let count = (0..1000).filter(|roll| Class::of_roll(*roll) == class).count();
            assert_eq!(count, class.share() as usize, "{class:?}");
        }
    }

    #[test]
    fn every_job_whose_end_is_delivery_is_accepted_in_time() {
        for class in Class::ALL.into_iter().filter(|class| class.end() == End::Delivered) {
            for job in 0..12 {
                let last = class.answer(job, 5);
                assert!(matches!(last, Answer::Status { status: 200, .. }), "{class:?} {last:?}");
            }
        }
    }
}
