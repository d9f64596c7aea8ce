//! Where our reading and the dissector's differ, how often, and why that is right.

use super::Class;

/// A line of the table.
pub(crate) struct Line {
    /// `lab` or `corpus`.
    pub(crate) set: &'static str,
    /// A part of the capture's folder and file name.
    pub(crate) capture: &'static str,
    /// What kind of message.
    pub(crate) class: Class,
    /// Which side read it: `ours` or `theirs`.
    pub(crate) side: &'static str,
    /// A part of what was read.
    pub(crate) what: &'static str,
    /// How many messages.
    pub(crate) count: usize,
    /// Why.
    pub(crate) why: &'static str,
}

/// The table.
#[rustfmt::skip]
pub(crate) const EXPLAINED: &[Line] = &[
    Line { set: "lab", capture: "member-server", class: Class::Kerberos, side: "theirs", what: "14 ticket 18", count: 1,
        why: "in a TKEY record of a secure dynamic update (RFC 3645): tokens inside DNS are not read" },
    Line { set: "lab", capture: "member-server", class: Class::Kerberos, side: "theirs", what: "15", count: 1,
        why: "the answer to it" },
    Line { set: "corpus", capture: "smb-eicar-file-segmentation-random/", class: Class::Ntlm, side: "ours", what: "1", count: 1,
        why: "the stream is cut into pieces of random size: the dissector loses its place, we do not" },
    Line { set: "corpus", capture: "smb-eicar-file-segmentation-random/", class: Class::Ntlm, side: "ours", what: "3 \\ HOST", count: 1,
        why: "as above" },
    Line { set: "corpus", capture: "smb-length-5770/", class: Class::Kerberos, side: "ours", what: "", count: 2,
        why: "on port 5770, which the dissector does not take for SMB; the twin capture on its registered port reads alike" },
    Line { set: "corpus", capture: "smb-length-5770/", class: Class::Rpc, side: "ours", what: "885d85fb", count: 100,
        why: "as above" },
    Line { set: "corpus", capture: "smb-length-5786/", class: Class::Kerberos, side: "theirs", what: "", count: 2,
        why: "inside IAKERB: another mechanism's frame, counted as such and not opened" },
    Line { set: "corpus", capture: "covenant_dcom_registerxll", class: Class::Kerberos, side: "theirs", what: "16", count: 1,
        why: "the dissector takes the request of user-to-user (TGT-REQ) for a message of type 16" },
    Line { set: "corpus", capture: "empire_wmi_dcerpc", class: Class::Kerberos, side: "ours", what: "", count: 12,
        why: "in the security trailers of binds under DCE style, where the dissector does not look" },
    Line { set: "corpus", capture: "LM_WMI_ProcessCallCreate", class: Class::Kerberos, side: "ours", what: "", count: 3,
        why: "as above" },
    Line { set: "corpus", capture: "DCShadow_add_primarygroupid", class: Class::Kerberos, side: "ours", what: "15", count: 2,
        why: "as above" },
    Line { set: "corpus", capture: "DCShadow_add_primarygroupid", class: Class::Ldap, side: "ours", what: "", count: 13,
        why: "signed and not sealed, on a connection whose bind was not captured: the dissector needs the bind to unwrap it" },
    Line { set: "corpus", capture: "arkime_synthetic", class: Class::Kerberos, side: "theirs", what: "", count: 3,
        why: "made by a generator whose lengths do not fit: the dissector reads them in part" },
    Line { set: "corpus", capture: "arkime_synthetic", class: Class::Kerberos, side: "ours", what: "", count: 2,
        why: "as above, seen from our side" },
    Line { set: "corpus", capture: "arkime_synthetic", class: Class::Dns, side: "theirs", what: "", count: 2,
        why: "headers without their sections, or shown twice" },
    Line { set: "corpus", capture: "ntlm_synthetic", class: Class::Ntlm, side: "theirs", what: "", count: 5,
        why: "in TDS, which is not read; challenges in messages that a server sends in the form of a request; one in the \
              matchedDN of a bind that failed" },
    Line { set: "corpus", capture: "smbtorture-ntlmssp-moloch-crash", class: Class::Ntlm, side: "theirs", what: "3", count: 1,
        why: "made to crash a parser: its offsets lead outside the message, which we refuse" },
    Line { set: "corpus", capture: "smb_gssapi", class: Class::Kerberos, side: "theirs", what: "15", count: 1,
        why: "Windows 2000 repeats its token in the place of mechListMIC: the dissector counts it twice" },
    Line { set: "corpus", capture: "DNS.pcap", class: Class::Dns, side: "theirs", what: "", count: 1006,
        why: "random bytes sent to and from port 53 that are no message (refused as malformed and counted), DNS on port 8053, \
              and datagrams that the mirror shows twice" },
    Line { set: "corpus", capture: "mapi.pcap", class: Class::Rpc, side: "ours", what: "unbound 2", count: 5,
        why: "the bind was not captured: the dissector does not take the port for DCE/RPC" },
    Line { set: "corpus", capture: "ldap-simpleauth-diff-port", class: Class::Ldap, side: "ours", what: "", count: 1,
        why: "on another port than LDAP's: told by its first bytes" },
    Line { set: "corpus", capture: "asn1-max-recursion", class: Class::Ldap, side: "theirs", what: "", count: 1,
        why: "a filter nested beyond our bound, which the dissector gives up as well, but shows in part" },
    Line { set: "corpus", capture: "sasl-ntlm.pcap", class: Class::Ntlm, side: "ours", what: "2", count: 1,
        why: "the challenge of a SASL bind that names its mechanism NTLM: the dissector reads it in requests alone" },
    Line { set: "corpus", capture: "cmds over dns", class: Class::Dns, side: "theirs", what: "0x0002", count: 15,
        why: "quoted in ICMP: a datagram that did not arrive is no message" },
    Line { set: "corpus", capture: "gre-sample", class: Class::Dns, side: "theirs", what: "0xbdaa", count: 2,
        why: "quoted in ICMP, as above" },
    Line { set: "corpus", capture: "dns-invalid-names", class: Class::Dns, side: "theirs", what: "", count: 3,
        why: "names that loop or are too long: refused as malformed" },
];
