//! A plain PDF writer (ISO 32000-1): pages of text and tables in Helvetica, which every reader has, so that no font is
//! embedded. Enough for a report to print; no pictures, no links.
//!
//! *Blind spots*: the standard fonts have the characters of Windows code page 1252. Others are written as `?`; the page and
//! the workbook have them.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Width and height of A4 in points (1/72 inch).
const PAGE: (u32, u32) = (595, 842);
/// The margin on each side in points.
const MARGIN: u32 = 48;
/// The width between the margins in points.
pub(super) const WIDTH: u32 = PAGE.0 - 2 * MARGIN;
/// The space between cells of a table in points.
const GUTTER: u32 = 6;
/// The longest text of a cell in characters: a path of a hundred hops must not fill pages.
const CELL: usize = 600;

/// A face of text: which font, and how large in points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    /// The title.
    Title,
    /// A heading.
    Heading,
    /// A table's head.
    Strong,
    /// All else.
    Body,
}

impl Face {
    fn font(self) -> &'static str {
        match self {
            Self::Title | Self::Heading | Self::Strong => "F2",
            Self::Body => "F1",
        }
    }

    fn size(self) -> u32 {
        match self {
            Self::Title => 20,
            Self::Heading => 13,
            Self::Strong | Self::Body => 9,
        }
    }

    fn leading(self) -> u32 {
        self.size() + self.size() / 3
    }
}

/// A document that is being written, from top to bottom.
pub(super) struct Document {
    pages: Vec<String>,
    /// The distance from the bottom of the page, in points.
    y: u32,
}

impl Document {
    pub(super) fn new() -> Self {
        Self { pages: vec![String::new()], y: PAGE.1 - MARGIN }
    }

    /// Text over the whole width.
    pub(super) fn text(&mut self, face: Face, text: &str) {
        for line in wrapped(text, face, WIDTH) {
            self.room(face.leading());
            self.y -= face.leading();
            self.put(face, MARGIN, self.y, &line);
        }
    }

    /// A heading, with some of what follows it on the same page.
    pub(super) fn heading(&mut self, text: &str) {
        self.room(Face::Heading.leading() * 4);
        self.space(8);
        self.text(Face::Heading, text);
        self.space(3);
    }

    /// An empty stripe.
    pub(super) fn space(&mut self, points: u32) {
        self.y = self.y.saturating_sub(points).max(MARGIN);
    }

    /// A row of a table: cells with their widths in points.
    pub(super) fn row(&mut self, face: Face, cells: &[(u32, &str)]) {
        let lines: Vec<Vec<String>> = cells
            .iter()
            .map(|(width, text)| {
                let text: String = text.chars().take(CELL).collect();
                wrapped(&text, face, width.saturating_sub(GUTTER))
            })
            .collect();
        let height = u32::try_from(lines.iter().map(Vec::len).max().unwrap_or(0)).unwrap_or(0) * face.leading();
        self.room(height + 2);
        let mut x = MARGIN;
        for ((width, _), lines) in cells.iter().zip(&lines) {
            let mut y = self.y;
            for line in lines {
                y = y.saturating_sub(face.leading());
                self.put(face, x, y, line);
            }
            x += width;
        }
        self.y = self.y.saturating_sub(height + 2);
        self.rule();
    }

    /// A hairline under what was written.
    fn rule(&mut self) {
        let (y, right) = (self.y, PAGE.0 - MARGIN);
        self.page().push_str(&format!("0.85 G 0.4 w {MARGIN} {y} m {right} {y} l S\n"));
    }

    /// Begins a new page where so many points are not left on this one.
    fn room(&mut self, points: u32) {
        if self.y < MARGIN + points {
            self.pages.push(String::new());
            self.y = PAGE.1 - MARGIN;
        }
    }

    fn put(&mut self, face: Face, x: u32, y: u32, line: &str) {
        let (font, size) = (face.font(), face.size());
        let line = escaped(line);
        self.page().push_str(&format!("BT /{font} {size} Tf {x} {y} Td ({line}) Tj ET\n"));
    }

