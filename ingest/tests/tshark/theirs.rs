//! What the dissector read, in the words of [`super::Told`].

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

use super::pdml::{self, Node};
use super::{Class, Told};

/// Reads a capture with tshark.
pub(crate) fn read(capture: &Path) -> Vec<Told> {
    let filter = "kerberos || ldap || cldap || dcerpc || ntlmssp || dns";
    let mut child = Command::new("tshark")
        .args(["-n", "-T", "pdml", "-Y", filter, "-r"])
        .arg(capture)
        // Profiles of whoever runs the test do not change what is compared.
        .env("WIRESHARK_CONFIG_DIR", "/nonexistent")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut told, mut rpc) = (Vec::new(), Rpc::default());
    pdml::packets(BufReader::new(child.stdout.take().unwrap()), |packet| {
        let frame = packet.text("frame.number").unwrap().parse().unwrap();
        let mut tell = |class, what| told.push(Told { class, what, frame });
        for message in packet.matching(&|node| node.child("kerberos.msg_type").is_some()) {
            tell(Class::Kerberos, kerberos(message));
        }
        for message in packet.matching(&|node| node.child("ntlmssp.messagetype").is_some()) {
            tell(Class::Ntlm, ntlm(message));
        }
        for search in packet.all("ldap.searchRequest_element") {
            tell(Class::Ldap, search_request(search));
        }
        for message in packet.children.iter().filter(|node| node.name == "dns") {
            tell(Class::Dns, dns(message));
        }
        rpc.packet(packet, |what| tell(Class::Rpc, what));
    });
    child.wait().unwrap();
    told
}

fn kerberos(message: &Node) -> String {
    let kind = message.child("kerberos.msg_type").unwrap().show.as_str();
    let cname = |node: &Node| {
        let parts: Vec<_> = node.all("kerberos.CNameString").iter().map(|part| part.show.as_str()).collect();
        parts.join("/")
    };
    let ticket = |node: &Node| {
        let ticket = node.all("kerberos.ticket_element");
        ticket.first().and_then(|ticket| ticket.text("kerberos.etype")).unwrap_or("-").to_owned()
    };
    match kind {
        "10" | "12" => {
            let Some(body) = message.child("kerberos.req_body_element") else { return format!("{kind} malformed") };
            let etypes: Vec<_> = body.all("kerberos.ENCTYPE").iter().map(|etype| etype.show.as_str()).collect();
            let proofs = message.all("kerberos.PA_DATA_element");
            let proof = proofs.iter().find(|data| data.text("kerberos.padata_type") == Some("1"));
            let tgt = proof.map_or("-".into(), |proof| ticket(proof));
            format!("{kind} {} {} tgt {tgt}", cname(body), etypes.join(","))
        }
        "11" | "13" => {
            let reply = message.child("kerberos.enc_part_element").and_then(|part| part.text("kerberos.etype"));
            format!("{kind} {} ticket {} reply {}", cname(message), ticket(message), reply.unwrap_or("-"))
        }
        "14" => format!("14 ticket {}", ticket(message)),
        "30" => format!("30 {}", message.text("kerberos.error_code").unwrap_or("-")),
        _ => kind.to_owned(),
    }
}

fn ntlm(message: &Node) -> String {
    let kind = message.child("ntlmssp.messagetype").unwrap().show.trim_start_matches("0x0000000");
    if kind != "3" {
        return kind.to_owned();
    }
    let field = |name: &str| message.text(name).filter(|text| *text != "NULL").unwrap_or_default();
    format!("3 {}\\{} {}", field("ntlmssp.auth.domain"), field("ntlmssp.auth.username"), field("ntlmssp.auth.hostname"))
}

fn search_request(search: &Node) -> String {
    let base = search.child("ldap.baseObject").map_or("", |base| base.show.as_str());
    let scope = search.child("ldap.scope").map_or("", |scope| scope.show.as_str());
    let mut tokens = Vec::new();
    filter(search, &mut tokens);
    format!("{base} {scope} {}", tokens.join(" "))
}

/// The filter's choices as `#tag` and its texts in hexadecimal, in the order of the bytes.
fn filter(node: &Node, tokens: &mut Vec<String>) {
    for child in &node.children {
        let leaf_of_match = node.name.ends_with("Match_element") || node.name.ends_with("OrEqual_element");
        match child.name.as_str() {
            "ldap.filter" | "ldap.and_item" | "ldap.or_item" | "ldap.not" => tokens.push(format!("#{}", child.show)),
            "ldap.attributes" | "ldap.baseObject" => continue,
            "ldap.present" | "ldap.initial" | "ldap.any" | "ldap.final" => tokens.push(child.value.clone()),
            "ldap.type" => tokens.push(child.value.clone()),
            "ldap.dnAttributes" => {}
            _ if leaf_of_match => tokens.push(child.value.clone()),
            _ => {}
        }
        if !leaf_of_match {
            filter(child, tokens);
        }
    }
}

fn dns(message: &Node) -> String {
    let kind = |text: &str| text.parse::<u16>().unwrap_or_default();
    let name = |text: &str| if text == "<Root>" { String::new() } else { super::legible(text) };
    let list = |type_field: &str, names: &[&str]| -> Vec<String> {
        let entries = message.matching(&|node| node.child(type_field).is_some());
        let line = |node: &&Node| {
            // The name of a service record is shown in three parts.
            let parts = names.iter().filter_map(|part| node.child(part));
            let text: Vec<_> = parts.map(|part| name(&part.show)).collect();
            format!("{}/{}", text.join("."), kind(&node.child(type_field).unwrap().show))
        };
        entries.iter().map(line).collect()
    };
    let questions = list("dns.qry.type", &["dns.qry.name"]);
    let records = list("dns.resp.type", &["dns.resp.name", "dns.srv.service", "dns.srv.proto", "dns.srv.name"]);
    let side = if message.text("dns.flags.response") == Some("1") { "answer" } else { "query" };
    format!("{side} {} {} {}", message.text("dns.id").unwrap_or_default(), questions.join(","), records.join(","))
}

/// The contexts bound on each connection and pipe.
#[derive(Default)]
struct Rpc(BTreeMap<(String, String, String), String>);

impl Rpc {
    fn packet(&mut self, packet: &Node, mut tell: impl FnMut(String)) {
        let stream = packet.text("tcp.stream").unwrap_or_default().to_owned();
        let mut pipe = String::new();
        for protocol in &packet.children {
            if let Some(fid) = protocol.text("smb2.fid").or_else(|| protocol.text("smb.fid")) {
                fid.clone_into(&mut pipe);
            }
            if protocol.name != "dcerpc" || protocol.text("dcerpc.cn_call_id").is_none() {
                continue;
            }
            let key = |context: &str| (stream.clone(), pipe.clone(), context.to_owned());
            match protocol.text("dcerpc.pkt_type") {
                Some("11" | "14") => {
                    for item in protocol.all("dcerpc.cn_ctx_item") {
                        let context = item.text("dcerpc.cn_ctx_id").unwrap_or_default();
                        let interface = item.text("dcerpc.cn_bind_to_uuid").unwrap_or_default();
                        self.0.insert(key(context), interface.to_owned());
                    }
                }
                Some("0") => {
                    let context = protocol.text("dcerpc.cn_ctx_id").unwrap_or_default();
                    let interface = self.0.get(&key(context)).map_or("unbound", String::as_str);
                    let opnum = protocol.text("dcerpc.opnum").unwrap_or("-");
                    tell(format!("{interface} {opnum}"));
                }
                _ => {}
            }
        }
    }
}
