//! What a collector answers: the subscriptions (`[MS-WSMV] 3.1.4.8`, 2.2.4.41), and that events arrived (DSP0226 §10.8).
//!
//! Everything that a source sent and an answer repeats is escaped; bookmarks are written anew from what was understood of
//! them.

use super::{Bookmark, Content, Envelope, MAX_ENVELOPE, Subscription};

const NAMESPACES: &str = "xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
     xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
     xmlns:e=\"http://schemas.xmlsoap.org/ws/2004/08/eventing\" \
     xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" \
     xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" \
     xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\"";
const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
const MUTUAL_TLS: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual";
const EARLIEST: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/bookmark/earliest";
/// How often and how long a source tries again before it gives a subscription up until the next refresh.
const RETRY: &str = "<w:ConnectionRetry Total=\"5\">PT60.0S</w:ConnectionRetry>";

/// What answers need beside the request.
pub struct Answers<'a> {
    /// The collector's address as the source knows it: `https://collector.lab.example:5986`.
    pub address: &'a str,
    /// The thumbprint of the authority whose certificates sources show.
    pub issuer: &'a str,
    /// Makes a UUID.
    pub fresh: &'a mut dyn FnMut() -> String,
}

/// The answer to `Enumerate`: every subscription with how far the source has sent it.
pub fn subscriptions(
    request: &Envelope<'_>,
    subscriptions: &[(&Subscription, Vec<Bookmark>)],
    answers: &mut Answers<'_>,
) -> String {
    let mut items = String::new();
    for (subscription, bookmarks) in subscriptions {
        items.push_str(&item(subscription, bookmarks, answers));
    }
    let head = head("http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse", request, answers);
    format!(
        "<s:Envelope xml:lang=\"en-US\" {NAMESPACES}>{head}<s:Body><n:EnumerateResponse><n:EnumerationContext>\
         </n:EnumerationContext><w:Items>{items}</w:Items><w:EndOfSequence/></n:EnumerateResponse></s:Body></s:Envelope>"
    )
}

/// The answer to events and heartbeats: they are kept, go on.
pub fn acknowledgement(request: &Envelope<'_>, answers: &mut Answers<'_>) -> String {
    let head = head("http://schemas.dmtf.org/wbem/wsman/1/wsman/Ack", request, answers);
    format!("<s:Envelope xml:lang=\"en-US\" {NAMESPACES}>{head}<s:Body></s:Body></s:Envelope>")
}

fn head(action: &str, request: &Envelope<'_>, answers: &mut Answers<'_>) -> String {
    let (message, operation) = (escaped(&request.message_id), escaped(&request.operation_id));
    format!(
        "<s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:{}</a:MessageID><a:To>{ANONYMOUS}</a:To>\
         <p:OperationID s:mustUnderstand=\"false\">{operation}</p:OperationID><p:SequenceId>1</p:SequenceId>\
         <a:RelatesTo>{message}</a:RelatesTo></s:Header>",
        (answers.fresh)()
    )
}

