//! The terminal while `top` runs: taken whole and given back however it ends, and the keys that come from it.

use std::io;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use tokio::sync::mpsc;

/// How soon the thread of the keys notices that nobody hears them.
const NOTICE: Duration = Duration::from_millis(100);

/// Keys that wait to be heard: more than anyone types in a second.
const MAX_UNHEARD: usize = 64;

/// The whole terminal; it is itself again when this is dropped. After a panic too: ratatui sees to that.
pub(super) struct Screen {
    pub(super) terminal: DefaultTerminal,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn take() -> io::Result<Self> {
        Ok(Self { terminal: ratatui::try_init()? })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Where the terminal is gone there is nothing to give back.
        let _ = ratatui::try_restore();
    }
}

/// What happens on the terminal.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happening {
    Key(KeyEvent),
    /// It has another size, and is to be drawn anew.
    Resized,
}

/// Happenings as they come; none any more where the terminal is gone.
pub(super) fn happenings() -> mpsc::Receiver<Happening> {
    let (sender, happenings) = mpsc::channel(MAX_UNHEARD);
    std::thread::spawn(move || while let Ok(()) = pass_on(&sender) {});
    happenings
}

/// Passes on the next one, if any comes; fails where there is no more to come or nobody to hear.
fn pass_on(sender: &mpsc::Sender<Happening>) -> Result<(), ()> {
    if sender.is_closed() {
        return Err(());
    }
    if !event::poll(NOTICE).map_err(drop)? {
        return Ok(());
    }
    match event::read().map_err(drop)? {
        Event::Key(key) if key.kind != KeyEventKind::Release => sender.blocking_send(Happening::Key(key)),
        Event::Resize(..) => sender.blocking_send(Happening::Resized),
        _ => return Ok(()),
    }
    .map_err(drop)
}
