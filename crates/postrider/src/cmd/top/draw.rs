//! How `top` looks: a line above, tables that share the height, a line below. Reads the state, and changes nothing.

use std::time::Instant;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Clear, Paragraph, Widget, Wrap};

use super::panel::{Mood, Panel, Row};
use super::state::{Over, State};
use super::watch::Ask;
use crate::cmd::queue::print::in_words;
use crate::columns::{Fit, cut, width};
use crate::terminal::Paint;

/// With less, only the table that is chosen is shown.
const MIN_HEIGHT_FOR_ALL: u16 = 24;

/// The same of its columns.
const MIN_WIDTH_FOR_ALL: u16 = 60;

/// A table that isn't chosen has at least its heads and three rows.
const LEAST: u16 = 4;

/// In front of the row that is chosen, and of heads of the table that is.
const MARK: &str = "> ";

const HELP: &str = "\
Tab, Shift-Tab   next table, the one before
Up, Down         next row, the one before (also PageUp, PageDown, Home, End)
Enter            life of the job in the row: in failures and waiting
p                pause the queue in the row, or let it go on
m                make the waiting job in the row due now
q, Ctrl-C        quit
?                this

A worker is LOST when it is silent for longer than worker.dead_after; another takes over its jobs.
SENT/S, RETRY/S and DEAD/S are attempts a second over the last ten seconds.";

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State, paint: Paint, now: Instant) {
    let area = frame.area();
    if area.height < 3 {
        return;
    }
    let body = Rect { y: area.y + 1, height: area.height - 2, ..area };
    let pen = Pen { paint, state };
    pen.line(frame, area.y, &pen.title(area.width, now), pen.title_style());
    match &state.over {
        Over::Help => pen.page(frame, body, HELP, 0),
        Over::Life(lines, top) => pen.page(frame, body, &lines.join("\n"), *top),
        Over::Nothing | Over::Sure(_) => pen.tables(frame, body),
    }
    pen.line(frame, area.bottom() - 1, &pen.footer(area.width), pen.bold());
}

struct Pen<'a> {
    paint: Paint,
    state: &'a State,
}

