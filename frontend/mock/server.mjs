/**
 * The mock server: GraphQL of `../schema.graphql` over the made-up estate, the live feed, report files and the built
 * viewer. For development and tests only. `npm run mock [-- --port N]`; any name, password `hopwatch`.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { makeExecutableSchema } from "@graphql-tools/schema";
import { useServer as serveSocket } from "graphql-ws/use/ws";
import { createYoga } from "graphql-yoga";
import { WebSocketServer } from "ws";
import { EDGES, KINDS } from "./estate.mjs";
import { feed, resolvers, sessions } from "./resolvers.mjs";
import { alerts } from "./story.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = join(here, "..", "dist");
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

/* The contract abbreviates the kinds; the mock widens them, so that no view relies on a closed list. */
const typeDefs = readFileSync(join(here, "..", "..", "schema.graphql"), "utf8")
  .replace(/enum NodeKind \{[^}]*\}/, `enum NodeKind { ${Object.keys(KINDS).join(" ")} }`)
  .replace(/enum EdgeKind \{[^}]*\}/, `enum EdgeKind { ${Object.keys(EDGES).join(" ")} }`);
const schema = makeExecutableSchema({ typeDefs, resolvers });

const tokenOf = (cookie) => /hopwatch_session=([^;]+)/.exec(cookie ?? "")?.[1] ?? null;
const yoga = createYoga({
  schema,
  landingPage: false,
  maskedErrors: false,
  logging: "warn",
  context: ({ req, res }) => ({
    token: tokenOf(req.headers.cookie),
    open: () => {
      const token = randomUUID();
      sessions.add(token);
      res.setHeader("set-cookie", `hopwatch_session=${token}; HttpOnly; SameSite=Strict; Path=/`);
    },
  }),
});

/* The policy of the server itself, so that the tests meet it. */
const CSP =
  "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

function serveFile(path, response) {
  const inside = normalize(path).replace(/^([/\\.])+/, "");
  const file = join(dist, inside);
  const found = inside !== "" && existsSync(file) ? file : join(dist, "index.html");
  if (!existsSync(found)) {
    response.writeHead(404).end("npm run build first");
    return;
  }
  response.writeHead(200, {
    "content-type": TYPES[extname(found)] ?? "application/octet-stream",
    "content-security-policy": CSP,
  });
  response.end(readFileSync(found));
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname === "/graphql") return yoga(request, response);
  if (pathname.startsWith("/reports/") && extname(pathname) !== "") {
    if (!sessions.has(tokenOf(request.headers.cookie))) return response.writeHead(401).end();
    return response.writeHead(200, { "content-disposition": "attachment" }).end("a report of the mock\n");
  }
  return serveFile(pathname, response);
});
const socket = new WebSocketServer({ server, path: "/graphql/ws" });
serveSocket({ schema, context: ({ extra }) => ({ token: tokenOf(extra.request.headers.cookie) }) }, socket);

const flag = process.argv.indexOf("--port");
const port = flag > 0 ? Number(process.argv[flag + 1]) : Number(process.env.PORT ?? 8787);
server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));

/* One alert keeps growing, so that live updates can be seen. */
setInterval(() => {
  const first = alerts[0];
  first.eventCount += 1;
  first.updatedAt = new Date().toISOString();
  feed.dispatchEvent(new CustomEvent("alert", { detail: { kind: "UPDATED", alert: first } }));
}, 7000).unref();
