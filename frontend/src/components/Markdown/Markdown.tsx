/** A manual as text: parsed Markdown drawn as elements, never as HTML. */
import { Fragment, type ReactNode } from "react";
import css from "./Markdown.module.css";
import { type Block, type Inline, parseInline, parseMarkdown } from "./parse";

export function Markdown({ text }: { text: string }) {
  return (
    <div className={css.text}>
      {parseMarkdown(text).map((block, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a parsed text never reorders
        <Fragment key={at}>{drawBlock(block)}</Fragment>
      ))}
    </div>
  );
}

function drawBlock(block: Block): ReactNode {
  switch (block.kind) {
    case "heading":
      return block.level <= 1 ? null : <h3>{inline(block.text)}</h3>;
    case "paragraph":
      return <p>{inline(block.text)}</p>;
    case "code":
      return <pre className="mono">{block.text}</pre>;
    case "list": {
      const items = block.items.map((item) => <li key={item}>{inline(item)}</li>);
      return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case "table":
      return (
        <table>
          <thead>
            <tr>
              {block.head.map((cell) => (
                <th key={cell}>{inline(cell)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {block.rows.map((row) => (
              <tr key={row.join("|")}>
                {row.map((cell, at) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: cells keep their column
                  <td key={at}>{inline(cell)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
  }
}

function inline(text: string): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: a parsed text never reorders
  return parseInline(text).map((part, at) => <Fragment key={at}>{drawInline(part)}</Fragment>);
}

function drawInline(part: Inline): ReactNode {
  switch (part.kind) {
    case "code":
      return <code className="mono">{part.text}</code>;
    case "strong":
      return <strong>{part.text}</strong>;
    case "em":
      return <em>{part.text}</em>;
    case "link":
      return (
        <a className="link" href={part.href} rel="noreferrer noopener" target="_blank">
          {part.text}
        </a>
      );
    default:
      return part.text;
  }
}
