/**
 * Runs the browser tests: `node tests/browser/run.mjs [journey|pages]`. Env: HOPWATCH_URL, HOPWATCH_USER,
 * HOPWATCH_PASSWORD (without a URL the mock is started), SHOTS (folder for screenshots), CHROMIUM (path).
 */
import { steps } from "./journey.mjs";
import { launch, serverUnderTest } from "./lib.mjs";
import { walkPages } from "./pages.mjs";

const wanted = process.argv[2] ?? "all";
const server = await serverUnderTest();
const browser = await launch();
const world = { browser, url: server.url };
let passed = 0;
let failed = 0;

async function run(name, test) {
  const start = performance.now();
  try {
    await test(world);
    passed += 1;
    console.log(`ok   ${name} (${Math.round(performance.now() - start)} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n     ${error.message}`);
  }
}

if (wanted !== "pages") for (const { name, run: test } of steps) await run(name, test);
if (wanted !== "journey") await run("every page in both themes, axe-core without serious violations", walkPages);
await browser.close();
server.stop();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
