// A table that can be sorted by the buttons in its header. Unknown values stay at the end.
function sortable(columns, caption, initial, changed = () => {}) {
  const body = el("tbody");
  const order = { ...initial };
  let rows = [];
  const heads = columns.map((column) => {
    const arrow = el("span", { class: "soft", "aria-hidden": "true" });
    const button = el("button", { type: "button", title: column.hint, onclick: () => sortBy(column) }, typeof column.title === "function" ? column.title() : column.title, " ", arrow);
    return { column, arrow, head: el("th", { scope: "col", class: column.number ? "number" : null }, button) };
  });
  const table = el("table", {}, el("caption", { class: "skip" }, caption), el("thead", {}, el("tr", {}, heads.map(({ head }) => head))), body);

  function sortBy(column) {
    order.down = order.key === column.key ? !order.down : Boolean(column.down);
    order.key = column.key;
    order.touched = true;
    arrange();
    changed();
  }
  function sorted() {
    const column = columns.find(({ key }) => key === order.key);
    return [...rows].sort((a, b) => compare(column.value(a), column.value(b), order.down));
  }
  function arrange() {
    const column = columns.find(({ key }) => key === order.key);
    body.replaceChildren(...sorted().map(line));
    for (const { column: each, head, arrow } of heads) {
      const chosen = each === column;
      head.setAttribute("aria-sort", chosen ? (order.down ? "descending" : "ascending") : "none");
      arrow.textContent = chosen ? (order.down ? "▼" : "▲") : "↕";
    }
  }
  function line(row) {
    const cells = columns.map((column, index) => el(index ? "td" : "th", { scope: index ? null : "row", class: [column.number && "number", column.words && "words", column.spec && "spec"].filter(Boolean).join(" ") || null }, column.show(row)));
    return el("tr", {}, cells);
  }
  return { table, columns, order, sorted, show: (shown) => { rows = shown; arrange(); } };
}

function compare(a, b, down) {
  const [lacksA, lacksB] = [!known(a) || a === "", !known(b) || b === ""];
  if (lacksA || lacksB) return lacksA - lacksB;
  const way = typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
  return down ? -way : way;
}
