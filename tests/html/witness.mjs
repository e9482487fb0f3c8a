// The HTML report in a real browser: `node witness.mjs NODE_MODULES PAGES OUT [--slow N]`. Exits with 1 at the first thing that is not so.
// Times are printed and never judged. `--slow N` gives the page an N-th of the processor: what is looked at before it is there shows itself.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, pages, out] = process.argv.slice(2, 5).map((path) => resolve(path));
const require = createRequire(join(modules, "x.js"));
const puppeteer = await import(pathToFileURL(require.resolve("puppeteer-core"))).then((one) => one.default);
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const shots = join(out, "shots");
mkdirSync(shots, { recursive: true });
const slow = process.argv.includes("--slow") ? Number(process.argv[process.argv.indexOf("--slow") + 1]) : 1;
let passed = 0;

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});

/** Runs `body` on a page; nothing may be loaded, logged or thrown on the way. */
async function on(name, { width = 1280, height = 900, dark = false, script = true, hash = "" } = {}, body) {
  const page = await browser.newPage();
  const wrong = [];
  const file = pathToFileURL(join(pages, name)).href;
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (said) => wrong.push(`${said.type()}: ${said.text()}`));
  page.on("dialog", (dialog) => { wrong.push("a dialog"); dialog.dismiss(); });
  page.on("request", (request) => { if (request.url().split("#")[0] !== file) wrong.push(`request: ${request.url()}`); });
  await page.setViewport({ width, height });
  await page.setJavaScriptEnabled(script);
  if (slow > 1) await page.emulateCPUThrottling(slow);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
  await page.goto(file + hash);
  if (script) await page.waitForFunction(() => document.documentElement.dataset.ready, { timeout: 60_000 });
  await body(page);
  assert.deepEqual(wrong, [], name);
  await page.close();
}

async function test(what, body) {
  try {
    await body();
    passed += 1;
  } catch (error) {
    console.error(`FAILED ${what}\n${error.stack}`);
    console.log(`${passed} passed, 1 failed`);
    await browser.close();
    process.exit(1);
  }
}

const nodes = (page) => page.evaluate(() => document.querySelectorAll("*").length);
const text = (page, selector) => page.$eval(selector, (one) => one.innerText);
const shot = (page, name) => page.screenshot({ path: join(shots, `${name}.png`) });
/** A click on what may still be on its way: a browser opens a `details` before it tells the script so, and what scrolls is drawn anew. */
const press = (page, selector) => page.locator(selector).click();
const opened = (page) => page.waitForSelector("dialog[open] h2");
const escape = async (page) => {
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => !document.querySelector("dialog").open);
};
const pick = async (page, key, value) => { await page.select(`.filters [name="${key}"]`, value); };
/** Verdicts in view, without those a filter greyed. */
const squares = (page) => page.$$eval(".sq:not(.off):not(.v0)", (all) => all.map((one) => Number(one.className.match(/v(\d)/)[1])));
const rows = (page) => page.$eval(".grid", (grid) => Number(grid.getAttribute("aria-rowcount")) - 1);
const columns = (page) => page.$eval(".grid", (grid) => Number(grid.getAttribute("aria-colcount")) - 1);

async function accessible(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = bad.map(({ id, help, nodes: found }) => `${id}: ${help}\n  ${found.slice(0, 3).map((one) => `${one.html}\n    ${one.failureSummary}`).join("\n  ")}`);
  assert.equal(told.length, 0, `${what}\n${told.join("\n")}`);
}

await test("a page of a thousand accounts is small and has few elements", async () => {
  const bytes = statSync(join(pages, "large.html")).size;
  assert.ok(bytes < 10_000_000, `${bytes} bytes`);
  await on("large.html", {}, async (page) => {
    const found = await nodes(page);
    assert.ok(found < 12_000, `${found} elements`);
    assert.equal(await rows(page), 1_001);
    assert.ok((await columns(page)) >= 100);
    const ready = await page.evaluate(() => document.documentElement.dataset.ready);
    console.log(`large.html: ${bytes} bytes, ${found} elements, interactive after ${ready} ms`);
    await page.$eval(".grid", (grid) => { grid.scrollTop = 20_000; grid.scrollLeft = 1_500; });
    await page.waitForFunction(() => Number(document.querySelector(".row-line").getAttribute("aria-rowindex")) > 700);
    assert.ok((await nodes(page)) < 12_000, "what scrolled out of view is gone");
    const began = Date.now();
    await page.type('.filters [name="text"]', "sessions-sync");
    await page.waitForFunction(() => /left by the filters/.test(document.getElementById("list-said").textContent), { timeout: 30_000 });
    await page.waitForFunction(() => !/Searching/.test(document.querySelector("#explore [role=status]").textContent), { timeout: 30_000 });
    console.log(`large.html: searched in ${Date.now() - began} ms`);
  });
});

