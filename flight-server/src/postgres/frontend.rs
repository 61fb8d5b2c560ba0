//! The messages that clients send, read from bytes that anybody may have made: what does not hold together is an error, never a panic and
//! never read past its end.

use prost::bytes::{Buf, Bytes};

use super::fault::Fault;
use super::types::Format;

/// What a client asks for.
#[derive(Debug)]
pub(super) enum Message {
    Query(String),
    Parse {
        name: String,
        sql: String,
        types: Vec<u32>,
    },
    Bind(Bind),
    Describe(Target),
    Execute {
        portal: String,
        rows: usize,
    },
    Close(Target),
    Flush,
    Sync,
    Terminate,
    /// Of a COPY that was refused: drivers send what they had begun to.
    Copy,
}

/// A statement or a portal, by its name.
#[derive(Debug)]
pub(super) enum Target {
    Statement(String),
    Portal(String),
}

/// Values for a statement.
#[derive(Debug)]
pub(super) struct Bind {
    pub(super) portal: String,
    pub(super) statement: String,
    /// Of the values: none for text, one for all, or one each.
    pub(super) formats: Vec<Format>,
    pub(super) values: Vec<Option<Bytes>>,
    /// Of the columns of the result, in the same way.
    pub(super) results: Vec<Format>,
}

impl Message {
    /// # Errors
    /// For what is no message of the protocol.
    pub(super) fn read(letter: u8, body: Bytes) -> Result<Self, Fault> {
        let mut body = Body(body);
        let message = match letter {
            b'Q' => Self::Query(body.string()?),
            b'P' => Self::Parse { name: body.string()?, sql: body.string()?, types: body.list(Body::u32)? },
            b'B' => Self::Bind(Bind {
                portal: body.string()?,
                statement: body.string()?,
                formats: body.list(Body::format)?,
                values: body.list(Body::value)?,
                results: body.list(Body::format)?,
            }),
            b'D' => Self::Describe(body.target()?),
            b'E' => Self::Execute { portal: body.string()?, rows: body.rows()? },
            b'C' => Self::Close(body.target()?),
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'X' => Self::Terminate,
            b'd' | b'c' | b'f' => return Ok(Self::Copy),
            b'F' => {
                return Err(Fault::error("0A000", "calls of functions by the wire are not supported: write SELECT"));
            }
            other => {
                return Err(Fault::fatal(
                    "08P01",
                    format!("there is no message '{}'", char::from(other).escape_default()),
                ));
            }
        };
        match body.0.is_empty() {
            true => Ok(message),
            false => Err(broken()),
        }
    }
}

/// A message that is being read.
pub(super) struct Body(pub(super) Bytes);

impl Body {
    /// A string up to its zero.
    ///
    /// # Errors
    /// For one without an end, and one that is not UTF-8.
    pub(super) fn string(&mut self) -> Result<String, Fault> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or_else(broken)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        String::from_utf8(text.to_vec()).map_err(|_| Fault::error("22021", "what the client sent is not UTF-8"))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Fault> {
        self.0.try_get_u32().map_err(|_| broken())
    }

    fn format(&mut self) -> Result<Format, Fault> {
        match self.0.try_get_u16() {
            Ok(0) => Ok(Format::Text),
            Ok(1) => Ok(Format::Binary),
            Ok(other) => Err(Fault::error("08P01", format!("{other} is no format: 0 is text, 1 is binary"))),
            Err(_) => Err(broken()),
        }
    }

    fn value(&mut self) -> Result<Option<Bytes>, Fault> {
        let length = self.0.try_get_i32().map_err(|_| broken())?;
        match usize::try_from(length) {
            Ok(length) if length <= self.0.len() => Ok(Some(self.0.split_to(length))),
            Err(_) if length == -1 => Ok(None),
            _ => Err(broken()),
        }
    }

    /// How many rows are wanted; 0 for all.
    fn rows(&mut self) -> Result<usize, Fault> {
        let rows = self.0.try_get_i32().map_err(|_| broken())?;
        Ok(usize::try_from(rows).unwrap_or_default())
    }

    fn target(&mut self) -> Result<Target, Fault> {
        match self.0.try_get_u8() {
            Ok(b'S') => Ok(Target::Statement(self.string()?)),
            Ok(b'P') => Ok(Target::Portal(self.string()?)),
            _ => Err(broken()),
        }
    }

    /// So many of `item` as the count before them says. Nothing is reserved for what does not come.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
        let count = self.0.try_get_u16().map_err(|_| broken())?;
        (0..count).map(|_| item(self)).collect()
    }
}

pub(super) fn broken() -> Fault {
    Fault::fatal("08P01", "what the client sent is no message of the protocol")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(letter: u8, body: &[u8]) -> Result<Message, Fault> {
        Message::read(letter, Bytes::copy_from_slice(body))
    }

    #[test]
    fn messages_are_read() {
        assert!(matches!(read(b'Q', b"select 1\0").unwrap(), Message::Query(sql) if sql == "select 1"));
        let bind = read(b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\0").unwrap();
        let Message::Bind(bind) = bind else { unreachable!() };
        assert_eq!((bind.portal.as_str(), bind.formats.as_slice()), ("p", &[Format::Binary][..]));
        assert_eq!(bind.values, [Some(Bytes::from_static(b"x")), None]);
    }

    #[test]
    fn what_is_cut_off_anywhere_is_refused() {
        let whole: [(u8, &[u8]); 5] = [
            (b'Q', b"select 1\0"),
            (b'P', b"n\0select $1\0\0\x02\0\0\0\x17\0\0\0\x19"),
            (b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\x01\0\0"),
            (b'E', b"p\0\0\0\0\x05"),
            (b'D', b"Sname\0"),
        ];
        for (letter, body) in whole {
            read(letter, body).unwrap();
            for end in 0..body.len() {
                assert!(read(letter, &body[..end]).is_err(), "{letter} {end}");
            }
            assert!(read(letter, &[body, b"x"].concat()).is_err());
        }
        assert_eq!(read(b'Q', b"select '\xff'\0").unwrap_err().code, "22021");
        // Counts and lengths that promise more than there is, and less than nothing.
        assert!(read(b'B', b"\0\0\0\0\xff\xff\0\0").is_err());
        assert!(read(b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff\0\0").is_err());
        assert!(read(b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0").is_err());
    }
}
