//! What stands on screens of several sizes, and what keys do.

use std::time::{Duration, Instant};

use postrider_core::job_state::JobState;
use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use postrider_store::attempts::Attempt;
use postrider_store::figures::{Counts, Figures};
use postrider_store::queue::Sample;
use postrider_store::retries::Waiting;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;

use super::draw::draw;
use super::look::{Look, QueueLook, WorkerLook};
use super::panel::Panel;
use super::state::{Over, Press, State};
use super::watch::{Ask, Heard};
use crate::cmd::destinations::row;
use crate::terminal::Paint;

const NOW: u64 = 1_764_324_000_000;

fn name(name: &str) -> QueueName {
    QueueName::parse(name).unwrap()
}

fn queue(queue: &str, ready: u64, paused: bool) -> QueueLook {
    let sample =
        Sample { ready, leased: 12, waiting: 1_234_567, dead: 89, workers: 2, oldest_ready_millis: 3_000 };
    let figures = Figures {
        now: Timestamp::from_millis(NOW),
        sample,
        next_due: Some(Timestamp::from_millis(NOW + 5_000)),
        held: 0,
        living_workers: 2,
        paused,
        this_hour: Counts::default(),
        today: Counts::default(),
    };
    QueueLook { name: name(queue), figures, per_second: None }
}

fn worker(worker: &str, silence: u64) -> WorkerLook {
    WorkerLook {
        queue: name("postrider:deliveries"),
        name: worker.to_owned(),
        in_flight: 7,
        leased: 9,
        silence: Some(Duration::from_millis(silence)),
        is_living: silence < 5_000,
    }
}

fn failure(number: u64) -> (QueueName, Attempt) {
    let entry = format!("{}-0", NOW - number);
    let attempt = Attempt {
        entry: postrider_core::entry_id::EntryId::parse(entry.as_bytes()).unwrap(),
        job: format!("1764323999000-{number}"),
        event_id: "e".into(),
        hook_id: "9abc".into(),
        user_id: "9u".into(),
        destination: "https://a-long-name.of-a-receiver.example".into(),
        attempt: 3,
        outcome: if number == 0 { "dead" } else { "retried" }.into(),
        status: 503,
        millis: 12,
        at: Timestamp::from_millis(NOW - 1_000 * number),
        worker: "host-1".into(),
        error: "it answered 503\u{1b}[31m ねこ".into(),
        response: String::new(),
    };
    (name("postrider:deliveries"), attempt)
}

fn waiting(job: &str, due_in: u64) -> (QueueName, Waiting) {
    let waiting = Waiting {
        job: job.to_owned(),
        due: Timestamp::from_millis(NOW + due_in),
        entry: None,
        held_for: None,
        bytes: 100,
        state: JobState::default(),
        created_at: None,
        max_attempts: None,
        event_type: "note".into(),
        event_id: String::new(),
        user_id: "9u".into(),
        hook_id: "9abc".into(),
        destination: "https://hooks.example".into(),
    };
    (name("postrider:deliveries"), waiting)
}

fn look() -> Look {
    let told = r#"[{"destination":"9u/down","state":"tripped","inFlight":0,"limit":1,"maxInFlight":64,"inLine":3,
        "failuresInARow":20,"lastFailure":"it answered 500","triedInMs":1200},
        {"destination":"9u/fine","state":"flowing","inFlight":2,"limit":64,"maxInFlight":64}]"#;
    Look {
        at: Timestamp::from_millis(NOW),
        queues: vec![queue("postrider:deliveries", 5, false), queue("postrider:events", 0, true)],
        workers: vec![worker("host-2-4711-00000002", 9_000), worker("host-1-4711-00000001", 300)],
        destinations: row::read(&name("postrider:deliveries"), "host-1-4711-00000001", told.as_bytes())
            .unwrap(),
        failures: (0..40).map(failure).collect(),
        waiting: (0..30).map(|number| waiting(&format!("order-{number}"), number * 1_000)).collect(),
    }
}

fn seen() -> State {
    let mut state = State::new();
    state.hear(Heard::Seen(Box::new(look())), Instant::now());
    state
}