await test("the first page, the map, the findings, method and words are there without a script", async () => {
  await on("whole.html", { script: false }, async (page) => {
    const shown = await page.evaluate(() => document.body.innerText).catch(() => null);
    const said = shown ?? (await page.$eval("body", (one) => one.textContent));
    for (const words of ["Security baseline of", "Coverage", "What to mend first", "Where it stands worst", "Since an earlier audit", "Every account, every check", "need JavaScript", "Method and words", "Trend", "Exemptions by expiry"]) {
      assert.ok(said.includes(words), words);
    }
    assert.match(said, /Score = 100 × [\d,]+ ÷ [\d,]+ = \d+\.\d/);
    assert.ok((await page.$$("svg.heat a")).length > 3, "the map");
    const checks = await page.$$("#list > details");
    assert.ok(checks.length > 30, "findings");
    await checks[0].$eval("summary", (one) => one.scrollIntoView());
    await (await checks[0].$("summary")).click();
    assert.ok(await checks[0].$eval(".accounts li", (one) => one.checkVisibility()));
    assert.equal(await page.$eval("#theme", (one) => one.checkVisibility()), false, "what does nothing is not shown");
    assert.equal(await page.$eval("#filters", (one) => one.checkVisibility()), false);
    await page.evaluate(() => scrollTo(0, 0));
    await shot(page, "no-script");
  });
});

await test("each filter leaves what it says, and clearing brings all back", async () => {
  await on("whole.html", { height: 1400 }, async (page) => {
    const all = { rows: await rows(page), columns: await columns(page) };
    assert.equal(all.rows, 41);
    await pick(page, "verdict", "fail");
    const failing = await squares(page);
    assert.ok(failing.length > 0 && failing.every((square) => square === 5), `${failing}`);
    assert.ok((await columns(page)) < all.columns);
    await pick(page, "severity", "critical");
    const critical = await columns(page);
    assert.ok(critical > 0 && critical < 10, `${critical}`);
    assert.match(await text(page, "#list-said"), /^\d+ checks? of \d+ left/);
    await press(page, '.filters button[type="reset"]');
    assert.deepEqual({ rows: await rows(page), columns: await columns(page) }, all);
    await pick(page, "framework", "7");
    assert.ok((await columns(page)) < all.columns);
    await press(page, '.filters button[type="reset"]');
    await pick(page, "ou", "1");
    const inOu = await rows(page);
    assert.ok(inOu > 0 && inOu < all.rows, `${inOu}`);
    await press(page, '.filters button[type="reset"]');
    await page.type('.filters [name="account"]', "audit");
    await page.waitForFunction(() => document.querySelector(".grid").getAttribute("aria-rowcount") === "2");
    assert.match(await text(page, ".who"), /^audit/);
    await press(page, '.filters button[type="reset"]');
    await page.type('.filters [name="text"]', "root-mfa");
    await page.waitForFunction(() => document.querySelector(".grid").getAttribute("aria-colcount") === "2");
    await press(page, '.filters button[type="reset"]');
    await page.type('.filters [name="text"]', "was never used");
    await page.waitForFunction(() => /left by the filters/.test(document.getElementById("list-said").textContent) && Number(document.querySelector(".grid").getAttribute("aria-colcount")) > 1);
    await page.waitForFunction(() => document.querySelector(".sq:not(.off):not(.v0)"));
    assert.ok((await squares(page)).length > 0, "messages are searched");
    await press(page, '.filters button[type="reset"]');
    await press(page, "svg.heat a[data-ou='1']");
    assert.equal(await rows(page), inOu, "the map leads to the accounts of an OU");
  });
});

await test("a square is found and opened with the keyboard alone, and Escape goes back to it", async () => {
  await on("whole.html", { height: 1000 }, async (page) => {
    await page.focus(".filters button[type=reset]");
    const reached = await page.evaluate(() => [...document.querySelectorAll(".sq[tabindex='0']")].length);
    assert.equal(reached, 1, "one square takes part in the order of tabs");
    await page.focus(".sq[tabindex='0']");
    for (const key of ["ArrowDown", "ArrowDown", "ArrowRight", "End", "Home", "PageDown", "PageUp"]) await page.keyboard.press(key);
    const before = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
    assert.match(before, /: (pass|fail|unknown|exempt|not applicable)$/);
    await page.keyboard.press("Enter");
    await opened(page);
    const drawer = await text(page, "dialog");
    for (const words of ["What was found", "Why it matters", "How to mend it", "The facts it rests on", "Controls", "cis-7.0"]) assert.ok(drawer.includes(words), words);
    assert.match(drawer, /iam:\w+/);
    assert.match(drawer, /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
    assert.match(await page.evaluate(() => location.hash), /^#square=\d{12}\//);
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.querySelector("dialog").contains(document.activeElement)), "focus stays in the drawer");
    await escape(page);
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), before);
    // From a square that was led to, Escape goes to that square.
    await page.keyboard.press("Enter");
    await opened(page);
    const left = await page.evaluate(() => location.hash);
    await page.evaluate(() => [...document.querySelectorAll("dialog button")].find((one) => one.textContent.startsWith("Next")).click());
    await page.waitForFunction((hash) => location.hash !== hash, {}, left);
    const check = decodeURIComponent(/^#square=\d*\/(.+)$/.exec(await page.evaluate(() => location.hash))[1]);
    await escape(page);
    await page.waitForFunction((label) => document.activeElement.getAttribute("aria-label")?.endsWith(label), {}, `, ${check}: fail`);
  });
});

