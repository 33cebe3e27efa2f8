//! Carries out a script on one connection. Every step ends when the other side is gone; how long a peer that stays may
//! take up a connection is the stage's to say.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

use super::book::{Book, Request};
use super::gzip;
use super::script::{Close, NamedPart, Part, Scripts, Step};
use super::value::{Context, Value};
use super::wire::{Comes, Wire};
use crate::sink::now;

/// What the connections of a stage share.
pub(super) struct Scene {
    pub(super) book: Arc<Book>,
    pub(super) own_url: String,
    pub(super) trap_url: String,
    /// Whether a script that has ended starts again on the same connection.
    pub(super) keep_connection: bool,
}

/// What comes after a step.
enum Next {
    /// The next one.
    Step,
    /// The first one.
    Again,
    /// Nothing: the other side is gone, or its place was closed.
    End,
    /// A reset.
    Reset,
    /// An orderly close.
    Close,
}

/// Plays a script on one connection, until one side ends it.
pub(super) async fn play(scripts: &Scripts, stream: TcpStream, number: u64, scene: &Scene) -> io::Result<()> {
    let mut player = Player { wire: Wire::new(stream), number, head: String::new(), scene };
    let steps = scripts.of_connection(number);
    loop {
        match player.steps(steps).await? {
            Next::Again => {}
            Next::Step if scene.keep_connection => {}
            Next::Step | Next::Close => return player.wire.close().await,
            Next::Reset => return player.wire.reset(),
            Next::End => return Ok(()),
        }
    }
}

struct Player<'a> {
    wire: Wire,
    number: u64,
    /// The head of the latest request.
    head: String,
    scene: &'a Scene,
}

impl Player<'_> {
    /// All steps, up to the first that isn't followed by the next.
    async fn steps(&mut self, steps: &[Step]) -> io::Result<Next> {
        for step in steps {
            let next = self.step(step).await?;
            if !matches!(next, Next::Step) {
                return Ok(next);
            }
        }
        Ok(Next::Step)
    }

    async fn step(&mut self, step: &Step) -> io::Result<Next> {
        match step {
            Step::Read { read } => return self.read(*read).await,
            Step::Send { send } => self.wire.send(&self.bytes(send)).await?,
            Step::Forever { forever, every_ms } => {
                return self.forever(&self.bytes(forever), pause(*every_ms)).await;
            }
            Step::Drip { drip, every_ms } => self.drip(drip, pause(*every_ms)).await?,
            Step::Sleep { sleep_ms } => sleep(pause(*sleep_ms)).await,
            Step::Close { close } => return self.close(*close).await,
            Step::Hold { .. } => {
                self.wire.gone().await?;
                return Ok(Next::End);
            }
            Step::Keep { .. } => return Ok(Next::Again),
            Step::ReadSlowly { read_slowly, every_ms } => {
                return self.read_slowly(*read_slowly, pause(*every_ms)).await;
            }
            Step::IdleClose { idle_close_ms } => return self.idle(pause(*idle_close_ms)).await,
            Step::GzipZeros { gzip_zeros_mb } => {
                self.wire.send(&gzip::zeros(u64::from(*gzip_zeros_mb) << 20)).await?;
            }
        }
        Ok(Next::Step)
    }

    async fn read(&mut self, part: Part) -> io::Result<Next> {
        let came = match part {
            Part::Bytes(count) => self.wire.bytes(count).await?,
            Part::Named(NamedPart::Head) => self.read_head().await?,
            Part::Named(NamedPart::Rest) => self.wire.rest().await?,
            Part::Named(NamedPart::Request) => self.read_head().await? && self.wire.rest().await?,
        };
        Ok(if came { Next::Step } else { Next::End })
    }

    async fn read_head(&mut self) -> io::Result<bool> {
        let Some((head, body_bytes)) = self.wire.head().await? else { return Ok(false) };
        self.head.clone_from(&head);
        self.scene.book.note_request(Request { connection: self.number, head, body_bytes });
        Ok(true)
    }

    async fn forever(&mut self, bytes: &[u8], every: Duration) -> io::Result<Next> {
        loop {
            self.wire.send(bytes).await?;
            sleep(every).await;
        }
    }

    async fn drip(&mut self, text: &str, every: Duration) -> io::Result<()> {
        for byte in self.bytes(&Value::Text(text.to_owned())) {
            self.wire.send(&[byte]).await?;
            sleep(every).await;
        }
        Ok(())
    }

    async fn read_slowly(&mut self, count: usize, every: Duration) -> io::Result<Next> {
        while self.wire.bytes(count).await? {
            sleep(every).await;
        }
        Ok(Next::End)
    }

    async fn idle(&mut self, longest: Duration) -> io::Result<Next> {
        Ok(match self.wire.comes_within(longest).await? {
            Comes::Bytes => Next::Again,
            Comes::End => Next::End,
            Comes::Nothing => Next::Close,
        })
    }

    async fn close(&mut self, how: Close) -> io::Result<Next> {
        Ok(match how {
            Close::Fin => Next::Close,
            Close::Rst => Next::Reset,
            Close::Half => {
                self.wire.close_half().await?;
                Next::Step
            }
        })
    }

    fn bytes(&self, value: &Value) -> Vec<u8> {
        let Scene { own_url, trap_url, .. } = self.scene;
        value.resolve(&Context { own_url, trap_url, head: &self.head, now: now() })
    }
}

