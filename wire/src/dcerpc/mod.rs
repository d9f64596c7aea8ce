//! Connection-oriented DCE/RPC (C706 §12.6, `[MS-RPCE] 2.2.2`): PDUs, the security trailer and the endpoint mapper's
//! towers. Connectionless RPC (C706 §12.5) is not read.

mod ndr;
mod pdu;
mod secure_channel;
mod tower;

pub use ndr::{Ndr, NdrSyntax};
pub use pdu::{
    Abstract, Accepted, Auth, Body, HEADER_SIZE, Pdu, PfcFlags, Rejection, decode, frame_length, looks_like_pdu,
};
pub use secure_channel::{NlAuthMessage, decode_nl_auth};
pub use tower::{Tower, decode_tower, ept_map_towers};

use hopwatch_model::Guid;

/// The NDR transfer syntax (C706 annex I).
pub const NDR: Guid = Guid::from_u128(0x8a88_5d04_1ceb_11c9_9fe8_0800_2b10_4860);
/// The NDR64 transfer syntax (`[MS-RPCE] 2.2.5`).
pub const NDR64: Guid = Guid::from_u128(0x7171_0533_beba_4937_8319_b5db_ef9c_cc36);

#[cfg(test)]
mod tests;
