//! Columns of text: how wide they are, and which give way where there is little room. Prints nothing.

use ratatui::text::Span;

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// What stands above it.
    pub(crate) head: &'static str,
    /// It may be cut down to so much; none where half of it would be of no use: numbers, times, ids.
    floor: Option<usize>,
    /// Where even cutting doesn't help, that of the highest rank is left out first; 0 stays.
    rank: u8,
    is_number: bool,
}

/// Which columns are shown, and how wide each is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    /// Index and width.
    pub(crate) shown: Vec<(usize, usize)>,
}

/// Between two columns.
const GAP: usize = 2;

/// Columns of all tables by what stands above them; any other is shown whole.
const KNOWN: [Column; 14] = [
    Column::text("ERROR", 12, 9),
    Column::text("LAST FAILURE", 12, 8),
    Column::text("WORKER", 10, 7),
    Column::text("NAME", 10, 6),
    Column::text("DESTINATION", 16, 5),
    Column::text("ON", 8, 4),
    Column::text("NEXT DUE", 8, 4),
    Column::text("OLDEST READY", 12, 3),
    Column::whole("RATE", 3),
    Column::whole("HELD", 3),
    Column::whole("DEFERRED", 2),
    Column::whole("DISCARDED", 2),
    Column::whole("HOOK", 1),
    Column::text("QUEUE", 20, 0),
];

impl Column {
    /// That of this head.
    pub(crate) fn called(head: &str) -> Self {
        let known = KNOWN.into_iter().find(|known| known.head == head);
        known.unwrap_or(Self::whole("", 0))
    }

    /// Of words that are useless when they are cut.
    pub(crate) const fn whole(head: &'static str, rank: u8) -> Self {
        Self { head, floor: None, rank, is_number: false }
    }

    /// Of words that may be cut.
    pub(crate) const fn text(head: &'static str, floor: usize, rank: u8) -> Self {
        Self { head, floor: Some(floor), rank, is_number: false }
    }

    /// Of numbers, which stand under each other.
    pub(crate) const fn number(head: &'static str, rank: u8) -> Self {
        Self { head, floor: None, rank, is_number: true }
    }
}

impl Fit {
    /// Fits rows, their heads included, into `room`; none: there is room for all.
    pub(crate) fn new(columns: &[Column], rows: &[Vec<String>], room: Option<usize>) -> Self {
        let own = |index: usize| {
            let cells = rows.iter().filter_map(|row| row.get(index)).map(|cell| width(cell));
            cells.max().unwrap_or(0).max(width(columns[index].head))
        };
        let mut fit = Self { shown: (0..columns.len()).map(|index| (index, own(index))).collect() };
        let Some(room) = room else { return fit };
        while fit.least(columns) > room && fit.leave_one_out(columns) {}
        fit.squeeze(columns, room);
        fit
    }

    /// Those that are left out.
    pub(crate) fn left_out(&self, columns: &[Column]) -> Vec<&'static str> {
        let is_shown = |index: &usize| self.shown.iter().any(|(shown, _)| shown == index);
        (0..columns.len()).filter(|index| !is_shown(index)).map(|index| columns[index].head).collect()
    }

    /// A row, without blanks at its end.
    pub(crate) fn line(&self, columns: &[Column], cell: impl Fn(usize) -> String) -> String {
        let cells = self.shown.iter().map(|(index, room)| {
            let text = cut(&cell(*index), *room);
            let blanks = " ".repeat(room - width(&text));
            if columns[*index].is_number { blanks + &text } else { text + &blanks }
        });
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
    }

    /// The least width that cutting can bring it to.
    fn least(&self, columns: &[Column]) -> usize {
        let least = |(index, own): &(usize, usize)| floor(&columns[*index], *own);
        self.shown.iter().map(least).sum::<usize>() + self.gaps()
    }

    fn gaps(&self) -> usize {
        self.shown.len().saturating_sub(1) * GAP
    }

    fn leave_one_out(&mut self, columns: &[Column]) -> bool {
        let last = (0..self.shown.len()).max_by_key(|place| (columns[self.shown[*place].0].rank, *place));
        match last.filter(|place| columns[self.shown[*place].0].rank > 0) {
            Some(place) => {
                self.shown.remove(place);
                true
            }
            None => false,
        }
    }

    /// The widest of those that may be cut gives first.
    fn squeeze(&mut self, columns: &[Column], room: usize) {
        let gaps = self.gaps();
        while self.shown.iter().map(|(_, width)| width).sum::<usize>() + gaps > room {
            let can_give = |(index, width): &&mut (usize, usize)| *width > floor(&columns[*index], *width);
            match self.shown.iter_mut().filter(can_give).max_by_key(|(_, width)| *width) {
                Some((_, width)) => *width -= 1,
                None => return,
            }
        }
    }
}

fn floor(column: &Column, own: usize) -> usize {
    column.floor.unwrap_or(usize::MAX).max(width(column.head)).min(own)
}

/// How many columns of a terminal a text takes: twice as many for a letter of Chinese or Japanese.
pub(crate) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// As much of a text as there is room for; `…` stands for the rest.
pub(crate) fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut shown = String::new();
    for c in text.chars() {
        if width(&shown) + width(c.encode_utf8(&mut [0; 4])) >= room {
            break;
        }
        shown.push(c);
    }
    if room > 0 { shown + "…" } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] =
        [Column::whole("JOB", 0), Column::number("N", 0), Column::text("ERROR", 6, 1)];

    fn rows() -> Vec<Vec<String>> {
        [["1764324000123-0", "7", "the connection was refused"]]
            .map(|row| row.map(str::to_owned).to_vec())
            .into()
    }

    fn shown(room: Option<usize>) -> String {
        let rows = rows();
        Fit::new(&COLUMNS, &rows, room).line(&COLUMNS, |index| rows[0][index].clone())
    }

    #[test]
    fn text_gives_way_first_and_is_left_out_at_last() {
        assert_eq!(shown(None), "1764324000123-0  7  the connection was refused");
        assert_eq!(shown(Some(30)), "1764324000123-0  7  the conne…");
        assert_eq!(shown(Some(26)), "1764324000123-0  7  the c…");
        assert_eq!(shown(Some(25)), "1764324000123-0  7");
        // An id that is cut is of no use: the terminal may wrap it.
        assert_eq!(shown(Some(5)), "1764324000123-0  7");
        assert_eq!(Fit::new(&COLUMNS, &rows(), Some(25)).left_out(&COLUMNS), ["ERROR"]);
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!((width("ねこ"), cut("ねこです", 5)), (4, "ねこ…".to_owned()));
        assert_eq!(cut("ねこです", 4), "ね…");
        assert_eq!((cut("abc", 3), cut("abc", 0)), ("abc".to_owned(), String::new()));
    }

    #[test]
    fn no_line_is_ever_wider_than_what_may_be_cut_allows() {
        for room in 18..60 {
            assert!(width(&shown(Some(room))) <= room, "{room}");
        }
    }
}
