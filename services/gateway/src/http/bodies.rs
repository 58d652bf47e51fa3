//! Bodies on their way through: counted, capped, never kept whole except where it says so.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::error::{Error, Result};

/// How far a request's body has come.
#[derive(Clone, Debug)]
pub struct Intake {
    /// Nothing when there is no body.
    state: Option<Arc<AtomicU8>>,
    bytes_max: usize,
}

const READING: u8 = 0;
/// The client owes us the next piece.
const WAITING: u8 = 1;
const OVERFLOWN: u8 = 2;
const BROKEN: u8 = 3;

impl Intake {
    /// Puts a cap on a request's body. A declared length is judged at once, chunks as they come.
    pub fn cap(request: &mut axum::extract::Request, bytes_max: usize) -> Result<Self> {
        let body = request.body();
        if body.is_end_stream() {
            return Ok(Self { state: None, bytes_max });
        }
        let declared = request.headers().get(header::CONTENT_LENGTH);
        let declared =
            declared.and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
        let least = declared.unwrap_or(0).max(body.size_hint().lower());
        if least > bytes_max as u64 {
            return Err(Error::BodyTooLarge(bytes_max));
        }
        let state = Arc::new(AtomicU8::new(READING));
        let body = Limited::new(std::mem::take(request.body_mut()), bytes_max);
        *request.body_mut() = Body::new(Capped { body, state: state.clone() });
        Ok(Self { state: Some(state), bytes_max })
    }

    /// What the client has done wrong, if that is why there is no good answer.
    pub fn fault(&self, is_late: bool) -> Option<Error> {
        match self.state.as_ref()?.load(Ordering::Relaxed) {
            WAITING if is_late => Some(Error::BodyTooSlow),
            OVERFLOWN => Some(Error::BodyTooLarge(self.bytes_max)),
            BROKEN => Some(Error::Malformed(BROKEN_OFF)),
            _ => None,
        }
    }
}

const BROKEN_OFF: &str = "the request body ended before it was complete";

struct Capped {
    body: Limited<Body>,
    state: Arc<AtomicU8>,
}

impl HttpBody for Capped {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let state = match &polled {
            Poll::Pending => WAITING,
            Poll::Ready(Some(Err(error))) if error.is::<LengthLimitError>() => OVERFLOWN,
            Poll::Ready(Some(Err(_))) => BROKEN,
            Poll::Ready(_) => READING,
        };
        self.state.store(state, Ordering::Relaxed);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Reads a small body whole.
pub async fn read(body: Body, bytes_max: usize) -> Result<Bytes> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::BodyTooLarge(bytes_max)),
        Err(_) => Err(Error::Malformed(BROKEN_OFF)),
    }
}

/// Tells how many bytes a body had when it has ended, or was given up.
pub fn measured(body: Body, ended: impl FnOnce(u64) + Send + Sync + Unpin + 'static) -> Body {
    Body::new(Measured { body, bytes: 0, ended: Some(ended) })
}

struct Measured<F: FnOnce(u64)> {
    body: Body,
    bytes: u64,
    ended: Option<F>,
}

impl<F: FnOnce(u64) + Send + Sync + Unpin + 'static> HttpBody for Measured<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<F: FnOnce(u64)> Drop for Measured<F> {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            ended(self.bytes);
        }
    }
}
