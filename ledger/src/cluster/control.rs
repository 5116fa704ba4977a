//! How a running replica is asked: status, transactions, queries, over one TCP connection.
//!
//! A frame is a `u32` length and one value in [`Wire`] form; each request has one answer. There is no
//! authentication: the replica listens on a loopback address, like a node behind its proxy.

use crate::application::{Query, QueryAnswer, Reject};
use crate::block::{MAX_TRANSACTION, Outcome, Transaction};
use crate::digest::Digest;
use crate::engine::{EngineError, ReplicaStatus, Reply};
use crate::height::{Epoch, Height, ReplicaId, View};
use crate::light::LedgerProof;
use crate::wire::{Reader, Wire, WireError, encode_bytes, encode_list};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// The longest frame, in bytes.
const MAX_FRAME: usize = 4 << 20;
/// The most connections at once.
const MAX_CONNECTIONS: usize = 64;
/// How long a request may take, a transaction's block included.
const PATIENCE: Duration = Duration::from_secs(60);
const MAX_PATH: usize = 256;

/// Why a replica gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The connection.
    #[error(transparent)]
    Connection(#[from] io::Error),
    /// The answer is none.
    #[error("the answer: {0}")]
    Answer(#[from] WireError),
    /// The replica refuses.
    #[error("{0}")]
    Refused(Refusal),
    /// The answer is another question's.
    #[error("an answer to another question")]
    Unexpected,
}

/// Why a replica refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has stopped.
    #[error("the replica has stopped")]
    Stopped,
    /// No answer in time; a transaction may still be executed.
    #[error("no answer in time")]
    TimedOut,
    /// The application refuses the transaction, with a code of its own.
    #[error("refused by the application with code {0}")]
    Application(u32),
    /// The transaction cannot be taken now, or again.
    #[error("not admitted: too long, executed before, waiting already, or too many wait")]
    NotAdmitted,
    /// There is no such thing.
    #[error("there is none")]
    Absent,
    /// The client's last request is another one, with this counter or a later one.
    #[error(
        "its counter is used up: it was executed before, or must be signed again with a new one"
    )]
    CounterUsed,
}

impl Wire for Refusal {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Refusal::Stopped => out.push(1),
            Refusal::TimedOut => out.push(2),
            Refusal::Application(code) => {
                out.push(3);
                code.encode(out);
            }
            Refusal::NotAdmitted => out.push(4),
            Refusal::Absent => out.push(5),
            Refusal::CounterUsed => out.push(6),
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => Refusal::Stopped,
            2 => Refusal::TimedOut,
            3 => Refusal::Application(Wire::decode(r)?),
            4 => Refusal::NotAdmitted,
            5 => Refusal::Absent,
            6 => Refusal::CounterUsed,
            tag => {
                return Err(WireError::UnknownTag {
                    what: "refusal",
                    tag,
                });
            }
        })
    }
}

impl From<EngineError> for Refusal {
    fn from(e: EngineError) -> Self {
        match e {
            EngineError::Stopped | EngineError::NotRunning(_) => Refusal::Stopped,
            EngineError::TimedOut => Refusal::TimedOut,
            EngineError::CounterUsed => Refusal::CounterUsed,
            EngineError::Rejected(Reject::Application(code)) => Refusal::Application(code),
            EngineError::Rejected(_) => Refusal::NotAdmitted,
        }
    }
}

/// Where a replica is, as it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which one.
    pub id: ReplicaId,
    /// The chain: the genesis document's digest.
    pub chain: Digest,
    /// Its last committed height.
    pub height: Height,
    /// The last block's digest.
    pub tip: Digest,
    /// The application's hash after that height.
    pub app_hash: Digest,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its round at the next height.
    pub round: View,
    /// Who proposes in that round.
    pub proposer: ReplicaId,
    /// How many replicas it is connected to.
    pub peers: u32,
    /// Transactions that wait there.
    pub waiting: u64,
    /// The lowest height whose block it has: below is a snapshot only.
    pub lowest: Height,
    /// Whose lies are on the ledger.
    pub liars: Vec<ReplicaId>,
    /// Whether it stopped because its state contradicts a certificate.
    pub halted: bool,
}

