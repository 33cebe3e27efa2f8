//! The task beside the screen: looks each second, does what is asked, and goes on where Redis is lost.

use std::time::Duration;

use postrider_core::queue_name::QueueName;
use tokio::sync::mpsc;

use super::look::{Look, Looker};

/// How often it looks.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Let workers read nothing more of it.
    Pause(QueueName),
    /// Let them go on.
    Resume(QueueName),
    /// Make a waiting job due now.
    Promote(QueueName, String),
    /// Tell the life of a job.
    Open(QueueName, String),
}

/// What the screen hears.
#[derive(Debug)]
pub(super) enum Heard {
    /// All is seen.
    Seen(Box<Look>),
    /// Nothing is, and why.
    Lost(String),
    /// What came of what was asked.
    Done(String),
    /// The life of a job.
    Life(Vec<String>),
}

impl Ask {
    /// Of which queue.
    pub(super) fn queue(&self) -> &QueueName {
        match self {
            Self::Pause(queue) | Self::Resume(queue) | Self::Promote(queue, _) | Self::Open(queue, _) => {
                queue
            }
        }
    }
}

/// Until the screen is gone.
pub(super) async fn run(mut looker: Looker, mut asks: mpsc::Receiver<Ask>, heard: mpsc::Sender<Heard>) {
    loop {
        let seen = match looker.look().await {
            Ok(look) => Heard::Seen(Box::new(look)),
            Err(error) => Heard::Lost(error.line()),
        };
        if heard.send(seen).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            ask = asks.recv() => {
                let Some(ask) = ask else { return };
                // Its effect is looked at next.
                if heard.send(done(&mut looker, &ask).await).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn done(looker: &mut Looker, ask: &Ask) -> Heard {
    match (looker.answer(ask).await, ask) {
        (Ok(lines), Ask::Open(..)) => Heard::Life(lines),
        (Ok(lines), _) => Heard::Done(lines.join(" ")),
        (Err(error), _) => Heard::Done(format!("not done: {}", error.line())),
    }
}
