//! A counter with a few hands and many visitors: small requests over HTTP, answered by a fixed number of threads.
//!
//! One thread holds all connections and never waits for any of them, so who is slow to ask or to take an answer
//! costs a little memory for a while, and no hand. A hand gets a request that is complete. How many connections,
//! how many requests in line and how long each may take is bounded; beyond it, somebody is sent away.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv6Addr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel},
    },
    time::{Duration, Instant},
};

/// How long there is nothing to do, at most, before connections are looked at again.
const TICK: Duration = Duration::from_millis(5);
/// How many are let in before those inside are looked at again.
const AT_ONCE: usize = 64;

/// What a counter puts up with.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How many requests are answered at once.
    pub hands: usize,
    /// How many complete requests wait for a hand; more are told that it is busy.
    pub line: usize,
    /// How many connections are open; with one more, one of the address that has the most is closed, the one that
    /// took longest to ask.
    pub visitors: usize,
    /// The longest head of a request, in bytes.
    pub head: usize,
    /// How long a whole request may take to arrive, and then a whole answer to be taken.
    pub patience: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            hands: 4,
            line: 64,
            visitors: 256,
            head: 2048,
            patience: Duration::from_secs(5),
        }
    }
}

/// What is answered: a status line's end, and JSON.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Such as `200 OK`.
    pub status: &'static str,
    /// JSON.
    pub body: Arc<str>,
}

impl Reply {
    /// An error.
    pub fn error(status: &'static str, what: &str) -> Self {
        let body = serde_json::json!({ "error": what }).to_string();
        let body = body.into();
        Self { status, body }
    }

    fn bytes(&self) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            self.status,
            self.body.len()
        );
        [head.as_bytes(), self.body.as_bytes()].concat()
    }
}

/// Where a connection is.
enum Stage {
    /// Its request is not complete.
    Asking(Vec<u8>),
    /// It waits for a hand, or a hand works for it.
    Waiting,
    /// It takes its answer: the bytes, and how many it has taken.
    Taking(Vec<u8>, usize),
}

struct Visitor {
    stream: TcpStream,
    /// Whose connections count together with it.
    origin: IpAddr,
    stage: Stage,
    until: Instant,
}

/// What became of looking at a connection.
enum Seen {
    /// Nothing new.
    Still,
    /// It read or wrote.
    Moved,
    /// It asks for this path; none if it asks for nothing that is answered.
    Asks(Option<String>),
    /// It is over: done, gone, late or too long.
    Over,
}

impl Visitor {
    fn new(stream: TcpStream, from: IpAddr, terms: &Terms) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        let (stage, until) = (Stage::Asking(Vec::new()), Instant::now() + terms.patience);
        Ok(Self {
            stream,
            origin: origin(from),
            stage,
            until,
        })
    }

    /// Who is sent away sooner: who has not asked, then who does not take its answer.
    const fn rank(&self) -> u8 {
        match self.stage {
            Stage::Asking(_) => 0,
            Stage::Taking(..) => 1,
            Stage::Waiting => 2,
        }
    }

    fn answer(&mut self, reply: &Reply, terms: &Terms) {
        self.stage = Stage::Taking(reply.bytes(), 0);
        self.until = Instant::now() + terms.patience;
    }

    fn look(&mut self, terms: &Terms) -> Seen {
        let seen = match &mut self.stage {
            Stage::Waiting => return Seen::Still,
            Stage::Asking(head) => hear(&mut self.stream, head, terms),
            Stage::Taking(bytes, taken) => tell(&mut self.stream, bytes, taken),
        };
        match seen {
            Seen::Still | Seen::Moved if Instant::now() > self.until => Seen::Over,
            seen => seen,
        }
    }
}

/// Whose connections count together: an address's, or of the longer kind those of one network, which one host has
/// all to itself.
fn origin(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(long) => Ipv6Addr::from(u128::from(long) & (u128::MAX << 64)).into(),
        short @ IpAddr::V4(_) => short,
    }
}

