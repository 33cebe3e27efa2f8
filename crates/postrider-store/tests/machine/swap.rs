//! Puts another script in the place of one of the library's, without the library's knowing: a connection between the two
//! and Redis on which the one's hash becomes the other's. Both hashes are as long, and begin a command.

use redis::Script;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// Most bytes that pass at a time; a call's hash is in its first hundred.
const CHUNK_BYTES: usize = 64 * 1024;

/// The script that is asked for, and the one that runs.
#[derive(Clone)]
pub(crate) struct Swap {
    asked: Vec<u8>,
    runs: Vec<u8>,
    pub(crate) source: String,
}

impl Swap {
    /// Runs `source` wherever `original` is asked for.
    pub(crate) fn new(original: &str, source: String) -> Self {
        let hash = |text: &str| Script::new(text).get_hash().as_bytes().to_vec();
        Self { asked: hash(original), runs: hash(&source), source }
    }

    /// Serves the Redis at `port` so; gives the port to ask instead. Ends with the runtime.
    pub(crate) async fn serve(self, port: u16) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback is free");
        let own = listener.local_addr().expect("a listener has an address").port();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(redis) = TcpStream::connect(("127.0.0.1", port)).await else { return };
                tokio::spawn(self.clone().pass(client, redis));
            }
        });
        own
    }

    async fn pass(self, client: TcpStream, redis: TcpStream) {
        let ((mut asks, mut hears), (mut answers, mut is_asked)) = (client.into_split(), redis.into_split());
        tokio::spawn(async move { copy(&mut answers, &mut hears).await });
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(length @ 1..) = asks.read(&mut chunk).await {
            self.replace(&mut chunk[..length]);
            if is_asked.write_all(&chunk[..length]).await.is_err() {
                return;
            }
        }
    }

    fn replace(&self, bytes: &mut [u8]) {
        let length = self.asked.len();
        let found = (0..bytes.len().saturating_sub(length)).find(|at| bytes[*at..].starts_with(&self.asked));
        if let Some(at) = found {
            bytes[at..at + length].copy_from_slice(&self.runs);
        }
    }
}
