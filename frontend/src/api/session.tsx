/** Who is signed in. `null` means nobody; the login page is shown. */
import { createContext, useContext } from "react";

export interface Viewer {
  name: string;
  role: string;
}

export interface Session {
  viewer: Viewer;
  signOut: () => void;
}

export const SessionContext = createContext<Session | null>(null);

/** The session of a view behind the login. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  // INVARIANT: views are rendered by App only inside the provider.
  if (session === null) throw new Error("no session");
  return session;
}
