//! The HTTP server: routes, limits, logs. Logs name routes, never what was asked for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;

use super::door::{Door, DoorLimits};
use super::requests::{self, Refusal};
use super::{Node, NodeError, Served};
use crate::client::{Problem, ProblemKind};

/// How much a server takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Connections.
    pub door: DoorLimits,
    /// Requests at once; more are refused.
    pub requests: usize,
    /// Ciphertexts coming in at once; more are refused. They are slow, so they do not count as requests.
    pub uploads: usize,
    /// How long a ciphertext that comes in may pause.
    pub pause_timeout: Duration,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How long a ciphertext may take to come in.
    pub upload_timeout: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            door: DoorLimits {
                connections: 512,
                head_timeout: Duration::from_secs(60),
                take_timeout: Duration::from_secs(30),
                shutdown_timeout: Duration::from_secs(10),
            },
            requests: 128,
            uploads: 16,
            pause_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(60),
            upload_timeout: Duration::from_secs(1800),
        }
    }
}

/// What every handler shares.
pub(super) struct Shared<A: Served + 'static> {
    pub(super) node: Arc<Node<A>>,
    pub(super) limits: HttpLimits,
    permits: Semaphore,
    uploads: Semaphore,
}

impl<A: Served + 'static> std::fmt::Debug for Shared<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// A server that runs until it is dropped.
pub struct Server<A: Served + 'static> {
    door: Door,
    node: Arc<Node<A>>,
}

impl<A: Served + 'static> std::fmt::Debug for Server<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("door", &self.door)
            .finish_non_exhaustive()
    }
}

impl<A: Served + 'static> Server<A> {
    /// Serves a node at an address; port 0 for any free one.
    ///
    /// # Errors
    /// [`NodeError::System`] if the address cannot be had.
    pub fn start(
        node: Arc<Node<A>>,
        listen: SocketAddr,
        limits: HttpLimits,
    ) -> Result<Self, NodeError> {
        let shared = Arc::new(Shared {
            node: node.clone(),
            limits,
            permits: Semaphore::new(limits.requests),
            uploads: Semaphore::new(limits.uploads),
        });
        let door = Door::open(listen, router(shared), limits.door)?;
        Ok(Self { door, node })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The node it serves.
    #[must_use]
    pub const fn node(&self) -> &Arc<Node<A>> {
        &self.node
    }
}

fn router<A: Served + 'static>(shared: Arc<Shared<A>>) -> Router {
    let objects = get(requests::object::<A>).put(requests::store::<A>);
    Router::new()
        .route("/v1/transactions", post(requests::submit::<A>))
        .route("/v1/query/{*path}", get(requests::query::<A>))
        .route("/v1/blocks/{height}", get(requests::block::<A>))
        .route(
            "/v1/blocks/{height}/proofs/{index}",
            get(requests::proof::<A>),
        )
        .route("/v1/genesis", get(requests::genesis::<A>))
        .route("/v1/status", get(requests::status::<A>))
        .route("/v1/events", get(requests::events::<A>))
        .route("/v1/objects/{digest}", objects)
        .route("/metrics", get(requests::metrics::<A>))
        .route("/openapi.json", get(requests::openapi))
        .fallback(|| async { Refusal::new(ProblemKind::NotFound, "no such resource") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(ProblemKind::Method, "see /openapi.json")
        })
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(shared.clone(), guard::<A>))
        .with_state(shared)
}

/// Limits what runs at once and for how long, and tells the log and the metrics.
async fn guard<A: Served + 'static>(
    State(shared): State<Arc<Shared<A>>>,
    request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let upload = method == axum::http::Method::PUT;
    let (limit, permits) = match upload {
        true => (shared.limits.upload_timeout, &shared.uploads),
        false => (shared.limits.request_timeout, &shared.permits),
    };
    let response = match permits.try_acquire() {
        Err(_) => refused(ProblemKind::Busy, "try again later"),
        Ok(_permit) => match tokio::time::timeout(limit, next.run(request)).await {
            Ok(response) => response,
            Err(_) => refused(ProblemKind::TimedOut, "the request took too long"),
        },
    };
    let (status, took) = (response.status().as_u16(), start.elapsed());
    shared.node.metrics.served(&route, status, took);
    let took_ms = took.as_secs_f64() * 1000.0;
    tracing::info!(%method, route, status, took_ms, "request");
    response
}

fn refused(kind: ProblemKind, detail: &str) -> Response {
    Refusal::from(Problem::new(kind, detail)).into_response()
}
