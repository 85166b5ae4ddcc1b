//! Parley from Rust, with prost: echo, publish and subscribe, and a worker that answers pings while it works.
//!
//! In this folder, with protoc installed: `cargo run -- localhost 7311`. The types come out of the .proto files, by build.rs.
//! Built with Rust 1.63 and newer, with prost 0.11 and newer.

use prost::Message as _;
use std::error::Error;
use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{mpsc, Arc, Mutex};
use std::{env, process, thread};

#[allow(dead_code)]
mod v1 {
    include!(concat!(env!("OUT_DIR"), "/parley.v1.rs"));
}
use v1::client_message::Message as Say;
use v1::server_message::Message as Heard;
use v1::{ClientMessage, EchoMessage, Event, Hello, Job, Pong, Pull, ServerMessage, Settle, Subscribe, Verdict};

/// The largest message that is read: the server's own bound, unless it was changed there.
const MAX_MESSAGE: u64 = 2 << 20;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The half of a connection that writes. Several threads do: the program, and the one that answers pings.
struct Sender {
    stream: TcpStream,
    last_id: u64,
}

impl Sender {
    /// Numbers a message and writes it, with its length as a varint before it.
    fn send(&mut self, say: Say) -> io::Result<()> {
        self.last_id += 1;
        let message = ClientMessage { message: Some(say), id: self.last_id };
        self.stream.write_all(&message.encode_length_delimited_to_vec())
    }
}

/// One connection. A thread of its own reads it: it answers pings at once, whatever else the program does, and hands on the rest.
struct Client {
    sender: Arc<Mutex<Sender>>,
    received: mpsc::Receiver<ServerMessage>,
}

impl Client {
    /// Says Hello, with the offer to answer pings: a connection that is gone is noticed by both sides.
    fn connect(host: &str, port: u16) -> Outcome<Client> {
        let stream = TcpStream::connect((host, port))?;
        stream.set_nodelay(true)?;
        let mut input = BufReader::new(stream.try_clone()?);
        let sender = Arc::new(Mutex::new(Sender { stream, last_id: 0 }));
        let (hand_on, received) = mpsc::channel();
        let answering = Arc::clone(&sender);
        // The channel takes all that comes: as many jobs as the prefetch allows, and the events that were subscribed to.
        thread::spawn(move || {
            while let Ok(message) = read(&mut input) {
                if let Some(Heard::Ping(ping)) = message.message {
                    let pong = Say::Pong(Pong { nonce: ping.nonce, ..Default::default() });
                    if answering.lock().unwrap().send(pong).is_err() {
                        return;
                    }
                } else if hand_on.send(message).is_err() {
                    return;
                }
            }
        });
        let client = Client { sender, received };
        client.ask(Say::Hello(Hello {
            protocol_version: 1,
            client_name: "example in Rust".into(),
            answers_pings: true,
            ..Default::default()
        }))?;
        Ok(client)
    }

    fn send(&self, say: Say) -> Outcome<()> {
        Ok(self.sender.lock().unwrap().send(say)?)
    }

    /// The next message; an error of the server as an error.
    fn receive(&self) -> Outcome<Heard> {
        match self.received.recv().map_err(|_| "the connection has ended")?.message {
            Some(Heard::Error(refused)) => Err(format!("{:?}: {}", refused.code(), refused.message).into()),
            Some(heard) => Ok(heard),
            None => Err("the server said what this program does not know".into()),
        }
    }

    /// Sends a message and gives what comes next: here nothing else is under way.
    fn ask(&self, say: Say) -> Outcome<Heard> {
        self.send(say)?;
        self.receive()
    }

    /// Does the jobs of a queue, one after the other, until one says stop.
    fn work(&self, queue: &str) -> Outcome<()> {
        self.send(Say::Pull(Pull { consumer: 1, queue: queue.into(), prefetch: Some(1), ..Default::default() }))?;
        let mut is_last = false;
        loop {
            let job = match self.receive()? {
                Heard::Job(job) => job,
                Heard::Settled(_) if is_last => return Ok(()),
                _ => continue, // the Ack of the pull, or a Settled
            };
            let mut verdict = Verdict::Ack;
            let mut error = String::new();
            match String::from_utf8_lossy(&job.payload).as_ref() {
                "" => {
                    verdict = Verdict::Reject; // it would fail again: a dead letter
                    error = "there is no address".into();
                }
                "stop" => is_last = true,
                to => println!("sent to {to}, attempt {}", job.attempt),
            }
            self.send(Say::Settle(Settle {
                consumer: job.consumer,
                tokens: vec![job.token],
                verdict: verdict as i32,
                error,
                ..Default::default()
            }))?;
        }
    }
}

/// Reads one message, and its length before it.
fn read(input: &mut impl Read) -> io::Result<ServerMessage> {
    let mut length = 0;
    for shift in (0..35).step_by(7) {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        length |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            break;
        }
    }
    if length > MAX_MESSAGE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of {length} bytes")));
    }
    let mut body = vec![0; length as usize];
    input.read_exact(&mut body)?;
    Ok(ServerMessage::decode(body.as_slice())?)
}

fn run(host: &str, port: u16) -> Outcome<()> {
    let client = Client::connect(host, port)?;
    if let Heard::EchoMessage(echo) = client.ask(Say::EchoMessage(EchoMessage { content: "Hello, World!".into() }))? {
        println!("{}", echo.content);
    }

    // With echo the connection hears what it publishes itself. The event comes before the Ack of its publish or after it.
    client.ask(Say::Subscribe(Subscribe { pattern: "orders.>".into(), echo: true, ..Default::default() }))?;
    client.send(Say::Event(Event {
        topic: "orders.eu.created".into(),
        payload: b"42 pieces".to_vec(),
        ..Default::default()
    }))?;
    for _ in 0..2 {
        if let Heard::Event(event) = client.receive()? {
            println!("{} {}", event.topic, String::from_utf8_lossy(&event.payload));
        }
    }
    for to in ["ann", ""] {
        client.ask(Say::Job(Job { queue: "emails".into(), payload: to.into(), ..Default::default() }))?;
    }
    client.work("emails")
}

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let port = words.get(1).and_then(|word| word.parse().ok());
    let outcome = match (words.len(), port) {
        (2, Some(port)) => run(&words[0], port),
        _ => {
            eprintln!("usage: parley HOST PORT");
            process::exit(2);
        }
    };
    if let Err(reason) = outcome {
        eprintln!("{reason}");
        process::exit(1);
    }
}