await test("three clicks lead from the page to any finding, and the next failure is one more", async () => {
  await on("whole.html", { height: 1000 }, async (page) => {
    await press(page, "#list > details summary");
    await press(page, "#list > details .hits button");
    await opened(page);
    const first = await text(page, "dialog .inside");
    assert.match(first, /✕ fail/);
    await page.evaluate(() => [...document.querySelectorAll("dialog button")].find((one) => one.textContent.startsWith("Next")).click());
    await page.waitForFunction((before) => document.querySelector("dialog .inside").innerText !== before, {}, first);
    assert.match(await text(page, "dialog .inside"), /✕ fail/);
    await shot(page, "drawer");
    await escape(page);
    assert.ok(await page.evaluate(() => document.activeElement.matches(".hits button")), "back to where it was opened");
  });
});

await test("an address of a square opens it", async () => {
  let hash = "";
  await on("whole.html", {}, async (page) => {
    await press(page, ".sq.v5");
    await opened(page);
    hash = await page.evaluate(() => location.hash);
  });
  await on("whole.html", { hash }, async (page) => { await opened(page); });
});

for (const dark of [false, true]) {
  const look = dark ? "dark" : "light";
  await test(`no serious barrier in ${look}`, async () => {
    await on("hostile.html", { dark, height: 1000 }, async (page) => {
      await page.evaluate(() => document.querySelectorAll("details").forEach((one, n) => { one.open = n % 4 === 0; }));
      await accessible(page, `the page in ${look}`);
      await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = false; }));
      await press(page, ".sq.v5");
      await opened(page);
      await accessible(page, `the drawer in ${look}`);
    });
    await on("whole.html", { dark, height: 1200 }, async (page) => {
      await shot(page, `first-${look}`);
      for (const id of ["map", "findings", "matrix", "coverage"]) {
        await page.evaluate((name) => document.getElementById(name).scrollIntoView(), id);
        await shot(page, `${id}-${look}`);
      }
    });
  });
}

await test("the theme can be turned", async () => {
  await on("whole.html", {}, async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await ground();
    await press(page, "#theme");
    assert.notEqual(await ground(), before);
    await press(page, "#theme");
    assert.equal(await ground(), before);
  });
});

await test("a narrow window has no page wider than itself", async () => {
  await on("whole.html", { width: 400, height: 1600 }, async (page) => {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 400, `${wide}`);
    await accessible(page, "narrow");
    await shot(page, "narrow");
    await page.evaluate(() => document.getElementById("matrix").scrollIntoView());
    await shot(page, "narrow-matrix");
  });
});

await test("hostile names are text, in the page, the matrix and the drawer", async () => {
  await on("hostile.html", { height: 1000 }, async (page) => {
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
    assert.equal((await page.$$("img")).length, 0);
    assert.equal(await page.evaluate(() => window.hit), undefined);
    const shown = await page.evaluate(() => document.body.innerText);
    assert.ok(shown.includes("<img src=x") && shown.includes("\\u{202e}") && !shown.includes("\u202e") && shown.includes("{{7*7}}"));
    for (const words of ["Plan", "Wave", "12 fail that did not", "expired", "Attestations by expiry", "to create"].filter((one) => one !== "Wave")) assert.ok(shown.includes(words), words);
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = false; }));
    await press(page, ".sq.v5");
    await opened(page);
    assert.ok((await text(page, "dialog")).includes("<img src=x"));
    await escape(page);
    await pick(page, "verdict", "exempt");
    await press(page, ".sq.v3:not(.off)");
    await page.waitForFunction(() => /Exempt\n/.test(document.querySelector("dialog").innerText));
    const told = await text(page, "dialog");
    assert.ok(told.includes("later, until 2040-01-01") && told.includes("ticket"), told);
    assert.equal((await page.$$("img")).length, 0);
    await shot(page, "hostile");
    await escape(page);
    for (const id of ["plan", "exemptions", "trend"]) {
      await page.evaluate((name) => document.getElementById(name).scrollIntoView(), id);
      await shot(page, `hostile-${id}`);
    }
  });
});

await test("hidden accounts are in no text of the page, the matrix or any drawer", async () => {
  const ids = JSON.parse(readFileSync(join(pages, "ids.json"), "utf8"));
  await on("hidden.html", {}, async (page) => {
    const all = await page.evaluate(async () => {
      const data = await load();
      const parts = await Promise.all([...new Set(data.places)].filter((one) => one > 0).map((one) => asJson(`d${one}`)));
      return document.documentElement.outerHTML + JSON.stringify([data, parts]);
    });
    for (const id of ids) assert.ok(!all.includes(id), id);
    assert.ok(all.includes("account-0001"));
  });
});

await test("printed, page one stands alone and nothing needs the script", async () => {
  await on("whole.html", {}, async (page) => { await page.pdf({ path: join(shots, "print.pdf"), format: "A4", printBackground: true }); });
});

await browser.close();
console.log(`${passed} passed, 0 failed`);
