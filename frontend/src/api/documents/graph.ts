/** The graph: neighbourhoods, paths, search, legend and the histogram under the canvas. */
import { graphql } from "../../gql";

export const GraphQuery = graphql(`
  query Graph($input: GraphInput!) {
    graph(input: $input) {
      ...SubgraphParts
    }
  }
`);

export const PathsQuery = graphql(`
  query Paths($input: PathInput!) {
    paths(input: $input) {
      reason
      elapsedMs
      paths {
        cost
        length
        hops {
          ...EdgeBrief
          help
          remediation
        }
      }
      graph {
        ...SubgraphParts
      }
    }
  }
`);

export const SearchQuery = graphql(`
  query Search($text: String!, $kinds: [NodeKind!], $first: Int!) {
    search(text: $text, kinds: $kinds, first: $first) {
      ...EntityBrief
    }
  }
`);

export const LegendQuery = graphql(`
  query Legend {
    nodeKinds {
      kind
      glyph
      help
    }
    edgeKinds {
      kind
      origin
      traversable
      cost
      help
      remediation
    }
  }
`);

export const ObservedHistogramQuery = graphql(`
  query ObservedHistogram($buckets: Int!) {
    observedHistogram(buckets: $buckets) {
      startAt
      endAt
      count
    }
  }
`);

export const NodeDetailQuery = graphql(`
  query NodeDetail($id: ID!, $asOf: DateTime) {
    entity(id: $id, asOf: $asOf) {
      ...EntityBrief
      tierZeroReason
      exposurePercent
      firstSeenAt
      risk {
        score
      }
      properties {
        name
        value
      }
      alerts(first: 5) {
        totalCount
        nodes {
          id
          title
          severity
          state
          lastAt
        }
      }
    }
  }
`);

export const EdgeDetailQuery = graphql(`
  query EdgeDetail($id: ID!, $asOf: DateTime) {
    edge(id: $id, asOf: $asOf) {
      ...EdgeBrief
      traversable
      help
      remediation
      sources
      properties {
        name
        value
      }
      composition {
        ...EdgeBrief
        help
      }
    }
  }
`);

export const TagMutation = graphql(`
  mutation Tag($id: ID!, $owned: Boolean, $sensitive: Boolean) {
    tagEntity(id: $id, owned: $owned, sensitive: $sensitive) {
      ...EntityBrief
    }
  }
`);