    fn page(&mut self) -> &mut String {
        if self.pages.is_empty() {
            self.pages.push(String::new());
        }
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    /// The file; `footer` stands under every page, before its number.
    pub(super) fn finish(mut self, title: &str, footer: &str) -> std::io::Result<Vec<u8>> {
        let count = self.pages.len();
        for (number, page) in (1..).zip(&mut self.pages) {
            let line = escaped(&format!("{footer} · {number} of {count}"));
            page.push_str(&format!("BT /F1 8 Tf {MARGIN} 28 Td ({line}) Tj ET\n"));
        }
        let first_page = 6;
        let kids: Vec<String> = (0..count).map(|page| format!("{} 0 R", first_page + 2 * page)).collect();
        let font = |name: &str| {
            format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>").into_bytes()
        };
        let mut objects: Vec<Vec<u8>> = vec![
            b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
            format!("<< /Type /Pages /Count {count} /Kids [{}] >>", kids.join(" ")).into_bytes(),
            font("Helvetica"),
            font("Helvetica-Bold"),
            latin(&format!("<< /Title ({}) /Producer (Hopwatch) >>", escaped(title))),
        ];
        for (number, page) in self.pages.iter().enumerate() {
            let (width, height) = PAGE;
            objects.push(
                format!(
                    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Resources << /Font << /F1 3 0 R /F2 4 0 R \
                     >> >> /Contents {} 0 R >>",
                    first_page + 2 * number + 1
                )
                .into_bytes(),
            );
            let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
            packed.write_all(&latin(page))?;
            let packed = packed.finish()?;
            let mut stream = format!("<< /Filter /FlateDecode /Length {} >>\nstream\n", packed.len()).into_bytes();
            stream.extend(packed);
            stream.extend(b"\nendstream");
            objects.push(stream);
        }
        Ok(file(&objects))
    }
}

/// Header, objects, the table of their places, trailer (ISO 32000-1 §7.5).
fn file(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in (1..).zip(objects) {
        places.push(out.len());
        out.extend(format!("{number} 0 obj\n").into_bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let table = out.len();
    let size = objects.len() + 1;
    out.extend(format!("xref\n0 {size}\n0000000000 65535 f \n").into_bytes());
    for place in places {
        out.extend(format!("{place:010} 00000 n \n").into_bytes());
    }
    out.extend(
        format!("trailer\n<< /Size {size} /Root 1 0 R /Info 5 0 R >>\nstartxref\n{table}\n%%EOF\n").into_bytes(),
    );
    out
}

/// Lines of at most so many points, broken between words, and within words that are longer than a line.
fn wrapped(text: &str, face: Face, points: u32) -> Vec<String> {
    let most = points.saturating_mul(1_000) / face.size().max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split_inclusive([' ', '/', '\\', '@', '-']) {
            let mut length: u32 = word.trim_end().chars().map(|c| width(c, face)).sum();
            if used > 0 && used + length > most {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
                used = 0;
            }
            if length > most {
                for c in word.chars() {
                    if used + width(c, face) > most {
                        lines.push(std::mem::take(&mut line));
                        used = 0;
                    }
                    line.push(c);
                    used += width(c, face);
                }
                length = 0;
            } else {
                line.push_str(word);
            }
            used += length + if word.ends_with(' ') { width(' ', face) } else { 0 };
        }
        lines.push(line.trim_end().to_owned());
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// The widths of the characters from the space on, in thousandths of the size (Helvetica's metrics).
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];
/// The width of all other characters: that of the widest common ones.
const OTHER: u16 = 667;

fn width(c: char, face: Face) -> u32 {
    let place = u32::from(c).checked_sub(32).and_then(|place| usize::try_from(place).ok());
    let plain = u32::from(place.and_then(|place| WIDTHS.get(place)).copied().unwrap_or(OTHER));
    // Helvetica-Bold is up to a tenth wider.
    if face == Face::Body { plain } else { plain + plain / 10 }
}

/// A string's text between its brackets (ISO 32000-1 §7.3.4.2).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' | ')' | '\\' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '→' => escaped.push_str("->"),
            '−' => escaped.push('-'),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Text as Windows code page 1252.
fn latin(text: &str) -> Vec<u8> {
    const EXTRA: [(char, u8); 9] = [
        ('€', 0x80),
        ('…', 0x85),
        ('‘', 0x91),
        ('’', 0x92),
        ('“', 0x93),
        ('”', 0x94),
        ('•', 0x95),
        ('–', 0x96),
        ('—', 0x97),
    ];
    let byte = |c: char| match u8::try_from(u32::from(c)) {
        Ok(byte) if !(0x80..0xa0).contains(&byte) => byte,
        _ => EXTRA.iter().find(|(known, _)| *known == c).map_or(b'?', |(_, byte)| *byte),
    };
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_places_points_at_every_object() {
        let mut document = Document::new();
        document.text(Face::Title, "A (title) \\ with → signs");
        for number in 0..200 {
            document.row(Face::Body, &[(100, "x"), (399, &format!("row {number} {}", "word ".repeat(20)))]);
        }
        let bytes = document.finish("t", "f").unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(bytes.starts_with(b"%PDF-1.4") && text.trim_end().ends_with("%%EOF"));
        let find = |from: &str| bytes.windows(from.len()).rposition(|window| window == from.as_bytes()).unwrap();
        let xref = find("xref\n0 ");
        let start: usize = text.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
        assert_eq!(&bytes[start..start + 4], b"xref");
        let table = String::from_utf8_lossy(&bytes[start..]).into_owned();
        let places: Vec<usize> =
            table.lines().filter(|line| line.ends_with(" n ")).map(|line| line[..10].parse().unwrap()).collect();
        assert!(places.len() > 8, "several pages");
        for (number, place) in (1..).zip(places) {
            assert!(bytes[place..xref].starts_with(format!("{number} 0 obj\n").as_bytes()), "object {number}");
        }
    }

    #[test]
    fn no_line_is_wider_than_its_column_and_nothing_is_lost() {
        let text = format!("{} {}", "a few words of text, ".repeat(9), "W".repeat(200));
        let lines = wrapped(&text, Face::Strong, 120);
        let wide = |line: &String| line.chars().map(|c| width(c, Face::Strong)).sum::<u32>() * 9 / 1_000;
        assert!(lines.len() > 5 && lines.iter().all(|line| wide(line) <= 120), "{lines:?}");
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        assert_eq!(lines.iter().map(|line| letters(line)).sum::<usize>(), letters(&text));
        assert_eq!(wrapped("", Face::Body, 10), [""]);
    }

    #[test]
    fn what_the_fonts_lack_is_a_question_mark_and_nothing_leaves_its_string() {
        assert_eq!(latin(&escaped("ä€日)\\(\n→")), b"\xe4\x80?\\)\\\\\\( ->");
    }
}