fn key(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

fn press(state: &mut State, codes: &[KeyCode]) -> Press {
    codes.iter().fold(Press::Nothing, |_, code| state.press(key(*code)))
}

/// The lines of a screen, without blanks at their ends.
fn screen(state: &State, columns: u16, lines: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    terminal.draw(|frame| draw(frame, state, Paint::Plain, Instant::now())).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let cells: Vec<&str> = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
    cells.chunks(columns.into()).map(|line| line.concat().trim_end().to_owned()).collect()
}

fn line_with<'a>(screen: &'a [String], words: &str) -> &'a str {
    let found = screen.iter().find(|line| line.contains(words));
    found.unwrap_or_else(|| panic!("{words:?} isn't in\n{}", screen.join("\n")))
}

#[test]
fn at_80_by_24_all_tables_are_there_and_no_number_is_cut() {
    let screen = screen(&seen(), 80, 24);
    assert_eq!(screen[0], "postrider top  10:00:00 UTC");
    let heads = line_with(&screen, "QUEUE  ");
    for head in ["STATE", "READY", "WAITING", "DEAD", "SENT/S"] {
        assert!(heads.contains(head), "{heads}");
    }
    assert!(heads.starts_with("> "), "{heads}");
    let row = line_with(&screen, "> postrider:deliveries");
    assert!(
        row.starts_with("> ") && row.contains(" on ") && row.contains("1.2M") && row.contains(" 89 "),
        "{row}"
    );
    assert!(line_with(&screen, "postrider:events").contains("paused"));
    assert!(line_with(&screen, "host-2-4711").contains("LOST 9s ago"));
    assert!(line_with(&screen, "9u/down").contains("tripped, tried in 2s"));
    assert!(line_with(&screen, "1764323999000-0").contains("dead"));
    assert!(line_with(&screen, "order-0").contains("now"));
    assert_eq!(screen[23], "q quit · ? help · tab table · p pause · enter job · m send now");
}

#[test]
fn at_120_by_40_rows_show_their_reasons() {
    let screen = screen(&seen(), 120, 40);
    let failure = line_with(&screen, "1764323999000-1 ");
    assert!(failure.contains("it answered 503") && failure.contains("503"), "{failure}");
    assert!(line_with(&screen, "9u/down").contains("it answered 500"));
    assert!(line_with(&screen, "QUEUE ").contains("RETRY/S"));
    // What a terminal would obey is only shown.
    assert!(!screen.concat().contains('\u{1b}'));
}

#[test]
fn at_40_by_12_the_chosen_table_has_the_screen_to_itself() {
    let mut state = seen();
    let queues = screen(&state, 40, 12);
    let row = line_with(&queues, "> postrider:deliveries");
    assert!(row.contains(" on ") && row.ends_with(" 5"), "{row}");
    assert!(!queues.concat().contains("host-1"), "{queues:?}");
    assert_eq!(queues[11], "q quit · ? help · tab table · p pause");
    press(&mut state, &[KeyCode::Tab, KeyCode::Tab, KeyCode::Tab]);
    let failures = screen(&state, 40, 12);
    assert!(line_with(&failures, "1764323999000-0").contains("dead"));
    assert_eq!(failures[10], "  … 32 more failures");
}

#[test]
fn every_table_can_be_drawn_on_every_screen_and_no_line_is_wider() {
    for (columns, lines) in
        [(1, 1), (5, 3), (20, 6), (40, 12), (59, 24), (60, 23), (60, 24), (80, 24), (120, 40), (300, 90)]
    {
        let mut state = seen();
        for _ in Panel::ALL {
            assert_eq!(screen(&state, columns, lines).len(), usize::from(lines));
            press(&mut state, &[KeyCode::End, KeyCode::Tab]);
        }
        for over in [
            Over::Help,
            Over::Life(vec!["a long line ".repeat(40); 50], 49),
            Over::Sure(Ask::Pause(name("q"))),
        ] {
            state.over = over;
            screen(&state, columns, lines);
        }
        screen(&State::new(), columns, lines);
    }
}

#[test]
fn the_chosen_row_is_on_the_screen_wherever_it_is() {
    let mut state = seen();
    press(&mut state, &[KeyCode::BackTab]);
    for step in 1..30 {
        press(&mut state, &[KeyCode::Down]);
        let screen = screen(&state, 80, 24);
        let row = line_with(&screen, &format!("order-{step} "));
        assert!(row.starts_with("> "), "{}", screen.join("\n"));
    }
}

