/** What the canvas says over itself: waiting, failed, cut by a limit, choosing the end of a path. */
import { Button } from "@mantine/core";
import { Failed } from "../../components/Loaded/Loaded";
import type { Display } from "../../graph/model/display";
import type { SceneState } from "../../graph/useScene";
import { plural, shortName } from "../../state/format";
import css from "./Graph.module.css";

interface Props {
  state: SceneState;
  shown: Display;
  picking: boolean;
  from: string | null;
  limit: number;
  onMore: () => void;
  onTierZero: () => void;
}

export function GraphNotes({ state, shown, picking, from, limit, onMore, onTierZero }: Props) {
  const hidden = shown.nodes.reduce((sum, node) => sum + node.hidden, 0);
  return (
    <div className={css.notes}>
      {state.error !== undefined && (
        <div className={css.note}>
          <Failed error={state.error} retry={state.again} />
        </div>
      )}
      {picking && from !== null && (
        <div className={css.note} role="status">
          Path from <strong>{shortName(from)}</strong>: click where it ends
          <Button size="compact-xs" onClick={onTierZero}>
            Tier Zero <kbd>0</kbd>
          </Button>
          <kbd>Esc</kbd>
        </div>
      )}
      {state.scene.truncated && (
        <div className={css.note} role="status">
          Cut at {limit} nodes; {plural(hidden, "neighbour")} not drawn
          {limit < 2000 && (
            <Button size="compact-xs" onClick={onMore}>
              Draw more
            </Button>
          )}
        </div>
      )}
      {state.fetching && <div className={`${css.note} quiet`}>Loading</div>}
    </div>
  );
}
