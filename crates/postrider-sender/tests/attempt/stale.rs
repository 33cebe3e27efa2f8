//! Keep-alive, and the one resend after a connection that had been idle turned out to be closed.

use postrider_core::outcome::{NoAnswer, Outcome};
use tokio::task::JoinSet;

use crate::receiver::Receiver;
use crate::{post_to, sender};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const ACCEPTED: Outcome = Outcome::Accepted { status: 200 };
const CLOSED: Outcome = Outcome::NoAnswer { cause: NoAnswer::Closed };

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    for answer in ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 500 Oh\r\ncontent-length: 3\r\n\r\noh!"] {
        let receiver = Receiver::answering(answer).await;
        let sender = sender();
        for _ in 0..20 {
            sender.attempt(post_to(receiver.address)).await;
        }
        assert_eq!(receiver.requests().len(), 20);
        // The pool takes a connection back a moment after its answer, so an attempt that follows at once may open a second.
        assert!(receiver.connections() <= 2, "{}", receiver.connections());
    }
}

/// Answers the first request of the first connection, then does `then` with the second; other connections are sound.
async fn stale_receiver(then: fn(&[u8]) -> &[u8]) -> Receiver {
    Receiver::start(move |mut connection| async move {
        let mut answered = 0;
        while connection.request().await.is_some() {
            let breaks = connection.number == 1 && answered == 1;
            connection.send(if breaks { then(OK) } else { OK }).await;
            if breaks {
                return;
            }
            answered += 1;
        }
    })
    .await
}

#[tokio::test]
async fn a_stale_connection_costs_one_more_request_and_not_the_attempt() {
    let receiver = stale_receiver(|_| b"").await;
    let sender = sender();
    for _ in 0..2 {
        assert_eq!(sender.attempt(post_to(receiver.address)).await.outcome, ACCEPTED);
    }
    assert_eq!((receiver.requests().len(), receiver.connections()), (3, 2));
}

#[tokio::test]
async fn an_answer_that_had_begun_on_a_kept_connection_is_not_asked_for_again() {
    let receiver = stale_receiver(|answer| &answer[..10]).await;
    let sender = sender();
    assert_eq!(sender.attempt(post_to(receiver.address)).await.outcome, ACCEPTED);
    assert_eq!(sender.attempt(post_to(receiver.address)).await.outcome, CLOSED);
    assert_eq!((receiver.requests().len(), receiver.connections()), (2, 1));
}

#[tokio::test]
async fn a_fresh_connection_that_closes_is_never_sent_on_again() {
    let receiver = Receiver::start(|mut connection| async move {
        connection.request().await;
    })
    .await;
    let sender = sender();
    for requests in 1..=10 {
        assert_eq!(sender.attempt(post_to(receiver.address)).await.outcome, CLOSED);
        assert_eq!(receiver.requests().len(), requests);
    }
}

#[tokio::test]
async fn the_resend_is_not_resent() {
    let receiver = Receiver::start(|mut connection| async move {
        connection.request().await;
        if connection.number == 1 {
            connection.send(OK).await;
            connection.request().await;
        }
    })
    .await;
    let sender = sender();
    assert_eq!(sender.attempt(post_to(receiver.address)).await.outcome, ACCEPTED);
    assert_eq!(sender.attempt(post_to(receiver.address)).await.outcome, CLOSED);
    assert_eq!((receiver.requests().len(), receiver.connections()), (3, 2));
}

#[tokio::test]
async fn a_receiver_that_closes_after_each_answer_gets_every_request() {
    let receiver = Receiver::start(|mut connection| async move {
        connection.request().await;
        connection.send(OK).await;
    })
    .await;
    let sender = sender();
    for _ in 0..500 {
        assert_eq!(sender.attempt(post_to(receiver.address)).await.outcome, ACCEPTED);
    }
    assert_eq!(receiver.requests().len(), 500);
}

#[tokio::test]
async fn a_receiver_that_closes_after_every_third_answer_gets_every_request_once_under_load() {
    let receiver = Receiver::start(|mut connection| async move {
        for _ in 0..3 {
            if connection.request().await.is_some() {
                connection.send(OK).await;
            }
        }
    })
    .await;
    let sender = sender();
    let mut loops = JoinSet::new();
    for _ in 0..32 {
        let (sender, request) = (sender.clone(), post_to(receiver.address));
        loops.spawn(async move {
            for _ in 0..30 {
                assert_eq!(sender.attempt(request.clone()).await.outcome, ACCEPTED);
            }
        });
    }
    loops.join_all().await;
    assert_eq!(receiver.requests().len(), 32 * 30);
}
