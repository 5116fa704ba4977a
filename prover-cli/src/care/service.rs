//! A search node's desk: answers over HTTP, one request at a time, each matched on all cores. What it gives out is
//! sealed to the asking doctor, so anyone may fetch it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use eligo_marketplace::{client::Desk, name::AskId};
use ureq::Agent;

use super::{form::Form, order::AnswerLetter, searching::Searcher};
use crate::{
    failure::{Attempt, Failure, Kind},
    interrupt, moment,
};

/// The longest head of a request, in bytes.
const HEAD: usize = 2048;
/// How long a request's head may take, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long there is nothing to do, at most, before new blocks are looked for.
const NAP: Duration = Duration::from_millis(100);
/// Where answers are.
const PATH: &str = "/v1/answers/";

/// Serves answers until interrupted; tells its address once it listens, and each ask that it answered.
pub fn serve<D: Desk>(
    node: &mut Searcher<'_, D>,
    listen: SocketAddr,
    listening: impl FnOnce(SocketAddr),
    mut answered: impl FnMut(&AskId, usize),
) -> Attempt<()> {
    let unusable = |e: std::io::Error| {
        Failure::new(Kind::Network, format!("cannot listen on {listen}: {e}"))
            .help("name another address with --listen")
    };
    let listener = TcpListener::bind(listen).map_err(unusable)?;
    listener.set_nonblocking(true).map_err(unusable)?;
    listening(listener.local_addr().map_err(unusable)?);
    interrupt::be_patient();
    while interrupt::going() {
        match listener.accept() {
            // Who is slow or says nonsense is cut off, and is nobody's trouble.
            Ok((stream, _)) => drop(attend(node, stream, &mut answered)),
            Err(_) => {
                // A node that cannot be reached now is tried again.
                node.follow().ok();
                std::thread::sleep(NAP);
            }
        }
    }
    Ok(())
}

fn attend<D: Desk>(
    node: &mut Searcher<'_, D>,
    mut stream: TcpStream,
    answered: &mut impl FnMut(&AskId, usize),
) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let (status, body) = match asked(&mut stream)? {
        None => ("404 Not Found", "{\"error\":\"no such thing\"}".to_owned()),
        Some(ask) => match answer(node, &ask) {
            Ok((text, found)) => {
                answered(&ask, found);
                ("200 OK", text)
            }
            Err(failure) => {
                let status = match failure.kind() {
                    Kind::Closed => "409 Conflict",
                    Kind::Network => "503 Service Unavailable",
                    _ => "404 Not Found",
                };
                let text = serde_json::json!({ "error": failure.what() });
                (status, text.to_string())
            }
        },
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn answer<D: Desk>(node: &mut Searcher<'_, D>, ask: &AskId) -> Attempt<(String, usize)> {
    let now = moment::now()?;
    if !node.knows_where(ask, now)? {
        node.follow()?;
    }
    let (answer, letter) = node.answer(ask, now)?;
    let text = AnswerLetter::of(&letter).text()?;
    Ok((text.to_string(), answer.found.len()))
}

/// The ask of a request; none if it is for something else.
fn asked(stream: &mut TcpStream) -> std::io::Result<Option<AskId>> {
    let mut head = Vec::new();
    let mut piece = [0; 512];
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let read = stream.read(&mut piece)?;
        if read == 0 || head.len() + read > HEAD {
            return Ok(None);
        }
        head.extend(piece.iter().take(read));
    }
    let line = head.split(|b| *b == b'\r').next().unwrap_or_default();
    let line = core::str::from_utf8(line).unwrap_or_default();
    let mut words = line.split(' ');
    let (Some("GET"), Some(path)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    Ok(path.strip_prefix(PATH).and_then(|name| name.parse().ok()))
}

/// Fetches a search node's answer to an ask.
pub fn fetch(url: &str, ask: &AskId) -> Attempt<AnswerLetter> {
    if !url.starts_with("http://") {
        return Err(
            Failure::usage(format!("`{url}` is no address of a search node"))
                .help("expected http://HOST:PORT; for another machine, put a TLS tunnel before it"),
        );
    }
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .max_redirects(0)
        .build();
    let agent: Agent = config.into();
    let unreachable = |e: ureq::Error| {
        Failure::new(
            Kind::Network,
            format!("the search node cannot be reached: {e}"),
        )
        .of(url)
    };
    let target = format!("{}{PATH}{ask}", url.trim_end_matches('/'));
    let mut reply = agent.get(target).call().map_err(unreachable)?;
    let limit = u64::try_from(AnswerLetter::LIMIT).unwrap_or(u64::MAX);
    let body = reply.body_mut().with_config().limit(limit).read_to_vec();
    let body = body.map_err(unreachable)?;
    match reply.status().as_u16() {
        200 => AnswerLetter::from_text(&body, url),
        409 => Err(
            Failure::new(Kind::Closed, "the search node has nothing to search for")
                .of(ask)
                .help("the patient sent it no token for this ask, or the period is over"),
        ),
        503 => Err(Failure::new(Kind::Network, "the search node cannot reach its ledger").of(url)),
        _ => Err(Failure::new(Kind::File, "the search node knows no such ask").of(ask)),
    }
}
