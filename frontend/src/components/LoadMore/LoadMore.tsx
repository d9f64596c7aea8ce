/** The foot of a list: how much is shown of how much, and the next page. */
import { Button } from "@mantine/core";
import { useState } from "react";
import { count } from "../../state/format";

export function LoadMore({
  shown,
  total,
  hasMore,
  more,
}: {
  shown: number;
  total: number;
  hasMore: boolean;
  more: () => Promise<void>;
}) {
  const [waiting, setWaiting] = useState(false);
  const load = async () => {
    setWaiting(true);
    await more();
    setWaiting(false);
  };
  return (
    <div className="row" style={{ padding: "8px 12px", minHeight: 44 }}>
      <span className="quiet">
        {count(shown)} of {count(total)}
      </span>
      {hasMore && (
        <Button onClick={load} loading={waiting}>
          Show more
        </Button>
      )}
    </div>
  );
}