impl Wire for Report {
    const MIN_SIZE: usize = 100;
    fn encode(&self, out: &mut Vec<u8>) {
        self.id.encode(out);
        self.chain.encode(out);
        self.height.encode(out);
        self.tip.encode(out);
        self.app_hash.encode(out);
        self.epoch.encode(out);
        self.round.encode(out);
        self.proposer.encode(out);
        self.peers.encode(out);
        self.waiting.encode(out);
        self.lowest.encode(out);
        encode_list(self.liars.iter(), out);
        self.halted.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Report {
            id: Wire::decode(r)?,
            chain: Wire::decode(r)?,
            height: Wire::decode(r)?,
            tip: Wire::decode(r)?,
            app_hash: Wire::decode(r)?,
            epoch: Wire::decode(r)?,
            round: Wire::decode(r)?,
            proposer: Wire::decode(r)?,
            peers: Wire::decode(r)?,
            waiting: Wire::decode(r)?,
            lowest: Wire::decode(r)?,
            liars: r.list("liars", usize::from(u16::MAX))?,
            halted: Wire::decode(r)?,
        })
    }
}

impl From<&Report> for ReplicaStatus {
    fn from(report: &Report) -> Self {
        ReplicaStatus {
            id: report.id,
            height: report.height,
            epoch: report.epoch,
            view: report.round,
            changing: false,
            primary: report.proposer,
            waiting: usize::try_from(report.waiting).unwrap_or(usize::MAX),
            halted: report.halted,
        }
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Report,
    Submit(Transaction),
    Query(Query),
    Prove(Height, u32),
}

impl Wire for Request {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Request::Report => out.push(1),
            Request::Submit(tx) => {
                out.push(2);
                tx.encode(out);
            }
            Request::Query(query) => {
                out.push(3);
                encode_bytes(query.path.as_bytes(), out);
                encode_bytes(&query.data, out);
            }
            Request::Prove(height, index) => {
                out.push(4);
                height.encode(out);
                index.encode(out);
            }
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => Request::Report,
            2 => Request::Submit(Wire::decode(r)?),
            3 => {
                let path = r.bytes("path", MAX_PATH)?.to_vec();
                Request::Query(Query {
                    path: String::from_utf8(path)
                        .map_err(|_| WireError::Invalid { what: "path" })?,
                    data: r.bytes("argument", MAX_TRANSACTION)?.to_vec(),
                })
            }
            4 => Request::Prove(Wire::decode(r)?, Wire::decode(r)?),
            tag => {
                return Err(WireError::UnknownTag {
                    what: "request",
                    tag,
                });
            }
        })
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Report(Report),
    Executed(Reply),
    Query(QueryAnswer),
    Proof(Box<LedgerProof>),
    Refused(Refusal),
}

impl Wire for Answer {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Answer::Report(report) => {
                out.push(1);
                report.encode(out);
            }
            Answer::Executed(reply) => {
                out.push(2);
                reply.height.encode(out);
                reply.index.encode(out);
                reply.outcome.encode(out);
            }
            Answer::Query(answer) => {
                out.push(3);
                answer.height.encode(out);
                out.push(u8::from(answer.value.is_some()));
                encode_bytes(answer.value.as_deref().unwrap_or_default(), out);
                encode_bytes(&answer.proof, out);
            }
            Answer::Proof(proof) => {
                out.push(4);
                proof.encode(out);
            }
            Answer::Refused(why) => {
                out.push(5);
                why.encode(out);
            }
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => Answer::Report(Wire::decode(r)?),
            2 => Answer::Executed(Reply {
                height: Wire::decode(r)?,
                index: Wire::decode(r)?,
                outcome: Outcome::decode(r)?,
            }),
            3 => {
                let height = Wire::decode(r)?;
                let some = bool::decode(r)?;
                let value = r.bytes("value", MAX_FRAME)?.to_vec();
                if !some && !value.is_empty() {
                    return Err(WireError::Invalid { what: "value" });
                }
                Answer::Query(QueryAnswer {
                    height,
                    value: some.then_some(value),
                    proof: r.bytes("proof", MAX_FRAME)?.to_vec(),
                })
            }
            4 => Answer::Proof(Box::new(Wire::decode(r)?)),
            5 => Answer::Refused(Wire::decode(r)?),
            tag => {
                return Err(WireError::UnknownTag {
                    what: "answer",
                    tag,
                });
            }
        })
    }
}

