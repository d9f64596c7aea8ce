/** An identifier in mono: middle-truncated, whole on hover, copied on click. */
import { UnstyledButton } from "@mantine/core";
import { useState } from "react";
import { middle } from "../../state/format";
import { copyText } from "./copy";

export function Copyable({ text, max = 28 }: { text: string; max?: number }) {
  const [copied, setCopied] = useState(false);
  const onClick = async () => {
    setCopied(await copyText(text));
    setTimeout(() => setCopied(false), 1200);
  };
  return (
    <UnstyledButton
      className="mono"
      title={`${text} (click to copy)`}
      onClick={onClick}
      style={{ color: "inherit", whiteSpace: "nowrap", fontSize: 12, fontFamily: "var(--hw-mono)" }}
    >
      {copied ? "copied" : middle(text, max)}
    </UnstyledButton>
  );
}
