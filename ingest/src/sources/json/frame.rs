//! Finds the records of a JSON text without reading it whole: JSON lines, pretty-printed values one after another, arrays,
//! and wrapper objects (`{"records": [...]}`), also where each line has a prefix before its brace (syslog, Samba's debug
//! header). Memory is bound by the largest record that is accepted, not by the file: an array of a gigabyte on one line
//! streams.
//!
//! A record that does not end where it should (a cut line, a new record inside an open one) is counted and the scan goes on
//! behind it.

use std::io::BufRead;

/// The largest record, in bytes. Script block logging writes up to 64 kB a record, sign-ins with all policies 100 kB.
pub const MAX_RECORD_BYTES: usize = 8 * 1024 * 1024;
/// The deepest nesting of a record; `serde_json` refuses more than 128 by itself.
const MAX_DEPTH: usize = 120;
/// A line between records that holds none, such as a debug header: no loss.
pub const NO_JSON: &str = "line without JSON";
/// Keys whose array holds the records, where they stand at the top or inside one another.
const WRAPPERS: &[&str] = &[
    "records", "Records", "value", "Events", "events", "hits", "signIns", "results", "authlogs", "items", "logs",
    "data",
];

/// What the scan found.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'f> {
    /// The bytes of one object.
    Record {
        /// Its text.
        bytes: &'f [u8],
        /// The line on which it starts, from 1.
        line: u64,
        /// Its place among the items of its array, from 1; 0 outside arrays.
        item: u64,
    },
    /// Something that is no record, and why.
    Bad(&'static str),
}

/// The scanner of one text.
pub struct Frames<R> {
    input: R,
    record: Vec<u8>,
    /// The containers open inside the record: true for objects.
    stack: Vec<bool>,
    state: State,
    line: u64,
    record_line: u64,
    item: u64,
    /// The last byte that is neither white space nor in a string; `"` for a string's end.
    last: u8,
    in_string: bool,
    escaped: bool,
    /// Where the newest string of the record starts: a key, if a colon follows.
    string_start: usize,
    /// The containers that wrap the records: true for objects.
    wrappers: Vec<bool>,
    /// Whether the line held text so far and no record.
    line_has_text: bool,
    finished: bool,
    ready: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before a record.
    Between,
    /// Inside a record.
    Inside,
    /// Inside a record that is too large: counted already, its end is sought.
    Oversized,
}

impl<R: BufRead> Frames<R> {
    /// A scanner at the start of a UTF-8 text.
    pub fn new(input: R) -> Self {
        Self {
            input,
            record: Vec::new(),
            stack: Vec::new(),
            state: State::Between,
            line: 1,
            record_line: 1,
            item: 0,
            last: 0,
            in_string: false,
            escaped: false,
            string_start: 0,
            wrappers: Vec::new(),
            line_has_text: false,
            finished: false,
            ready: false,
        }
    }

    /// The next record or fault; `None` at the end.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn next_frame(&mut self) -> std::io::Result<Option<Frame<'_>>> {
        if self.ready {
            self.record.clear();
            self.ready = false;
        }
        while !self.finished {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                self.finished = true;
                let cut = self.state == State::Inside;
                let text = self.line_has_text;
                self.reset();
                if cut {
                    return Ok(Some(Frame::Bad("JSON record is cut off")));
                }
                if text {
                    return Ok(Some(Frame::Bad(NO_JSON)));
                }
                return Ok(None);
            }
            // The buffer borrows the input, so the scan borrows the other fields one by one.
            let (used, found) = Scan {
                record: &mut self.record,
                stack: &mut self.stack,
                wrappers: &mut self.wrappers,
                state: &mut self.state,
                line: &mut self.line,
                record_line: &mut self.record_line,
                item: &mut self.item,
                last: &mut self.last,
                in_string: &mut self.in_string,
                escaped: &mut self.escaped,
                string_start: &mut self.string_start,
                line_has_text: &mut self.line_has_text,
            }
            .run(buffer);
            self.input.consume(used);
            match found {
                Some(Found::Record) => {
                    self.ready = true;
                    let item = if self.wrappers.last() == Some(&false) { self.item } else { 0 };
                    return Ok(Some(Frame::Record { bytes: &self.record, line: self.record_line, item }));
                }
                Some(Found::Bad(reason)) => return Ok(Some(Frame::Bad(reason))),
                None => {}
            }
        }
        Ok(None)
    }

    fn reset(&mut self) {
        self.record.clear();
        self.stack.clear();
        self.state = State::Between;
        self.in_string = false;
        self.escaped = false;
        self.line_has_text = false;
    }
}

