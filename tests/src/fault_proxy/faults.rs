//! What becomes of bytes: decided for one chunk at a time, from the faults that are switched on.

use std::time::Duration;

use super::Direction;

/// What becomes of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Passed {
        after: Duration,
    },
    /// Lost without a sign; the connection can't go on once the fault is over.
    Lost,
    /// The first bytes pass, then every connection is reset.
    CutAfter(usize),
    /// This connection has lost bytes before: going on would garble it.
    CutNow,
    /// It passes, and the connection is reset instead of the next bytes that come back.
    PassedWithoutReply,
    /// It doesn't pass; these bytes come back.
    Answered(Vec<u8>),
}

/// What waits for a command.
#[derive(Clone, Debug)]
pub(super) struct Trap {
    /// Texts that its bytes hold, all of them.
    pub(super) marks: Vec<Vec<u8>>,
    pub(super) snare: Snare,
}

/// What becomes of the command that a trap waits for.
#[derive(Clone, Debug)]
pub(super) enum Snare {
    LoseReply,
    Answer(Vec<u8>),
}

impl Trap {
    fn waits_for(&self, bytes: &[u8]) -> bool {
        self.marks.iter().all(|mark| bytes.windows(mark.len()).any(|window| window == mark))
    }
}

/// The faults that are switched on.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    pub(super) lose_to_server: bool,
    pub(super) lose_to_client: bool,
    pub(super) refuse: bool,
    pub(super) delay: Duration,
    pub(super) cut_after: Option<usize>,
    /// Bytes a second, of each connection and direction.
    pub(super) rate: Option<u64>,
    /// Connections with a lower number lose everything, for good.
    pub(super) lost_below: u64,
    pub(super) trap: Option<Trap>,
}

impl Faults {
    /// Decides the fate of a chunk on a connection that has `lost_some` before, and uses up what is counted.
    pub(super) fn fate(&mut self, direction: Direction, chunk: &[u8], line: u64, lost_some: bool) -> Fate {
        let lost = match direction {
            Direction::ToServer => self.lose_to_server,
            Direction::ToClient => self.lose_to_client,
        };
        if lost || line < self.lost_below {
            return Fate::Lost;
        }
        if lost_some {
            return Fate::CutNow;
        }
        match direction {
            Direction::ToServer => self.trapped(chunk).unwrap_or_else(|| self.passed(chunk.len())),
            Direction::ToClient => self.counted(chunk.len()),
        }
    }

    fn trapped(&mut self, chunk: &[u8]) -> Option<Fate> {
        let trap = self.trap.take_if(|trap| trap.waits_for(chunk))?;
        Some(match trap.snare {
            Snare::LoseReply => Fate::PassedWithoutReply,
            Snare::Answer(bytes) => Fate::Answered(bytes),
        })
    }

    fn counted(&mut self, length: usize) -> Fate {
        match self.cut_after {
            Some(left) if length > left => {
                self.cut_after = None;
                Fate::CutAfter(left)
            }
            Some(left) => {
                self.cut_after = Some(left - length);
                self.passed(length)
            }
            None => self.passed(length),
        }
    }

    fn passed(&self, length: usize) -> Fate {
        let transfer = self.rate.map_or(0.0, |rate| length as f64 / rate.max(1) as f64);
        Fate::Passed { after: self.delay + Duration::from_secs_f64(transfer) }
    }
}
