/** Overview, posture, events, detections, reports and health. */
import { graphql } from "../../gql";

export const OverviewQuery = graphql(`
  query Overview($buckets: Int!) {
    overview {
      openAlerts
      openHigh
      exposurePercent
      exposedPrincipals
      principals
      tierZero
      alertHistogram(buckets: $buckets) {
        startAt
        endAt
        low
        medium
        high
      }
      fixFirst(first: 5) {
        principalsCutOff
        exposureRemovedPercent
        edge {
          ...EdgeBrief
          remediation
        }
      }
      oddest(first: 6) {
        score
        entity {
          ...EntityBrief
        }
        parts {
          ...ScoreParts
        }
      }
      learning {
        detection
        ready
        progressPercent
        detail
      }
    }
    alerts(filter: { states: [OPEN, IN_PROGRESS] }, first: 50) {
      totalCount
      nodes {
        ...AlertRow
      }
    }
    entities(orderBy: RISK, first: 6) {
      nodes {
        ...EntityBrief
        openAlerts
        risk {
          score
        }
      }
    }
    health {
      sources {
        name
        kind
        read
        events
        lastEventAt
        error
        dropped {
          reason
          count
        }
      }
      coverageGaps {
        subject
        reason
        count
      }
    }
  }
`);

export const PostureQuery = graphql(`
  query Posture {
    overview {
      exposurePercent
      exposedPrincipals
      principals
      tierZero
    }
    chokePoints(first: 40) {
      principalsCutOff
      exposureRemovedPercent
      path {
        length
        cost
      }
      edge {
        ...EdgeBrief
        remediation
      }
    }
    findings {
      id
      detection
      severity
      title
      exposedCount
      exposed(first: 20) {
        ...EntityBrief
      }
      remediation
      evidence
      seenAt
    }
  }
`);

export const EventsQuery = graphql(`
  query Events($filter: EventFilter, $first: Int, $after: String) {
    events(filter: $filter, first: $first, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        ...EventRow
        json
      }
    }
  }
`);

export const SignInsQuery = graphql(`
  query SignIns($filter: EventFilter, $first: Int, $after: String) {
    events(filter: $filter, first: $first, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        ...EventRow
        signIn {
          kind
          application
          country
          city
          latitude
          longitude
          asn
          device
          userAgent
        }
      }
    }
    alerts(filter: { detections: ["impossible-travel", "suspicious-vpn"] }, first: 50) {
      nodes {
        ...AlertRow
      }
    }
  }
`);

export const DetectionsQuery = graphql(`
  query Detections {
    detections {
      slug
      title
      externalId
      severity
      phase
      techniques
      manual
      whatToDo
    }
    overview {
      learning {
        detection
        ready
        progressPercent
        detail
      }
    }
  }
`);

export const ReportsQuery = graphql(`
  query Reports($first: Int, $after: String) {
    reports(first: $first, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        name
        title
        createdAt
        trigger
        files {
          format
          url
          sizeBytes
        }
      }
    }
    reportSchedules {
      name
      title
      cron
      nextRunAt
      lastRunAt
    }
  }
`);

export const RunReportMutation = graphql(`
  mutation RunReport($name: String!) {
    runReport(name: $name) {
      id
      name
      title
      createdAt
      trigger
      files {
        format
        url
        sizeBytes
      }
    }
  }
`);

export const HealthQuery = graphql(`
  query Health {
    health {
      version
      startedAt
      watermark
      nodes
      edges
      events
      sources {
        name
        kind
        read
        events
        firstEventAt
        lastEventAt
        error
        dropped {
          reason
          count
        }
      }
      coverageGaps {
        subject
        reason
        count
      }
    }
  }
`);