enum Found {
    Record,
    Bad(&'static str),
}

/// The mutable state of a scan apart from the input.
struct Scan<'s> {
    record: &'s mut Vec<u8>,
    stack: &'s mut Vec<bool>,
    wrappers: &'s mut Vec<bool>,
    state: &'s mut State,
    line: &'s mut u64,
    record_line: &'s mut u64,
    item: &'s mut u64,
    last: &'s mut u8,
    in_string: &'s mut bool,
    escaped: &'s mut bool,
    string_start: &'s mut usize,
    line_has_text: &'s mut bool,
}

impl Scan<'_> {
    /// Scans a buffer; says how many bytes are done with and what was found at that point.
    fn run(&mut self, buffer: &[u8]) -> (usize, Option<Found>) {
        let mut at = 0;
        while let Some(byte) = buffer.get(at).copied() {
            if *self.state == State::Between {
                at += 1;
                if let Some(found) = self.between(byte) {
                    return (at, Some(found));
                }
                continue;
            }
            if *self.in_string && !*self.escaped {
                // The bulk of a record is inside strings: take everything up to the next byte that matters at once.
                let rest = buffer.get(at..).unwrap_or_default();
                let plain = rest.iter().position(|b| matches!(b, b'"' | b'\\' | b'\n')).unwrap_or(rest.len());
                if plain > 0 {
                    let run = rest.get(..plain).unwrap_or_default();
                    at += plain;
                    if let Some(found) = self.keep(run) {
                        return (at, Some(found));
                    }
                    continue;
                }
            }
            match self.inside(byte) {
                Step::Take => at += 1,
                Step::Found(found) => return (at + 1, Some(found)),
                Step::Restart(reason) => return (at, Some(Found::Bad(reason))),
            }
        }
        (at, None)
    }

    /// A byte outside records.
    fn between(&mut self, byte: u8) -> Option<Found> {
        if *self.in_string && byte != b'\n' {
            // A string among a wrapper's other members, whose braces mean nothing.
            if !std::mem::take(self.escaped) {
                *self.escaped = byte == b'\\';
                *self.in_string = byte != b'"';
            }
            return None;
        }
        match byte {
            b'\n' => {
                *self.line += 1;
                *self.in_string = false;
                if std::mem::take(self.line_has_text) {
                    return Some(Found::Bad(NO_JSON));
                }
            }
            b' ' | b'\t' | b'\r' | 0xef | 0xbb | 0xbf | b',' => {}
            b'{' => {
                *self.line_has_text = false;
                *self.state = State::Inside;
                *self.record_line = *self.line;
                *self.item += 1;
                self.stack.clear();
                self.record.clear();
                self.stack.push(true);
                self.record.push(byte);
                *self.last = byte;
            }
            b'[' if !*self.line_has_text => {
                // An array of records, or a line such as `[2026/01/01 00:00:00, 3] text`: the next byte tells.
                self.wrappers.push(false);
                *self.item = 0;
            }
            b']' | b'}' => {
                let object = byte == b'}';
                if self.wrappers.last() == Some(&object) {
                    self.wrappers.pop();
                }
            }
            _ => {
                if self.wrappers.last() == Some(&false) && *self.item == 0 {
                    self.wrappers.pop();
                }
                if self.wrappers.is_empty() {
                    *self.line_has_text = true;
                } else {
                    *self.in_string = byte == b'"';
                }
            }
        }
        None
    }

    /// A byte inside a record.
    fn inside(&mut self, byte: u8) -> Step {
        if *self.in_string {
            return self.inside_string(byte);
        }
        match byte {
            b'"' => {
                *self.in_string = true;
                *self.string_start = self.record.len();
            }
            b'{' | b'[' => {
                let in_object = self.stack.last() == Some(&true);
                let expected = matches!(*self.last, b':' | b'[') || (*self.last == b',' && !in_object);
                if !expected {
                    self.abandon();
                    return Step::Restart("JSON record is cut off");
                }
                if byte == b'[' && *self.last == b':' && self.opens_wrapper() {
                    return Step::Take;
                }
                self.stack.push(byte == b'{');
                if self.stack.len() > MAX_DEPTH {
                    *self.state = State::Oversized;
                    return Step::Found(Found::Bad("JSON record nests too deep"));
                }
            }
            b'}' | b']' => {
                if self.stack.pop() != Some(byte == b'}') {
                    self.abandon();
                    return Step::Found(Found::Bad("JSON record is malformed"));
                }
                if self.stack.is_empty() {
                    let oversized = *self.state == State::Oversized;
                    *self.state = State::Between;
                    *self.last = byte;
                    if oversized {
                        self.record.clear();
                        return Step::Take;
                    }
                    self.record.push(byte);
                    return Step::Found(Found::Record);
                }
            }
            b'\n' => *self.line += 1,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            *self.last = byte;
        }
        match self.keep(&[byte]) {
            Some(found) => Step::Found(found),
            None => Step::Take,
        }
    }

    fn inside_string(&mut self, byte: u8) -> Step {
        if std::mem::take(self.escaped) {
            // Whatever follows a backslash belongs to the string.
        } else if byte == b'\\' {
            *self.escaped = true;
        } else if byte == b'"' {
            *self.in_string = false;
            *self.last = b'"';
        } else if byte == b'\n' {
            // JSON strings hold no raw line feed, so this line was cut.
            self.abandon();
            return Step::Restart("JSON record is cut off");
        }
        match self.keep(&[byte]) {
            Some(found) => Step::Found(found),
            None => Step::Take,
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Option<Found> {
        if *self.state == State::Oversized {
            return None;
        }
        if self.record.len() + bytes.len() > MAX_RECORD_BYTES {
            *self.state = State::Oversized;
            self.record.clear();
            self.record.shrink_to(64 * 1024);
            return Some(Found::Bad("JSON record over 8 MiB"));
        }
        self.record.extend_from_slice(bytes);
        None
    }

    /// Whether the array that opens here holds the records: then what was read of the object is its wrapper.
    fn opens_wrapper(&mut self) -> bool {
        let keyed = self.record.get(*self.string_start..).unwrap_or_default();
        let key = keyed.split(|b| *b == b'"').nth(1).unwrap_or_default();
        if !WRAPPERS.iter().any(|wrapper| wrapper.as_bytes() == key) || *self.state != State::Inside {
            return false;
        }
        // Every object around must be a wrapper too (`hits.hits`), so that a record's own `data: [...]` stays in it; a
        // record has said something before it comes to such a member, a wrapper has not said more than counts.
        let depth = self.stack.len();
        if depth > 2 || self.stack.contains(&false) || self.record.len() > 512 || (depth == 1 && is_record(self.record))
        {
            return false;
        }
        self.wrappers.append(self.stack);
        self.wrappers.push(false);
        self.record.clear();
        *self.state = State::Between;
        *self.item = 0;
        true
    }

    fn abandon(&mut self) {
        self.record.clear();
        self.stack.clear();
        *self.state = State::Between;
        *self.in_string = false;
        *self.escaped = false;
    }
}

enum Step {
    Take,
    Found(Found),
    /// The byte belongs to what follows.
    Restart(&'static str),
}

/// Whether the start of an object looks like a record's rather than a wrapper's.
fn is_record(start: &[u8]) -> bool {
    ["\"EventID\"", "\"event", "\"@timestamp\"", "\"time\"", "\"id\"", "\"uuid\"", "\"timestamp\"", "\"type\""]
        .iter()
        .any(|key| start.windows(key.len()).any(|window| window == key.as_bytes()))
}
