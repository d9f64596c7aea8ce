/**
 * What the browser tests share: a Chromium of the system, the server under test (HOPWATCH_URL, or the mock with the
 * built viewer), signing in, and checks that name what they wanted. Spec: the viewer's language; ATT&CK has no part here.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const frontend = fileURLToPath(new URL("../../frontend/", import.meta.url));
const require = createRequire(join(frontend, "package.json"));
const { chromium } = require("playwright-core");
export const axeSource = require("axe-core").source;

export const user = process.env.HOPWATCH_USER ?? "ana";
export const password = process.env.HOPWATCH_PASSWORD ?? "hopwatch";
export const shots = process.env.SHOTS ?? null;

/** The server under test and how to end it. */
export async function serverUnderTest() {
  const given = process.env.HOPWATCH_URL;
  if (given) return { url: given.replace(/\/$/, ""), stop: () => undefined };
  if (!existsSync(join(frontend, "dist", "index.html"))) throw new Error("no frontend/dist: run npm run build first");
  const child = spawn(process.execPath, [join(frontend, "mock", "server.mjs"), "--port", "0"], {
    env: { ...process.env, HOPWATCH_PASSWORD: password },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise((resolve, reject) => {
    child.stdout.on("data", (data) => {
      const found = /http:\/\/[\d.]+:\d+/.exec(String(data));
      if (found) resolve(found[0]);
    });
    child.on("exit", (code) => reject(new Error(`the mock ended with ${code}`)));
  });
  return { url, stop: () => child.kill() };
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"],
  });
}

/** A page that fails the test on an uncaught error or on a request to any other host. */
export async function openPage(browser, url, { theme = "light", width = 1280, height = 800 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: "reduce" });
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/401|favicon/.test(message.text())) faults.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const { host, protocol } = new URL(request.url());
    if (/^(https?|wss?):$/.test(protocol) && host !== new URL(url).host) faults.push(`asked ${host}: the viewer must be offline`);
  });
  return { context, page, faults };
}

export async function signIn(page, url) {
  await page.goto(url);
  await page.getByLabel("Name", { exact: true }).fill(user);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Views" }).waitFor({ timeout: 15_000 });
}

/** Waits until nothing is loading. */
export async function settle(page, ms = 250) {
  await page.waitForLoadState("networkidle", { timeout: 5000 }).catch(() => undefined);
  await page.waitForFunction(() => document.querySelector('[aria-label="Loading"]') === null, undefined, { timeout: 15_000 });
  await page.waitForTimeout(ms);
}

export function check(wanted, condition) {
  if (!condition) throw new Error(`wanted: ${wanted}`);
}

export async function shot(page, name) {
  if (shots === null) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`) });
}

/** The query of the page's own session, for ids that the tests need. */
export function ask(page, query, variables = {}) {
  return page.evaluate(
    async ([text, given]) => {
      const answer = await fetch("/graphql", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query: text, variables: given }),
      });
      return (await answer.json()).data;
    },
    [query, variables],
  );
}
