//! The body of a request while the HTTP client has it. A receiver may answer and never take the rest of the request; the
//! client would keep it for that receiver, and the connection with it, for as long as the receiver likes.

use std::convert::Infallible;

use bytes::Bytes;
use tokio::sync::oneshot;

/// What tells its lender that no copy is left of a body: all of it was passed on, or nobody cares for it any more.
pub(crate) struct Loan(oneshot::Receiver<Infallible>);

struct Lent {
    body: Bytes,
    _borrower: oneshot::Sender<Infallible>,
}

impl Loan {
    /// Lends a body. Copies of what is given count too.
    pub(crate) fn of(body: Bytes) -> (Bytes, Self) {
        let (borrower, returned) = oneshot::channel();
        (Bytes::from_owner(Lent { body, _borrower: borrower }), Self(returned))
    }

    /// Waits until no copy is left.
    pub(crate) async fn returned(self) {
        let _ = self.0.await;
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}
