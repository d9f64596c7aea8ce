/** Every page in both themes and two sizes: a screenshot, and axe-core without serious or critical violations. */
import { ask, axeSource, check, openPage, settle, shot, shots, signIn } from "./lib.mjs";

/** Only the pages whose name matches, for a quick look. */
const ONLY = new RegExp(process.env.PAGES ?? "");

const SIZES = [
  [1280, 800],
  [1920, 1080],
];

/** Name and path of every page, with ids that this server has. */
async function pagesOf(page) {
  const found = await ask(page, "{ alerts(filter: { detections: [\"malicious-replication\"] }, first: 1) { nodes { id actor { entity { id } } source { entity { id } } } } entities(orderBy: RISK, first: 1) { nodes { id } } }");
  const [alert] = found.alerts.nodes;
  const entity = alert?.actor?.entity?.id ?? alert?.source?.entity?.id ?? found.entities.nodes[0]?.id ?? "none";
  const id = encodeURIComponent(entity);
  return [
    ["overview", "/"],
    ["alerts", "/alerts?state=all"],
    ["alert", `/alerts/${alert?.id ?? "none"}`],
    ["graph-tier-zero", "/graph"],
    ["graph-path", `/graph?from=${id}`],
    ["graph-around", `/graph?focus=${id}`],
    ["graph-force", `/graph?focus=${id}&depth=2&layout=force`],
    ["entities", "/entities"],
    ["entity", `/entities/${id}`],
    ["hunt", "/hunt"],
    ["sign-ins", "/sign-ins"],
    ["posture", "/posture"],
    ["reports", "/reports"],
    ["detections", "/detections/malicious-replication"],
    ["sources", "/health"],
    ["empty", "/alerts?state=all&q=nothing-has-this-name"],
  ];
}

async function axe(page, name) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const bad = violations.filter((one) => ["serious", "critical"].includes(one.impact));
  const told = bad.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 140)).join(" | ")} ${one.nodes[0].failureSummary.split("\n")[1] ?? ""}`);
  return told.map((text) => `${name}: ${text}`);
}

export async function walkPages({ browser, url }) {
  const faults = [];
  for (const theme of ["light", "dark"]) {
    for (const [width, height] of shots === null ? SIZES.slice(0, 1) : SIZES) {
      const opened = await openPage(browser, url, { theme, width, height });
      const { page } = opened;
      await page.goto(url);
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      const tag = `${theme}-${width}`;
      await shot(page, `login-${tag}`);
      if (width === 1280) faults.push(...(await axe(page, `login ${theme}`)));
      await signIn(page, url);
      for (const [name, path] of (await pagesOf(page)).filter(([one]) => ONLY.test(one))) {
        await page.goto(url + path);
        await page.locator("main").waitFor();
        await settle(page, name.startsWith("graph") ? 2500 : 250);
        await shot(page, `${name}-${tag}`);
        if (width === 1280) faults.push(...(await axe(page, `${name} ${theme}`)));
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (wide > 0) faults.push(`${name} ${tag}: the page is ${wide} px too wide`);
      }
      faults.push(...opened.faults.map((fault) => `${tag}: ${fault}`));
      await opened.context.close();
    }
  }
  check(`every page without a fault:\n  ${faults.join("\n  ")}`, faults.length === 0);
}
