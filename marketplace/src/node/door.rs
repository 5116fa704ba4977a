//! Where connections come in: how many there may be, how long each may say or take nothing, and who is sent
//! away when there are too many.
//!
//! Who is slow to ask, or does not take an answer, holds one of a limited number of places. So each has its
//! time for both; and when all places are taken, a connection of the address that has the most of them makes
//! room for a new one, first of all one that has not asked for anything.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use futures_util::future::{Either, select};
use hyper::body::{Frame, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio_io_timeout::TimeoutStream;

/// The most bytes of a request's head, and of what is read ahead.
const MAX_HEAD: usize = 16 << 10;

/// What a door puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoorLimits {
    /// Connections at once; with one more, one of the address that has the most is closed.
    pub connections: usize,
    /// How long a connection may take for a request's head, or say nothing between two.
    pub head_timeout: Duration,
    /// How long a connection may take nothing of its answer.
    pub take_timeout: Duration,
    /// How long a door that closes waits for requests under way.
    pub shutdown_timeout: Duration,
}

/// Serves a router at an address until it is dropped.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    shutdown_timeout: Duration,
    stop: Option<oneshot::Sender<()>>,
    stopped: Option<tokio::task::JoinHandle<()>>,
    runtime: Option<Runtime>,
}

impl Door {
    /// Opens it; port 0 for any free one.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub fn open(listen: SocketAddr, app: Router, limits: DoorLimits) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("http")
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(listen))?;
        let address = listener.local_addr()?;
        let (stop, stopping) = oneshot::channel();
        let stopped = runtime.spawn(accept(listener, app, limits, stopping));
        tracing::info!(%address, "serving");
        Ok(Self {
            address,
            shutdown_timeout: limits.shutdown_timeout,
            stop: Some(stop),
            stopped: Some(stopped),
            runtime: Some(runtime),
        })
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Door {
    /// Takes no more requests, and lets those under way finish.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let (Some(runtime), Some(stopped)) = (self.runtime.take(), self.stopped.take()) {
            let limit = self.shutdown_timeout;
            let finished = runtime.block_on(async { tokio::time::timeout(limit, stopped).await });
            if finished.is_err() {
                tracing::warn!("requests under way were cut off");
            }
            runtime.shutdown_timeout(limit);
        }
        tracing::info!(address = %self.address, "stopped");
    }
}

/// It has asked for nothing yet, or for nothing since it was answered.
const ASKING: u8 = 0;
/// It takes its answer.
const TAKING: u8 = 1;
/// Its request is being answered.
const WAITING: u8 = 2;

/// A connection that is open.
#[derive(Debug)]
struct Visitor {
    /// Whose connections count together with it.
    origin: IpAddr,
    stage: Arc<AtomicU8>,
    /// Ends it.
    away: Option<AbortHandle>,
}

/// All connections that are open.
#[derive(Debug, Default)]
struct Room {
    visitors: BTreeMap<u64, Visitor>,
    came: u64,
}

impl Room {
    /// Lets somebody in; somebody else goes, if there are too many.
    fn let_in(&mut self, origin: IpAddr, places: usize) -> (u64, Arc<AtomicU8>) {
        while self.visitors.len() >= places.max(1) {
            self.send_one_away();
        }
        let stage = Arc::new(AtomicU8::new(ASKING));
        let (id, visitor) = (
            self.came,
            Visitor {
                origin,
                stage: stage.clone(),
                away: None,
            },
        );
        self.came += 1;
        self.visitors.insert(id, visitor);
        (id, stage)
    }

    /// Closes a connection of the address that has the most: the first that has not asked; if all of its have, the
    /// first that was answered.
    fn send_one_away(&mut self) {
        let mut crowds = BTreeMap::<IpAddr, usize>::new();
        for visitor in self.visitors.values() {
            *crowds.entry(visitor.origin).or_default() += 1;
        }
        let turn = |(id, visitor): &(&u64, &Visitor)| {
            let crowd = crowds.get(&visitor.origin).copied().unwrap_or_default();
            let stage = visitor.stage.load(Ordering::Relaxed);
            (Reverse(crowd), stage, **id)
        };
        let first = self.visitors.iter().min_by_key(turn).map(|(id, _)| *id);
        let gone = first.and_then(|id| self.visitors.remove(&id));
        if let Some(away) = gone.and_then(|visitor| visitor.away) {
            away.abort();
        }
    }
}

fn lock(room: &Mutex<Room>) -> MutexGuard<'_, Room> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whose connections count together: an address's, or of the longer kind those of one network, which one host has
/// all to itself.
fn origin(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(long) => Ipv6Addr::from(u128::from(long) & (u128::MAX << 64)).into(),
        short @ IpAddr::V4(_) => short,
    }
}

