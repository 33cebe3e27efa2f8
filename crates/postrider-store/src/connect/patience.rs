//! How long an answer is waited for: as long as its bytes keep coming. A limit for the whole of it would be one for its size, and
//! what a slow line can't bring in time would be asked for again for ever.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use redis::RedisError;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::connection::Activity;
use super::socket::Socket;

/// A socket that notes when bytes go through it.
pub(super) struct Watched {
    socket: Socket,
    activity: Activity,
}

impl Watched {
    pub(super) fn new(socket: Socket, activity: Activity) -> Self {
        Self { socket, activity }
    }
}

/// The answer, or an error once nothing has gone through the socket for `limit` while it was awaited.
pub(super) async fn while_bytes_come<T>(
    activity: &Activity,
    limit: Duration,
    answer: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, RedisError> {
    let mut answer = pin!(answer);
    let asked = Instant::now();
    let mut patience = limit;
    loop {
        if let Ok(answer) = tokio::time::timeout(patience, &mut answer).await {
            return answer;
        }
        let quiet = activity.age().min(asked.elapsed());
        if quiet >= limit {
            return Err(io::Error::from(io::ErrorKind::TimedOut).into());
        }
        patience = limit - quiet;
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.socket).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.note();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(context, bytes);
        if matches!(polled, Poll::Ready(Ok(1..))) {
            self.activity.note();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(200);

    /// Reads ten bytes that come one by one, `pause` apart.
    async fn read_ten(pause: Duration) -> Result<(), RedisError> {
        let (near, mut far) = tokio::io::duplex(64);
        let activity = Activity::new();
        let mut near = Watched::new(Box::new(near), activity.clone());
        let slow = tokio::spawn(async move {
            for byte in 0..10 {
                tokio::time::sleep(pause).await;
                far.write_u8(byte).await.expect("the reader listens");
            }
            far
        });
        let answer = async { near.read_exact(&mut [0; 10]).await.map(drop).map_err(RedisError::from) };
        let read = while_bytes_come(&activity, LIMIT, answer).await;
        slow.abort();
        read
    }

    #[tokio::test]
    async fn an_answer_may_take_longer_than_the_limit_while_its_bytes_keep_coming() {
        assert!(read_ten(LIMIT / 4).await.is_ok());
    }

    #[tokio::test]
    async fn silence_ends_the_wait() {
        let error = read_ten(LIMIT * 5).await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
    }
}