fn send(stream: &mut impl Write, value: &impl Wire) -> io::Result<()> {
    let mut frame = Vec::new();
    encode_bytes(&value.to_wire(), &mut frame);
    stream.write_all(&frame)?;
    stream.flush()
}

/// Reads one frame; `None` at the end of the stream.
fn receive(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0u8; 4];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(e) => return Err(e),
    }
    let length = u32::from_be_bytes(length);
    if length as usize > MAX_FRAME {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = Vec::new();
    stream.take(u64::from(length)).read_to_end(&mut frame)?;
    if frame.len() != length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(frame))
}

/// A connection to a replica.
#[derive(Debug)]
pub struct Control {
    stream: TcpStream,
}

impl Control {
    /// Connects.
    ///
    /// # Errors
    /// [`ControlError::Connection`].
    pub fn connect(address: SocketAddr, at_most: Duration) -> Result<Self, ControlError> {
        let stream = TcpStream::connect_timeout(&address, at_most)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE + Duration::from_secs(5)))?;
        Ok(Control { stream })
    }

    fn ask(&mut self, request: &Request) -> Result<Answer, ControlError> {
        send(&mut self.stream, request)?;
        let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let frame = receive(&mut self.stream)?.ok_or_else(end)?;
        match Answer::from_wire(&frame)? {
            Answer::Refused(why) => Err(ControlError::Refused(why)),
            answer => Ok(answer),
        }
    }

    /// Where the replica is.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn report(&mut self) -> Result<Report, ControlError> {
        match self.ask(&Request::Report)? {
            Answer::Report(report) => Ok(report),
            _ => Err(ControlError::Unexpected),
        }
    }

    /// Hands in a transaction and waits until it is in a final block.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn submit(&mut self, tx: Transaction) -> Result<Reply, ControlError> {
        match self.ask(&Request::Submit(tx))? {
            Answer::Executed(reply) => Ok(reply),
            _ => Err(ControlError::Unexpected),
        }
    }

    /// Asks the replica's application.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn query(&mut self, query: Query) -> Result<QueryAnswer, ControlError> {
        match self.ask(&Request::Query(query))? {
            Answer::Query(answer) => Ok(answer),
            _ => Err(ControlError::Unexpected),
        }
    }

    /// Proof that the transaction at a place is final.
    ///
    /// # Errors
    /// [`ControlError`]; [`Refusal::Absent`] if there is none.
    pub fn prove(&mut self, height: Height, index: u32) -> Result<LedgerProof, ControlError> {
        match self.ask(&Request::Prove(height, index))? {
            Answer::Proof(proof) => Ok(*proof),
            _ => Err(ControlError::Unexpected),
        }
    }
}

/// What a running replica answers from.
pub trait Asked: Send + Sync {
    /// Where it is.
    fn report(&self) -> Report;
    /// Orders a transaction and waits for its block.
    ///
    /// # Errors
    /// [`EngineError`].
    fn submit(&self, tx: Transaction, at_most: Duration) -> Result<Reply, EngineError>;
    /// Asks the application.
    ///
    /// # Errors
    /// [`EngineError`].
    fn query(&self, query: Query) -> Result<QueryAnswer, EngineError>;
    /// Proof that the transaction at a place is final; `None` if there is none.
    ///
    /// # Errors
    /// [`EngineError`].
    fn prove(&self, height: Height, index: u32) -> Result<Option<LedgerProof>, EngineError>;
}

/// Answers on an address until dropped.
#[derive(Debug)]
pub struct ControlServer {
    address: SocketAddr,
    going: Arc<AtomicBool>,
}

