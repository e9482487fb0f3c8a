// The findings by check: what was written without a script, filtered, with every account instead of the first.

/** Accounts listed at once. */
const PAGE = 50;

/** The list. `open(row, column)` is called for an account that is chosen. */
function list(data, open) {
  const items = [...document.querySelectorAll("#list > details")].map((item) => {
    const column = Number(item.dataset.check);
    item.addEventListener("toggle", () => fill(item, column));
    return { item, column, tally: item.querySelector(".tally"), whole: data.checks[column].whole };
  });
  let left = null;

  function rowsOf(column) {
    return left.rows.filter((row) => left.counts(row, column) && data.square(row, column) > 2);
  }

  function fill(item, column) {
    if (!item.open || left === null || item.dataset.filled === left.stamp) return;
    item.dataset.filled = left.stamp;
    const rows = rowsOf(column).sort((a, b) => data.square(b, column) - data.square(a, column) || a - b);
    let box = item.querySelector(".hits-box");
    if (!box) {
      box = el("div", { class: "hits-box" });
      const static_ = item.querySelector(".accounts");
      if (static_) static_.replaceWith(box);
      else item.querySelector(".body > p").after(el("h3", {}, "Where"), box);
    }
    const hits = el("ul", { class: "hits" });
    const more = el("button", { type: "button", onclick: () => show(Number(more.dataset.from)) }, "");
    const show = (from) => {
      for (const row of rows.slice(from, from + PAGE)) hits.append(hit(row, column));
      const rest = rows.length - from - PAGE;
      more.hidden = rest <= 0;
      more.dataset.from = String(from + PAGE);
      more.textContent = `Show ${figure(Math.min(rest, PAGE))} more of ${figure(rest)}`;
    };
    box.replaceChildren(hits, more);
    show(0);
  }

  function hit(row, column) {
    const { name, id, ou } = data.who(row);
    const square = SQUARES[data.square(row, column)];
    return el("li", {},
      el("span", { class: square.key, title: square.name }, `${square.mark} ${square.name}`),
      el("button", { type: "button", class: "plain-button", onclick: () => open(row, column) }, el("bdi", {}, name)),
      id === "" ? null : el("span", { class: "id" }, id),
      row === 0 ? null : el("span", { class: "small" }, el("bdi", {}, data.ous[ou][1])));
  }

  return {
    show(now) {
      left = { ...now, stamp: String((Number(left?.stamp) || 0) + 1) };
      const columns = new Set(now.columns);
      let shown = 0;
      for (const { item, column, tally, whole } of items) {
        const found = columns.has(column) ? rowsOf(column) : [];
        item.hidden = found.length === 0;
        if (item.hidden) continue;
        shown += 1;
        const counted = [0, 0, 0, 0, 0, 0];
        for (const row of found) counted[data.square(row, column)] += 1;
        const told = [
          [FAIL, whole ? "the organization" : plural(counted[FAIL], "account")],
          [4, `${figure(counted[4])} not told`],
          [3, `${figure(counted[3])} exempt`],
        ].filter(([square]) => counted[square] > 0);
        // What was written says more where nothing is filtered.
        if (now.all && tally.dataset.written === undefined) tally.dataset.written = "yes";
        else if (!now.all || tally.dataset.written === "no") {
          tally.dataset.written = "no";
          tally.replaceChildren(...told.map(([square, text]) => el("span", { class: SQUARES[square].key }, `${SQUARES[square].mark} ${text}`)));
        }
        fill(item, column);
      }
      byId("list-said").textContent = now.all
        ? ""
        : `${plural(shown, "check")} of ${figure(items.length)} left by the filters; what passes or does not apply is in the matrix`;
    },
  };
}