/// Reads what there is of a request.
fn hear(stream: &mut TcpStream, head: &mut Vec<u8>, terms: &Terms) -> Seen {
    let mut piece = [0; 512];
    match stream.read(&mut piece) {
        Ok(0) => Seen::Over,
        Ok(read) => {
            head.extend(piece.iter().take(read));
            match head.windows(4).any(|w| w == b"\r\n\r\n") {
                true => Seen::Asks(path_of(head)),
                false if head.len() > terms.head => Seen::Over,
                false => Seen::Moved,
            }
        }
        Err(e) if e.kind() == ErrorKind::WouldBlock => Seen::Still,
        Err(e) if e.kind() == ErrorKind::Interrupted => Seen::Still,
        Err(_) => Seen::Over,
    }
}

/// Writes what is taken of an answer.
fn tell(stream: &mut TcpStream, bytes: &[u8], taken: &mut usize) -> Seen {
    match stream.write(bytes.get(*taken..).unwrap_or_default()) {
        Ok(written) => {
            *taken += written;
            match *taken < bytes.len() && written > 0 {
                true => Seen::Moved,
                false => Seen::Over,
            }
        }
        Err(e) if e.kind() == ErrorKind::WouldBlock => Seen::Still,
        Err(e) if e.kind() == ErrorKind::Interrupted => Seen::Still,
        Err(_) => Seen::Over,
    }
}

/// The path of a GET.
fn path_of(head: &[u8]) -> Option<String> {
    let line = head.split(|b| *b == b'\r').next()?;
    let mut words = core::str::from_utf8(line).ok()?.split(' ');
    match (words.next(), words.next()) {
        (Some("GET"), Some(path)) => Some(path.to_owned()),
        _ => None,
    }
}

/// A request in line: whose, and for which path.
type Errand = (u64, String);
/// An answer: whose, what, and what there is to note.
type Done<N> = (u64, Reply, Option<N>);

/// All connections.
struct Room<'a> {
    terms: &'a Terms,
    visitors: BTreeMap<u64, Visitor>,
    came: u64,
}

impl Room<'_> {
    /// Lets in who is at the door, some at a time; whether there was anybody.
    fn let_in(&mut self, listener: &TcpListener) -> bool {
        let before = self.came;
        for _ in 0..AT_ONCE {
            let Ok((stream, from)) = listener.accept() else {
                break;
            };
            if self.visitors.len() >= self.terms.visitors {
                self.send_one_away();
            }
            if let Ok(visitor) = Visitor::new(stream, from.ip(), self.terms) {
                self.visitors.insert(self.came, visitor);
            }
            self.came += 1;
        }
        self.came > before
    }

    /// Closes a connection of the address that has the most: the one that takes longest to ask; if all of its have
    /// asked, the first that does not take its answer.
    fn send_one_away(&mut self) {
        let mut crowds = BTreeMap::<IpAddr, usize>::new();
        for visitor in self.visitors.values() {
            *crowds.entry(visitor.origin).or_default() += 1;
        }
        let turn = |(id, visitor): &(&u64, &Visitor)| {
            let crowd = crowds.get(&visitor.origin).copied().unwrap_or_default();
            (Reverse(crowd), visitor.rank(), **id)
        };
        let first = self.visitors.iter().min_by_key(turn).map(|(id, _)| *id);
        if let Some(id) = first {
            self.visitors.remove(&id);
        }
    }

    fn answer(&mut self, id: u64, reply: &Reply) {
        if let Some(visitor) = self.visitors.get_mut(&id) {
            visitor.answer(reply, self.terms);
        }
    }

    /// Looks at every connection once; whether anything moved.
    fn look(&mut self, errands: &SyncSender<Errand>) -> bool {
        let (terms, mut moved) = (self.terms, false);
        self.visitors.retain(|id, visitor| {
            let seen = visitor.look(terms);
            moved |= !matches!(seen, Seen::Still);
            match seen {
                Seen::Still | Seen::Moved => return true,
                Seen::Over => return false,
                Seen::Asks(None) => {
                    visitor.answer(&Reply::error("404 Not Found", "no such thing"), terms);
                }
                Seen::Asks(Some(path)) => match errands.try_send((*id, path)) {
                    Ok(()) => visitor.stage = Stage::Waiting,
                    Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                        let busy = Reply::error("503 Service Unavailable", "busy");
                        visitor.answer(&busy, terms);
                    }
                },
            }
            true
        });
        moved
    }
}

