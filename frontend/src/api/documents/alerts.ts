/** Alerts: the timeline, one alert, triage and the live feed. */
import { graphql } from "../../gql";

export const AlertsQuery = graphql(`
  query Alerts($filter: AlertFilter, $first: Int, $after: String) {
    alerts(filter: $filter, first: $first, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        ...AlertRow
      }
    }
  }
`);

export const AlertQuery = graphql(`
  query Alert($id: ID!) {
    alert(id: $id) {
      ...AlertRow
      comment
      reasons {
        ...ScoreParts
      }
      actions
      evidence(first: 50) {
        ...EvidenceParts
      }
      map {
        ...SubgraphParts
      }
      path {
        cost
        length
        hops {
          ...EdgeBrief
          help
          remediation
        }
      }
      related(first: 8) {
        id
        title
        explanation
        detection
        severity
        state
        lastAt
      }
      timeline(first: 100) {
        id
        time
        what
        summary
        outcome
        evidence {
          source
          record
        }
      }
      manual {
        slug
        title
        phase
        manual
        whatToDo
      }
    }
  }
`);

export const TriageMutation = graphql(`
  mutation Triage($input: TriageInput!) {
    triageAlert(input: $input) {
      ...AlertRow
      comment
    }
  }
`);

export const AlertChangedSubscription = graphql(`
  subscription AlertChanged {
    alertChanged {
      kind
      alert {
        ...AlertRow
      }
    }
  }
`);
