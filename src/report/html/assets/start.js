// The start: the theme, then the data, then what needs it.

/** The button that turns light and dark; what the system says holds until it is used. */
function themeButton() {
  const button = byId("theme");
  const dark = () => {
    const chosen = document.documentElement.style.colorScheme;
    return chosen === "" ? matchMedia("(prefers-color-scheme: dark)").matches : chosen === "dark";
  };
  const name = () => { button.textContent = dark() ? "Light" : "Dark"; };
  button.addEventListener("click", () => {
    document.documentElement.style.colorScheme = dark() ? "light" : "dark";
    name();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();
  button.hidden = false;
}

/** The square that the address names: `#square=ACCOUNT/CHECK`. */
function squareOfAddress(data) {
  const found = /^#square=([^/]*)\/(.+)$/.exec(location.hash);
  if (!found) return null;
  const [account, check] = [decodeURIComponent(found[1]), decodeURIComponent(found[2])];
  const row = account === "" ? 0 : data.accounts.findIndex(([id]) => id === account) + 1;
  const column = data.checks.findIndex(({ id }) => id === check);
  return (account !== "" && row === 0) || column < 0 || data.square(row, column) === 0 ? null : [row, column];
}

/** A section that an address names inside something closed is opened. */
function reveal() {
  const target = location.hash.length > 1 ? byId(decodeURIComponent(location.hash.slice(1))) : null;
  if (target instanceof HTMLDetailsElement) target.open = true;
}

async function start() {
  themeButton();
  addEventListener("hashchange", reveal);
  reveal();
  const data = await load();
  const asked = nothingAsked();
  let said = null;
  let search = 0;

  // A new entry for each square would fill the way back.
  const address = (row, column) => {
    const hash = row === null ? "#matrix" : `#square=${encodeURIComponent(row === 0 ? "" : data.accounts[row - 1][0])}/${encodeURIComponent(data.checks[column].id)}`;
    history.replaceState(null, "", hash);
    if (row !== null) table.go(row, column);
    // The square that the drawer was opened from is drawn anew when the drawer leads on: the browser can't go back to it.
    else if (document.activeElement === document.body || document.activeElement.closest("dialog")) table.focus();
  };
  const side = drawer(data, (row, column, step) => table.next(row, column, step), address);
  const box = byId("explore");
  const status = el("p", { class: "small", role: "status" });
  const table = matrix(data, box, side.open);
  box.prepend(status);
  box.append(el("p", { class: "keys small" }, "Worst checks first. Arrow keys move, Enter opens a square, Escape closes it. "
    + "✕ fails, ? unknown, ◆ exempt, ✓ passes, – does not apply; empty: the check is about something else, or nobody asked."));
  const lines = list(data, side.open);

  function apply() {
    const left = leave(data, asked, said);
    table.show(left);
    lines.show(left);
    status.textContent = left.rows.length === 0 || left.columns.length === 0 ? "Nothing is left by the filters." : "";
  }

  async function searched() {
    const mine = ++search;
    const text = asked.text.trim().toLowerCase();
    said = null;
    apply();
    if (text.length < 3) return;
    const found = await squaresSaying(data, text,
      (done, all) => { status.textContent = `Searching messages and resources: ${done} of ${all}`; },
      () => mine !== search);
    if (found === null || mine !== search) return;
    said = found;
    apply();
  }

  let lastText = "";
  const form = filterForm(data, asked, () => {
    if (asked.text !== lastText) {
      lastText = asked.text;
      searched().catch(broken);
    } else {
      apply();
    }
  });
  byId("filters").append(form);

  // The map and the list of OUs lead to their accounts.
  for (const link of document.querySelectorAll("a[data-ou]")) {
    link.addEventListener("click", () => {
      asked.ou = link.dataset.ou === "0" ? "" : link.dataset.ou;
      showAsked(form, asked);
      apply();
    });
  }
  document.documentElement.classList.add("scripted");
  byId("filters").hidden = false;
  box.hidden = false;
  apply();
  const named = squareOfAddress(data);
  if (named) side.open(...named);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

/** What stands where the script could not go on: the page without it is whole. */
function broken(error) {
  const note = byId("script-failed");
  note.hidden = false;
  note.textContent = `The matrix can't be shown (${error.message}). It needs a browser of 2023 or later; everything else on this page is complete.`;
}

start().catch(broken);
