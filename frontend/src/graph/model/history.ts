/** Undo: the scenes before, newest last, at most `KEPT`. Pure. */
export const KEPT = 50;

export interface History<T> {
  past: readonly T[];
  present: T;
}

export const begin = <T>(present: T): History<T> => ({ past: [], present });

export function push<T>(history: History<T>, present: T): History<T> {
  if (present === history.present) return history;
  return { past: [...history.past, history.present].slice(-KEPT), present };
}

export function undo<T>(history: History<T>): History<T> {
  const present = history.past.at(-1);
  return present === undefined ? history : { past: history.past.slice(0, -1), present };
}
