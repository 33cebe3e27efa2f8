//! `postrider top`: queues, workers, destinations, failures and waiting jobs, live on the whole screen.
//!
//! - [`look`]: what is seen, with [`failures`] and [`rates`]; [`watch`]: the task that looks and does what is asked.
//! - [`panel`]: what is seen as tables; [`state`]: what keys do; [`draw`]: how it looks; [`screen`]: the terminal.
//! - [`print`]: all of it once, without a screen.

mod draw;
mod failures;
mod look;
mod panel;
mod print;
mod rates;
mod screen;
mod state;
#[cfg(test)]
mod tests;
mod watch;

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::mpsc;

use super::operator::{block_on, failed};
use crate::args::Top;
use crate::exit::Failure;
use crate::redis;
use crate::settings::Settings;
use crate::stop::Signals;
use crate::terminal::Paint;
use look::{Look, Looker};
use screen::{Happening, Screen};
use state::{Press, State};

/// What is heard waits for so long at most: the screen is drawn between two.
const MAX_UNSEEN: usize = 4;

/// How often the screen is drawn where nothing happens, for the time since Redis is lost.
const TICK: Duration = Duration::from_secs(1);

/// Shows it until it is quit; once, where that is asked for. Nothing may be logged meanwhile: it would stand on the screen.
pub(crate) fn run(settings: &Settings, args: Top) -> Result<(), Failure> {
    let looker = Looker::new(settings, &redis::connector(&settings.redis)?);
    if args.once || args.json {
        return block_on(once(looker, args));
    }
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::Unfit(
            "top needs a terminal for its keys and its screen: --once prints it in lines, --json as JSON"
                .into(),
        ));
    }
    block_on(live(looker))
}

async fn once(mut looker: Looker, args: Top) -> Result<(), Failure> {
    looker.look().await.map_err(failed)?;
    tokio::time::sleep(watch::EVERY).await;
    let look: Look = looker.look().await.map_err(failed)?;
    if args.json { print::json(&look) } else { print::plain(&look) }
}

async fn live(looker: Looker) -> Result<(), Failure> {
    let mut signals = Signals::listen().context("failed to listen for signals")?;
    let paint = Paint::of(&io::stdout());
    let (asks, asked) = mpsc::channel(MAX_UNSEEN);
    let (heard, mut hears) = mpsc::channel(MAX_UNSEEN);
    tokio::spawn(watch::run(looker, asked, heard));
    let mut screen = Screen::take().context("failed to take the terminal")?;
    let (mut happenings, mut state) = (screen::happenings(), State::new());
    loop {
        let frame = screen.terminal.draw(|frame| draw::draw(frame, &state, paint, Instant::now()));
        frame.context("failed to draw")?;
        tokio::select! {
            () = signals.next() => return Ok(()),
            () = tokio::time::sleep(TICK) => {}
            Some(heard) = hears.recv() => state.hear(heard, Instant::now()),
            happening = happenings.recv() => match happening {
                None => return Ok(()),
                Some(Happening::Resized) => {}
                Some(Happening::Key(key)) => match state.press(key) {
                    Press::Nothing => {}
                    Press::Quit => return Ok(()),
                    // A full channel: Redis doesn't answer, which the screen says.
                    Press::Ask(ask) => drop(asks.try_send(ask)),
                },
            },
        }
    }
}
