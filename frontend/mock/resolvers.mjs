/** Answers of the mock, in the shape of the contract: filters, pages, neighbourhoods and paths over the estate. */
import { ago, byName, EDGES, edges, into, KINDS, NOW, nodes, out } from "./estate.mjs";
import * as story from "./story.mjs";

export const feed = new EventTarget();
export const sessions = new Set();
const PASSWORD = process.env.HOPWATCH_PASSWORD ?? "hopwatch";

function page(list, { first = 50, after } = {}) {
  const start = after ? Number(after) + 1 : 0;
  const slice = list.slice(start, start + first);
  const edgesOf = slice.map((node, at) => ({ node, cursor: String(start + at) }));
  return {
    nodes: slice,
    edges: edgesOf,
    totalCount: list.length,
    pageInfo: {
      hasPreviousPage: start > 0,
      hasNextPage: start + slice.length < list.length,
      startCursor: edgesOf[0]?.cursor ?? null,
      endCursor: edgesOf.at(-1)?.cursor ?? null,
    },
  };
}

const alive = (edge, asOf) => (asOf ? edge.firstSeenAt <= asOf && (!edge.endedAt || edge.endedAt > asOf) : true);

/* Distance and next hop to Tier Zero: one reverse Dijkstra over traversable edges. */
const distance = new Map();
function measure() {
  const queue = [...nodes.values()].filter((one) => one.tierZero).map((one) => [0, 0, one.id]);
  for (const [, , id] of queue) distance.set(id, { cost: 0, hops: 0 });
  while (queue.length > 0) {
    queue.sort((a, b) => b[0] - a[0]);
    const [cost, hops, id] = queue.pop();
    if (distance.get(id).cost < cost) continue;
    for (const edge of into.get(id) ?? []) {
      if (!edge.traversable || edge.endedAt) continue;
      const next = cost + edge.cost;
      if (next < (distance.get(edge.source.id)?.cost ?? Infinity)) {
        distance.set(edge.source.id, { cost: next, hops: hops + 1 });
        queue.push([next, hops + 1, edge.source.id]);
      }
    }
  }
}
measure();

function cheapest(from, goal, ban) {
  const best = new Map([[from, { cost: 0, via: null }]]);
  const queue = [[0, from]];
  while (queue.length > 0) {
    queue.sort((a, b) => b[0] - a[0]);
    const [cost, id] = queue.pop();
    if (goal(id) && id !== from) {
      const hops = [];
      for (let at = id; best.get(at).via; at = best.get(at).via.source.id) hops.unshift(best.get(at).via);
      return { hops, cost, length: hops.length };
    }
    if (best.get(id).cost < cost) continue;
    for (const edge of out.get(id) ?? []) {
      if (!edge.traversable || ban(edge)) continue;
      const next = cost + edge.cost + 0.001;
      if (next < (best.get(edge.target.id)?.cost ?? Infinity)) {
        best.set(edge.target.id, { cost: next, via: edge });
        queue.push([next, edge.target.id]);
      }
    }
  }
  return null;
}

function kPaths(input) {
  const goal = input.to ? (id) => id === input.to : (id) => nodes.get(id).tierZero;
  const banned = new Set(input.excludeEdges ?? []);
  const found = [];
  const tried = new Set();
  const queue = [new Set()];
  while (queue.length > 0 && found.length < input.count && tried.size < 400) {
    const cut = queue.shift();
    const legs = [...(input.via ?? []), null];
    let from = input.from;
    const hops = [];
    for (const stop of legs) {
      const path = cheapest(
        from,
        stop ? (id) => id === stop : goal,
        (edge) =>
          cut.has(edge.id) ||
          banned.has(edge.id) ||
          (input.excludeNodes ?? []).includes(edge.target.id) ||
          (input.excludeKinds ?? []).includes(edge.kind) ||
          !alive(edge, input.asOf) ||
          (!input.asOf && edge.endedAt),
      );
      if (path === null) {
        hops.length = 0;
        break;
      }
      hops.push(...path.hops);
      from = path.hops.at(-1).target.id;
    }
    if (hops.length === 0) continue;
    const key = hops.map((hop) => hop.id).join();
    if (!tried.has(key)) {
      tried.add(key);
      found.push({ hops, cost: hops.reduce((sum, hop) => sum + hop.cost, 0), length: hops.length });
    }
    for (const hop of hops) queue.push(new Set([...cut, hop.id]));
  }
  return found.sort((a, b) => a.cost - b.cost);
}

