/** Who is signed in, and signing in and out. */
import { graphql } from "../../gql";

export const ViewerQuery = graphql(`
  query Viewer {
    viewer {
      name
      role
    }
  }
`);

export const LoginMutation = graphql(`
  mutation Login($name: String!, $password: String!) {
    login(name: $name, password: $password) {
      expiresAt
      viewer {
        name
        role
      }
    }
  }
`);

export const LogoutMutation = graphql(`
  mutation Logout {
    logout
  }
`);

export const PulseQuery = graphql(`
  query Pulse {
    health {
      version
      watermark
    }
    alerts(filter: { states: [OPEN] }, first: 1) {
      totalCount
    }
  }
`);