impl ControlServer {
    /// Listens, and answers each connection on a thread of its own.
    ///
    /// # Errors
    /// The system's, if it gives no port or thread.
    pub fn start(address: SocketAddr, replica: Arc<dyn Asked>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let going = Arc::new(AtomicBool::new(true));
        let on = going.clone();
        let connections = Arc::new(AtomicUsize::new(0));
        std::thread::Builder::new()
            .name("control".into())
            .spawn(move || {
                for stream in listener.incoming() {
                    if !on.load(Ordering::Relaxed) {
                        break;
                    }
                    let Ok(stream) = stream else { continue };
                    if connections.fetch_add(1, Ordering::Relaxed) >= MAX_CONNECTIONS {
                        connections.fetch_sub(1, Ordering::Relaxed);
                        continue;
                    }
                    let (replica, mine) = (replica.clone(), connections.clone());
                    let served = std::thread::Builder::new().spawn(move || {
                        // A client that goes away is no one's fault.
                        serve(stream, replica.as_ref()).ok();
                        mine.fetch_sub(1, Ordering::Relaxed);
                    });
                    if served.is_err() {
                        connections.fetch_sub(1, Ordering::Relaxed);
                    }
                }
            })?;
        Ok(ControlServer { address, going })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.going.store(false, Ordering::Relaxed);
        // Wakes the listener, which then sees that it is over.
        TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).ok();
    }
}

fn serve(mut stream: TcpStream, replica: &dyn Asked) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    while let Some(frame) = receive(&mut stream)? {
        let Ok(request) = Request::from_wire(&frame) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        send(&mut stream, &answer(request, replica))?;
    }
    Ok(())
}

fn answer(request: Request, replica: &dyn Asked) -> Answer {
    let refused = |e: EngineError| Answer::Refused(e.into());
    match request {
        Request::Report => Answer::Report(replica.report()),
        Request::Submit(tx) => replica
            .submit(tx, PATIENCE)
            .map_or_else(refused, Answer::Executed),
        Request::Query(query) => replica.query(query).map_or_else(refused, Answer::Query),
        Request::Prove(height, index) => match replica.prove(height, index) {
            Ok(Some(proof)) => Answer::Proof(Box::new(proof)),
            Ok(None) => Answer::Refused(Refusal::Absent),
            Err(e) => refused(e),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Parrot;

    impl Asked for Parrot {
        fn report(&self) -> Report {
            Report {
                id: ReplicaId::new(3),
                chain: Digest::new([1; 32]),
                height: Height::new(7),
                tip: Digest::new([2; 32]),
                app_hash: Digest::new([3; 32]),
                epoch: Epoch::new(0),
                round: View::new(1),
                proposer: ReplicaId::new(2),
                peers: 3,
                waiting: 9,
                lowest: Height::new(2),
                liars: vec![ReplicaId::new(1)],
                halted: false,
            }
        }
        fn submit(&self, tx: Transaction, _: Duration) -> Result<Reply, EngineError> {
            if tx.bytes().is_empty() {
                return Err(EngineError::Rejected(Reject::Application(2)));
            }
            Ok(Reply {
                height: Height::new(8),
                index: 0,
                outcome: Outcome {
                    code: 0,
                    data: tx.bytes().to_vec(),
                },
            })
        }
        fn query(&self, query: Query) -> Result<QueryAnswer, EngineError> {
            Ok(QueryAnswer {
                height: Height::new(7),
                value: (query.path == "echo").then_some(query.data),
                proof: vec![5],
            })
        }
        fn prove(&self, _: Height, _: u32) -> Result<Option<LedgerProof>, EngineError> {
            Ok(None)
        }
    }

    #[test]
    fn a_replica_answers_what_it_is_asked() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = ControlServer::start(any, Arc::new(Parrot)).unwrap();
        let mut control = Control::connect(server.address(), Duration::from_secs(5)).unwrap();
        assert_eq!(control.report().unwrap(), Parrot.report());
        let tx = |bytes: &[u8]| Transaction::new(bytes).unwrap();
        assert_eq!(control.submit(tx(b"hello")).unwrap().outcome.data, b"hello");
        let refused = control.submit(tx(b""));
        assert!(matches!(
            refused,
            Err(ControlError::Refused(Refusal::Application(2)))
        ));
        let ask = |path: &str| Query {
            path: path.into(),
            data: vec![4; 3],
        };
        assert_eq!(control.query(ask("echo")).unwrap().value, Some(vec![4; 3]));
        assert_eq!(control.query(ask("other")).unwrap().value, None);
        assert!(matches!(
            control.prove(Height::new(1), 0),
            Err(ControlError::Refused(Refusal::Absent))
        ));
    }

    #[test]
    fn a_frame_that_claims_too_much_is_refused_before_it_is_read() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = ControlServer::start(any, Arc::new(Parrot)).unwrap();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(&[0xff; 4]).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).ok();
        assert!(rest.is_empty());
    }
}
