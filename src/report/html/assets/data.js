"use strict";
// The data of the page: packed in script elements of no type a browser runs, unpacked when needed. Texts in it come from
// outside; the script only ever puts them into text nodes and attributes of its own choosing.

const SEVERITIES = ["info", "low", "medium", "high", "critical"];
// By number, as src/report/html/squares.rs has them.
const SQUARES = [
  { name: "no verdict", mark: "", key: "blank" },
  { name: "not applicable", mark: "–", key: "na" },
  { name: "pass", mark: "✓", key: "pass" },
  { name: "exempt", mark: "◆", key: "exempt" },
  { name: "unknown", mark: "?", key: "unknown" },
  { name: "fail", mark: "✕", key: "fail" },
];
const FAIL = 5;

/** An element: `el("p", { class: "small" }, "text", child)`. Strings become text nodes, never markup. */
function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children) if (child !== null && child !== undefined) made.append(child);
  return made;
}

const byId = (id) => document.getElementById(id);
const figure = (n) => n.toLocaleString("en-US");
const plural = (n, noun) => `${figure(n)} ${noun}${n === 1 ? "" : "s"}`;
const nextFrame = () => new Promise((resolve) => setTimeout(resolve));

/** The bytes of a packed element. */
async function unpacked(id) {
  const text = byId(id).textContent;
  const bytes = Uint8Array.fromBase64
    ? Uint8Array.fromBase64(text)
    : Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const asJson = async (id) => JSON.parse(new TextDecoder().decode(await unpacked(id)));

/** Everything the page knows but the details: `data.square(row, column)`. */
async function load() {
  const [start, squares] = await Promise.all([asJson("d0"), unpacked("m")]);
  const columns = start.checks.length;
  const rows = columns === 0 ? 0 : squares.length / columns;
  const data = {
    ...start,
    rows,
    columns,
    square: (row, column) => squares[row * columns + column],
    /** Name and id of a row, and the number of its OU. */
    who(row) {
      if (row === 0) return { name: "The organization", id: start.organization, ou: 0 };
      const [id, name, ou] = start.accounts[row - 1];
      return { name: name || id, id: name ? id : "", ou };
    },
  };
  // Column order: worst severity first, then what fails most.
  const fails = new Uint32Array(columns);
  for (let at = 0; at < squares.length; at++) if (squares[at] === FAIL) fails[at % columns]++;
  data.order = [...fails.keys()].sort(
    (a, b) => data.checks[b].severity - data.checks[a].severity || fails[b] - fails[a] || a - b,
  );
  data.below = under(data.ous);
  data.search = start.accounts.map(([id, name, ou]) => `${id} ${name} ${start.ous[ou][1]}`.toLowerCase());
  data.parts = new Map();
  return data;
}

/** Of each OU the set of those at and below it. */
function under(ous) {
  const sets = ous.map((_, ou) => new Set([ou]));
  // Each comes after the one it is in.
  for (let ou = ous.length - 1; ou > 0; ou--) {
    const above = ous[ou][2];
    if (above >= 0) for (const one of sets[ou]) sets[above].add(one);
  }
  return sets;
}

/** A part of the details; the last few stay unpacked. */
async function part(data, number) {
  if (!data.parts.has(number)) {
    if (data.parts.size > 40) data.parts.delete(data.parts.keys().next().value);
    data.parts.set(number, asJson(`d${number}`));
  }
  return data.parts.get(number);
}

/** The cells of a check in a row, with texts for numbers. */
async function cellsOf(data, row, column) {
  const number = data.places[row] ?? 0;
  if (number === 0) return [];
  const { s, a } = await part(data, number);
  const account = a.find((one) => one.r === row);
  if (!account) return [];
  const when = (seconds) => new Date((data.as_of + seconds) * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC");
  return account.c
    .filter((cell) => cell[0] === column)
    .map(([, region, verdict, message, facts, resources = [], count = 0, exempt = [], cause = null]) => ({
      region: region < 0 ? "" : data.regions[region],
      verdict,
      message: s[message],
      facts: facts.map((fact) => {
        const [operation, at, seen, made, digest, request] = account.f[fact];
        return {
          operation: data.operations[operation],
          region: data.regions[at],
          seen: when(seen),
          made: made === null ? "" : when(made),
          digest,
          request,
        };
      }),
      resources: resources.map(([name, why]) => ({ name: s[name], why: s[why] })),
      count,
      exempt: exempt.map(([id, name, why]) => ({ id: s[id], name: name < 0 ? "" : s[name], why: s[why] })),
      cause: cause && { kind: s[cause[0]].replaceAll("_", " "), operation: s[cause[1]] },
    }));
}

/** Squares whose message or resources hold the term, as `row * columns + column`; told of each part that is read. */
async function squaresSaying(data, term, said, stopped) {
  const found = new Set();
  const last = Math.max(0, ...data.places);
  for (let number = 1; number <= last; number++) {
    const { s, a } = await part(data, number);
    if (stopped()) return null;
    const holds = s.map((text) => text.toLowerCase().includes(term));
    if (holds.includes(true)) {
      for (const account of a) {
        for (const [column, , , message, , resources = [], , exempt = []] of account.c) {
          const hit =
            holds[message] ||
            resources.some(([name, why]) => holds[name] || holds[why]) ||
            exempt.some(([id, name, why]) => holds[id] || holds[why] || (name >= 0 && holds[name]));
          if (hit) found.add(account.r * data.columns + column);
        }
      }
    }
    said(number, last);
    if (number % 4 === 0) await nextFrame();
  }
  return found;
}
