//! TCP (RFC 9293 §3.1) and UDP (RFC 768) headers. UDP ports of tunnels lead on into them where the bytes agree.

use std::net::{IpAddr, SocketAddr};

use super::tunnel::{self, Tunnel};
use super::{At, Layer, Step, Tcp, Udp, Unit};
use crate::error::Result;

/// source 2 · target 2 · sequence 4 · acknowledgement 4 · data offset, flags 2 · window 2 · check sum 2 · urgent 2
pub(super) fn tcp<'a>(source: IpAddr, target: IpAddr, at: &mut At<'a>) -> Result<Step<'a>> {
    let header = at.take::<20>("TCP header")?;
    let options = usize::from(header[12] >> 4).saturating_mul(4).checked_sub(20);
    at.skip(options.ok_or_else(|| at.malformed("TCP data offset"))?, "TCP options")?;
    Ok(Step::Done(Unit::Tcp(Tcp {
        source: SocketAddr::new(source, u16::from_be_bytes([header[0], header[1]])),
        target: SocketAddr::new(target, u16::from_be_bytes([header[2], header[3]])),
        seq: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        ack: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
        flags: header[13],
        payload: at.rest,
        cut: at.cut,
    })))
}

/// source 2 · target 2 · length 2 (header included; 0 in jumbograms and offload) · check sum 2
pub(super) fn udp<'a>(source: IpAddr, target: IpAddr, at: &mut At<'a>) -> Result<Step<'a>> {
    let header = at.take::<8>("UDP header")?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    match length {
        0 => {}
        _ => at.limit(length.checked_sub(8).ok_or_else(|| at.malformed("UDP length"))?),
    }
    let source = SocketAddr::new(source, u16::from_be_bytes([header[0], header[1]]));
    let target = SocketAddr::new(target, u16::from_be_bytes([header[2], header[3]]));
    if let Some(tunnel) = Tunnel::by_port(source.port(), target.port())
        && tunnel::plausible(tunnel, at.rest)
    {
        return Ok(Step::Into(Layer::Tunnel(tunnel)));
    }
    Ok(Step::Done(Unit::Udp(Udp { source, target, payload: at.rest, cut: at.cut })))
}
