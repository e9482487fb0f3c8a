// The drawer: one square with everything known of it.

/** Failing resources shown at once. */
const RESOURCES = 20;

/** The drawer. `next(row, column, step)` gives the next square that fails, or null; `at(row, column)` is told what is open. */
function drawer(data, next, at) {
  const inside = el("div", { class: "inside", tabindex: "-1" });
  const step = (by, text) => el("button", { type: "button", onclick: () => turn(by) }, text);
  const box = el("dialog", { "aria-labelledby": "drawer-title", onclose: () => at(null, null) },
    el("div", { class: "bar-top" },
      step(-1, "◂ Previous failure"), step(1, "Next failure ▸"), el("span", { class: "grow" }),
      el("button", { type: "button", onclick: () => box.close() }, "Close")),
    inside);
  // A click beside the drawer closes it.
  box.addEventListener("click", (event) => {
    if (event.target === box) box.close();
  });
  document.body.append(box);
  let shown = null;

  function turn(by) {
    const found = shown && next(...shown, by);
    if (found) open(...found);
  }

  async function open(row, column) {
    shown = [row, column];
    at(row, column);
    let cells = [];
    let failed = "";
    try {
      cells = await cellsOf(data, row, column);
    } catch (error) {
      failed = `The details can't be read: ${error.message}`;
    }
    // Another was opened meanwhile.
    if (shown[0] !== row || shown[1] !== column) return;
    inside.replaceChildren(...content(row, column, cells, failed));
    if (!box.open) box.showModal();
    inside.focus({ preventScroll: true });
    box.scrollTop = 0;
  }

  function content(row, column, cells, failed) {
    const check = data.checks[column];
    const { name, id, ou } = data.who(row);
    const square = SQUARES[data.square(row, column)];
    const severity = SEVERITIES[check.severity];
    return [
      el("p", { class: "small" }, el("bdi", {}, name), id === "" ? null : ` ${id}`, row === 0 ? null : " · ", row === 0 ? null : el("bdi", {}, data.ous[ou][1])),
      el("h2", { id: "drawer-title" }, check.title),
      el("p", {}, el("span", { class: `sev ${severity}` }, severity), " ", el("span", { class: `verdict ${square.key}` }, `${square.mark} ${square.name}`), " ", el("code", {}, check.id)),
      failed === "" ? null : el("p", { class: "note fail" }, failed),
      ...why(cells),
      ...exempted(cells),
      el("h3", {}, "Why it matters"),
      el("p", {}, check.rationale),
      el("h3", {}, "How to mend it"),
      el("dl", { class: "mend" },
        el("dt", {}, "Console"), el("dd", {}, check.console),
        ...(check.cli === "" ? [] : [el("dt", {}, "AWS CLI"), el("dd", {}, el("pre", { tabindex: "0" }, check.cli))]),
        el("dt", {}, "Playbook"), el("dd", {}, check.playbook === null ? "none" : el("code", {}, `orgward plan ${check.playbook}`))),
      ...controls(check),
      ...facts(cells),
      ...(check.references.length === 0 ? [] : [
        el("h3", {}, "AWS says so"),
        el("ul", {}, ...check.references.map(([document_, section]) => el("li", {}, `${document_}, ${section}`))),
      ]),
    ].filter((one) => one !== null);
  }

  /** What each cell says; Regions that say the same together. */
  function why(cells) {
    if (cells.length === 0) {
      return [el("p", { class: "note" }, "It is as it should be. With so many accounts the facts behind what passes are not in this file: `orgward report RUN --format json` has them.")];
    }
    const groups = new Map();
    for (const cell of cells) {
      const key = JSON.stringify([cell.verdict, cell.message, cell.resources, cell.exempt]);
      if (!groups.has(key)) groups.set(key, { cell, regions: [] });
      if (cell.region !== "") groups.get(key).regions.push(cell.region);
    }
    const sorted = [...groups.values()].sort((a, b) => b.cell.verdict - a.cell.verdict);
    return [el("h3", {}, "What was found"), ...sorted.map(({ cell, regions }) => {
      const square = SQUARES[cell.verdict];
      const box_ = el("div", {},
        el("p", {}, el("span", { class: `verdict ${square.key}` }, `${square.mark} ${square.name}`), ": ", el("bdi", {}, cell.message),
          regions.length === 0 ? null : el("span", { class: "small" }, ` in ${regions.join(", ")}`)));
      if (cell.cause) box_.append(el("p", { class: "small" }, `Cause: ${cell.cause.kind}, `, el("code", {}, cell.cause.operation)));
      if (cell.resources.length > 0) box_.append(resources(cell));
      return box_;
    })];
  }

  function resources(cell) {
    const item = ({ name, why: words }) => el("li", {}, el("code", {}, el("bdi", {}, name)), " ", el("bdi", {}, words));
    const all = el("ul", {}, ...cell.resources.slice(0, RESOURCES).map(item));
    const rest = cell.resources.slice(RESOURCES);
    const cut = cell.count - cell.resources.length;
    const box_ = el("div", {}, all);
    if (rest.length > 0) {
      const more = el("button", { type: "button", onclick: () => { all.append(...rest.map(item)); more.remove(); } }, `Show ${figure(rest.length)} more`);
      box_.append(more);
    }
    if (cut > 0) box_.append(el("p", { class: "small" }, `${figure(cut)} more are not in this file.`));
    return box_;
  }

  function exempted(cells) {
    const all = cells.flatMap(({ exempt }) => exempt);
    if (all.length === 0) return [];
    const ids = [...new Set(all.map(({ id }) => id))];
    const known = new Map(data.exemptions.map((one) => [one.id, one]));
    return [el("h3", {}, "Exempt"), ...ids.map((id) => {
      const one = known.get(id);
      const whose = all.filter((each) => each.id === id);
      return el("div", {},
        el("p", { class: "exempt" }, "◆ ", id, one ? `, until ${one.expires}` : ""),
        one ? el("p", {}, el("bdi", {}, one.reason), " ", el("span", { class: "small" }, "Owner ", el("bdi", {}, one.owner), ", ticket ", el("bdi", {}, one.ticket))) : null,
        el("ul", {}, ...whose.slice(0, RESOURCES).map((each) => el("li", {}, each.name === "" ? null : el("code", {}, el("bdi", {}, each.name)), " ", el("bdi", {}, each.why))),
          whose.length > RESOURCES ? el("li", {}, `and ${figure(whose.length - RESOURCES)} more`) : null));
    })];
  }

  function controls(check) {
    if (check.controls.length === 0) return [];
    const groups = new Map();
    for (const [framework, control] of check.controls) {
      const { name } = data.frameworks[framework];
      groups.set(name, [...(groups.get(name) ?? []), control]);
    }
    return [el("h3", {}, "Controls"), el("p", {}, [...groups].map(([name, ids]) => `${name} ${ids.join(", ")}`).join("; "))];
  }

  /** Each fact once: which call, where, when. */
  function facts(cells) {
    const all = new Map();
    for (const fact of cells.flatMap((cell) => cell.facts)) all.set(JSON.stringify(fact), fact);
    if (all.size === 0) return [];
    const rows = [...all.values()].map((fact) => el("tr", {},
      el("th", { scope: "row" }, el("code", {}, fact.operation)),
      el("td", {}, fact.region),
      el("td", {}, fact.seen, fact.made === "" ? null : el("p", { class: "small" }, `made by AWS ${fact.made}`)),
      el("td", {}, fact.digest === "" ? null : el("code", {}, `sha256:${fact.digest}…`), fact.request === "" ? null : el("p", { class: "small" }, `request ${fact.request}`))));
    const head = ["API call", "Region", "Answered", "Answer"].map((text) => el("th", { scope: "col" }, text));
    return [el("h3", {}, "The facts it rests on"), el("div", { class: "facts", tabindex: "0", role: "region", "aria-label": "Facts" },
      el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)))];
  }

  return { open, close: () => box.open && box.close(), isOpen: () => box.open };
}
