/** The risk of an entity as two falls: how likely it is in wrong hands, and what that would mean. */
import { Waterfall } from "../../components/Charts/Waterfall";
import type { Entity } from "./Entity";
import css from "./Entity.module.css";

/** The terms that speak of what a takeover would mean; every other one speaks of how likely it is. */
const IMPACT = new Set(["tier zero", "path to tier zero", "sensitive", "reach"]);

export function RiskParts({ risk }: { risk: Entity["risk"] }) {
  const likely = risk.parts.filter((part) => !IMPACT.has(part.name));
  const heavy = risk.parts.filter((part) => IMPACT.has(part.name));
  return (
    <div className={css.risk}>
      <Waterfall parts={likely} total={risk.likelihood} label="Likelihood" />
      <Waterfall parts={heavy} total={risk.impact} label="Impact" />
    </div>
  );
}
