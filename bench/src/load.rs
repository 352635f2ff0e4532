//! A load of one request over keep-alive connections, as cheap as a load can be: prepared bytes out, `content-length` in.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// One request, ready to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    head: String,
    body: String,
}

impl Request {
    /// A `GET` with a bearer token.
    pub fn get(path: &str, token: &str) -> Self {
        Self {
            head: format!("GET {path} HTTP/1.1\r\nauthorization: Bearer {token}\r\n"),
            body: String::new(),
        }
    }

    /// A `POST` of JSON; without a token where that is empty.
    pub fn post(path: &str, token: &str, body: &str) -> Self {
        let authorization = if token.is_empty() {
            String::new()
        } else {
            format!("authorization: Bearer {token}\r\n")
        };
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\n{authorization}content-type: application/json\r\ncontent-length: {length}\r\n"
        );
        Self { head, body: body.into() }
    }

    fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        format!("{}host: {address}\r\n\r\n{}", self.head, self.body).into_bytes()
    }
}

/// How much load, for how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections, each with one request under way.
    pub connections: usize,
    /// How long to measure; as long again has been spent warming up.
    pub duration: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Answers per second.
    pub per_second: f64,
    /// Median latency.
    pub p50: Duration,
    /// 99th percentile of latency.
    pub p99: Duration,
}

impl Load {
    /// Sends the request over every connection until the time is over. Every answer must be a success.
    pub async fn run(self, address: SocketAddr, request: &Request) -> anyhow::Result<Report> {
        let mut tasks = JoinSet::new();
        for _ in 0..self.connections {
            let (request, duration) = (request.clone(), self.duration);
            tasks.spawn(async move { connection(address, &request, duration).await });
        }
        let mut latencies = Vec::new();
        while let Some(result) = tasks.join_next().await {
            latencies.extend(result??);
        }
        ensure!(!latencies.is_empty(), "no request was answered");
        latencies.sort_unstable();
        let at = |share: usize| latencies[(latencies.len() - 1) * share / 100];
        let count = u32::try_from(latencies.len()).context("fewer than four billion answers")?;
        Ok(Report {
            per_second: f64::from(count) / self.duration.as_secs_f64(),
            p50: at(50),
            p99: at(99),
        })
    }
}

/// The body of one answer, which must be a success.
pub async fn answer_of(address: SocketAddr, request: &Request) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&request.bytes(address)).await?;
    let mut buffer = Vec::new();
    let head_end = answer(&mut stream, &mut buffer).await?;
    Ok(buffer.split_off(head_end))
}

/// The middle of the measured values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn connection(
    address: SocketAddr,
    request: &Request,
    duration: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let bytes = request.bytes(address);
    let mut buffer = Vec::with_capacity(16 * 1024);
    let warm = Instant::now() + duration;
    let end = warm + duration;
    let mut latencies = Vec::new();
    loop {
        let begin = Instant::now();
        if begin >= end {
            return Ok(latencies);
        }
        stream.write_all(&bytes).await?;
        answer(&mut stream, &mut buffer).await?;
        if begin >= warm {
            latencies.push(begin.elapsed());
        }
    }
}

/// Reads one answer to its end, checks that it is a success and says where its body begins.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<usize> {
    buffer.clear();
    let head_end = loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = std::str::from_utf8(&buffer[..head_end])?;
    ensure!(head.starts_with("HTTP/1.1 2"), "answered {}", head.lines().next().unwrap_or_default());
    let length: usize = head
        .lines()
        .find_map(|line| {
            line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        })
        .context("the answer names no content-length")?
        .1
        .trim()
        .parse()?;
    while buffer.len() < head_end + length {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection within an answer");
        }
    }
    Ok(head_end)
}
