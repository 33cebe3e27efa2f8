//! What can happen. A step names nothing that Redis makes up: which entry it is about is said by its place in what a
//! worker remembers, so that a sequence means the same each time and can be shortened.

/// The queue of jobs, and that of events.
pub(crate) const JOBS: usize = 0;
pub(crate) const EVENTS: usize = 1;

/// The workers; the last comes when all others have gone.
pub(crate) const WORKERS: [&str; 4] = ["a", "b", "c", "cure"];
pub(crate) const CURE: usize = 3;

/// Workers behind this one keep no attempt log.
pub(crate) const LAST_RECORDER: usize = 1;

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Produce {
        queue: usize,
        shape: Shape,
        id: Option<u8>,
    },
    Read {
        queue: usize,
        worker: usize,
        count: usize,
    },
    /// The entries are leased, but the reply never arrives.
    LoseRead {
        queue: usize,
        worker: usize,
        count: usize,
    },
    /// What is pending and isn't remembered, and one that may be anyone's.
    Fetch {
        queue: usize,
        worker: usize,
        odd: usize,
    },
    Settle {
        queue: usize,
        worker: usize,
        batch: Vec<(usize, Fate, bool)>,
        most: usize,
        is_repeat: bool,
    },
    BuryWhole {
        worker: usize,
        pick: usize,
    },
    TakeOver {
        queue: usize,
        worker: usize,
        lost: usize,
        beat: SeenBeat,
        most: usize,
    },
    CountCrash {
        queue: usize,
        worker: usize,
        pick: usize,
        deliveries: u32,
    },
    Promote {
        queue: usize,
    },
    Recall {
        picks: Vec<(usize, usize)>,
    },
    HeldHooks {
        most: usize,
    },
    Release {
        hook: usize,
        most: usize,
    },
    FanOut {
        worker: usize,
        pick: usize,
        hooks: u8,
    },
    Beat {
        queue: usize,
        worker: usize,
    },
    SignOff {
        queue: usize,
        worker: usize,
    },
    EnsureGroup {
        queue: usize,
    },
    /// All that only looks.
    Survey {
        queue: usize,
        worker: usize,
    },
    CreateHook {
        hook: usize,
        version: u8,
    },
    ReplaceHook {
        hook: usize,
        from: u8,
        to: u8,
    },
    SwitchHook {
        hook: usize,
        active: bool,
    },
    DeleteHook {
        hook: usize,
    },
    NoteHealth {
        hook: usize,
        succeeded: bool,
        failures: u32,
    },
    /// The clock jumps by so many hours.
    Clock {
        hours: i64,
    },
    Fault(Fault),
}

/// What a producer adds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Plain,
    Timed,
    Binary,
    Nameless,
    /// A field given twice, and names that are the workers' own.
    Odd,
    /// More bytes than one call copies.
    Oversized,
    /// As many fields as a script can carry.
    Broad,
    /// And more.
    Wide,
}

/// What becomes of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Done,
    Discarded,
    Retry { hours: u64 },
    Deferred { until: Wait },
    Held { hook: usize, age: u64, expires: bool },
    Dead { reason: usize },
    GivenBack,
}

/// How long a job is deferred.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    Over,
    Hours(u64),
}

/// What is told as the last heartbeat of a lost worker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SeenBeat {
    Latest,
    Older,
    None,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    FlushScripts,
    DestroyGroup {
        queue: usize,
    },
    /// XGROUP SETID to 0: all is unread again.
    Rewind {
        queue: usize,
    },
    /// XGROUP SETID to the end: what is unread is never read.
    SkipUnread {
        queue: usize,
    },
    RemoveConsumer {
        queue: usize,
        worker: usize,
    },
    DeleteStream {
        queue: usize,
    },
    DeleteEntry {
        queue: usize,
        pick: usize,
    },
    /// A satellite of the jobs is another type for a while.
    Break {
        satellite: usize,
    },
    Mend,
    DamageRecord {
        pick: usize,
    },
    FillMemory,
    FreeMemory,
    FlushAll,
}
