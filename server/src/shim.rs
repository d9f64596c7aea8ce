//! temporary
use hopwatch_graph::*;
pub trait Shim {
    fn cheapest_paths(
        &self,
        from: NodeId,
        to: &[NodeId],
        k: usize,
        metric: Metric,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Vec<Path>, Error>;
    fn choke_points(
        &self,
        set: &[NodeId],
        most: usize,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<ChokePoints, Error>;
}
#[derive(Clone)]
pub struct ChokeEdge {
    pub hops: Vec<Hop>,
    pub principals: u64,
}
pub struct ChokePoints {
    pub exposed_principals: u64,
    pub edges: Vec<ChokeEdge>,
}
impl Shim for Snapshot {
    fn cheapest_paths(
        &self,
        from: NodeId,
        to: &[NodeId],
        _k: usize,
        metric: Metric,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Vec<Path>, Error> {
        Ok(self.cheapest_path(from, to, metric, filter, limits)?.into_iter().collect())
    }
    fn choke_points(
        &self,
        _set: &[NodeId],
        _most: usize,
        _filter: &Filter,
        _limits: &Limits<'_>,
    ) -> Result<ChokePoints, Error> {
        Ok(ChokePoints { exposed_principals: 0, edges: vec![] })
    }
}