fn pause(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::{Instant, timeout};

    use super::*;

    /// More than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// What a peer does after it has sent its bytes.
    #[derive(PartialEq)]
    enum Then {
        Stays,
        ClosesItsHalf,
    }

    /// Plays a script against a peer that sends `sent` and reads to the end; what came, and how long it took.
    async fn played(script: &str, sent: &[u8], then: Then) -> (String, Duration) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let scripts: Scripts = serde_json::from_str(script).unwrap();
        let (own_url, trap_url) = (String::new(), String::new());
        let scene = Scene { book: Arc::default(), own_url, trap_url, keep_connection: false };
        peer.write_all(sent).await.unwrap();
        if then == Then::ClosesItsHalf {
            peer.shutdown().await.unwrap();
        }
        let (begun, mut came) = (Instant::now(), Vec::new());
        let reading = async move {
            peer.read_to_end(&mut came).await.unwrap();
            String::from_utf8(came).unwrap()
        };
        let both = async { tokio::join!(play(&scripts, stream, 1, &scene), reading) };
        let (ended, came) = timeout(PATIENCE, both).await.unwrap();
        ended.unwrap();
        (came, begun.elapsed())
    }

    #[tokio::test]
    async fn a_text_is_dripped_byte_by_byte() {
        let script = r#"[{"drip": "abcd", "every_ms": 20}, {"close": "fin"}]"#;
        let (came, took) = played(script, b"", Then::Stays).await;
        assert_eq!(came, "abcd");
        assert!(took >= Duration::from_millis(80), "{took:?}");
    }

    #[tokio::test]
    async fn what_comes_is_read_a_few_bytes_at_a_time() {
        let script = r#"[{"read_slowly": 2, "every_ms": 20}]"#;
        let (_, took) = played(script, b"12345678", Then::ClosesItsHalf).await;
        assert!(took >= Duration::from_millis(80), "{took:?}");
    }

    #[tokio::test]
    async fn an_idle_connection_is_closed_and_one_that_is_used_starts_again() {
        let script = r#"[{"read": 1}, {"send": "x"}, {"idle_close_ms": 50}]"#;
        let (came, took) = played(script, b"123", Then::Stays).await;
        assert_eq!(came, "xxx");
        assert!(took >= Duration::from_millis(50), "{took:?}");
    }

    #[tokio::test]
    async fn a_script_that_is_kept_starts_again_on_the_same_connection() {
        let script = r#"[{"read": 1}, {"send": "y"}, {"keep": true}]"#;
        assert_eq!(played(script, b"12", Then::ClosesItsHalf).await.0, "yy");
    }
}
