/** The canvas's tools: which rails, which layout, which edges, how nodes are sized; fit, undo, take away. */
import { Button, Select, Switch } from "@mantine/core";
import { GraphQuery, PathsQuery } from "../../api/documents/graph";
import { ListTools } from "../../components/ListTools/ListTools";
import type { Scene } from "../../graph/model/scene";
import { type GraphParams, graphInput, pathInput } from "../../graph/useGraphParams";
import css from "./Graph.module.css";

interface Props {
  params: GraphParams;
  set: (changes: Record<string, string | null>) => void;
  scene: Scene;
  left: boolean;
  right: boolean;
  sized: boolean;
  canUndo: boolean;
  onLeft: () => void;
  onRight: () => void;
  onSized: (sized: boolean) => void;
  onFit: () => void;
  onUndo: () => void;
}

const LAYOUTS = [
  { value: "auto", label: "Auto" },
  { value: "layered", label: "Layered" },
  { value: "force", label: "Force" },
  { value: "radial", label: "Radial" },
];
const EDGES = [
  { value: "both", label: "All edges" },
  { value: "observed", label: "Observed" },
  { value: "possible", label: "Possible" },
];

export function Toolbar(props: Props) {
  const { params, set, scene, left, right } = props;
  const pathing = params.from !== null;
  const sheet = {
    name: "edges",
    header: ["source", "kind", "target", "observed", "origin", "first_seen_at", "last_seen_at", "count"],
    rows: () =>
      [...scene.edges.values()].map((one) => [
        one.source.name,
        one.kind,
        one.target.name,
        String(one.observed),
        one.origin,
        one.firstSeenAt,
        one.lastSeenAt,
        one.count,
      ]),
  };
  return (
    <div className={css.tools}>
      <Rail open={left} onClick={props.onLeft} name="question" sign={left ? "◂" : "▸"} />
      <Select
        aria-label="Layout"
        w={92}
        data={LAYOUTS}
        value={params.layout}
        allowDeselect={false}
        onChange={(value) => set({ layout: value === "auto" ? null : value })}
      />
      {!pathing && (
        <Select
          aria-label="Which edges"
          w={100}
          data={EDGES}
          value={params.observed}
          allowDeselect={false}
          onChange={(value) => set({ show: value === "both" ? null : value })}
        />
      )}
      <Switch
        size="xs"
        label="by impact"
        title="Size of a node: the root of its impact within its kind"
        checked={props.sized}
        onChange={(event) => props.onSized(event.currentTarget.checked)}
      />
      <div className="grow" />
      <Button size="compact-xs" onClick={props.onFit}>
        Fit <kbd>f</kbd>
      </Button>
      <Button size="compact-xs" onClick={props.onUndo} disabled={!props.canUndo}>
        Undo <kbd>z</kbd>
      </Button>
      <ListTools
        query={pathing ? PathsQuery : GraphQuery}
        variables={{ input: pathing ? pathInput(params) : graphInput(params, params.focus) }}
        sheet={sheet}
      />
      <Rail open={right} onClick={props.onRight} name="detail" sign={right ? "▸" : "◂"} />
    </div>
  );
}

function Rail({ open, onClick, name, sign }: { open: boolean; onClick: () => void; name: string; sign: string }) {
  const label = `${open ? "Hide" : "Show"} the ${name}`;
  return (
    <Button size="compact-xs" onClick={onClick} aria-expanded={open} aria-label={label} title={label}>
      {sign}
    </Button>
  );
}
