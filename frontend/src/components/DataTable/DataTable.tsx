/** A table: fixed columns that never jump on a live update, one row selected, the row opens on click or Enter. */
import type { ReactNode } from "react";
import css from "./DataTable.module.css";

export interface Column<Row> {
  key: string;
  title: string;
  /** CSS width; one column without it takes the rest. */
  width?: number | string;
  align?: "right";
  cell: (row: Row) => ReactNode;
  onSort?: () => void;
  sorted?: boolean;
}

interface Props<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  id: (row: Row) => string;
  onOpen?: (row: Row) => void;
  selected?: string | null;
  compact?: boolean;
  minWidth?: number;
}

export function DataTable<Row>({ label, columns, rows, id, onOpen, selected, compact, minWidth }: Props<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className={css.wrap} aria-label={label} tabIndex={0}>
      <table className={`${css.table} ${compact ? css.compact : ""}`} style={{ minWidth }}>
        <colgroup>
          {columns.map((column) => (
            <col key={column.key} style={{ width: column.width }} />
          ))}
        </colgroup>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                className={column.align === "right" ? css.right : undefined}
                aria-sort={column.sorted ? "descending" : undefined}
              >
                {column.onSort === undefined ? (
                  column.title
                ) : (
                  <button type="button" className={css.sort} onClick={column.onSort}>
                    {column.title}
                    {column.sorted ? " ↓" : ""}
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const key = id(row);
            const classes = [onOpen ? css.open : "", selected === key ? css.selected : ""].join(" ");
            return (
              <tr
                key={key}
                data-row={key}
                className={classes}
                aria-selected={selected === undefined ? undefined : selected === key}
                onClick={onOpen === undefined ? undefined : (event) => openRow(event, () => onOpen(row))}
              >
                {columns.map((column) => (
                  <td key={column.key} className={column.align === "right" ? css.right : undefined}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** A click on a link or button inside the row is its own; a drag that selects text opens nothing. */
function openRow(event: React.MouseEvent, open: () => void): void {
  if (event.target instanceof Element && event.target.closest("a,button,input,select") !== null) return;
  if ((window.getSelection()?.toString() ?? "") !== "") return;
  open();
}
