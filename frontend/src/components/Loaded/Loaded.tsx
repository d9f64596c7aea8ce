/** What every view shows besides its content: waiting, what failed and what to try, and what would fill an empty list. */
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import type { CombinedError } from "urql";
import { describe } from "../../api/client";
import css from "./Loaded.module.css";

export interface Result<T> {
  data?: T | undefined;
  error?: CombinedError | undefined;
  fetching: boolean;
}

interface Props<T> {
  result: Result<T>;
  retry: () => void;
  /** How many grey lines stand in while it loads. */
  lines?: number;
  children: (data: T) => ReactNode;
}

export function Loaded<T>({ result, retry, lines = 6, children }: Props<T>) {
  if (result.data !== undefined) {
    return (
      <>
        {result.error !== undefined && <Failed error={result.error} retry={retry} />}
        {children(result.data)}
      </>
    );
  }
  if (result.error !== undefined) return <Failed error={result.error} retry={retry} />;
  return <Waiting lines={lines} />;
}

export function Waiting({ lines = 6 }: { lines?: number }) {
  return (
    <div className={css.wait} role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are alike and never reorder
        <div key={line} className={css.bar} style={{ width: `${88 - ((line * 23) % 50)}%` }} />
      ))}
    </div>
  );
}

export function Failed({ error, retry }: { error: CombinedError; retry?: () => void }) {
  const { what, hint } = describe(error);
  return (
    <div className={css.note} role="alert">
      <strong>{what}</strong>
      <span>{hint}</span>
      {retry !== undefined && (
        <Button onClick={retry} style={{ alignSelf: "flex-start", marginTop: 4 }}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** An empty state says what would fill it. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={css.note}>
      <strong>{title}</strong>
      {children !== undefined && <span>{children}</span>}
      {action}
    </div>
  );
}