/// Serves at a listener that does not block, as long as `going` says so: `handle` answers paths, on several threads
/// at once; `note` hears of each answer, on this one.
pub fn attend<N: Send>(
    listener: &TcpListener,
    terms: &Terms,
    going: &dyn Fn() -> bool,
    handle: &(impl Fn(&str) -> (Reply, Option<N>) + Sync),
    note: &mut impl FnMut(N),
) {
    std::thread::scope(|scope| {
        let (errands, line) = sync_channel::<Errand>(terms.line);
        let (finished, done) = channel::<Done<N>>();
        let line = Arc::new(Mutex::new(line));
        for _ in 0..terms.hands {
            let (line, finished) = (Arc::clone(&line), finished.clone());
            scope.spawn(move || work(&line, &finished, handle));
        }
        let mut room = Room {
            terms,
            visitors: BTreeMap::new(),
            came: 0,
        };
        while going() {
            let mut moved = room.let_in(listener);
            while let Ok((id, reply, told)) = done.try_recv() {
                room.answer(id, &reply);
                told.into_iter().for_each(&mut *note);
                moved = true;
            }
            moved |= room.look(&errands);
            if !moved {
                std::thread::sleep(TICK);
            }
        }
        // Without errands the hands go home.
        drop(errands);
    });
}

