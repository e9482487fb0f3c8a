// The filters, and what they leave: rows, columns, and which squares count.

/** What is asked for; empty means everything. */
const nothingAsked = () => ({ ou: "", account: "", severity: "", framework: "", verdict: "", text: "" });

/** The filters' form. `changed` is called with what is asked for. */
function filterForm(data, asked, changed) {
  const set = (key) => (event) => {
    asked[key] = event.target.value;
    changed();
  };
  const choice = (key, label, options) =>
    el("label", {}, label, el("select", { name: key, onchange: set(key) }, ...options.map(([value, text]) => el("option", { value }, text))));
  const field = (key, label, hint) =>
    el("label", { class: key === "text" ? "find" : "" }, label,
      el("input", { type: "search", name: key, placeholder: hint, autocomplete: "off", spellcheck: "false", oninput: slowly(set(key)) }));
  const ous = data.ous.map(([name, path], number) => [String(number), number === 0 ? "all" : path]);
  ous[0][0] = "";
  const form = el("form", { class: "filters", role: "search", "aria-label": "Filter findings and matrix", onsubmit: (event) => event.preventDefault() },
    choice("ou", "OU", ous),
    field("account", "Account", "name or id"),
    choice("severity", "Severity", [["", "all"], ...[...SEVERITIES].reverse().map((name) => [name, name])]),
    choice("framework", "Framework", [["", "all"], ...data.frameworks.map(({ name }, number) => [String(number), name])]),
    choice("verdict", "Verdict", [["", "all"], ...["fail", "unknown", "exempt", "pass", "not applicable"].map((name) => [name, name])]),
    field("text", "Search", "check, message or resource"),
    el("button", {
      type: "reset",
      onclick: () => {
        Object.assign(asked, nothingAsked());
        changed();
      },
    }, "Clear"));
  return form;
}

/** Puts what is asked for into the form, where something else than the form set it. */
function showAsked(form, asked) {
  for (const [key, value] of Object.entries(asked)) form.elements[key].value = value;
}

/** Calls once typing rests. */
function slowly(call) {
  let waiting = 0;
  return (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => call(event), 150);
  };
}

/** What is left: `{ rows, columns, counts(row, column), all }`; `said` are the squares whose words hold the text, if known. */
function leave(data, asked, said) {
  const below = asked.ou === "" ? null : data.below[Number(asked.ou)];
  const who = asked.account.trim().toLowerCase();
  const wanted = asked.framework === "" ? null : Number(asked.framework);
  const verdict = SQUARES.findIndex(({ name }) => name === asked.verdict);
  const text = asked.text.trim().toLowerCase();
  let rows = [];
  for (let row = 0; row < data.rows; row++) {
    if (row === 0 && (below || who)) continue;
    if (row > 0 && below && !below.has(data.accounts[row - 1][2])) continue;
    if (row > 0 && who && !data.search[row - 1].includes(who)) continue;
    rows.push(row);
  }
  let columns = data.order.filter((column) => {
    const check = data.checks[column];
    if (asked.severity !== "" && SEVERITIES[check.severity] !== asked.severity) return false;
    return wanted === null || check.controls.some(([framework]) => framework === wanted);
  });
  // A check that is named counts with all of its squares; any other with those whose words hold the text.
  const named = new Set(text === "" ? columns : columns.filter((column) => {
    const { id, title, controls } = data.checks[column];
    return `${id} ${title} ${controls.map(([, control]) => control).join(" ")}`.toLowerCase().includes(text);
  }));
  const counts = (row, column) => {
    const square = data.square(row, column);
    if (square === 0 || (verdict >= 0 && square !== verdict)) return false;
    return named.has(column) || (said !== null && said.has(row * data.columns + column));
  };
  const narrowed = verdict >= 0 || text !== "";
  // Rows and columns with nothing left are left out.
  const kept = new Set();
  rows = rows.filter((row) => {
    let any = false;
    for (const column of columns) {
      if (counts(row, column)) {
        any = true;
        kept.add(column);
      }
    }
    return any || (!narrowed && row > 0);
  });
  columns = columns.filter((column) => kept.has(column));
  return { rows, columns, counts, all: !narrowed && !below && !who && wanted === null && asked.severity === "" };
}