#[test]
fn a_queue_is_paused_once_it_is_said_to_be_meant() {
    let mut state = seen();
    assert_eq!(press(&mut state, &[KeyCode::Char('p')]), Press::Nothing);
    assert!(screen(&state, 80, 24)[23].starts_with("pause postrider:deliveries? y"));
    assert_eq!(press(&mut state, &[KeyCode::Char('n')]), Press::Nothing);
    assert!(screen(&state, 80, 24)[23].starts_with("nothing was done"));
    let pressed = press(&mut state, &[KeyCode::Char('p'), KeyCode::Char('y')]);
    assert_eq!(pressed, Press::Ask(Ask::Pause(name("postrider:deliveries"))));
    let pressed = press(&mut state, &[KeyCode::Down, KeyCode::Char('p'), KeyCode::Char('y')]);
    assert_eq!(pressed, Press::Ask(Ask::Resume(name("postrider:events"))));
}

#[test]
fn a_key_acts_on_the_job_that_was_chosen_even_where_rows_have_moved() {
    let mut state = seen();
    press(&mut state, &[KeyCode::BackTab, KeyCode::Down]);
    let mut later = look();
    later.waiting.remove(0);
    state.hear(Heard::Seen(Box::new(later)), Instant::now());
    let deliveries = name("postrider:deliveries");
    assert_eq!(
        press(&mut state, &[KeyCode::Char('m')]),
        Press::Ask(Ask::Promote(deliveries.clone(), "order-1".into()))
    );
    let mut gone = look();
    gone.waiting.drain(..2);
    state.hear(Heard::Seen(Box::new(gone)), Instant::now());
    assert_eq!(press(&mut state, &[KeyCode::Char('m')]), Press::Nothing);
    assert_eq!(state.message, "choose a job with the arrows first");
    assert_eq!(
        press(&mut state, &[KeyCode::Down, KeyCode::Enter]),
        Press::Ask(Ask::Open(deliveries, "order-3".into()))
    );
}

#[test]
fn a_life_is_read_and_closed_again() {
    let mut state = seen();
    let lines = ["1-0 of q: dead", "  attempt 1", "  dead since then"].map(str::to_owned);
    state.hear(Heard::Life(lines.into()), Instant::now());
    let shown = screen(&state, 80, 24);
    assert_eq!((&*shown[1], &*shown[3]), ("1-0 of q: dead", "  dead since then"));
    press(&mut state, &[KeyCode::Down]);
    assert_eq!(screen(&state, 80, 24)[1], "  attempt 1");
    press(&mut state, &[KeyCode::Char('q')]);
    assert_eq!(state.over, Over::Nothing);
    assert_eq!(press(&mut state, &[KeyCode::Char('q')]), Press::Quit);
    assert_eq!(seen().press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Press::Quit);
}

#[test]
fn where_redis_is_lost_the_last_figures_stay_and_it_is_said_since_when() {
    let mut state = seen();
    let lost = Instant::now().checked_sub(Duration::from_secs(7)).unwrap();
    state.hear(Heard::Lost("ask for it: connection refused".into()), lost);
    state.hear(Heard::Lost("ask for it: connection refused".into()), Instant::now());
    let shown = screen(&state, 80, 24);
    assert_eq!(shown[0], "postrider top  NO ANSWER for 7s, trying again: ask for it: connection refused");
    line_with(&shown, "postrider:deliveries");
    state.hear(Heard::Seen(Box::new(look())), Instant::now());
    assert_eq!(screen(&state, 80, 24)[0], "postrider top  10:00:00 UTC");
}

#[test]
fn colours_stand_beside_words_and_only_where_they_are_wanted() {
    let colours = |paint| {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| draw(frame, &seen(), paint, Instant::now())).unwrap();
        let buffer = terminal.backend().buffer().clone();
        buffer.content().iter().filter(|cell| !matches!(cell.fg, Color::Reset)).count()
    };
    assert_eq!(colours(Paint::Plain), 0);
    assert!(colours(Paint::Coloured) > 0);
}
