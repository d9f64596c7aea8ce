//! Ports that the RPC endpoint mapper gave out (C706 appendix O, `ept_map`): they tell that a connection to a dynamic
//! port is DCE/RPC, and of which interface, even where its bind was not captured.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hopwatch_model::Guid;
use rustc_hash::FxBuildHasher;

/// The most endpoints: a DC offers some twenty; beyond this the oldest is forgotten.
const CAP: usize = 16_384;

/// The endpoints, shared by the analysers of one capture: a clone is the same table.
#[derive(Clone, Debug, Default)]
pub struct RpcEndpoints(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    interfaces: HashMap<SocketAddr, Guid, FxBuildHasher>,
    order: VecDeque<SocketAddr>,
}

impl RpcEndpoints {
    /// The endpoint mapper said that `server` offers `interface`. The latest word counts.
    pub fn learn(&self, server: SocketAddr, interface: Guid) {
        let mut table = self.table();
        if table.interfaces.insert(server, interface).is_none() {
            table.order.push_back(server);
        }
        if table.order.len() > CAP
            && let Some(oldest) = table.order.pop_front()
        {
            table.interfaces.remove(&oldest);
        }
    }

    /// The interface that `server` was last said to offer.
    #[must_use]
    pub fn interface(&self, server: SocketAddr) -> Option<Guid> {
        self.table().interfaces.get(&server).copied()
    }

    /// A panic while the lock was held leaves a table that is at worst one entry short.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_known_to_every_clone_until_pushed_out() {
        let endpoints = RpcEndpoints::default();
        let at = |port: u16| SocketAddr::from(([10, 0, 0, 1], port));
        let interface = Guid::default();
        endpoints.clone().learn(at(1), interface);
        assert_eq!(endpoints.interface(at(1)), Some(interface));
        for port in 2..=u16::try_from(CAP + 1).unwrap() {
            endpoints.learn(at(port), interface);
        }
        assert_eq!(endpoints.interface(at(1)), None);
        assert_eq!(endpoints.table().order.len(), CAP);
    }
}
