// The matrix: a row for each account, a column for each check. Only what is in view is in the document.

const ROW = 26;
const COLUMN = 26;

/** The matrix in `box`. `open(row, column)` is called for a square that is chosen. */
function matrix(data, box, open) {
  const state = { rows: [], columns: [], counts: () => true, row: 0, column: 0 };
  const canvas = el("div", { class: "canvas" });
  const heads = el("div", { class: "heads-row", role: "row", "aria-rowindex": "1" });
  const body = el("div", { role: "rowgroup" });
  const grid = el("div", {
    class: "grid", role: "grid", "aria-label": "Accounts and checks",
    onscroll: () => later(), onkeydown: (event) => key(event), onclick: (event) => click(event),
  }, canvas);
  canvas.append(heads, body);
  box.append(grid);

  const narrow = () => grid.clientWidth < 620;
  const whoWidth = () => (narrow() ? 130 : 300);
  const headHeight = 190;
  let waiting = 0;
  const later = () => {
    if (waiting === 0) waiting = requestAnimationFrame(() => { waiting = 0; draw(); });
  };

  function draw() {
    const { rows, columns } = state;
    const left = whoWidth();
    const width = left + columns.length * COLUMN + 8;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${headHeight + rows.length * ROW + 8}px`;
    heads.style.width = `${width}px`;
    heads.style.height = `${headHeight}px`;
    const firstRow = Math.max(0, Math.floor(grid.scrollTop / ROW) - 3);
    const lastRow = Math.min(rows.length, Math.ceil((grid.scrollTop + grid.clientHeight - headHeight) / ROW) + 3);
    const firstColumn = Math.max(0, Math.floor(grid.scrollLeft / COLUMN) - 2);
    const lastColumn = Math.min(columns.length, Math.ceil((grid.scrollLeft + grid.clientWidth - left) / COLUMN) + 2);
    const focused = grid.contains(document.activeElement) && document.activeElement !== grid;
    heads.replaceChildren(corner(left), ...columns.slice(firstColumn, lastColumn).map((column, at) => head(column, firstColumn + at, left)));
    body.replaceChildren(...rows.slice(firstRow, lastRow).map((row, at) => line(row, firstRow + at, firstColumn, lastColumn, left, width)));
    // One square is always there to be reached with the keyboard.
    if (!body.querySelector('[tabindex="0"]')) body.querySelector(".sq")?.setAttribute("tabindex", "0");
    if (focused) focus();
  }

  /** The square that keys and clicks go on from. */
  function focus() {
    body.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });
  }

  function corner(left) {
    const made = el("div", { class: "corner", role: "columnheader", "aria-colindex": "1" }, `${plural(state.rows.filter((row) => row > 0).length, "account")}, ${plural(state.columns.length, "check")}`);
    made.style.width = `${left}px`;
    made.style.height = `${headHeight}px`;
    return made;
  }

  function head(column, at, left) {
    const check = data.checks[column];
    const made = el("div", { class: `head s${check.severity}`, role: "columnheader", "aria-colindex": at + 2, title: `${SEVERITIES[check.severity]}: ${check.title}` }, check.id);
    made.style.left = `${left + at * COLUMN}px`;
    made.style.width = `${COLUMN}px`;
    made.style.height = `${headHeight}px`;
    return made;
  }

  function line(row, at, firstColumn, lastColumn, left, width) {
    const { name, id, ou } = data.who(row);
    const who = el("div", { class: "who", role: "rowheader", "aria-colindex": "1", title: `${name} ${id} ${data.ous[ou]?.[1] ?? ""}` }, el("bdi", {}, name), id === "" || narrow() ? null : el("span", { class: "id" }, id));
    who.style.width = `${left}px`;
    who.style.height = `${ROW}px`;
    who.style.lineHeight = `${ROW}px`;
    const made = el("div", { class: "row-line", role: "row", "aria-rowindex": at + 2 }, who);
    made.style.top = `${headHeight + at * ROW}px`;
    made.style.width = `${width}px`;
    made.style.height = `${ROW}px`;
    for (let place = firstColumn; place < lastColumn; place++) made.append(cell(row, at, state.columns[place], place, left));
    return made;
  }

  function cell(row, at, column, place, left) {
    const square = data.square(row, column);
    const counts = state.counts(row, column);
    const made = el("div", {
      class: `sq v${square}${counts ? "" : " off"}`, role: "gridcell", "aria-colindex": place + 2,
      tabindex: at === state.row && place === state.column ? "0" : "-1", "data-at": at, "data-place": place,
      "aria-label": `${data.who(row).name}, ${data.checks[column].id}: ${SQUARES[square].name}`,
    }, SQUARES[square].mark);
    made.style.left = `${left + place * COLUMN}px`;
    made.style.top = "0";
    made.style.width = `${COLUMN}px`;
    made.style.height = `${ROW}px`;
    made.style.lineHeight = `${ROW - 2}px`;
    return made;
  }

  function choose(at, place) {
    const row = state.rows[at];
    const column = state.columns[place];
    if (row === undefined || column === undefined || data.square(row, column) === 0) return;
    open(row, column);
  }

  function click(event) {
    const square = event.target.closest(".sq");
    if (!square) return;
    state.row = Number(square.dataset.at);
    state.column = Number(square.dataset.place);
    draw();
    focus();
    choose(state.row, state.column);
  }

  function key(event) {
    if (!event.target.classList.contains("sq")) return;
    // A square that was reached with Tab is where it goes on from.
    state.row = Number(event.target.dataset.at);
    state.column = Number(event.target.dataset.place);
    const page = Math.max(1, Math.floor((grid.clientHeight - headHeight) / ROW) - 1);
    const whole = event.ctrlKey || event.metaKey;
    const steps = {
      ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
      PageUp: [-page, 0], PageDown: [page, 0],
      Home: [whole ? -Infinity : 0, -Infinity], End: [whole ? Infinity : 0, Infinity],
    };
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(state.row, state.column);
    } else if (steps[event.key]) {
      event.preventDefault();
      const [down, right] = steps[event.key];
      state.row = Math.min(Math.max(state.row + down, 0), state.rows.length - 1);
      state.column = Math.min(Math.max(state.column + right, 0), state.columns.length - 1);
      reveal();
      draw();
      focus();
    }
  }

  /** Scrolls as little as brings the chosen square into view. */
  function reveal() {
    const top = state.row * ROW;
    const left = state.column * COLUMN;
    const high = grid.clientHeight - headHeight - ROW;
    const wide = grid.clientWidth - whoWidth() - COLUMN;
    grid.scrollTop = Math.min(top, Math.max(grid.scrollTop, top - high));
    grid.scrollLeft = Math.min(left, Math.max(grid.scrollLeft, left - wide));
  }

  new ResizeObserver(later).observe(grid);
  return {
    focus,
    show(left) {
      Object.assign(state, left, { row: 0, column: 0 });
      grid.setAttribute("aria-rowcount", state.rows.length + 1);
      grid.setAttribute("aria-colcount", state.columns.length + 1);
      grid.scrollTop = 0;
      grid.scrollLeft = 0;
      draw();
    },
    /** The next square that fails, before or after this one, in reading order. */
    next(row, column, step) {
      const wide = state.columns.length;
      const all = wide * state.rows.length;
      let at = state.rows.indexOf(row) * wide + state.columns.indexOf(column);
      for (let tried = 0; tried < all; tried++) {
        at = (at + step + all) % all;
        const found = [state.rows[Math.floor(at / wide)], state.columns[at % wide]];
        if (data.square(...found) === FAIL && state.counts(...found)) return found;
      }
      return null;
    },
    go(row, column) {
      const at = state.rows.indexOf(row);
      const place = state.columns.indexOf(column);
      if (at < 0 || place < 0) return;
      state.row = at;
      state.column = place;
      reveal();
      draw();
    },
  };
}