impl Pen<'_> {
    fn title(&self, room: u16, now: Instant) -> String {
        let name = "postrider top";
        let text = match (&self.state.look, self.state.lost_for(now)) {
            (_, Some((lost, why))) => {
                format!("{name}  NO ANSWER for {}, trying again: {why}", in_words(lost))
            }
            (None, None) => format!("{name}  asking Redis"),
            (Some(look), None) => {
                let time = look.at.to_rfc3339();
                format!("{name}  {} UTC", time.get(11..19).unwrap_or(&time))
            }
        };
        cut(&text, room.into())
    }

    /// The question, what came of the last key, or which keys there are.
    fn footer(&self, room: u16) -> String {
        let keys = ["q quit", "? help", "tab table", "p pause", "enter job", "m send now"];
        let text = match &self.state.over {
            Over::Sure(Ask::Pause(queue)) => format!("pause {queue}? y: yes, any other key: no"),
            Over::Sure(ask) => format!("let {} go on? y: yes, any other key: no", ask.queue()),
            Over::Life(..) => "up, down: scroll, any other key: back".to_owned(),
            Over::Help => "any key: back".to_owned(),
            Over::Nothing if !self.state.message.is_empty() => self.state.message.clone(),
            Over::Nothing => return whole_words(&keys, room.into()),
        };
        cut(&text, room.into())
    }

    fn tables(&self, frame: &mut Frame<'_>, body: Rect) {
        let mut top = body.y;
        for (panel, height) in self.heights(body) {
            self.table(frame.buffer_mut(), panel, Rect { y: top, height, ..body });
            top += height;
        }
    }

    /// The table that is chosen takes what the others leave.
    fn heights(&self, body: Rect) -> Vec<(Panel, u16)> {
        if body.height + 2 < MIN_HEIGHT_FOR_ALL || body.width < MIN_WIDTH_FOR_ALL {
            return vec![(self.state.panel, body.height)];
        }
        let others = Panel::ALL.len() as u16 - 1;
        let share = (body.height / (others + 2)).max(LEAST);
        let height = |panel| if panel == self.state.panel { body.height - share * others } else { share };
        Panel::ALL.map(|panel| (panel, height(panel))).into()
    }

    fn table(&self, buffer: &mut Buffer, panel: Panel, area: Rect) {
        let (rows, columns) = (self.state.rows(panel), panel.columns());
        let room = usize::from(area.width).saturating_sub(MARK.len());
        let cells: Vec<Vec<String>> = rows.iter().map(|row| row.cells.clone()).collect();
        let fit = Fit::new(columns, &cells, Some(room));
        let chosen = self.state.chosen(panel, &rows);
        let visible = usize::from(area.height).saturating_sub(1);
        // The last row says how many are below.
        let first = chosen
            .map_or(0, |chosen| (chosen + 2).saturating_sub(visible))
            .min(rows.len().saturating_sub(visible));
        let is_focused = panel == self.state.panel;
        let heads = fit.line(columns, |index| columns[index].head.to_owned());
        self.put(buffer, area, 0, (is_focused, heads), self.head_style(is_focused));
        if rows.is_empty() {
            self.put(buffer, area, 1, (false, panel.emptiness().to_owned()), self.dim());
        }
        for (place, row) in rows.iter().enumerate().skip(first).take(visible) {
            let line = (place - first + 1) as u16;
            let hidden = rows.len() - place;
            if usize::from(line) == visible && hidden > 1 && visible > 1 {
                self.put(
                    buffer,
                    area,
                    line,
                    (false, format!("… {hidden} more {}", panel.name())),
                    self.dim(),
                );
                break;
            }
            let text = fit.line(columns, |index| row.cells[index].clone());
            let is_chosen = chosen == Some(place);
            self.put(buffer, area, line, (is_chosen, text), self.row_style(row, is_chosen && is_focused));
        }
    }

    fn put(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        line: u16,
        (is_marked, text): (bool, String),
        style: Style,
    ) {
        if line < area.height {
            let mark = if is_marked { MARK } else { "  " };
            let text = cut(&format!("{mark}{text}"), area.width.into());
            buffer.set_string(area.x, area.y + line, text, style);
        }
    }

    fn line(&self, frame: &mut Frame<'_>, y: u16, text: &str, style: Style) {
        let area = frame.area();
        Line::styled(text, style).render(Rect { y, height: 1, ..area }, frame.buffer_mut());
    }

    fn page(&self, frame: &mut Frame<'_>, area: Rect, text: &str, top: usize) {
        let page = Paragraph::new(Text::raw(text)).wrap(Wrap { trim: false });
        frame.render_widget(Clear, area);
        frame.render_widget(page.scroll((u16::try_from(top).unwrap_or(u16::MAX), 0)), area);
    }

    fn colour(&self, colour: Color) -> Style {
        match self.paint {
            Paint::Coloured => Style::new().fg(colour),
            Paint::Plain => Style::new(),
        }
    }

    fn title_style(&self) -> Style {
        let style = if self.state.trouble.is_some() { self.colour(Color::Red) } else { Style::new() };
        style.add_modifier(Modifier::BOLD)
    }

    fn bold(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn dim(&self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    fn head_style(&self, is_focused: bool) -> Style {
        let style = self.bold();
        if is_focused { style.add_modifier(Modifier::UNDERLINED) } else { style }
    }

    fn row_style(&self, row: &Row, is_chosen: bool) -> Style {
        let style = match row.mood {
            Mood::Plain => Style::new(),
            Mood::Warning => self.colour(Color::Yellow),
            Mood::Bad => self.colour(Color::Red),
        };
        if is_chosen { style.add_modifier(Modifier::REVERSED) } else { style }
    }
}

/// As many as there is room for.
fn whole_words(words: &[&str], room: usize) -> String {
    let mut text = String::new();
    for word in words {
        let parting = if text.is_empty() { "" } else { " · " };
        if width(&text) + width(parting) + width(word) <= room {
            text = text + parting + word;
        }
    }
    text
}
