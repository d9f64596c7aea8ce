/** Entities: the list and the page of one. */
import { graphql } from "../../gql";

export const EntitiesQuery = graphql(`
  query Entities($filter: EntityFilter, $orderBy: EntityOrder!, $first: Int, $after: String) {
    entities(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        ...EntityBrief
        exposurePercent
        openAlerts
        risk {
          score
        }
      }
    }
  }
`);

export const EntityQuery = graphql(`
  query Entity($id: ID!) {
    entity(id: $id) {
      ...EntityBrief
      openAlerts
      tierZeroReason
      firstSeenAt
      exposurePercent
      properties {
        name
        value
      }
      risk {
        score
        likelihood
        impact
        parts {
          ...ScoreParts
        }
      }
      activity {
        own
        peers
        peerCount
      }
      outbound(first: 50) {
        totalCount
        nodes {
          ...EdgeBrief
        }
      }
      inbound(first: 50) {
        totalCount
        nodes {
          ...EdgeBrief
        }
      }
      alerts(first: 20) {
        totalCount
        nodes {
          ...AlertRow
        }
      }
      events(first: 50) {
        totalCount
        nodes {
          ...EventRow
        }
      }
    }
  }
`);

export const OutboundQuery = graphql(`
  query Outbound($id: ID!, $first: Int!, $after: String) {
    entity(id: $id) {
      id
      outbound(first: $first, after: $after) {
        totalCount
        pageInfo {
          endCursor
        }
        nodes {
          ...EdgeBrief
        }
      }
    }
  }
`);

export const InboundQuery = graphql(`
  query Inbound($id: ID!, $first: Int!, $after: String) {
    entity(id: $id) {
      id
      inbound(first: $first, after: $after) {
        totalCount
        pageInfo {
          endCursor
        }
        nodes {
          ...EdgeBrief
        }
      }
    }
  }
`);
