//! A program on a terminal of its own: a pty of a given size, what it wrote there so far, and keys.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postrider_tests::wait::PATIENCE;
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// The program and its terminal.
pub(crate) struct OnTerminal {
    child: Child,
    master: File,
    // Held, so that the settings of the terminal outlive the program.
    slave: File,
    written: Arc<Mutex<Vec<u8>>>,
    size: (u16, u16),
}

impl OnTerminal {
    /// Starts it in a session of its own, without another terminal that it could take instead.
    pub(crate) fn start(program: &Command, (columns, lines): (u16, u16)) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap();
        let slave =
            rustix::fs::open(&path, OFlags::RDWR | OFlags::NOCTTY, rustix::fs::Mode::empty()).unwrap();
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).unwrap();
        let (slave, master) = (File::from(slave), File::from(master));
        let stream = || slave.try_clone().unwrap();
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(program.get_program()).args(program.get_args()).env_clear();
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("TERM", "xterm-256color").env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let child = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap();
        let written = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, kept) = (master.try_clone().unwrap(), Arc::clone(&written));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                kept.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        });
        Self { child, master, slave, written, size: (columns, lines) }
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Everything written so far, escapes included.
    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    /// What stands on its screen.
    pub(crate) fn screen(&self) -> String {
        screen_of(&self.written(), self.size)
    }

    /// Waits until these words stand on the screen, or no more.
    #[track_caller]
    pub(crate) fn until(&self, words: &str, are_there: bool) {
        let deadline = Instant::now() + PATIENCE;
        while self.screen().contains(words) != are_there {
            assert!(Instant::now() < deadline, "{words:?} {are_there} never came:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it has ended.
    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it never ended: {:?}", self.written());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether the terminal is as a shell wants it: lines are edited, and what is typed is shown.
    pub(crate) fn is_itself(&self) -> bool {
        let modes = tcgetattr(&self.slave).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a terminal makes of what was written: text where the cursor was put. Colours and modes are left out.
fn screen_of(written: &str, (columns, lines): (u16, u16)) -> String {
    let mut cells = vec![vec![' '; columns.into()]; lines.into()];
    let (mut x, mut y, mut chars) = (0, 0, written.chars());
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            if let Some(cell) = cells.get_mut(y).and_then(|line| line.get_mut(x)) {
                *cell = c;
            }
            x += 1;
            continue;
        }
        // `ESC [ numbers letter`; of others only the first letter, which none needs here.
        let mut numbers = String::new();
        let mut rest = chars.by_ref().skip(1).skip_while(|c| {
            let is_number = c.is_ascii_digit() || ";?".contains(*c);
            numbers.extend(is_number.then_some(*c));
            is_number
        });
        if rest.next() == Some('H') {
            let mut place = numbers.split(';').map(|number| number.parse().unwrap_or(1_usize) - 1);
            (y, x) = (place.next().unwrap_or(0), place.next().unwrap_or(0));
        }
    }
    cells.iter().map(|line| line.iter().collect::<String>() + "\n").collect()
}
