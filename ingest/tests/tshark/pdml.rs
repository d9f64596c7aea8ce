//! The dissector's packet tree (PDML, its XML output: one element a line), one packet at a time.

use std::io::BufRead;

/// A protocol or a field of a packet.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// The dissector's name of it: `kerberos`, `kerberos.msg_type`.
    pub(crate) name: String,
    /// The value as text.
    pub(crate) show: String,
    /// The bytes of it, in hexadecimal.
    pub(crate) value: String,
    /// What is below it.
    pub(crate) children: Vec<Node>,
}

impl Node {
    /// The direct child of a name.
    pub(crate) fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Everything of a name below this, in order, outermost only.
    pub(crate) fn all<'a>(&'a self, name: &str) -> Vec<&'a Node> {
        self.matching(&|node| node.name == name)
    }

    /// Everything below this that matches, in order, outermost only.
    pub(crate) fn matching<'a>(&'a self, wanted: &impl Fn(&Node) -> bool) -> Vec<&'a Node> {
        let mut found = Vec::new();
        for child in &self.children {
            if wanted(child) {
                found.push(child);
            } else {
                found.extend(child.matching(wanted));
            }
        }
        found
    }

    /// The text of the first of a name below this.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.children.iter().find_map(
            |child| {
                if child.name == name { Some(child.show.as_str()) } else { child.text(name) }
            },
        )
    }
}

/// Calls `each` with every packet: a node whose children are the protocols.
pub(crate) fn packets(mut lines: impl BufRead, mut each: impl FnMut(&Node)) {
    let mut stack: Vec<Node> = Vec::new();
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        let element = line.trim();
        // A text with a line break in it goes on in the next line.
        if (element.starts_with("<proto ") || element.starts_with("<field ")) && !element.ends_with('>') {
            continue;
        }
        if element == "<packet>" {
            stack.push(Node::default());
        } else if element == "</packet>" {
            while stack.len() > 1 {
                close(&mut stack);
            }
            each(&stack.pop().unwrap());
        } else if element.starts_with("</") && stack.len() > 1 {
            close(&mut stack);
        } else if element.starts_with("<proto ") || element.starts_with("<field ") {
            stack.push(Node {
                name: attribute(element, "name"),
                show: attribute(element, "show"),
                value: attribute(element, "value"),
                children: Vec::new(),
            });
            if element.ends_with("/>") {
                close(&mut stack);
            }
        }
        line.clear();
    }
}

fn close(stack: &mut Vec<Node>) {
    let node = stack.pop().unwrap();
    stack.last_mut().unwrap().children.push(node);
}

fn attribute(element: &str, name: &str) -> String {
    let start = format!(" {name}=\"");
    let Some(at) = element.find(&start) else { return String::new() };
    let text = &element[at + start.len()..];
    let text = &text[..text.find('"').unwrap_or(text.len())];
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&").replace("&apos;", "'")
}
