/** The session's border: the client, the login or the shell with its views. A new client per session, so that no cached
 * answer of one account is shown to another. */
import { useCallback, useEffect, useMemo, useState } from "react";
import { Provider, useQuery } from "urql";
import { createApi, type FeedState } from "./api/client";
import { ViewerQuery } from "./api/documents/session";
import { LiveProvider } from "./api/live";
import { SessionContext } from "./api/session";
import { Failed, Waiting } from "./components/Loaded/Loaded";
import { Shell } from "./components/Shell/Shell";
import { Login } from "./views/Login/Login";
import { Views } from "./views/Views";

export function App() {
  const [epoch, setEpoch] = useState(0);
  const [feed, setFeed] = useState<FeedState>("connecting");
  const restart = useCallback(() => setEpoch((value) => value + 1), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new epoch is what makes a new client
  const api = useMemo(() => createApi(restart, setFeed), [restart, epoch]);
  useEffect(() => () => api.close(), [api]);
  return (
    <Provider value={api.client}>
      <Gate key={epoch} feed={feed} restart={restart} />
    </Provider>
  );
}

function Gate({ feed, restart }: { feed: FeedState; restart: () => void }) {
  const [result, again] = useQuery({ query: ViewerQuery });
  const viewer = result.data?.viewer ?? null;
  const session = useMemo(() => (viewer === null ? null : { viewer, signOut: restart }), [viewer, restart]);
  if (result.data === undefined) {
    if (result.error === undefined) return <Waiting lines={3} />;
    if (result.error.networkError !== undefined) return <Failed error={result.error} retry={() => again()} />;
  }
  if (session === null) return <Login onSignedIn={restart} />;
  return (
    <SessionContext value={session}>
      <LiveProvider feed={feed}>
        <Shell>
          <Views />
        </Shell>
      </LiveProvider>
    </SessionContext>
  );
}