/// A hand: takes errands until there are no more.
fn work<N>(
    line: &Mutex<Receiver<Errand>>,
    finished: &Sender<Done<N>>,
    handle: &(impl Fn(&str) -> (Reply, Option<N>) + Sync),
) {
    loop {
        let next = line.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((id, path)) = next else { return };
        let (reply, told) = handle(&path);
        if finished.send((id, reply, told)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        net::SocketAddr,
        sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    };

    use super::*;

    /// How long something may take that takes milliseconds.
    const LONG: Duration = Duration::from_secs(30);

    /// A counter that says every path back, while `visit` visits it; how often it answered.
    fn open(terms: Terms, visit: impl FnOnce(SocketAddr)) -> usize {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, mut noted) = (AtomicBool::new(false), 0);
        let answered = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let going = || !stop.load(Ordering::Relaxed);
                let handle = |path: &str| {
                    answered.fetch_add(1, Ordering::Relaxed);
                    let body = path.into();
                    let status = "200 OK";
                    (Reply { status, body }, Some(()))
                };
                let mut note = |()| noted += 1;
                attend(&listener, &terms, &going, &handle, &mut note);
            });
            // A test that fails must not leave the counter open.
            struct Stop<'a>(&'a AtomicBool);
            impl Drop for Stop<'_> {
                fn drop(&mut self) {
                    self.0.store(true, Ordering::Relaxed);
                }
            }
            let _stop = Stop(&stop);
            visit(address);
        });
        assert!(noted <= answered.load(Ordering::Relaxed));
        answered.into_inner()
    }

    fn connect(at: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    /// Everything a request is answered with.
    fn get(at: SocketAddr, path: &str) -> String {
        let mut stream = connect(at);
        let request = format!("GET {path} HTTP/1.1\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn who_sends_a_byte_at_a_time_keeps_nobody_waiting_and_is_cut_off() {
        let terms = Terms {
            patience: Duration::from_millis(1500),
            ..Terms::default()
        };
        let answered = open(terms, |at| {
            let mut slow: Vec<TcpStream> = (0..2 * terms.hands).map(|_| connect(at)).collect();
            let mut others = 0;
            let start = Instant::now();
            // One byte a beat, for as long as it is let: others are answered all the while.
            'slow: for byte in b"GET /slow HTTP/1.1\r\nx: "
                .iter()
                .chain([b'y'; 2000].iter())
            {
                for stream in &mut slow {
                    if stream.write_all(&[*byte]).is_err() {
                        break 'slow;
                    }
                }
                assert!(get(at, "/quick").ends_with("/quick"));
                others += 1;
                assert!(start.elapsed() < LONG, "never cut off");
                std::thread::sleep(Duration::from_millis(50));
            }
            assert!(others > 5, "{others}");
            for mut stream in slow {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).ok();
                assert!(rest.is_empty(), "an answer to half a request");
            }
        });
        assert!(answered > 5, "{answered}");
    }

    #[test]
    fn more_idle_connections_than_there_are_places_are_survived() {
        let terms = Terms {
            visitors: 32,
            ..Terms::default()
        };
        open(terms, |at| {
            let idle: Vec<TcpStream> = (0..64).map(|_| connect(at)).collect();
            for n in 0..8 {
                let path = format!("/{n}");
                assert!(get(at, &path).starts_with("HTTP/1.1 200"));
            }
            drop(idle);
        });
    }

    /// A listener, and connections to it that nobody let in yet.
    fn door(connections: usize) -> (TcpListener, Vec<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let outside = (0..connections).map(|_| connect(at)).collect();
        listener.set_nonblocking(true).unwrap();
        (listener, outside)
    }

    fn room(terms: &Terms) -> Room<'_> {
        Room {
            terms,
            visitors: BTreeMap::new(),
            came: 0,
        }
    }

    #[test]
    fn only_some_are_let_in_at_once() {
        let terms = Terms::default();
        let (listener, _outside) = door(AT_ONCE + 10);
        let mut room = room(&terms);
        assert!(room.let_in(&listener));
        assert_eq!(room.visitors.len(), AT_ONCE);
        assert!(room.let_in(&listener));
        assert_eq!(room.visitors.len(), AT_ONCE + 10);
        assert!(!room.let_in(&listener));
    }

    #[test]
    fn who_has_the_most_connections_is_sent_away_first() {
        let terms = Terms::default();
        let from = [
            "192.0.2.7",
            "::ffff:192.0.2.9",
            "192.0.2.9",
            "2001:db8::1",
            "2001:db8::2",
            "2001:db8::3",
        ];
        let (listener, _outside) = door(from.len());
        let mut room = room(&terms);
        for (id, from) in (0..).zip(from) {
            let (stream, _) = listener.accept().unwrap();
            let visitor = Visitor::new(stream, from.parse().unwrap(), &terms).unwrap();
            room.visitors.insert(id, visitor);
        }
        let mut sent_away = |stage: Option<(u64, Stage)>| {
            if let Some((id, stage)) = stage {
                room.visitors.get_mut(&id).unwrap().stage = stage;
            }
            let before: Vec<u64> = room.visitors.keys().copied().collect();
            room.send_one_away();
            let gone = |id: &u64| !room.visitors.contains_key(id);
            before.into_iter().filter(gone).collect::<Vec<_>>()
        };
        // A network's are one's; of them who was asked for and waits stays longest.
        assert_eq!(sent_away(Some((3, Stage::Waiting))), [4]);
        // Two and two: who came first and has not asked.
        assert_eq!(sent_away(None), [1]);
        assert_eq!(sent_away(None), [5]);
        assert_eq!(sent_away(None), [0]);
    }

    #[test]
    fn nonsense_is_answered_or_cut_off_and_reaches_no_hand() {
        let answered = open(Terms::default(), |at| {
            for request in ["POST / HTTP/1.1\r\n\r\n", "\r\n\r\n"] {
                let mut stream = connect(at);
                stream.write_all(request.as_bytes()).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
            }
            let mut stream = connect(at);
            stream.write_all(&[b'x'; 4096]).ok();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).ok();
            assert!(answer.is_empty());
        });
        assert_eq!(answered, 0);
    }

    #[test]
    fn who_does_not_take_an_answer_holds_no_hand() {
        let terms = Terms {
            hands: 1,
            ..Terms::default()
        };
        // More than any buffer in between holds.
        let long: Arc<str> = "x".repeat(32 << 20).into();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let at = listener.local_addr().unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let going = || !stop.load(Ordering::Relaxed);
                let handle = |path: &str| {
                    let body = if path == "/long" {
                        Arc::clone(&long)
                    } else {
                        path.into()
                    };
                    let status = "200 OK";
                    (Reply { status, body }, None::<()>)
                };
                attend(&listener, &terms, &going, &handle, &mut |()| ());
            });
            let taking: Vec<TcpStream> = (0..3)
                .map(|_| {
                    let mut stream = connect(at);
                    stream.write_all(b"GET /long HTTP/1.1\r\n\r\n").unwrap();
                    stream
                })
                .collect();
            let quick = get(at, "/quick");
            stop.store(true, Ordering::Relaxed);
            assert!(quick.ends_with("/quick"));
            drop(taking);
        });
    }
}
