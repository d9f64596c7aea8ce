//! The RADIUS accounting listener (RFC 2866): a request whose authenticator fits the access server's secret is answered and
//! becomes a sign-in; anything else is discarded without answer, as §3 asks, and counted.
//!
//! It is answered when it is taken into the queue. Where the queue is full it is not, so that the access server sends it again.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hopwatch_ingest::DigestKey;
use hopwatch_ingest::sources::radius::accounting;
use tokio::net::UdpSocket;

use super::hub::Hub;
use super::intake::{Intake, Message};
use super::secret;
use crate::config::RadiusClient;

/// The secrets of access servers.
pub(super) struct Secrets {
    /// Network, length of its prefix, secret; the longest prefix first.
    networks: Vec<(IpAddr, u8, Vec<u8>)>,
}

impl Secrets {
    /// Reads the files with the secrets.
    pub(super) fn read(common: Option<&Path>, clients: &[RadiusClient]) -> Result<Self> {
        let mut networks = Vec::new();
        for client in clients {
            let (network, length) = client.network().with_context(|| format!("`{}` is no address", client.address))?;
            networks.push((network, length, secret(&client.secret_file)?));
        }
        if let Some(path) = common {
            let secret = secret(path)?;
            networks.push((IpAddr::from([0, 0, 0, 0]), 0, secret.clone()));
            networks.push((IpAddr::from([0; 16]), 0, secret));
        }
        ensure!(!networks.is_empty(), "neither `secret_file` nor `clients` names a secret");
        networks.sort_by_key(|(_, length, _)| std::cmp::Reverse(*length));
        Ok(Self { networks })
    }

    fn of(&self, address: IpAddr) -> Option<&[u8]> {
        let address = address.to_canonical();
        let found = self.networks.iter().find(|(network, length, _)| holds(*network, *length, address));
        found.map(|(_, _, secret)| secret.as_slice())
    }
}

fn holds(network: IpAddr, length: u8, address: IpAddr) -> bool {
    let (network, address, bits) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (u128::from(network.to_bits()) << 96, u128::from(address.to_bits()) << 96, length)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), length),
        _ => return false,
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
    network & mask == address & mask
}

pub(super) async fn start(
    name: &str,
    listen: SocketAddr,
    secrets: Secrets,
    hub: &Hub,
    key: &DigestKey,
) -> Result<SocketAddr> {
    let socket = UdpSocket::bind(listen).await.with_context(|| format!("{listen} cannot be listened on"))?;
    let address = socket.local_addr()?;
    tracing::info!(source.name = name, %address, "RADIUS accounting is listened to");
    let intake = Intake::start(name, "RADIUS accounting", hub, key);
    tokio::spawn(serve(socket, secrets, intake));
    Ok(address)
}

async fn serve(socket: UdpSocket, secrets: Secrets, intake: Intake) {
    let mut buffer = vec![0; 8192];
    loop {
        let (size, peer) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::warn!(%error, "a RADIUS datagram could not be received");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let datagram = buffer.get(..size).unwrap_or_default();
        let Some(secret) = secrets.of(peer.ip()) else {
            intake.offer(Message::Refused("RADIUS packet from an unknown client"));
            continue;
        };
        match accounting::answer(datagram, secret) {
            Ok(answer) => {
                if intake.try_put(Message::Radius(datagram.to_vec()))
                    && let Err(error) = socket.send_to(&answer, peer).await
                {
                    tracing::warn!(%error, %peer, "a RADIUS answer could not be sent");
                }
            }
            Err(refusal) => intake.offer(Message::Refused(refusal.reason())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_has_the_secret() {
        let client =
            |address: &str, secret: &Path| RadiusClient { address: address.into(), secret_file: secret.to_path_buf() };
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (near, far) = (file("near", "near\n"), file("far", "far"));
        let clients = [client("10.0.0.0/8", &far), client("10.0.0.50", &near), client("fd00::/8", &far)];
        let secrets = Secrets::read(None, &clients).unwrap();
        assert_eq!(secrets.of("10.0.0.50".parse().unwrap()), Some(&b"near"[..]));
        assert_eq!(secrets.of("::ffff:10.0.0.50".parse().unwrap()), Some(&b"near"[..]));
        assert_eq!(secrets.of("10.9.9.9".parse().unwrap()), Some(&b"far"[..]));
        assert_eq!(secrets.of("fd12::1".parse().unwrap()), Some(&b"far"[..]));
        assert_eq!(secrets.of("192.0.2.1".parse().unwrap()), None);
        let missing = Secrets::read(None, &[client("10.0.0.1", Path::new("/nowhere/secret"))]).err().unwrap();
        assert!(format!("{missing:#}").contains("/nowhere/secret"), "{missing:#}");
        let empty = Secrets::read(Some(&file("empty", "\n")), &[]).err().unwrap();
        assert!(format!("{empty:#}").contains("holds no secret"), "{empty:#}");
    }
}
