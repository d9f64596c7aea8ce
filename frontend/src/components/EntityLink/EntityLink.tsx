/** An entity as the viewer writes it everywhere: its mark, its name, its page one click away. */

import { entityName } from "../../state/format";
import { KindMark } from "../Glyph/Glyph";
import { Go } from "../Go/Go";

export interface Named {
  id: string;
  kind: string;
  name: string;
  label?: string;
  tierZero?: boolean;
  owned?: boolean;
  enabled?: boolean | null | undefined;
}

export const entityPath = (id: string): string => `/entities/${encodeURIComponent(id)}`;

interface Props {
  entity: Named;
  /** With realm and DNS domain. */
  full?: boolean;
  title?: string;
}

export function EntityLink({ entity, full = false, title }: Props) {
  return (
    <Go to={entityPath(entity.id)} className="ellipsis" title={title ?? `${entity.kind} ${entity.name}`} style={LINK}>
      <KindMark kind={entity.kind} tierZero={entity.tierZero ?? false} owned={entity.owned ?? false} />
      <span className="ellipsis link" style={{ textDecorationColor: "transparent" }}>
        {full ? entity.name : entityName(entity)}
      </span>
      {entity.enabled === false && <span className="quiet">disabled</span>}
    </Go>
  );
}

const LINK = { display: "inline-flex", alignItems: "center", gap: 6, maxWidth: "100%", verticalAlign: "middle" };

interface AccountLike {
  name: string;
  domain?: string | null;
  entity?: Named | null;
}

/** Who: the entity where the directory knows it, else the name as sent. */
export function Who({ account }: { account: AccountLike | null | undefined }) {
  if (!account) return <span className="quiet">–</span>;
  if (account.entity)
    return <EntityLink entity={account.entity} title={`${account.entity.name}, sent as ${account.name}`} />;
  return (
    <span className="ellipsis" title="No object of the directory has this name">
      {account.name}
    </span>
  );
}

interface HostLike {
  address?: string | null;
  name?: string | null;
  certainty: string;
  method: string;
  entity?: Named | null;
}

/** Where: the host with how surely it was resolved on hover. */
export function Where({ host }: { host: HostLike | null | undefined }) {
  if (!host) return <span className="quiet">–</span>;
  const label = host.name ?? host.address ?? "unknown host";
  const how = `${label}${host.address ? ` · ${host.address}` : ""} · resolved ${host.certainty} by ${host.method}`;
  if (host.entity) return <EntityLink entity={host.entity} title={how} />;
  return (
    <span className="mono ellipsis" title={how}>
      {label}
    </span>
  );
}