function subgraph(ids, list, truncated = false) {
  const here = new Set(ids);
  const hidden = [...here].map((id) => {
    const around = new Set(
      [...(out.get(id) ?? []), ...(into.get(id) ?? [])].flatMap((edge) => [edge.source.id, edge.target.id]),
    );
    return { entity: id, count: [...around].filter((one) => !here.has(one)).length };
  });
  return {
    nodes: [...here].map((id) => nodes.get(id)),
    edges: list,
    truncated,
    hidden: hidden.filter((one) => one.count > 0),
  };
}

function ofEdges(list) {
  return subgraph(
    list.flatMap((edge) => [edge.source.id, edge.target.id]),
    [...new Set(list)],
  );
}

function graph({ input }) {
  const focus =
    input.focus.length > 0 ? input.focus : [...nodes.values()].filter((one) => one.tierZero).map((one) => one.id);
  const here = new Set(focus.filter((id) => nodes.has(id)));
  const allowed = (edge) =>
    (!input.kinds || input.kinds.includes(edge.kind)) &&
    (input.observed == null || edge.observed === input.observed) &&
    alive(edge, input.asOf) &&
    (!input.since || edge.lastSeenAt >= input.since) &&
    (!input.until || edge.firstSeenAt <= input.until);
  let border = [...here];
  let truncated = false;
  for (let hop = 0; hop < input.depth; hop++) {
    const next = [];
    for (const id of border) {
      const around = [...(out.get(id) ?? []), ...(into.get(id) ?? [])].filter(allowed);
      for (const edge of around) {
        for (const one of [edge.source.id, edge.target.id]) {
          if (here.has(one)) continue;
          if (here.size >= input.limit) {
            truncated = true;
            continue;
          }
          here.add(one);
          next.push(one);
        }
      }
    }
    border = next;
  }
  return subgraph(
    here,
    edges.filter((edge) => allowed(edge) && here.has(edge.source.id) && here.has(edge.target.id)),
    truncated,
  );
}

function alertMap(alert) {
  const ids = new Set(
    [alert.actor?.entity?.id, alert.source?.entity?.id, alert.targetHost?.entity?.id].filter(Boolean),
  );
  const list = edges.filter((edge) => edge.observed && ids.has(edge.source.id) && ids.has(edge.target.id));
  const path = alertPath(alert);
  return ofEdges([...list, ...(path?.hops ?? [])]);
}
function alertPath(alert) {
  const from = alert.actor?.entity ?? alert.source?.entity;
  return from && !from.tierZero ? (kPaths({ from: from.id, count: 1 })[0] ?? null) : null;
}

function risk(entity) {
  const own = story.oddest.find((one) => one.entity === entity);
  const near = distance.get(entity.id);
  const impact = near ? Math.max(10, 100 - near.cost * 2) : 5;
  const likelihood = own?.score ?? 8;
  return {
    score: (likelihood * impact) / 100,
    likelihood,
    impact,
    parts: [
      {
        name: "likelihood: behaviour",
        value: likelihood,
        contribution: likelihood * 0.62,
        text: own?.parts[0].text ?? "as every day",
      },
      {
        name: "likelihood: alerts",
        value: 3,
        contribution: likelihood * 0.38,
        text: `${story.alerts.filter((one) => one.actor?.entity === entity && one.state !== "CLOSED").length} open alerts`,
      },
      {
        name: "impact: distance",
        value: near?.hops ?? -1,
        contribution: (-(100 - impact) * likelihood) / 100,
        text: near ? `${near.hops} hops to Tier Zero at cost ${near.cost}` : "no path to Tier Zero",
      },
    ],
  };
}

