// Saves tables as CSV and charts as PNG.
function save(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
const fileName = (what, suffix) => `${[what, state.scenario.dataset, state.scenario.model, state.scenario.split].join("-").replace(/[^\w.-]+/g, "-").slice(0, 120)}.${suffix}`;

// A text that a spreadsheet would take for a formula gets an apostrophe.
const safe = (value) => (typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value);
function csvOf(columns, rows) {
  const quote = (value) => (known(value) ? `"${String(safe(value)).replaceAll('"', '""')}"` : "");
  return [columns.map(({ key }) => key), ...rows.map((row) => columns.map((column) => column.value(row)))].map((line) => line.map(quote).join(",")).join("\r\n");
}
function saveTable() {
  save(new Blob([csvOf(state.board.columns, state.board.sorted())], { type: "text/csv" }), fileName("leaderboard", "csv"));
}

const DRAWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "font-size", "font-family", "font-weight", "paint-order"];
async function saveChart(holder, what) {
  const svg = holder.querySelector("svg");
  if (!svg) return;
  const copy = svg.cloneNode(true);
  const [from, to] = [svg, copy].map((each) => [each, ...each.querySelectorAll("*")]);
  from.forEach((each, index) => { const style = getComputedStyle(each); for (const name of DRAWN) to[index].style.setProperty(name, style.getPropertyValue(name)); });
  const [width, height] = [svg.clientWidth, svg.clientHeight];
  copy.prepend(draw("rect", { width, height, fill: getComputedStyle(document.body).backgroundColor }));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  const canvas = el("canvas", { width: 2 * width, height: 2 * height });
  canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
  canvas.toBlob((blob) => save(blob, fileName(what, "png")));
}
