//! What `top` shows and how it answers keys: values in, values out. Neither draws nor asks Redis.

use std::time::{Duration, Instant};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::look::Look;
use super::panel::{Key, Panel, Row, job_of};
use super::watch::{Ask, Heard};

/// What is on the screen.
#[derive(Debug)]
pub(super) struct State {
    pub(super) look: Option<Look>,
    /// Since when Redis can't be asked, and why.
    pub(super) trouble: Option<(Instant, String)>,
    pub(super) panel: Panel,
    pub(super) over: Over,
    /// What came of the last key.
    pub(super) message: String,
    cursors: [Cursor; Panel::ALL.len()],
}

/// What covers the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Nothing,
    Help,
    /// The life of a job, from this line on.
    Life(Vec<String>, usize),
    /// Asked before it is done.
    Sure(Ask),
}

/// What a key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Press {
    Nothing,
    Quit,
    Ask(Ask),
}

/// The row that is chosen. It stays with what it is about: rows come and go.
#[derive(Clone, Debug, Default)]
struct Cursor {
    key: Option<Key>,
    /// Where it was last.
    index: usize,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            look: None,
            trouble: None,
            panel: Panel::Queues,
            over: Over::Nothing,
            message: String::new(),
            cursors: Default::default(),
        }
    }

    /// For how long Redis can't be asked.
    pub(super) fn lost_for(&self, now: Instant) -> Option<(Duration, &str)> {
        let (since, why) = self.trouble.as_ref()?;
        Some((now.saturating_duration_since(*since), why))
    }

    pub(super) fn rows(&self, panel: Panel) -> Vec<Row> {
        self.look.as_ref().map_or_else(Vec::new, |look| panel.rows(look))
    }

    /// Which of these rows is chosen.
    pub(super) fn chosen(&self, panel: Panel, rows: &[Row]) -> Option<usize> {
        let key = self.cursors[panel as usize].key.as_ref()?;
        rows.iter().position(|row| row.key == *key)
    }

    pub(super) fn hear(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Seen(look) => {
                self.look = Some(*look);
                self.trouble = None;
                if self.cursors[Panel::Queues as usize].key.is_none() {
                    self.choose(Panel::Queues, |_| 0);
                }
            }
            Heard::Lost(why) => {
                let since = self.trouble.as_ref().map_or(now, |(since, _)| *since);
                self.trouble = Some((since, why));
            }
            Heard::Done(sentence) => self.message = sentence,
            Heard::Life(lines) => self.over = Over::Life(lines, 0),
        }
    }

    pub(super) fn press(&mut self, key: KeyEvent) -> Press {
        self.message.clear();
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Press::Quit;
        }
        match std::mem::replace(&mut self.over, Over::Nothing) {
            Over::Sure(ask) if key.code == KeyCode::Char('y') => Press::Ask(ask),
            Over::Sure(_) => self.say("nothing was done"),
            Over::Life(lines, top) => self.scroll(lines, top, key.code),
            Over::Help if key.code != KeyCode::Char('q') => Press::Nothing,
            Over::Help | Over::Nothing => self.press_on_tables(key.code),
        }
    }

    fn press_on_tables(&mut self, key: KeyCode) -> Press {
        match key {
            KeyCode::Char('q') => return Press::Quit,
            KeyCode::Char('?' | 'h') => self.over = Over::Help,
            KeyCode::Tab | KeyCode::Right => self.turn(1),
            KeyCode::BackTab | KeyCode::Left => self.turn(Panel::ALL.len() - 1),
            KeyCode::Down | KeyCode::Char('j') => self.step(|index| index + 1),
            KeyCode::Up | KeyCode::Char('k') => self.step(|index| index.saturating_sub(1)),
            KeyCode::PageDown => self.step(|index| index + 10),
            KeyCode::PageUp => self.step(|index| index.saturating_sub(10)),
            KeyCode::Home => self.step(|_| 0),
            KeyCode::End => self.step(|_| usize::MAX),
            KeyCode::Enter => return self.open(),
            KeyCode::Char('p') => return self.switch(),
            KeyCode::Char('m') => return self.promote(),
            _ => {}
        }
        Press::Nothing
    }

    fn turn(&mut self, by: usize) {
        self.panel = Panel::ALL[(self.panel as usize + by) % Panel::ALL.len()];
        if self.cursors[self.panel as usize].key.is_none() {
            self.choose(self.panel, |_| 0);
        }
    }

    /// Where the row has gone, what took its place is chosen first: nobody steps on what they haven't seen.
    fn step(&mut self, to: impl Fn(usize) -> usize) {
        match self.chosen(self.panel, &self.rows(self.panel)) {
            Some(_) => self.choose(self.panel, to),
            None => self.choose(self.panel, |index| index),
        }
    }

    fn choose(&mut self, panel: Panel, to: impl Fn(usize) -> usize) {
        let rows = self.rows(panel);
        let from = self.chosen(panel, &rows).unwrap_or(self.cursors[panel as usize].index);
        let index = to(from).min(rows.len().saturating_sub(1));
        self.cursors[panel as usize] = Cursor { key: rows.get(index).map(|row| row.key.clone()), index };
    }

    fn chosen_key(&self, panel: Panel) -> Option<Key> {
        let rows = self.rows(panel);
        self.chosen(panel, &rows).map(|index| rows[index].key.clone())
    }

    fn open(&mut self) -> Press {
        match (self.panel, self.chosen_key(self.panel)) {
            (Panel::Failures | Panel::Waiting, Some(key)) => {
                Press::Ask(Ask::Open(key.0.clone(), job_of(&key).to_owned()))
            }
            (Panel::Failures | Panel::Waiting, None) => self.say("choose a job with the arrows first"),
            _ => self.say("Enter opens a job: go to failures or waiting with Tab"),
        }
    }

    fn switch(&mut self) -> Press {
        if self.panel != Panel::Queues {
            return self.say("p pauses a queue: go to queues with Tab");
        }
        let Some((name, _)) = self.chosen_key(Panel::Queues) else {
            return self.say("choose a queue with the arrows first");
        };
        let queues = self.look.iter().flat_map(|look| &look.queues);
        let is_paused = queues.filter(|queue| queue.name == name).any(|queue| queue.figures.paused);
        self.over = Over::Sure(if is_paused { Ask::Resume(name) } else { Ask::Pause(name) });
        Press::Nothing
    }

    fn promote(&mut self) -> Press {
        match (self.panel, self.chosen_key(Panel::Waiting)) {
            (Panel::Waiting, Some((queue, job))) => Press::Ask(Ask::Promote(queue, job)),
            (Panel::Waiting, None) => self.say("choose a job with the arrows first"),
            _ => self.say("m makes a waiting job due now: go to waiting with Tab"),
        }
    }

    /// Keys that move within the life of a job; any other closes it.
    fn scroll(&mut self, lines: Vec<String>, top: usize, key: KeyCode) -> Press {
        let last = lines.len().saturating_sub(1);
        let to = match key {
            KeyCode::Down | KeyCode::Char('j') => top + 1,
            KeyCode::Up | KeyCode::Char('k') => top.saturating_sub(1),
            KeyCode::PageDown => top + 10,
            KeyCode::PageUp => top.saturating_sub(10),
            _ => return Press::Nothing,
        };
        self.over = Over::Life(lines, to.min(last));
        Press::Nothing
    }

    fn say(&mut self, sentence: &str) -> Press {
        sentence.clone_into(&mut self.message);
        Press::Nothing
    }
}
