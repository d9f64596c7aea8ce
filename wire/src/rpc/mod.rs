//! RPC interfaces: their UUIDs, the names of their operations as the specifications spell them, and decoders of the clear
//! stubs whose arguments matter to a judgement.
//!
//! A stub is decoded as far as the argument of interest; what follows it is not checked. Results of calls are read only
//! for the return value and for context handles, so that a later call on a handle can be told what it acts on.

mod coercion;
mod dcom;
mod drsuapi;
mod handles;
mod lsarpc;
mod misc;
mod netlogon;
mod print;
mod samr;
mod srvsvc;
mod svcctl;
mod tasks;
mod winreg;

pub use handles::{label, opened_handle, with_handle};

use hopwatch_model::Guid;
use hopwatch_model::event::RpcArguments;

use crate::dcerpc::{Ndr, NdrSyntax};
use crate::error::Result;

/// What the last four bytes of a response stub say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// An NTSTATUS: failures have the severity bits 11.
    NtStatus,
    /// A Win32 error: failures are not zero, but for "more data" and "no more items".
    Win32,
    /// An HRESULT: failures are negative.
    Hresult,
    /// Nothing that can be read at that place.
    Nothing,
}

/// Decodes the arguments of one operation.
type Decode = fn(u16, Ndr<'_>) -> Result<RpcArguments>;

/// An interface.
pub struct Interface {
    /// Its UUID.
    pub uuid: Guid,
    /// Its protocol name.
    pub name: &'static str,
    /// What its operations return.
    pub returns: Returns,
    /// The names of its operations by number, ascending.
    pub operations: &'static [(u16, &'static str)],
    decode: Decode,
}

impl std::fmt::Debug for Interface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Interface({} {})", self.name, self.uuid)
    }
}

/// A request's stub data.
#[derive(Clone, Copy, Debug)]
pub struct Stub<'a> {
    /// The bytes of all fragments.
    pub bytes: &'a [u8],
    /// The transfer syntax that the server accepted.
    pub syntax: NdrSyntax,
    /// Whether the sender's integers are big-endian.
    pub big_endian: bool,
}

/// Every interface that is known.
pub static INTERFACES: &[&Interface] = &[
    &samr::SAMR,
    &lsarpc::LSARPC,
    &srvsvc::SRVSVC,
    &srvsvc::WKSSVC,
    &svcctl::SVCCTL,
    &tasks::TSCH,
    &tasks::ATSVC,
    &tasks::SASEC,
    &drsuapi::DRSUAPI,
    &drsuapi::DSAOP,
    &netlogon::NETLOGON,
    &coercion::EFSRPC,
    &coercion::EFSRPC_LSARPC,
    &coercion::DFSNM,
    &coercion::FSRVP,
    &print::RPRN,
    &print::PAR,
    &winreg::WINREG,
    &misc::EPM,
    &misc::MGMT,
    &misc::BKRP,
    &misc::DSSETUP,
    &misc::EVEN,
    &misc::EVEN6,
    &misc::DNSSERVER,
    &misc::ICPR,
    &misc::ICERTREQUESTD,
    &misc::ISDKEY,
    &misc::INITSHUTDOWN,
    &misc::MIMICOM,
    &dcom::IOBJECT_EXPORTER,
    &dcom::IACTIVATION,
    &dcom::IREMOTE_SCM_ACTIVATOR,
    &dcom::IREM_UNKNOWN,
    &dcom::IREM_UNKNOWN2,
    &dcom::IDISPATCH,
    &dcom::IWBEM_LEVEL1_LOGIN,
    &dcom::IWBEM_LOGIN_CLIENT_ID,
    &dcom::IWBEM_SERVICES,
    &dcom::IENUM_WBEM_CLASS_OBJECT,
];

/// The interface of a UUID.
#[must_use]
pub fn interface(uuid: Guid) -> Option<&'static Interface> {
    INTERFACES.iter().copied().find(|interface| interface.uuid == uuid)
}

impl Interface {
    /// The name of an operation; empty where it has none.
    #[must_use]
    pub fn operation(&self, opnum: u16) -> &'static str {
        let found = self.operations.binary_search_by_key(&opnum, |(number, _)| *number);
        found.ok().and_then(|at| self.operations.get(at)).map_or("", |(_, name)| *name)
    }

    /// What a clear stub says.
    ///
    /// # Errors
    /// Where the stub does not hold what its operation has by its specification.
    pub fn arguments(&self, opnum: u16, stub: Stub<'_>) -> Result<RpcArguments> {
        (self.decode)(opnum, Ndr::new(stub.bytes, stub.syntax, stub.big_endian))
    }

    /// The failure that a clear response stub returns; `None` for success and where nothing can be told.
    #[must_use]
    pub fn failure(&self, stub: Stub<'_>) -> Option<u32> {
        /// ERROR_MORE_DATA and ERROR_NO_MORE_ITEMS: an enumeration goes on or ends.
        const ENUMERATION: [u32; 2] = [234, 259];
        let last = *stub.bytes.last_chunk::<4>()?;
        let code = if stub.big_endian { u32::from_be_bytes(last) } else { u32::from_le_bytes(last) };
        let failed = match self.returns {
            Returns::NtStatus => code >= 0xC000_0000,
            Returns::Win32 => code != 0 && !ENUMERATION.contains(&code),
            Returns::Hresult => code >= 0x8000_0000,
            Returns::Nothing => false,
        };
        failed.then_some(code)
    }
}

/// Every stub decoder on the same bytes, for the fuzzer: the first two bytes choose the operation.
pub(crate) fn decode_all(bytes: &[u8]) {
    let Some((opnum, rest)) = bytes.split_first_chunk::<2>() else { return };
    let opnum = u16::from_le_bytes(*opnum);
    for syntax in [NdrSyntax::Ndr, NdrSyntax::Ndr64] {
        let stub = Stub { bytes: rest, syntax, big_endian: false };
        for interface in INTERFACES {
            if let Ok(arguments) = interface.arguments(opnum, stub) {
                let _ = with_handle(interface, opnum, arguments, "S-1-5-21-1-2-3-4");
            }
            let _ = opened_handle(interface, opnum, stub);
        }
        let _ = crate::dcerpc::ept_map_towers(rest, syntax, false);
    }
}

/// Interfaces without arguments of interest.
fn no_arguments(_opnum: u16, _stub: Ndr<'_>) -> Result<RpcArguments> {
    Ok(RpcArguments::None)
}

#[cfg(test)]
mod tests;
