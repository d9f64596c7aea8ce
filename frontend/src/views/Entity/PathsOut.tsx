/** Ways out: the cheapest paths from this entity to Tier Zero, in one line each; ways in as a share and a link. */
import { useQuery } from "urql";
import { PathsQuery } from "../../api/documents/graph";
import { EdgeArrow } from "../../components/EdgeSentence/EdgeSentence";
import { EntityLink } from "../../components/EntityLink/EntityLink";
import { Go } from "../../components/Go/Go";
import { Empty, Loaded } from "../../components/Loaded/Loaded";
import { percent, plural } from "../../state/format";
import css from "./Entity.module.css";

/** Shown here; the graph shows more. */
const PATHS = 3;

export function PathsOut({ id, tierZero, exposure }: { id: string; tierZero: boolean; exposure: number }) {
  const [result, again] = useQuery({
    query: PathsQuery,
    variables: { input: { from: id, count: PATHS, byHops: false } },
    pause: tierZero,
  });
  return (
    <section className="panel">
      <header>
        <h2>Ways out, ways in</h2>
        <div className="grow" />
        <Go className="link" to={`/graph?focus=${encodeURIComponent(id)}`}>
          {percent(exposure)} of principals reach it
        </Go>
      </header>
      {tierZero ? (
        <Empty title="It is Tier Zero">There is no way up from here; what matters is who reaches it.</Empty>
      ) : (
        <Loaded result={result} retry={again} lines={3}>
          {(data) =>
            data.paths.paths.length === 0 ? (
              <Empty title="No path to Tier Zero">
                {data.paths.reason ?? "The rights and sessions known here lead nowhere near."}
              </Empty>
            ) : (
              data.paths.paths.map((path, at) => (
                <div key={path.hops.map((hop) => hop.id).join()} className={css.way}>
                  <Go to={`/graph?from=${encodeURIComponent(id)}${at === 0 ? "" : `&path=${at}`}`} className="link">
                    {plural(path.length, "hop")}, cost {path.cost}
                  </Go>
                  <span className={css.hops}>
                    {path.hops.map((hop) => (
                      <span key={hop.id} className={css.hop}>
                        <EdgeArrow edge={hop} />
                        <EntityLink entity={hop.target} />
                      </span>
                    ))}
                  </span>
                </div>
              ))
            )
          }
        </Loaded>
      )}
    </section>
  );
}
