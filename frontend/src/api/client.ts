/**
 * The one way to the server: queries and mutations by POST to `/graphql`, the live feed over `graphql-transport-ws` at
 * `/graphql/ws`. The session is an HttpOnly cookie; nothing secret is kept here.
 */
import { createClient as createSocket } from "graphql-ws";
import { Client, type CombinedError, cacheExchange, fetchExchange, mapExchange, subscriptionExchange } from "urql";

export type FeedState = "connecting" | "live" | "lost";

export interface Api {
  client: Client;
  close: () => void;
}

/** A client; `onSignedOut` is told when the server no longer knows the session. */
export function createApi(onSignedOut: () => void, onFeed: (state: FeedState) => void): Api {
  const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
  const socket = createSocket({
    url: `${scheme}//${window.location.host}/graphql/ws`,
    lazy: true,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: (attempt) => new Promise((done) => setTimeout(done, Math.min(15_000, 500 * 2 ** attempt))),
    shouldRetry: () => true,
    on: {
      connecting: () => onFeed("connecting"),
      connected: () => onFeed("live"),
      closed: () => onFeed("lost"),
    },
  });
  const client = new Client({
    url: "/graphql",
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
    fetchOptions: { credentials: "same-origin" },
    exchanges: [
      mapExchange({
        onError(error, operation) {
          if (operation.kind !== "mutation" && signedOut(error)) onSignedOut();
        },
      }),
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription(request) {
          const payload = { query: request.query ?? "", variables: request.variables };
          return { subscribe: (sink) => ({ unsubscribe: socket.subscribe(payload, sink) }) };
        },
      }),
    ],
  });
  return { client, close: () => void socket.dispose() };
}

/** Whether the server refused because nobody is signed in. */
export function signedOut(error: CombinedError): boolean {
  if (error.response !== undefined && (error.response as Response).status === 401) return true;
  return error.graphQLErrors.some((one) => one.extensions.code === "UNAUTHENTICATED");
}

/** What went wrong, in the server's own words: what failed, why, and what to try. */
export function describe(error: CombinedError): { what: string; hint: string } {
  if (error.networkError !== undefined) {
    return {
      what: `The server did not answer: ${error.networkError.message}`,
      hint: "Check that hopwatch serve runs and that this address reaches it; then try again.",
    };
  }
  const first = error.graphQLErrors[0];
  const code = typeof first?.extensions.code === "string" ? first.extensions.code : "";
  const hints: Record<string, string> = {
    FORBIDDEN: "Your role does not allow this; an administrator can change it.",
    NOT_FOUND: "It may have been removed, or the address is mistyped.",
    BAD_USER_INPUT: "Change the filter or the input and try again.",
    LIMIT_EXCEEDED: "Ask for less: fewer rows, fewer hops, a narrower filter.",
    FEATURE_UNAVAILABLE: "The server was built or configured without this.",
  };
  return {
    what: error.graphQLErrors.map((one) => one.message).join("; "),
    hint: hints[code] ?? "The server's log has the details.",
  };
}
