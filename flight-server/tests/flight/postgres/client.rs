//! A client of the protocol, and a server for it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use maar_engine::Session;
use maar_flight_server::{ServeOptions, Server};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(super) struct Client {
    pub(super) stream: Box<dyn Stream>,
    pub(super) parameters: HashMap<String, String>,
    pub(super) key: (u32, u32),
}

/// An error or a notice.
#[derive(Debug, Clone, Default)]
pub(super) struct Wrong {
    pub(super) severity: String,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) hint: String,
    pub(super) position: String,
}

/// All that came up to the next ReadyForQuery.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) tags: Vec<String>,
    /// Names and types of the last columns.
    pub(super) columns: Vec<(String, u32)>,
    pub(super) rows: Vec<Vec<Option<Vec<u8>>>>,
    pub(super) errors: Vec<Wrong>,
    pub(super) notices: Vec<Wrong>,
    pub(super) parameters: Vec<u32>,
    /// The letters of the messages, in their order.
    pub(super) letters: String,
    pub(super) ready: char,
}

impl Answer {
    /// Cells joined by `,`, rows by `;`.
    pub(super) fn text(&self) -> String {
        let cell =
            |cell: &Option<Vec<u8>>| cell.as_ref().map_or("NULL".into(), |c| String::from_utf8_lossy(c).into_owned());
        let row = |row: &Vec<Option<Vec<u8>>>| row.iter().map(cell).collect::<Vec<_>>().join(",");
        self.rows.iter().map(row).collect::<Vec<_>>().join(";")
    }

    /// The one error's code.
    pub(super) fn code(&self) -> &str {
        assert_eq!(self.errors.len(), 1, "{self:?}");
        &self.errors[0].code
    }
}

/// A server that ends with the test.
pub(super) fn serve(session: Session, options: ServeOptions) -> SocketAddr {
    let options = ServeOptions { postgres: Some("127.0.0.1:0".parse().unwrap()), ..options };
    let server = Server::bind(session, "127.0.0.1:0".parse().unwrap(), options).unwrap();
    let address = server.postgres_address().unwrap();
    tokio::spawn(server.run(std::future::pending()));
    address
}

/// A client of a server of its own.
pub(super) async fn client() -> Client {
    let address = serve(crate::support::session(), ServeOptions::default());
    Client::connect(address).await
}

