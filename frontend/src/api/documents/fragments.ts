/** Fragments shared by the documents: what a row, a node and an edge need to be drawn. */
import { graphql } from "../../gql";

export const EntityBrief = graphql(`
  fragment EntityBrief on Entity {
    id
    kind
    name
    label
    domain
    enabled
    tierZero
    owned
    sensitive
    lastSeenAt
    distanceToTierZero
    impact
  }
`);

export const EdgeBrief = graphql(`
  fragment EdgeBrief on GraphEdge {
    id
    kind
    origin
    observed
    source {
      ...EntityBrief
    }
    target {
      ...EntityBrief
    }
    firstSeenAt
    lastSeenAt
    endedAt
    count
    cost
  }
`);

export const SubgraphParts = graphql(`
  fragment SubgraphParts on Subgraph {
    nodes {
      ...EntityBrief
    }
    edges {
      ...EdgeBrief
    }
    truncated
    hidden {
      entity
      count
    }
  }
`);

export const AccountParts = graphql(`
  fragment AccountParts on Account {
    name
    domain
    sid
    entity {
      id
      kind
      name
      label
      tierZero
    }
  }
`);

export const HostParts = graphql(`
  fragment HostParts on Host {
    address
    name
    certainty
    method
    entity {
      id
      kind
      name
      label
      tierZero
    }
  }
`);

export const AlertRow = graphql(`
  fragment AlertRow on Alert {
    id
    detection
    title
    externalId
    severity
    state
    classification
    assignee
    firstAt
    lastAt
    updatedAt
    actor {
      ...AccountParts
    }
    source {
      ...HostParts
    }
    targetHost {
      ...HostParts
    }
    target
    explanation
    score
    techniques
    eventCount
  }
`);

export const EventRow = graphql(`
  fragment EventRow on Event {
    id
    time
    what
    actor {
      ...AccountParts
    }
    source {
      ...HostParts
    }
    target {
      ...HostParts
    }
    outcome
    summary
    evidence {
      time
      source
      record
      sourceKind
      eventId
      note
    }
  }
`);

export const EvidenceParts = graphql(`
  fragment EvidenceParts on Evidence {
    time
    source
    record
    sourceKind
    eventId
    note
  }
`);

export const ScoreParts = graphql(`
  fragment ScoreParts on ScorePart {
    name
    value
    contribution
    text
  }
`);