const matches = (text, ...fields) => !text || fields.some((field) => field?.toLowerCase().includes(text.toLowerCase()));
const touches = (id, one) =>
  !id ||
  [one.actor?.entity?.id, one.source?.entity?.id, one.targetHost?.entity?.id, one.target?.entity?.id].includes(id);
const recent = (list, key) => [...list].sort((a, b) => b[key].localeCompare(a[key]));

function alertsOf(filter = {}) {
  return recent(story.alerts, "lastAt").filter(
    (one) =>
      (!filter?.severities?.length || filter.severities.includes(one.severity)) &&
      (!filter?.states?.length || filter.states.includes(one.state)) &&
      (!filter?.detections?.length || filter.detections.includes(one.detection)) &&
      touches(filter?.entity, one) &&
      matches(filter?.text, one.explanation, one.actor?.name, one.source?.name, one.target) &&
      (!filter?.since || one.lastAt >= filter.since),
  );
}
function eventsOf(filter = {}) {
  return story.events.filter(
    (one) =>
      (!filter?.what?.length || filter.what.includes(one.what)) &&
      touches(filter?.entity, one) &&
      matches(filter?.text, one.actor?.name, one.source?.name, one.source?.address, one.target?.name) &&
      (!filter?.since || one.time >= filter.since),
  );
}

const ORDER = {
  NAME: (a, b) => a.name.localeCompare(b.name),
  RISK: (a, b) => risk(b).score - risk(a).score,
  EXPOSURE: (a, b) => exposure(b) - exposure(a),
  IMPACT: (a, b) => impact(b) - impact(a),
  DISTANCE: (a, b) => (distance.get(a.id)?.cost ?? 1e9) - (distance.get(b.id)?.cost ?? 1e9),
};
const exposure = (one) => (one.tierZero ? 14.2 : ((into.get(one.id)?.length ?? 0) * 100) / 640);
const impact = (one) => (out.get(one.id)?.length ?? 0) * (one.tierZero ? 20 : 1);

function signedIn(context) {
  return sessions.has(context.token);
}
function guard(context) {
  if (!signedIn(context)) throw Object.assign(new Error("not signed in"), { extensions: { code: "UNAUTHENTICATED" } });
}
const guarded = (resolve) => (_root, args, context) => {
  guard(context);
  return resolve(args);
};

const open = () => story.alerts.filter((one) => one.state === "OPEN");
const days = (buckets) =>
  Array.from({ length: buckets }, (_, at) => {
    const start = ago((buckets - at) * 1440);
    const end = ago((buckets - at - 1) * 1440);
    const inside = story.alerts.filter((one) => one.lastAt >= start && one.lastAt < end);
    const sum = (level) => inside.filter((one) => one.severity === level).length;
    return { startAt: start, endAt: end, low: sum("LOW"), medium: sum("MEDIUM"), high: sum("HIGH") };
  });