pub(super) fn string(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

/// The first message, of these parameters.
pub(super) fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    parameters.iter().for_each(|(name, value)| body.extend([string(name), string(value)].concat()));
    body.push(0);
    [&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()
}

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self::log_in(TcpStream::connect(address).await.unwrap(), &[("user", "ada")], None).await.unwrap()
    }

    /// Logs in over `stream`, with a password where one is asked for.
    pub(super) async fn log_in(
        stream: impl Stream + 'static,
        parameters: &[(&str, &str)],
        password: Option<&str>,
    ) -> Result<Self, Wrong> {
        let mut client = Self { stream: Box::new(stream), parameters: HashMap::new(), key: (0, 0) };
        client.stream.write_all(&startup(parameters)).await.unwrap();
        loop {
            let (letter, body) = client.receive().await;
            let word = |at: usize| u32::from_be_bytes(body[at..at + 4].try_into().unwrap());
            match letter {
                b'R' if word(0) == 3 => client.send(b'p', &string(password.unwrap_or_default())).await,
                b'R' => assert_eq!(word(0), 0),
                b'S' => {
                    let (name, value) = pair(&body);
                    client.parameters.insert(name, value);
                }
                b'K' => client.key = (word(0), word(4)),
                b'Z' => return Ok(client),
                b'E' => return Err(wrong(&body)),
                other => unreachable!("{}", char::from(other)),
            }
        }
    }

    pub(super) async fn send(&mut self, letter: u8, body: &[u8]) {
        let length = (body.len() as u32 + 4).to_be_bytes();
        self.stream.write_all(&[&[letter][..], &length, body].concat()).await.unwrap();
    }

    pub(super) async fn receive(&mut self) -> (u8, Vec<u8>) {
        timeout(PATIENCE, self.next()).await.unwrap().unwrap()
    }

    /// The next message; `None` at the end of the connection.
    pub(super) async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body).await.ok()?;
        Some((head[0], body))
    }

    pub(super) async fn query(&mut self, sql: &str) -> Answer {
        self.send(b'Q', &string(sql)).await;
        self.answer().await
    }

    /// Its rows, of a query that must not fail.
    pub(super) async fn rows(&mut self, sql: &str) -> String {
        let answer = self.query(sql).await;
        assert!(answer.errors.is_empty(), "{sql}: {answer:?}");
        answer.text()
    }

    pub(super) async fn parse(&mut self, name: &str, sql: &str, types: &[u32]) {
        let mut body = [string(name), string(sql)].concat();
        body.extend((types.len() as u16).to_be_bytes());
        types.iter().for_each(|oid| body.extend(oid.to_be_bytes()));
        self.send(b'P', &body).await;
    }

    /// Values in one format, columns in another (0 text, 1 binary).
    pub(super) async fn bind(&mut self, portal: &str, statement: &str, values: &[Option<&[u8]>], formats: (u16, u16)) {
        let mut body = [string(portal), string(statement)].concat();
        body.extend([0, 1]);
        body.extend(formats.0.to_be_bytes());
        body.extend((values.len() as u16).to_be_bytes());
        for value in values {
            match value {
                Some(value) => body.extend([&(value.len() as u32).to_be_bytes()[..], value].concat()),
                None => body.extend((-1_i32).to_be_bytes()),
            }
        }
        body.extend([0, 1]);
        body.extend(formats.1.to_be_bytes());
        self.send(b'B', &body).await;
    }

    pub(super) async fn describe(&mut self, what: u8, name: &str) {
        self.send(b'D', &[&[what][..], &string(name)].concat()).await;
    }

    pub(super) async fn execute(&mut self, portal: &str, rows: u32) {
        self.send(b'E', &[string(portal), rows.to_be_bytes().to_vec()].concat()).await;
    }

    pub(super) async fn sync(&mut self) -> Answer {
        self.send(b'S', &[]).await;
        self.answer().await
    }

    /// A statement with values, all as text.
    pub(super) async fn with(&mut self, sql: &str, values: &[Option<&str>]) -> Answer {
        self.parse("", sql, &[]).await;
        let values: Vec<_> = values.iter().map(|value| value.map(str::as_bytes)).collect();
        self.bind("", "", &values, (0, 0)).await;
        self.describe(b'P', "").await;
        self.execute("", 0).await;
        self.sync().await
    }

    pub(super) async fn answer(&mut self) -> Answer {
        let mut answer = Answer::default();
        loop {
            let (letter, body) = self.receive().await;
            answer.letters.push(char::from(letter));
            match letter {
                b'C' => answer.tags.push(String::from_utf8(body[..body.len() - 1].to_vec()).unwrap()),
                b'T' => answer.columns = columns(&body),
                b'D' => answer.rows.push(row(&body)),
                b't' => {
                    answer.parameters =
                        body[2..].chunks(4).map(|oid| u32::from_be_bytes(oid.try_into().unwrap())).collect()
                }
                b'E' => answer.errors.push(wrong(&body)),
                b'N' => answer.notices.push(wrong(&body)),
                b'S' => {
                    let (name, value) = pair(&body);
                    self.parameters.insert(name, value);
                }
                b'Z' => {
                    answer.ready = char::from(body[0]);
                    return answer;
                }
                _ => {}
            }
        }
    }
}

fn pair(body: &[u8]) -> (String, String) {
    let mut parts = body.split(|byte| *byte == 0).map(|part| String::from_utf8(part.to_vec()).unwrap());
    (parts.next().unwrap(), parts.next().unwrap())
}

fn wrong(body: &[u8]) -> Wrong {
    let mut wrong = Wrong::default();
    for field in body.split(|byte| *byte == 0).filter(|field| !field.is_empty()) {
        let text = String::from_utf8(field[1..].to_vec()).unwrap();
        match field[0] {
            b'S' => wrong.severity = text,
            b'C' => wrong.code = text,
            b'M' => wrong.message = text,
            b'H' => wrong.hint = text,
            b'P' => wrong.position = text,
            _ => {}
        }
    }
    wrong
}

fn columns(body: &[u8]) -> Vec<(String, u32)> {
    let mut rest = &body[2..];
    let mut columns = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == 0) {
        let name = String::from_utf8(rest[..end].to_vec()).unwrap();
        let oid = u32::from_be_bytes(rest[end + 7..end + 11].try_into().unwrap());
        columns.push((name, oid));
        rest = &rest[end + 19..];
    }
    columns
}

fn row(body: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut rest = &body[2..];
    let mut cells = Vec::new();
    while !rest.is_empty() {
        let length = i32::from_be_bytes(rest[..4].try_into().unwrap());
        rest = &rest[4..];
        cells.push(usize::try_from(length).ok().map(|length| {
            let (cell, behind) = rest.split_at(length);
            rest = behind;
            cell.to_vec()
        }));
    }
    cells
}
