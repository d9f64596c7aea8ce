//! Messages out of a TCP stream (RFC 6587): octet counting (`123 <34>…`) where a message begins with a digit, else one message a
//! line. Both may mix on one connection, as relays that were configured anew send them.

use std::collections::VecDeque;

use crate::sources::live::MAX_MESSAGE_BYTES;

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message.
    Message(Vec<u8>),
    /// One that is too long or has no length: it is passed over.
    Bad(&'static str),
}

/// The bytes of one connection.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Bytes of an oversized counted message that are still to come.
    skip: usize,
    /// Whether the rest of the line belongs to an oversized message.
    skip_line: bool,
    ready: VecDeque<Frame>,
}

/// The most digits of a count: a gigabyte is refused as well as a number without end.
const MAX_DIGITS: usize = 9;

impl Framer {
    /// Takes bytes as they came.
    pub fn push(&mut self, mut bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        bytes = bytes.get(skipped..).unwrap_or_default();
        if self.skip_line {
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
            self.skip_line = false;
            bytes = bytes.get(end + 1..).unwrap_or_default();
        }
        self.buffer.extend_from_slice(bytes);
        let mut done = 0;
        while let Some(used) = self.next_frame(done) {
            done += used;
        }
        self.buffer.drain(..done.min(self.buffer.len()));
    }

    /// The next frame.
    pub fn pop(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    /// The connection ended: a last line without its end is a message.
    pub fn finish(&mut self) -> Option<Frame> {
        let rest = std::mem::take(&mut self.buffer);
        let counted = rest.first().is_some_and(u8::is_ascii_digit);
        if rest.trim_ascii().is_empty() {
            return None;
        }
        Some(if counted { Frame::Bad("syslog message is cut off") } else { Frame::Message(rest) })
    }

    /// Takes a frame off the buffer at a place; says how many bytes it used, `None` where more must come.
    fn next_frame(&mut self, at: usize) -> Option<usize> {
        let rest = self.buffer.get(at..).filter(|rest| !rest.is_empty())?;
        if matches!(rest.first(), Some(b'1'..=b'9')) {
            return self.counted(at);
        }
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let line = rest.get(..end).unwrap_or_default().trim_ascii();
                if !line.is_empty() {
                    let line = line.to_vec();
                    self.ready.push_back(Frame::Message(line));
                }
                Some(end + 1)
            }
            None if rest.len() > MAX_MESSAGE_BYTES => {
                let used = rest.len();
                self.skip_line = true;
                self.ready.push_back(Frame::Bad("syslog message is too long"));
                Some(used)
            }
            None => None,
        }
    }

    fn counted(&mut self, at: usize) -> Option<usize> {
        let rest = self.buffer.get(at..)?;
        let digits = rest.iter().take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
        let blank = rest.get(digits)?;
        let count = std::str::from_utf8(rest.get(..digits)?).ok().and_then(|text| text.parse::<usize>().ok());
        let Some(count) = count.filter(|_| *blank == b' ' && digits <= MAX_DIGITS) else {
            // A line that begins with a digit, such as a time; or no syslog at all.
            let end = rest.iter().position(|byte| *byte == b'\n');
            if end.is_none() && rest.len() <= MAX_MESSAGE_BYTES {
                return None;
            }
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().to_vec();
            self.skip_line = end.is_none();
            self.ready.push_back(match end {
                Some(_) => Frame::Message(line),
                None => Frame::Bad("syslog message is too long"),
            });
            return Some(end.map_or(rest.len(), |end| end + 1));
        };
        let start = digits + 1;
        if count > MAX_MESSAGE_BYTES {
            let have = rest.len() - start;
            let used = start + have.min(count);
            self.skip = count - have.min(count);
            self.ready.push_back(Frame::Bad("syslog message is too long"));
            return Some(used);
        }
        let message = rest.get(start..start + count)?.to_vec();
        self.ready.push_back(Frame::Message(message));
        Some(start + count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(chunks: &[&[u8]]) -> Vec<String> {
        let mut framer = Framer::default();
        let mut got = Vec::new();
        let mut take = |frame| {
            got.push(match frame {
                Frame::Message(bytes) => String::from_utf8(bytes).unwrap(),
                Frame::Bad(reason) => format!("! {reason}"),
            });
        };
        for chunk in chunks {
            framer.push(chunk);
            while let Some(frame) = framer.pop() {
                take(frame);
            }
        }
        if let Some(frame) = framer.finish() {
            take(frame);
        }
        got
    }

    #[test]
    fn counted_messages_and_lines_mix_and_may_be_cut_anywhere() {
        let stream = b"9 <1>a\nb cd<2>line\r\n\n7 <3>last<4>open";
        let expect = ["<1>a\nb cd", "<2>line", "<3>last", "<4>open"];
        assert_eq!(frames(&[stream]), expect);
        for at in 0..stream.len() {
            assert_eq!(frames(&[&stream[..at], &stream[at..]]), expect, "{at}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(frames(&bytes), expect);
    }

    #[test]
    fn a_message_without_end_costs_itself_alone() {
        let long = vec![b'x'; MAX_MESSAGE_BYTES + 10];
        let counted = format!("{} ", MAX_MESSAGE_BYTES + 10);
        assert_eq!(frames(&[&long, b"rest\n<1>next\n"]), ["! syslog message is too long", "<1>next"]);
        let whole = [counted.as_bytes(), &long, b"<1>next\n"].concat();
        assert_eq!(frames(&[&whole]), ["! syslog message is too long", "<1>next"]);
        assert_eq!(frames(&[counted.as_bytes(), &long, b"<1>next\n"]), ["! syslog message is too long", "<1>next"]);
        assert_eq!(frames(&[b"99999999999999999999 x\n<1>next\n"]), ["99999999999999999999 x", "<1>next"]);
        assert_eq!(frames(&[b"55 <1>cut"]), ["! syslog message is cut off"]);
    }

    #[test]
    fn an_endless_line_keeps_the_buffer_bounded() {
        let mut framer = Framer::default();
        let chunk = vec![b'y'; 64 * 1024];
        for _ in 0..64 {
            framer.push(&chunk);
            assert!(framer.buffer.len() <= MAX_MESSAGE_BYTES + chunk.len());
            while framer.pop().is_some() {}
        }
    }
}
