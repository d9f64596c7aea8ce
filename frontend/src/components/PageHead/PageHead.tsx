/** The head of a view: its name, what it counts, its filters, and how to take the list away. */
import type { ReactNode } from "react";
import css from "./PageHead.module.css";

export function PageHead({
  title,
  note,
  tools,
  children,
}: {
  title: string;
  note?: ReactNode;
  tools?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <header className={css.head}>
      <div className={css.line}>
        <h1>{title}</h1>
        {note !== undefined && <span className="quiet">{note}</span>}
        <div className="grow" />
        {tools}
      </div>
      {children !== undefined && <div className={css.filters}>{children}</div>}
    </header>
  );
}
