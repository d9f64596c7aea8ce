/** The left rail: what is asked (from, to, via, without, how many), and the paths found, hop by hop. */
import { Button, NumberInput, SegmentedControl } from "@mantine/core";
import { EdgeArrow } from "../../components/EdgeSentence/EdgeSentence";
import { KindMark } from "../../components/Glyph/Glyph";
import type { PathsQuery } from "../../gql/graphql";
import { entityName, plural, shortName } from "../../state/format";
import { type GraphParams, joined } from "../useGraphParams";
import { EntityPicker } from "./EntityPicker";
import css from "./rails.module.css";

type Paths = PathsQuery["paths"];

interface Props {
  params: GraphParams;
  set: (changes: Record<string, string | null>) => void;
  paths: Paths | undefined;
  nameOf: (id: string) => string;
  onFocus: (id: string) => void;
  onHop: (edge: string) => void;
}

export function PathRail({ params, set, paths, nameOf, onFocus, onHop }: Props) {
  const pathing = params.from !== null;
  return (
    <div className={css.rail}>
      <section className={css.part}>
        <EntityPicker
          label="Show"
          placeholder="Find an object"
          value={null}
          nameOf={nameOf}
          onChange={(id) => id !== null && onFocus(id)}
          hideLabel
        />
      </section>
      <section className={css.part} aria-label="Path">
        <h2>Path</h2>
        <EntityPicker
          label="From"
          placeholder="Anyone"
          value={params.from}
          nameOf={nameOf}
          onChange={(id) => set({ from: id, path: null, sel: null })}
        />
        <EntityPicker
          label="To"
          placeholder="Tier Zero"
          value={params.to}
          nameOf={nameOf}
          onChange={(id) => set({ to: id, path: null })}
        />
        {pathing && (
          <>
            <EntityPicker
              label="Via"
              placeholder="Any way"
              value={params.via[0] ?? null}
              nameOf={nameOf}
              onChange={(id) => set({ via: id === null ? null : joined([id]), path: null })}
            />
            <div className="row" style={{ alignItems: "end" }}>
              <NumberInput
                label="Paths"
                size="xs"
                min={1}
                max={20}
                w={72}
                value={params.k}
                onChange={(value) => set({ k: String(value), path: null })}
              />
              <SegmentedControl
                size="xs"
                aria-label="Order paths by"
                value={params.byHops ? "hops" : "cost"}
                onChange={(value) => set({ by: value === "hops" ? "hops" : null, path: null })}
                data={[
                  { value: "cost", label: "Cost" },
                  { value: "hops", label: "Hops" },
                ]}
              />
            </div>
            <Without params={params} set={set} nameOf={nameOf} />
          </>
        )}
      </section>
      {pathing && paths !== undefined && <Found paths={paths} params={params} set={set} onHop={onHop} />}
      {!pathing && (
        <p className={`${css.part} quiet`}>
          Choose where a path starts, or select a node and press <kbd>p</kbd>, or <kbd>0</kbd> for its way to Tier Zero.
        </p>
      )}
    </div>
  );
}

function Without({ params, set, nameOf }: Pick<Props, "params" | "set" | "nameOf">) {
  const chips = [
    ...params.notNodes.map((id) => ({
      key: id,
      label: shortName(nameOf(id)),
      off: () => set({ not: joined(params.notNodes.filter((one) => one !== id)) }),
    })),
    ...params.notEdges.map((id) => ({
      key: id,
      label: "one edge",
      off: () => set({ notEdge: joined(params.notEdges.filter((one) => one !== id)) }),
    })),
    ...params.notKinds.map((kind) => ({
      key: kind,
      label: kind,
      off: () => set({ notKind: joined(params.notKinds.filter((one) => one !== kind)) }),
    })),
  ];
  if (chips.length === 0) return null;
  return (
    <div className={css.chips}>
      <span className="quiet">without</span>
      {chips.map((chip) => (
        <Button key={chip.key} size="compact-xs" onClick={chip.off} title="Allow it again">
          {chip.label} ✕
        </Button>
      ))}
    </div>
  );
}

function Found({
  paths,
  params,
  set,
  onHop,
}: {
  paths: Paths;
  params: GraphParams;
  set: Props["set"];
  onHop: Props["onHop"];
}) {
  if (paths.paths.length === 0) {
    return (
      <section className={css.part} data-testid="path-list">
        <strong>No path</strong>
        <p className="second">{paths.reason ?? "The rights and sessions known here do not connect them."}</p>
      </section>
    );
  }
  return (
    <section className={css.paths} aria-label="Paths found" data-testid="path-list">
      {paths.paths.map((path, at) => {
        const active = at === Math.min(params.path, paths.paths.length - 1);
        return (
          <div key={path.hops.map((hop) => hop.id).join("\n")} className={css.path} data-path={at}>
            <button
              type="button"
              className={`${css.pathHead} ${active ? css.active : ""}`}
              aria-expanded={active}
              onClick={() => set({ path: at === 0 ? null : String(at), sel: null })}
            >
              <strong>{at + 1}</strong>
              <span>{plural(path.length, "hop")}</span>
              <span className="grow" />
              <span className="second">cost {path.cost}</span>
            </button>
            {active && (
              <ol className={css.hops}>
                {path.hops.map((hop, index) => (
                  <li key={hop.id}>
                    <button
                      type="button"
                      className={`${css.hop} ${params.selected === `e:${hop.id}` ? css.chosen : ""}`}
                      aria-pressed={params.selected === `e:${hop.id}`}
                      onClick={() => onHop(hop.id)}
                    >
                      <span className={css.number}>{index + 1}</span>
                      <span className={css.hopText}>
                        <span className="row">
                          <KindMark kind={hop.source.kind} tierZero={hop.source.tierZero} owned={hop.source.owned} />
                          <span className="ellipsis grow">{entityName(hop.source)}</span>
                          <span className={`quiet ${css.cost}`}>cost {hop.cost}</span>
                        </span>
                        <EdgeArrow edge={hop} />
                        <span className="second">{hop.help}</span>
                      </span>
                    </button>
                  </li>
                ))}
                <li className={css.last}>
                  <KindMark
                    kind={path.hops.at(-1)?.target.kind ?? "Base"}
                    tierZero={path.hops.at(-1)?.target.tierZero ?? false}
                  />
                  <span className="ellipsis">{lastName(path)}</span>
                </li>
              </ol>
            )}
          </div>
        );
      })}
      <p className={`${css.part} quiet`}>found in {paths.elapsedMs.toFixed(1)} ms</p>
    </section>
  );
}

function lastName(path: Paths["paths"][number]): string {
  const target = path.hops.at(-1)?.target;
  return target === undefined ? "" : entityName(target);
}
