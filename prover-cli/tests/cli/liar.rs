//! A node that lies: it passes on what is asked and answered, but for what it changes.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use eligo_ledger::{pbft::effect::Delivery, wire::Wire};
use eligo_marketplace::{
    encoding::List,
    event::{Event, MAX_EVENTS, Subject},
};
use serde_json::{Value, json};

/// Changes what a query answers in JSON.
type Tell = dyn Fn(&str, &mut Value) + Send + Sync;

/// What a liar says.
pub struct Lies {
    /// What it makes of answers to queries.
    tell: Box<Tell>,
    /// The block of a refused transaction that it shows as if this had come of it; it shows no later block.
    accepted: Option<(u64, Event)>,
}

impl Lies {
    /// Changes the events that are told about anything, and nothing else.
    pub fn telling(tell: impl Fn(&mut Vec<Value>) + Send + Sync + 'static) -> Self {
        Self {
            tell: Box::new(move |path, answer| {
                if let Some(events) = answer.as_array_mut().filter(|_| path.contains("/events/")) {
                    tell(events);
                }
            }),
            accepted: None,
        }
    }

    /// Tells of another key of the authorities than they made.
    pub fn of_another_key() -> Self {
        Self {
            tell: Box::new(|path, answer| {
                let other = |view: &mut Value| view["key"] = "00".repeat(96).into();
                match answer {
                    Value::Array(all) if path.contains("/convene/") => {
                        all.iter_mut().for_each(other);
                    }
                    one if path.contains("/convene/") => other(one),
                    _ => {}
                }
            }),
            accepted: None,
        }
    }

    /// Shows the refused transaction of the last block as accepted.
    pub fn accepting(height: u64, event: Event) -> Self {
        Self {
            tell: Box::new(|_, _| ()),
            accepted: Some((height, event)),
        }
    }
}

/// A relay in front of an honest node, stopped when dropped.
pub struct Liar {
    pub url: String,
    at: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Liar {
    /// Lies about what the node at `honest` says.
    pub fn start(honest: &str, lies: Lies) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let honest = honest.strip_prefix("http://").unwrap().to_owned();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // A client that hangs up is nobody's trouble.
                drop(stream.and_then(|stream| relay(stream, &honest, &lies)));
            }
        });
        Self {
            url: format!("http://{at}"),
            at,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.at));
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// A message's head, in lines, and its body.
fn read(stream: &mut TcpStream) -> std::io::Result<(Vec<String>, Vec<u8>)> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => bytes.extend_from_slice(&piece[..n]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let lines: Vec<String> = head.trim_end().lines().map(str::to_owned).collect();
    let length = lines.iter().find_map(|l| {
        let line = l.to_ascii_lowercase();
        let length = line.strip_prefix("content-length:")?;
        length.trim().parse().ok()
    });
    let length: usize = length.unwrap_or_default();
    let mut body = bytes.split_off(end);
    while body.len() < length {
        match stream.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => body.extend_from_slice(&piece[..n]),
        }
    }
    Ok((lines, body))
}

fn write(stream: &mut TcpStream, lines: &[String], body: &[u8]) -> std::io::Result<()> {
    let framing = ["content-length:", "connection:"];
    let kept = lines.iter().filter(|l| {
        let line = l.to_ascii_lowercase();
        !framing.iter().any(|f| line.starts_with(f))
    });
    let mut head: String = kept.map(|l| format!("{l}\r\n")).collect();
    head.push_str(&format!(
        "content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    ));
    stream.write_all(&[head.as_bytes(), body].concat())
}

fn honestly(
    honest: &str,
    lines: &[String],
    body: &[u8],
) -> std::io::Result<(Vec<String>, Vec<u8>)> {
    let mut node = TcpStream::connect(honest)?;
    node.set_read_timeout(Some(Duration::from_secs(60)))?;
    write(&mut node, lines, body)?;
    read(&mut node)
}

fn relay(mut stream: TcpStream, honest: &str, lies: &Lies) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let (mut lines, body) = read(&mut stream)?;
    let path = lines[0].split(' ').nth(1).unwrap().to_owned();
    let hidden = height_of(&path).zip(lies.accepted.as_ref());
    if hidden.is_some_and(|(height, (last, _))| height > *last) {
        lines[0] = format!("GET /v1/blocks/{} HTTP/1.1", u64::MAX / 2);
        let (lines, body) = honestly(honest, &lines, &[])?;
        return write(&mut stream, &lines, &body);
    }
    let (answer, mut body_of_answer) = honestly(honest, &lines, &body)?;
    if path.starts_with("/v1/query/") && answer[0].contains("200") {
        let mut told: Value = serde_json::from_slice(&body_of_answer).unwrap();
        (lies.tell)(&path, &mut told);
        let lie = lies.accepted.as_ref();
        if let Some((height, event)) = lie.filter(|(_, event)| is_about(event, &path)) {
            let events = told.as_array_mut().filter(|_| path.contains("/events/"));
            events
                .into_iter()
                .for_each(|e| e.push(step(*height, event)));
        }
        body_of_answer = serde_json::to_vec(&told).unwrap();
    }
    if let Some((height, event)) = &lies.accepted
        && path == format!("/v1/blocks/{height}")
    {
        let mut block = Delivery::from_wire(&body_of_answer).unwrap();
        let outcome = &mut block.done.outcomes[0];
        let events = List::<Event, MAX_EVENTS>::new(vec![event.clone()]).unwrap();
        (outcome.code, outcome.data) = (0, events.to_wire());
        body_of_answer = block.to_wire();
    }
    write(&mut stream, &answer, &body_of_answer)
}

/// The block that a path is about.
fn height_of(path: &str) -> Option<u64> {
    let rest = path.strip_prefix("/v1/blocks/")?;
    rest.split('/').next()?.parse().ok()
}

/// Whether a path asks for what happened to something that the event is about.
fn is_about(event: &Event, path: &str) -> bool {
    event.subjects().into_iter().any(|subject| match subject {
        Subject::Record(name) => path.contains(&name.to_string()),
        Subject::Encounter(name) => path.contains(&name.to_string()),
        Subject::Ask(name) => path.contains(&name.to_string()),
        Subject::Party(name) => path.contains(&name.to_string()),
        _ => false,
    })
}

/// An event as a node tells it: of the first transaction of a block.
fn step(height: u64, event: &Event) -> Value {
    json!({
        "height": height,
        "number": 0,
        "time_ms": 0,
        "transaction": 0,
        "event": event,
    })
}
