//! A search node's desk: answers over HTTP, several at once, each matched on all cores. What it gives out is
//! sealed to the asking doctor, so anyone may fetch it.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use eligo_marketplace::{
    client::Desk,
    name::AskId,
    node::{Door, DoorLimits},
};
use tokio::sync::oneshot;
use ureq::Agent;

use super::{
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
/// How many asks are answered at once.
const HANDS: usize = 4;
/// How many asks wait for a hand; more are told that it is busy.
const LINE: usize = 64;
/// How long who asks waits for a hand and its answer; then it is told to come again.
const WAIT: Duration = Duration::from_secs(50);
/// Requests and answers are small.
const LIMITS: DoorLimits = DoorLimits {
    connections: 256,
    head_timeout: Duration::from_secs(5),
    take_timeout: Duration::from_secs(5),
    shutdown_timeout: Duration::from_secs(1),
};

/// Serves answers until interrupted; tells its address once it listens, and each ask that it answered.
pub fn serve<D: Desk>(
    node: &Searcher<'_, D>,
    listen: SocketAddr,
    listening: impl FnOnce(SocketAddr),
    mut answered: impl FnMut(&AskId, &Told),
) -> Attempt<()> {
    let (errands, line) = sync_channel(LINE);
    let door = Door::open(listen, routes(errands), LIMITS).map_err(|e| {
        Failure::new(Kind::Network, format!("cannot listen on {listen}: {e}"))
            .help("name another address with --listen")
    })?;
    listening(door.address());
    interrupt::be_patient();
    let (done, told) = channel();
    let line = Mutex::new(line);
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
        for _ in 0..HANDS {
            let (line, done) = (&line, done.clone());
            scope.spawn(move || work(node, line, &done));
        }
        while interrupt::going() {
            if let Ok((ask, told)) = told.recv_timeout(NAP) {
                answered(&ask, &told);
            }
        }
        // Without errands the hands go home.
        drop(door);
    });
    Ok(())
}

/// An ask in line, and who waits for the answer.
type Errand = (AskId, oneshot::Sender<Response>);

fn routes(errands: SyncSender<Errand>) -> Router {
    let nothing = || async { said(StatusCode::NOT_FOUND, "no such thing") };
    Router::new()
        .route(&format!("{PATH}{{ask}}"), get(line_up))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .with_state(errands)
}

/// Waits for a hand, unless too many wait: only an ask's name is taken, no thread.
async fn line_up(State(errands): State<SyncSender<Errand>>, Path(name): Path<String>) -> Response {
    let Ok(ask) = name.parse() else {
        return said(StatusCode::NOT_FOUND, "no such thing");
    };
    let busy = || said(StatusCode::SERVICE_UNAVAILABLE, "busy");
    let (answer, answered) = oneshot::channel();
    match errands.try_send((ask, answer)) {
        Ok(()) => match tokio::time::timeout(WAIT, answered).await {
            Ok(Ok(response)) => response,
            _ => busy(),
        },
        Err(_) => busy(),
    }
}

/// A hand: takes errands until there are no more.
fn work<D: Desk>(
    node: &Searcher<'_, D>,
    line: &Mutex<Receiver<Errand>>,
    done: &Sender<(AskId, Told)>,
) {
    loop {
        let next = line.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((ask, answer)) = next else { return };
        // Who went away in the meantime needs no answer.
        if answer.is_closed() {
            continue;
        }
        let told = moment::now().and_then(|now| node.answer(&ask, now));
        let response = match told {
            Ok(told) => {
                let text = told.text.to_string();
                done.send((ask, told)).ok();
                json(StatusCode::OK, text)
            }
            Err(failure) => {
                let status = match failure.kind() {
                    Kind::Closed => StatusCode::CONFLICT,
                    Kind::Network => StatusCode::SERVICE_UNAVAILABLE,
                    _ => StatusCode::NOT_FOUND,
                };
                said(status, failure.what())
            }
        };
        answer.send(response).ok();
    }
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn said(status: StatusCode, what: &str) -> Response {
    json(status, serde_json::json!({ "error": what }).to_string())
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
