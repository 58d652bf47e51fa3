//! Clients in a closed loop: each sends its next request when the answer to the last is there.
//!
//! HTTP/1.1 written by hand, because on two shared cores every microsecond of the client is taken from the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use http::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::report::{Outcome, histogram};
use crate::{Plan, Result};

/// Longer answers than any that is measured here.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A keep-alive connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The status line and the headers.
    head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header that has to be there; the first, where there are several.
    pub fn header(&self, name: &str) -> Result<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let (_, value) = found.next().ok_or_else(|| format!("no `{name}` in {}", self.head))?;
        Ok(value.trim())
    }

    /// The body as JSON, if the status is the expected one.
    pub fn expect(self, status: StatusCode) -> Result<Value> {
        if self.status != status.as_u16() {
            let body = String::from_utf8_lossy(&self.body);
            return Err(format!("{} instead of {status}: {body}", self.status).into());
        }
        Ok(serde_json::from_slice(&self.body)?)
    }
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a whole request and reads the answer, whose body stays in the buffer: status, and where it begins.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<(u16, usize)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            let Some(head) = Head::parse(&self.buffer)? else { continue };
            if self.buffer.len() >= head.length + head.body_length {
                return Ok((head.status, head.length));
            }
        }
    }

    /// Sends a request and takes the answer.
    pub async fn send(&mut self, request: &[u8]) -> Result<Answer> {
        let (status, start) = self.exchange(request).await?;
        let head = String::from_utf8_lossy(&self.buffer[..start]).into_owned();
        Ok(Answer { status, head, body: self.buffer[start..].to_vec() })
    }

    /// GET.
    pub async fn get(&mut self, path: &str, token: Option<&str>) -> Result<Answer> {
        self.send(&request("GET", path, token, None)).await
    }

    /// POST of JSON.
    pub async fn post(&mut self, path: &str, token: Option<&str>, body: &Value) -> Result<Answer> {
        self.send(&request("POST", path, token, Some(body))).await
    }

    /// PATCH of JSON.
    pub async fn patch(&mut self, path: &str, token: Option<&str>, body: &Value) -> Result<Answer> {
        self.send(&request("PATCH", path, token, Some(body))).await
    }
}

/// A request as it goes over the wire.
pub fn request(method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: bench.example\r\n");
    if let Some(token) = token {
        text += &format!("authorization: Bearer {token}\r\n");
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    if !body.is_empty() {
        text += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    text += "\r\n";
    text += &body;
    text.into_bytes()
}

/// So many clients send the same request until the time is over. Any other status ends it as a failure.
pub async fn repeat(
    plan: &Plan,
    address: SocketAddr,
    clients: usize,
    request: Vec<u8>,
    status: StatusCode,
) -> Result<Outcome> {
    let request: Arc<[u8]> = request.into();
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.measured;
    let client = || tokio::spawn(repeat_one(address, request.clone(), status, begin, end));
    let tasks: Vec<_> = (0..clients).map(|_| client()).collect();
    collect(tasks, plan.measured).await
}

/// As many clients as there are seeds; each makes its next request from the answer to its last.
pub async fn chain(
    plan: &Plan,
    address: SocketAddr,
    seeds: Vec<String>,
    ask: fn(&str) -> Vec<u8>,
    next: impl Fn(&Value) -> Result<String> + Copy + Send + Sync + 'static,
) -> Result<Outcome> {
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.measured;
    let client = |seed| tokio::spawn(chain_one(address, seed, ask, next, begin, end));
    collect(seeds.into_iter().map(client).collect(), plan.measured).await
}

async fn chain_one(
    address: SocketAddr,
    mut seed: String,
    ask: fn(&str) -> Vec<u8>,
    next: impl Fn(&Value) -> Result<String>,
    begin: Instant,
    end: Instant,
) -> Result<Counted> {
    let mut connection = Connection::open(address).await?;
    let (mut finished, mut latencies) = (0, histogram());
    while Instant::now() < end {
        let sent = Instant::now();
        seed = next(&connection.send(&ask(&seed)).await?.expect(StatusCode::OK)?)?;
        finished += 1;
        if sent >= begin {
            latencies.saturating_record(sent.elapsed().as_micros() as u64);
        }
    }
    Ok((finished, latencies))
}

/// As many clients as there are lists, each sends the requests of its list, once.
pub async fn work_off(
    address: SocketAddr,
    lists: Vec<Vec<Vec<u8>>>,
    status: StatusCode,
) -> Result<Outcome> {
    let begin = Instant::now();
    let tasks = lists.into_iter().map(|list| tokio::spawn(work_off_one(address, list, status)));
    let mut outcome = collect(tasks.collect(), Duration::from_secs(1)).await?;
    outcome.per_second = outcome.finished as f64 / begin.elapsed().as_secs_f64();
    Ok(outcome)
}

type Counted = (u64, hdrhistogram::Histogram<u64>);

async fn repeat_one(
    address: SocketAddr,
    request: Arc<[u8]>,
    status: StatusCode,
    begin: Instant,
    end: Instant,
) -> Result<Counted> {
    let mut connection = Connection::open(address).await?;
    let (mut finished, mut latencies) = (0, histogram());
    while Instant::now() < end {
        let latency = connection.timed(&request, status).await?;
        finished += 1;
        let now = Instant::now();
        if now >= begin && now < end {
            latencies.saturating_record(latency);
        }
    }
    Ok((finished, latencies))
}

async fn work_off_one(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    status: StatusCode,
) -> Result<Counted> {
    let mut connection = Connection::open(address).await?;
    let mut latencies = histogram();
    for request in &requests {
        latencies.saturating_record(connection.timed(request, status).await?);
    }
    Ok((requests.len() as u64, latencies))
}

impl Connection {
    async fn timed(&mut self, request: &[u8], expected: StatusCode) -> Result<u64> {
        let sent = Instant::now();
        let (status, start) = self.exchange(request).await?;
        if status != expected.as_u16() {
            let body = String::from_utf8_lossy(&self.buffer[start..]);
            return Err(format!("{status} instead of {expected}: {body}").into());
        }
        Ok(sent.elapsed().as_micros() as u64)
    }
}

async fn collect(
    tasks: Vec<tokio::task::JoinHandle<Result<Counted>>>,
    measured: Duration,
) -> Result<Outcome> {
    let (mut finished, mut latencies) = (0, histogram());
    for counted in try_join_all(tasks).await? {
        let (count, seen) = counted?;
        finished += count;
        latencies.add(seen)?;
    }
    Ok(Outcome::new(finished, latencies, measured))
}

/// What stands above a body.
struct Head {
    status: u16,
    length: usize,
    body_length: usize,
}

impl Head {
    /// `None` while it is not all there.
    fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes[..end])?;
        let status = text.get(9..12).ok_or("no status line")?.parse()?;
        let mut body_length = 0;
        for line in text.lines().skip(1) {
            let (name, value) = line.split_once(':').ok_or("a header without a colon")?;
            if name.eq_ignore_ascii_case("content-length") {
                body_length = value.trim().parse()?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err("an answer without `content-length`".into());
            }
        }
        if body_length > ANSWER_BYTES_MAX {
            return Err("an answer that is too long".into());
        }
        Ok(Some(Self { status, length: end + 4, body_length }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_all_there() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        assert!(Head::parse(&answer[..30]).expect("good").is_none());
        let head = Head::parse(answer).expect("good").expect("whole");
        assert_eq!((head.status, head.length, head.body_length), (201, answer.len() - 2, 2));
    }
}