export const resolvers = {
  Query: {
    viewer: (_root, _args, context) => (signedIn(context) ? { name: "ana", role: "ANALYST" } : null),
    health: guarded(() => ({
      version: "0.1.0-mock",
      startedAt: ago(60 * 26),
      watermark: ago(0.1),
      nodes: nodes.size,
      edges: edges.length,
      events: story.events.length,
      sources: story.sources,
      coverageGaps: story.coverageGaps,
    })),
    overview: guarded(() => ({
      openAlerts: open().length,
      openHigh: open().filter((one) => one.severity === "HIGH").length,
      exposurePercent: 14.2,
      exposedPrincipals: 91,
      principals: 640,
      tierZero: [...nodes.values()].filter((one) => one.tierZero).length,
      alertHistogram: ({ buckets }) => days(buckets),
      fixFirst: ({ first }) => story.chokePoints.slice(0, first),
      oddest: ({ first }) => story.oddest.slice(0, first),
      learning: story.learning,
    })),
    alerts: guarded((args) => page(alertsOf(args.filter), args)),
    alert: guarded(({ id }) => story.alerts.find((one) => one.id === id) ?? null),
    entities: guarded((args) => {
      const { filter } = args;
      const list = [...nodes.values()].filter(
        (one) =>
          (!filter?.kinds?.length || filter.kinds.includes(one.kind)) &&
          matches(filter?.text, one.name, one.id) &&
          (filter?.tierZero == null || one.tierZero === filter.tierZero) &&
          (filter?.enabled == null || one.enabled === filter.enabled),
      );
      return page(list.sort(ORDER[args.orderBy]), args);
    }),
    entity: guarded(({ id }) => nodes.get(id) ?? byName.get(id.toLowerCase()) ?? null),
    edge: guarded(({ id }) => edges.find((one) => one.id === id) ?? null),
    search: guarded(({ text, kinds, first }) =>
      [...nodes.values()]
        .filter((one) => matches(text, one.name, one.id) && (!kinds || kinds.includes(one.kind)))
        .sort((a, b) => a.name.length - b.name.length)
        .slice(0, first),
    ),
    paths: guarded(({ input }) => {
      const paths = kPaths(input);
      return {
        paths,
        graph: ofEdges(paths.flatMap((one) => one.hops)),
        reason:
          paths.length > 0
            ? null
            : `no traversable edges lead from ${nodes.get(input.from)?.name ?? "it"} to ${input.to ? nodes.get(input.to)?.name : "Tier Zero"}`,
        elapsedMs: 0.8,
      };
    }),
    graph: guarded(graph),
    observedHistogram: guarded(({ buckets }) => {
      const start = NOW - 41 * 86_400_000;
      const step = (NOW - start) / buckets;
      return Array.from({ length: buckets }, (_, at) => {
        const [from, to] = [start + at * step, start + (at + 1) * step].map((time) => new Date(time).toISOString());
        return {
          startAt: from,
          endAt: to,
          count: edges.filter((edge) => edge.observed && edge.lastSeenAt >= from && edge.lastSeenAt < to).length,
        };
      });
    }),
    chokePoints: guarded(({ first }) => story.chokePoints.slice(0, first)),
    events: guarded((args) => page(eventsOf(args.filter), args)),
    findings: guarded(() => story.findings),
    detections: guarded(() => story.MANUALS),
    reports: guarded((args) => page(recent(story.reports, "createdAt"), args)),
    reportSchedules: guarded(() => story.schedules),
    nodeKinds: guarded(() => Object.entries(KINDS).map(([kind, [glyph, help]]) => ({ kind, glyph, help }))),
    edgeKinds: guarded(() =>
      Object.entries(EDGES).map(([kind, [origin, traversable, cost, help, remediation]]) => ({
        kind,
        origin,
        traversable,
        cost,
        help,
        remediation,
      })),
    ),
  },
  Mutation: {
    login: (_root, { name, password }, context) => {
      if (password !== PASSWORD)
        throw Object.assign(new Error("Name or password is wrong."), { extensions: { code: "UNAUTHENTICATED" } });
      context.open();
      return { viewer: { name, role: "ANALYST" }, expiresAt: new Date(Date.now() + 8 * 3_600_000).toISOString() };
    },
    logout: (_root, _args, context) => {
      sessions.delete(context.token);
      return true;
    },
    triageAlert: guarded(({ input }) => {
      const one = story.alerts.find((candidate) => candidate.id === input.id);
      for (const key of ["state", "classification", "assignee", "comment"])
        if (input[key] !== undefined) one[key] = input[key];
      feed.dispatchEvent(new CustomEvent("alert", { detail: { kind: "TRIAGED", alert: one } }));
      return one;
    }),
    tagEntity: guarded(({ id, owned, sensitive }) =>
      Object.assign(nodes.get(id), owned == null ? {} : { owned }, sensitive == null ? {} : { sensitive }),
    ),
    runReport: guarded(({ name }) => {
      const made = story.report(name, (NOW - Date.now()) / 60_000, "ana");
      story.reports.push(made);
      return made;
    }),
  },
  Subscription: {
    alertChanged: {
      subscribe: async function* (_root, _args, context) {
        guard(context);
        const waiting = [];
        let wake = () => {};
        const hear = (event) => {
          waiting.push({ alertChanged: event.detail });
          wake();
        };
        feed.addEventListener("alert", hear);
        try {
          for (;;) {
            while (waiting.length > 0) yield waiting.shift();
            await new Promise((done) => {
              wake = done;
            });
          }
        } finally {
          feed.removeEventListener("alert", hear);
        }
      },
    },
  },
  Alert: {
    evidence: (one, { first }) => one.evidence.slice(0, first),
    map: alertMap,
    path: alertPath,
    related: (one, { first }) =>
      alertsOf()
        .filter(
          (other) =>
            other !== one && (other.actor?.sid === one.actor?.sid || other.source?.entity === one.source?.entity),
        )
        .slice(0, first),
    timeline: (one, { first }) =>
      story.events
        .filter((event) =>
          [event.actor?.entity, event.source?.entity].includes(one.actor?.entity ?? one.source?.entity),
        )
        .slice(0, first)
        .reverse(),
    manual: (one) => story.MANUALS.find((about) => about.slug === one.detection),
  },
  Event: {
    signIn: (one) => one.signIn ?? null,
  },
  ChokePoint: {
    path: ({ edge }) => {
      const rest = edge.target.tierZero ? null : kPaths({ from: edge.target.id, count: 1 })[0];
      const hops = [edge, ...(rest?.hops ?? [])];
      return { hops, length: hops.length, cost: hops.reduce((sum, hop) => sum + hop.cost, 0) };
    },
    parallel: ({ edge }) => [edge],
  },
  Entity: {
    label: (one) => (one.kind === "Computer" ? one.name.split(".")[0] : one.name.split("@")[0]),
    openAlerts: (one) => alertsOf({ entity: one.id, states: ["OPEN", "IN_PROGRESS"] }).length,
    properties: (one) =>
      [
        ["objectid", one.id],
        ["distinguishedName", `CN=${one.name.split("@")[0]},DC=lab,DC=example`],
        ["whenCreated", one.firstSeenAt],
        ["userAccountControl", one.kind === "User" ? "NORMAL_ACCOUNT" : "WORKSTATION_TRUST_ACCOUNT"],
      ].map(([name, value]) => ({ name, value })),
    distanceToTierZero: (one) => distance.get(one.id)?.hops ?? null,
    exposurePercent: exposure,
    impact,
    risk,
    outbound: (one, args) =>
      page(
        (out.get(one.id) ?? []).filter(
          (edge) => (!args.kinds || args.kinds.includes(edge.kind)) && alive(edge, args.asOf),
        ),
        args,
      ),
    inbound: (one, args) =>
      page(
        (into.get(one.id) ?? []).filter(
          (edge) => (!args.kinds || args.kinds.includes(edge.kind)) && alive(edge, args.asOf),
        ),
        args,
      ),
    alerts: (one, args) => page(alertsOf({ entity: one.id }), args),
    events: (one, args) => page(eventsOf({ entity: one.id }), args),
    activity: (one) => {
      const seed = one.name.length;
      const bump = (hour, day) => (day < 5 && hour > 7 && hour < 18 ? 6 + ((hour * 7 + day * 3 + seed) % 7) : 0);
      return {
        own: Array.from({ length: 7 }, (_, day) =>
          Array.from({ length: 24 }, (_, hour) => bump(hour, day) + (day === 6 && hour === 14 ? 14 : 0)),
        ),
        peers: Array.from({ length: 7 }, (_, day) => Array.from({ length: 24 }, (_, hour) => bump(hour, day) * 0.8)),
        peerCount: 23,
      };
    },
  },
  Finding: { exposedCount: (one) => one.exposed.length, exposed: (one, { first }) => one.exposed.slice(0, first) },
};
