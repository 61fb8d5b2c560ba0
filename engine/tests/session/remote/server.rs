//! A server on loopback that holds objects below `/bucket/key`: HTTP with ranges, and as much of S3 as reading and writing small
//! objects takes. It notes what it is asked, and fails when it is told to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What it was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Default)]
struct State {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    asked: Mutex<Vec<Asked>>,
    /// Requests that are answered with an error, from now on.
    failures: Mutex<usize>,
    /// Where all else leads.
    elsewhere: Mutex<Option<String>>,
    /// Whether it lists files over HTTP, as WebDAV has it.
    lists: AtomicBool,
}

pub(super) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(connection, &state));
            }
        });
        Self { address, state }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked since it was last asked this.
    pub(super) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.state.asked.lock().unwrap())
    }

    pub(super) fn fail(&self, times: usize) {
        *self.state.failures.lock().unwrap() = times;
    }

    pub(super) fn redirect(&self, to: &str) {
        *self.state.elsewhere.lock().unwrap() = Some(to.to_string());
    }

    pub(super) fn list_over_http(&self) {
        self.state.lists.store(true, Ordering::Relaxed);
    }

    /// Takes the files of a folder for objects below `/bucket/prefix`.
    pub(super) fn put_folder(&self, folder: &Path, at: &str) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let at = format!("{at}/{}", path.file_name().unwrap().to_str().unwrap());
            match path.is_dir() {
                true => self.put_folder(&path, &at),
                false => drop(self.state.objects.lock().unwrap().insert(at, std::fs::read(&path).unwrap())),
            }
        }
    }

    pub(super) fn take(&self, path: &str) {
        self.state.objects.lock().unwrap().remove(path);
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.state.objects.lock().unwrap().keys().cloned().collect()
    }
}

/// Answers the requests of a connection until it is closed.
fn serve(connection: TcpStream, state: &State) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut writer = connection;
    // What is sent in two pieces would wait for an answer to the first.
    writer.set_nodelay(true).unwrap();
    while let Some((asked, body)) = request(&mut reader) {
        let is_head = asked.method == "HEAD";
        let (status, headers, content) = answer(&asked, body, state);
        let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", content.len());
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        let sent = writer.write_all(head.as_bytes());
        let sent = sent.and_then(|()| if is_head { Ok(()) } else { writer.write_all(&content) });
        if sent.is_err() {
            return;
        }
    }
}

fn request(reader: &mut impl BufRead) -> Option<(Asked, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let (method, target) = line.trim_end().split_once(' ')?;
    let target = target.rsplit_once(' ')?.0;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut asked =
        Asked { method: method.to_string(), path: decoded(path), query: decoded(query), headers: BTreeMap::new() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        asked.headers.insert(name.to_ascii_lowercase(), value.trim().to_string());
    }
    let length = asked.headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((asked, body))
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match code.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

type Answer = (&'static str, Vec<(&'static str, String)>, Vec<u8>);

fn answer(asked: &Asked, body: Vec<u8>, state: &State) -> Answer {
    state.asked.lock().unwrap().push(asked.clone());
    {
        let mut failures = state.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return ("503 Service Unavailable", Vec::new(), b"busy".to_vec());
        }
    }
    if let Some(elsewhere) = state.elsewhere.lock().unwrap().clone() {
        return ("302 Found", vec![("Location", elsewhere)], Vec::new());
    }
    let mut objects = state.objects.lock().unwrap();
    match asked.method.as_str() {
        "PUT" => {
            objects.insert(asked.path.clone(), body);
            ("200 OK", vec![("ETag", "\"written\"".to_string())], Vec::new())
        }
        "PROPFIND" if state.lists.load(Ordering::Relaxed) => {
            ("207 Multi-Status", Vec::new(), listed_over_http(asked, &objects).into_bytes())
        }
        "GET" if asked.query.contains("list-type=2") => ("200 OK", Vec::new(), listed(asked, &objects).into_bytes()),
        "GET" | "HEAD" => match objects.get(&asked.path) {
            None => ("404 Not Found", Vec::new(), b"none".to_vec()),
            Some(content) => part(asked, content),
        },
        _ => ("405 Method Not Allowed", Vec::new(), Vec::new()),
    }
}

