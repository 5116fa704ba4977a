//! A search node's desk: answers over HTTP, several at once, each matched on all cores. What it gives out is
//! sealed to the asking doctor, so anyone may fetch it.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use eligo_marketplace::{client::Desk, name::AskId};
use ureq::Agent;

use super::{
    counter::{self, Reply, Terms},
    form::Form,
    order::AnswerLetter,
    searching::{Searcher, Told},
};
use crate::{
    failure::{Attempt, Failure, Kind},
    interrupt, moment,
};

/// How long there is nothing to do, at most, before new blocks are looked for.
const NAP: Duration = Duration::from_millis(100);
/// Where answers are.
const PATH: &str = "/v1/answers/";
/// How often a node is asked again that has no answer yet, and how long in between.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_millis(500);

/// Serves answers until interrupted; tells its address once it listens, and each ask that it answered.
pub fn serve<D: Desk>(
    node: &Searcher<'_, D>,
    listen: SocketAddr,
    listening: impl FnOnce(SocketAddr),
    mut answered: impl FnMut(&AskId, &Told),
) -> Attempt<()> {
    let unusable = |e: std::io::Error| {
        Failure::new(Kind::Network, format!("cannot listen on {listen}: {e}"))
            .help("name another address with --listen")
    };
    let listener = TcpListener::bind(listen).map_err(unusable)?;
    listener.set_nonblocking(true).map_err(unusable)?;
    listening(listener.local_addr().map_err(unusable)?);
    interrupt::be_patient();
    let handle = |path: &str| attend(node, path);
    let mut note = |(ask, told): (AskId, Told)| answered(&ask, &told);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while interrupt::going() {
                // A node that cannot be reached now is tried again.
                node.follow().ok();
                if let Ok(now) = moment::now() {
                    node.forget(now);
                }
                std::thread::sleep(NAP);
            }
        });
        let terms = Terms::default();
        counter::attend(&listener, &terms, &interrupt::going, &handle, &mut note);
    });
    Ok(())
}

/// Answers a request.
fn attend<D: Desk>(node: &Searcher<'_, D>, path: &str) -> (Reply, Option<(AskId, Told)>) {
    let ask = path.strip_prefix(PATH).and_then(|name| name.parse().ok());
    let Some(ask) = ask else {
        return (Reply::error("404 Not Found", "no such thing"), None);
    };
    let told = moment::now().and_then(|now| node.answer(&ask, now));
    match told {
        Ok(told) => {
            let reply = Reply {
                status: "200 OK",
                body: told.text.clone(),
            };
            (reply, Some((ask, told)))
        }
        Err(failure) => {
            let status = match failure.kind() {
                Kind::Closed => "409 Conflict",
                Kind::Network => "503 Service Unavailable",
                _ => "404 Not Found",
            };
            (Reply::error(status, failure.what()), None)
        }
    }
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
    let mut reply = agent.get(&target).call().map_err(unreachable)?;
    for _ in 0..TRIES {
        // Busy, or the chain does not show the permit yet.
        if reply.status().as_u16() != 503 {
            break;
        }
        std::thread::sleep(PAUSE);
        reply = agent.get(&target).call().map_err(unreachable)?;
    }
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
        503 => Err(Failure::new(
            Kind::Network,
            "the search node is busy, or cannot reach its ledger",
        )
        .of(url)
        .help("try again")),
        _ => Err(Failure::new(Kind::File, "the search node knows no such ask").of(ask)),
    }
}
