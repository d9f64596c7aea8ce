//! NL_AUTH_MESSAGE, `[MS-NRPC] 2.2.1.3.1`: the token of the Netlogon security provider (auth_type 68), by which a machine
//! names itself when it opens a secure channel.

use crate::error::{Error, Result};
use crate::reader::{Reader, oem};

/// The names of an NL_AUTH_MESSAGE.
///
/// ```text
/// MessageType\[4\]=0 negotiate | 1 response   Flags\[4\]   Buffer: texts by the flags, in order of the bits
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NlAuthMessage {
    /// NetBIOS domain name (flag 1).
    pub domain: Option<String>,
    /// NetBIOS computer name (flag 2).
    pub computer: Option<String>,
}

/// Decodes an NL_AUTH_MESSAGE. DNS names (flags 4 and above) are not read.
///
/// # Errors
/// Where it is cut off or of another type.
pub fn decode_nl_auth(bytes: &[u8]) -> Result<NlAuthMessage> {
    let mut reader = Reader::new(bytes, "NL_AUTH_MESSAGE");
    if reader.u32()? > 1 {
        return Err(Error::Malformed { what: "NL_AUTH_MESSAGE type", offset: 0 });
    }
    let flags = reader.u32()?;
    let mut texts = reader.rest().split(|byte| *byte == 0).map(oem);
    let mut named = |flag| if flags & flag == 0 { None } else { texts.next().filter(|text| !text.is_empty()) };
    Ok(NlAuthMessage { domain: named(1), computer: named(2) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_names_its_domain_and_itself() {
        let bytes = b"\0\0\0\0\x17\0\0\0LAB\0WS1\0";
        assert_eq!(
            decode_nl_auth(bytes),
            Ok(NlAuthMessage { domain: Some("LAB".into()), computer: Some("WS1".into()) })
        );
        assert_eq!(decode_nl_auth(b"\0\0\0\0\x02\0\0\0WS1").unwrap().computer.as_deref(), Some("WS1"));
        assert!(decode_nl_auth(&bytes[..7]).is_err());
    }
}