fn item(subscription: &Subscription, bookmarks: &[Bookmark], answers: &mut Answers<'_>) -> String {
    let version = subscription.version();
    let header = subscribe_header(subscription, answers);
    let endpoint = format!(
        "<a:Address>{}/wsman/subscriptions/{}</a:Address><a:ReferenceProperties><e:Identifier>{version}</e:Identifier>\
         </a:ReferenceProperties>",
        escaped(answers.address),
        subscription.id()
    );
    let policy = format!(
        "<c:Policy xmlns:c=\"http://schemas.xmlsoap.org/ws/2002/12/policy\" \
         xmlns:auth=\"http://schemas.microsoft.com/wbem/wsman/1/authentication\"><c:ExactlyOne><c:All>\
         <auth:Authentication Profile=\"{MUTUAL_TLS}\"><auth:ClientCertificate><auth:Thumbprint Role=\"issuer\">{}\
         </auth:Thumbprint></auth:ClientCertificate></auth:Authentication></c:All></c:ExactlyOne></c:Policy>",
        escaped(answers.issuer)
    );
    let bookmark = match (bookmarks, subscription.existing) {
        ([], true) => format!("<w:Bookmark>{EARLIEST}</w:Bookmark>"),
        ([], false) => String::new(),
        (some, _) => format!("<w:Bookmark>{}</w:Bookmark>", bookmark_list(some)),
    };
    format!(
        "<m:Subscription xmlns:m=\"http://schemas.microsoft.com/wbem/wsman/1/subscription\"><m:Version>uuid:{version}\
         </m:Version><s:Envelope {NAMESPACES}>{header}<s:Body><e:Subscribe><e:EndTo>{endpoint}</e:EndTo>\
         <e:Delivery Mode=\"http://schemas.dmtf.org/wbem/wsman/1/wsman/Events\"><w:Heartbeats>PT{}.000S</w:Heartbeats>\
         <e:NotifyTo>{endpoint}{policy}</e:NotifyTo>{RETRY}<w:MaxTime>PT{}.000S</w:MaxTime>\
         <w:MaxEnvelopeSize Policy=\"Notify\">{MAX_ENVELOPE}</w:MaxEnvelopeSize>\
         <w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/><p:DataLocale xml:lang=\"en-US\" \
         s:mustUnderstand=\"false\"/><w:ContentEncoding>UTF-16</w:ContentEncoding></e:Delivery>\
         <w:Filter Dialect=\"http://schemas.microsoft.com/win/2004/08/events/eventquery\">{}</w:Filter>{bookmark}\
         <w:SendBookmarks/></e:Subscribe></s:Body></s:Envelope></m:Subscription>",
        subscription.heartbeat.as_secs(),
        subscription.latency.as_secs(),
        subscription.query
    )
}

/// Bookmarks as Windows writes them.
fn bookmark_list(bookmarks: &[Bookmark]) -> String {
    let one = |bookmark: &Bookmark| {
        let current = if bookmark.current { " IsCurrent=\"true\"" } else { "" };
        format!("<Bookmark Channel=\"{}\" RecordId=\"{}\"{current}/>", escaped(&bookmark.channel), bookmark.record_id)
    };
    format!("<BookmarkList>{}</BookmarkList>", bookmarks.iter().map(one).collect::<String>())
}

fn subscribe_header(subscription: &Subscription, answers: &mut Answers<'_>) -> String {
    let content = match subscription.content {
        Content::Raw => "Raw",
        Content::RenderedText => "RenderedText",
    };
    let existing = if subscription.existing { "<w:Option Name=\"ReadExistingEvents\">true</w:Option>" } else { "" };
    format!(
        "<s:Header><a:To>{ANONYMOUS}</a:To><w:ResourceURI s:mustUnderstand=\"true\">\
         http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog</w:ResourceURI><a:ReplyTo><a:Address \
         s:mustUnderstand=\"true\">{ANONYMOUS}</a:Address></a:ReplyTo><a:Action s:mustUnderstand=\"true\">\
         http://schemas.xmlsoap.org/ws/2004/08/eventing/Subscribe</a:Action><w:MaxEnvelopeSize s:mustUnderstand=\"true\">\
         {MAX_ENVELOPE}</w:MaxEnvelopeSize><a:MessageID>uuid:{}</a:MessageID><w:Locale xml:lang=\"en-US\" \
         s:mustUnderstand=\"false\"/><p:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/><p:OperationID \
         s:mustUnderstand=\"false\">uuid:{}</p:OperationID><p:SequenceId s:mustUnderstand=\"false\">1</p:SequenceId>\
         <w:OptionSet xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><w:Option Name=\"SubscriptionName\">{}\
         </w:Option><w:Option Name=\"Compression\">SLDC</w:Option><w:Option Name=\"CDATA\" xsi:nil=\"true\"/>\
         <w:Option Name=\"ContentFormat\">{content}</w:Option><w:Option Name=\"IgnoreChannelError\" xsi:nil=\"true\"/>\
         {existing}</w:OptionSet></s:Header>",
        (answers.fresh)(),
        (answers.fresh)(),
        escaped(&subscription.name)
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
