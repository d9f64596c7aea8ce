/** The analyst's way through the viewer: sign in, alert, path in two clicks, graph, search, entity, report, sign out. */
import { ask, check, openPage, settle, signIn } from "./lib.mjs";

/** How many of 10,000 points of a picture differ from its ground (the corner below the tools). */
function inked(page, base64) {
  return page.evaluate(async (text) => {
    const blob = new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], { type: "image/png" });
    const image = await createImageBitmap(blob);
    const canvas = new OffscreenCanvas(100, 100);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    // The strip of the tools at the top is left out: only what sigma draws counts.
    context.drawImage(image, 0, 60, image.width, image.height - 60, 0, 0, 100, 100);
    const { data } = context.getImageData(0, 0, 100, 100);
    const ground = data.slice(-4);
    let marks = 0;
    for (let at = 0; at < data.length; at += 4) {
      if ([0, 1, 2].some((part) => Math.abs(data[at + part] - ground[part]) > 24)) marks += 1;
    }
    return marks;
  }, base64);
}

export const steps = [];
const step = (name, run) => steps.push({ name, run });

step("a wrong password is refused in words", async ({ browser, url }) => {
  const { page, context } = await openPage(browser, url);
  await page.goto(url);
  await page.getByLabel("Name", { exact: true }).fill("nobody");
  await page.getByRole("textbox", { name: "Password" }).fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor({ timeout: 10_000 });
  check("the login stays", await page.getByRole("button", { name: "Sign in" }).isVisible());
  await context.close();
});

step("login opens the overview", async (world) => {
  Object.assign(world, await openPage(world.browser, world.url));
  await signIn(world.page, world.url);
  await world.page.getByRole("heading", { name: "Overview" }).waitFor();
});

step("the alerts page shows an alert", async ({ page }) => {
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: /^Alerts/ }).click();
  await page.getByTestId("alert-list").waitFor();
  check("at least one alert row", (await page.locator("[data-row]").count()) >= 1);
});

step("filters are kept in the URL and survive a reload", async ({ page }) => {
  await page.goto(`${new URL(page.url()).origin}/alerts?severity=HIGH&state=all`);
  await settle(page);
  const words = await page.locator("[data-row]").allInnerTexts();
  check("only high alerts", words.every((text) => /\bhigh\b/.test(text)));
});

step("j, Enter open an alert by keyboard", async ({ page }) => {
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/alerts\/[^?]+/);
  await settle(page);
  check("a story is told", (await page.locator("article h1").count()) === 1);
});

step("from malicious-replication to its path in the graph in two clicks", async ({ page, url }) => {
  await page.goto(`${url}/alerts?state=all`);
  await page.locator('[data-detection="malicious-replication"] a').first().click();
  await page.getByTestId("path-to-tier-zero").click();
  await page.waitForURL(/\/graph\?/);
  await page.getByTestId("path-list").waitFor({ timeout: 15_000 });
  await page.locator('[data-testid="graph-canvas"] canvas').first().waitFor();
  check("a path is listed", (await page.locator("[data-path]").count()) >= 1);
});

step("the canvas draws the path", async ({ page }) => {
  await settle(page, 600);
  const picture = await page.getByTestId("graph-canvas").screenshot();
  const marks = await inked(page, picture.toString("base64"));
  check(`marks on the canvas (${marks} of 10,000 points differ from the ground)`, marks > 20);
});

step("a hop selects its edge and explains it", async ({ page }) => {
  await page.locator("[data-path='0'] ol button").first().click();
  await page.getByTestId("edge-detail").waitFor();
  await page.getByText("What removes it").waitFor();
});

step("x excludes the hop, z takes it back", async ({ page }) => {
  const before = await page.locator("[data-path='0']").innerText();
  await page.keyboard.press("x");
  await page.waitForURL(/notEdge=/);
  await settle(page, 400);
  const list = page.getByTestId("path-list");
  check("another answer without the edge", (await list.innerText()) !== before);
  await page.keyboard.press("z");
  await page.waitForFunction(() => !window.location.search.includes("notEdge"));
});

step("search finds an entity and opens its page", async (world) => {
  const { page } = world;
  const found = await ask(page, '{ entities(filter: { kinds: [User] }, orderBy: RISK, first: 1) { nodes { id name } } }');
  const [entity] = found.entities.nodes;
  world.entity = entity;
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search anything" }).fill(entity.name.split("@")[0]);
  await page.getByRole("option").first().waitFor();
  await page.getByRole("option", { name: entity.name }).first().click();
  await page.waitForURL(/\/entities\//);
  await settle(page);
  check("its risk is shown", await page.getByRole("heading", { name: "Risk" }).isVisible());
});

step("hunt lists events and opens a record", async ({ page, url }) => {
  await page.goto(`${url}/hunt`);
  await settle(page);
  const rows = page.locator("tbody tr");
  check("at least one event", (await rows.count()) >= 1);
  await rows.first().locator("td").last().click();
  await page.getByRole("complementary", { name: "Record" }).waitFor();
});

step("a report is made now and can be downloaded", async ({ page, url }) => {
  await page.goto(`${url}/reports`);
  await settle(page);
  const files = page.locator("a[download]");
  const before = await ask(page, "{ reports(first: 1) { totalCount } }");
  await page.getByRole("button", { name: /^Run now/ }).first().click();
  await page.waitForFunction(() => document.querySelector("button[data-loading]") === null, undefined, { timeout: 60_000 });
  await settle(page);
  const after = await ask(page, "{ reports(first: 1) { totalCount } }");
  check("one report more", after.reports.totalCount === before.reports.totalCount + 1);
  const address = await files.first().getAttribute("href");
  const status = await page.evaluate(async (path) => (await fetch(path)).status, address);
  check(`the file answers (${address})`, status === 200);
});

step("the zone and the theme switch", async ({ page, url }) => {
  await page.goto(`${url}/alerts?state=all`);
  await settle(page);
  await page.getByText("Local", { exact: true }).click();
  await page.waitForURL(/tz=local/);
  await page.getByRole("button", { name: "Use the dark theme" }).click();
  check("dark", (await page.locator("html").getAttribute("data-mantine-color-scheme")) === "dark");
});

step("sign out leads to the login", async ({ page, faults }) => {
  await page.getByRole("banner").getByRole("button").last().click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  check(`no fault in the page (${faults.join("; ")})`, faults.length === 0);
});