fn tag(content: &[u8]) -> String {
    let sum = content.iter().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    format!("\"{sum:x}\"")
}

fn part(asked: &Asked, content: &[u8]) -> Answer {
    let last = "Sat, 28 Nov 2026 00:00:00 GMT".to_string();
    let mut headers = vec![("ETag", tag(content)), ("Last-Modified", last)];
    let range = asked.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
    let Some((start, end)) = range.and_then(|range| range.split_once('-')) else {
        return ("200 OK", headers, content.to_vec());
    };
    let (start, end) = match (start.parse::<usize>(), end.parse::<usize>()) {
        (Ok(start), Ok(end)) => (start, content.len().min(end + 1)),
        (Ok(start), Err(_)) => (start, content.len()),
        (Err(_), Ok(suffix)) => (content.len().saturating_sub(suffix), content.len()),
        (Err(_), Err(_)) => (0, content.len()),
    };
    if start == 0 && end == content.len() {
        // Right as well, and what some servers do.
        return ("200 OK", headers, content.to_vec());
    }
    headers.push(("Content-Range", format!("bytes {start}-{}/{}", end - 1, content.len())));
    // Every other file as rclone sends parts.
    let status = if asked.path.contains('1') { "200 OK" } else { "206 Partial Content" };
    (status, headers, content[start..end].to_vec())
}

fn listed(asked: &Asked, objects: &BTreeMap<String, Vec<u8>>) -> String {
    let parameter = |name: &str| asked.query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let (prefix, delimiter) = (parameter("prefix").unwrap_or_default(), parameter("delimiter"));
    let after = parameter("start-after").unwrap_or_default();
    let bucket = format!("{}/", asked.path.trim_end_matches('/'));
    let (mut contents, mut folders) = (String::new(), Vec::new());
    for (path, content) in objects {
        let Some(key) = path.strip_prefix(&bucket).filter(|key| key.starts_with(prefix) && *key > after) else {
            continue;
        };
        if let Some((folder, _)) = delimiter.and_then(|delimiter| key[prefix.len()..].split_once(delimiter)) {
            folders.push(format!("{prefix}{folder}/"));
            continue;
        }
        let _ = write!(
            contents,
            "<Contents><Key>{key}</Key><LastModified>2026-11-28T00:00:00.000Z</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
            tag(content).replace('"', "&quot;"),
            content.len()
        );
    }
    folders.dedup();
    let folders: String =
        folders.iter().map(|folder| format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>")).collect();
    format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}{folders}</ListBucketResult>")
}

/// The folder that is asked for, and the files below it.
fn listed_over_http(asked: &Asked, objects: &BTreeMap<String, Vec<u8>>) -> String {
    let folder = format!("{}/", asked.path.trim_end_matches('/'));
    let is_deep = asked.headers.get("depth").is_some_and(|depth| depth == "infinity");
    let one = |path: &str, size: usize, kind: &str| {
        format!(
            "<D:response><D:href>{}</D:href><D:propstat><D:prop><D:getlastmodified>Sat, 28 Nov 2026 00:00:00 GMT\
             </D:getlastmodified><D:getcontentlength>{size}</D:getcontentlength><D:resourcetype>{kind}</D:resourcetype>\
             </D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>",
            path.replace('%', "%25").replace(' ', "%20")
        )
    };
    let mut all = one(&folder, 0, "<D:collection/>");
    for (path, content) in objects {
        if path.strip_prefix(&folder).is_some_and(|below| is_deep || !below.contains('/')) {
            all.push_str(&one(path, content.len(), ""));
        }
    }
    format!("<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\">{all}</D:multistatus>")
}