/// Takes connections until told to stop, then lets those there are finish what they ask.
async fn accept(
    listener: TcpListener,
    app: Router,
    limits: DoorLimits,
    mut stopping: oneshot::Receiver<()>,
) {
    let room = Arc::new(Mutex::new(Room::default()));
    let under_way = GracefulShutdown::new();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(MAX_HEAD);
    loop {
        let (socket, from) = match select(&mut stopping, pin!(listener.accept())).await {
            Either::Left(_) => break,
            Either::Right((Ok(came), _)) => came,
            Either::Right((Err(_), _)) => {
                // Out of files, most likely: it passes when connections end.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (id, stage) = lock(&room).let_in(origin(from.ip()), limits.connections);
        let app = app.clone().layer(from_fn_with_state(stage, attend));
        let connection = builder.serve_connection(
            TokioIo::new(Box::pin(patient(socket, limits.take_timeout))),
            TowerToHyperService::new(app),
        );
        let connection = under_way.watch(connection);
        let leaving = room.clone();
        let task = tokio::spawn(async move {
            // What breaks off is the other side's affair.
            connection.await.ok();
            lock(&leaving).visitors.remove(&id);
        });
        match lock(&room).visitors.get_mut(&id) {
            Some(visitor) => visitor.away = Some(task.abort_handle()),
            // It is over already.
            None => task.abort(),
        }
    }
    drop(listener);
    under_way.shutdown().await;
}

/// A connection that breaks when nothing of what is written is taken for so long.
fn patient(socket: TcpStream, take_timeout: Duration) -> TimeoutStream<TcpStream> {
    let mut socket = TimeoutStream::new(socket);
    socket.set_write_timeout(Some(take_timeout));
    socket
}

/// Notes where a connection is.
async fn attend(State(stage): State<Arc<AtomicU8>>, request: Request, next: Next) -> Response {
    stage.store(WAITING, Ordering::Relaxed);
    let response = next.run(request).await;
    stage.store(TAKING, Ordering::Relaxed);
    response.map(|body| Body::new(Answer { body, stage }))
}

/// An answer's body, which notes when all of it was taken.
struct Answer {
    body: Body,
    stage: Arc<AtomicU8>,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.stage.store(ASKING, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Instant;

    /// More than any buffer in between holds.
    const LENGTH: usize = 64 << 20;
    /// How long something may take that takes milliseconds.
    const LONG: Duration = Duration::from_secs(30);

    fn limits() -> DoorLimits {
        DoorLimits {
            connections: 32,
            head_timeout: 10 * LONG,
            take_timeout: 10 * LONG,
            shutdown_timeout: Duration::from_millis(100),
        }
    }

    /// A door behind which are a word, and a long answer.
    fn open(limits: DoorLimits) -> Door {
        let long = Bytes::from(vec![b'x'; LENGTH]);
        let app = Router::new()
            .route("/quick", get(|| async { "quick" }))
            .route("/long", get(|| async move { long }));
        Door::open(([127, 0, 0, 1], 0).into(), app, limits).unwrap()
    }

    fn connect(door: &Door) -> TcpStream {
        let stream = TcpStream::connect(door.address()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    fn ask(door: &Door, path: &str) -> TcpStream {
        let mut stream = connect(door);
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    fn is_quick(door: &Door) -> bool {
        let mut answer = String::new();
        ask(door, "/quick").read_to_string(&mut answer).unwrap();
        answer.ends_with("quick")
    }

    /// Whether the other side closes it, before it has said all of a long answer.
    fn is_closed(mut stream: TcpStream) -> bool {
        let mut said = 0;
        let mut piece = vec![0; 1 << 20];
        loop {
            match stream.read(&mut piece) {
                Ok(0) => return said < LENGTH,
                Ok(read) => said += read,
                Err(e) => return e.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }

    #[test]
    fn who_sends_a_byte_at_a_time_keeps_nobody_waiting_and_is_cut_off() {
        let door = open(DoorLimits {
            head_timeout: Duration::from_millis(1500),
            ..limits()
        });
        let mut slow: Vec<TcpStream> = (0..8).map(|_| connect(&door)).collect();
        let (mut others, start) = (0, Instant::now());
        let head = b"GET /quick HTTP/1.1\r\nx: ".iter();
        'slow: for byte in head.chain([b'y'; 2000].iter()) {
            for stream in &mut slow {
                if stream.write_all(&[*byte]).is_err() {
                    break 'slow;
                }
            }
            assert!(is_quick(&door));
            others += 1;
            assert!(start.elapsed() < LONG, "never cut off");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(others > 5, "{others}");
    }

    #[test]
    fn more_idle_connections_than_there_are_places_are_survived() {
        let door = open(limits());
        let idle: Vec<TcpStream> = (0..64).map(|_| connect(&door)).collect();
        assert!((0..8).all(|_| is_quick(&door)));
        // The first made room for the others.
        assert!(idle.into_iter().take(16).all(is_closed));
    }

    #[test]
    fn who_takes_nothing_of_an_answer_makes_room_and_is_cut_off() {
        let door = open(DoorLimits {
            take_timeout: Duration::from_millis(700),
            ..limits()
        });
        let taking: Vec<TcpStream> = (0..64).map(|_| ask(&door, "/long")).collect();
        assert!(is_quick(&door));
        std::thread::sleep(Duration::from_secs(4));
        assert!(taking.into_iter().all(is_closed));
    }

    #[test]
    fn who_has_the_most_connections_is_sent_away_first() {
        let mut room = Room::default();
        let from = [
            "192.0.2.7",
            "::ffff:192.0.2.9",
            "192.0.2.9",
            "2001:db8::1",
            "2001:db8::2",
            "2001:db8::3",
        ];
        for from in from {
            room.let_in(origin(from.parse().unwrap()), from.len());
        }
        let mut sent_away = |stage: Option<(u64, u8)>| {
            if let Some((id, stage)) = stage {
                room.visitors[&id].stage.store(stage, Ordering::Relaxed);
            }
            let before: Vec<u64> = room.visitors.keys().copied().collect();
            room.send_one_away();
            let gone = |id: &u64| !room.visitors.contains_key(id);
            before.into_iter().filter(gone).collect::<Vec<_>>()
        };
        // A network's are one's; of them who asked and waits stays longest.
        assert_eq!(sent_away(Some((3, WAITING))), [4]);
        // Two and two: who came first and has not asked.
        assert_eq!(sent_away(None), [1]);
        assert_eq!(sent_away(Some((5, TAKING))), [5]);
        assert_eq!(sent_away(None), [0]);
        // With no place left the newcomer has one.
        let (id, _) = room.let_in([192, 0, 2, 1].into(), 1);
        assert_eq!(room.visitors.keys().copied().collect::<Vec<_>>(), [id]);
    }
}
