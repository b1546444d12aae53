// The public leaderboard: one row per defense of a submission, with filters that the address of the page keeps.
const { entries } = JSON.parse(byId("data").textContent);
const lines = entries.flatMap((entry) => entry.lines.map((line) => ({ entry, line })));
const number = (key, title, hint, say, down = false) => ({ key, title, hint, down, number: true, value: ({ line }) => line[key], show: ({ line }) => say(line[key]) });
const text = (key, title) => ({ key, title, value: ({ line }) => line[key], show: ({ line }) => String(line[key] ?? "–") });

// Only addresses of the web become links. All others stay text.
const link = (address, title) => (/^https?:\/\//.test(address) ? el("a", { href: address, rel: "nofollow noopener noreferrer" }, title) : null);
const unverifiable = (entry) => (entry.local ? [el("dt", {}, "cannot be verified"), el("dd", {}, `${plural(entry.local, "cell")}, with files, code or objects of their authors`)] : []);
const marks = (line) => [line.incomplete && "incomplete", ...(line.flags ?? "").split(" ")].filter(Boolean).join(", ");

const COLUMNS = [
  { key: "defense", title: "Defense", value: ({ line }) => line.defense, show: ({ line }) => broken(line.defense) },
  { ...text("dataset", "Dataset"), spec: true },
  { ...text("model", "Model"), spec: true },
  text("split", "Split"),
  number("leak_db", "Leak", "Worst case over the attacks, above the mean image", signed),
  number("psnr_db", "PSNR", "Worst case over the attacks", decibels),
  number("ssim", "SSIM", "Worst case over the attacks", fixed(3)),
  { ...number("recognisable", "Recognizable", "Share of images with an SSIM of at least 0.3. In brackets: the share for the mean image", percent), show: ({ line }) => recognized(line) },
  number("utility", "Utility", "Utility of the protected network: accuracy for classification", (value) => percent(value, 2), true),
  number("utility_kept", "Kept", "Utility as a share of that of the undefended network", percent, true),
  number("wire_bytes", "Sent", "Bytes per image", bytes),
  number("attacks", "Attacks", "Number of attacks", whole, true),
  number("n_images", "Images", "Number of attacked images", whole, true),
  { key: "marks", title: "Marks", hint: "Incomplete, audit flags", value: ({ line }) => marks(line), show: ({ line }) => marks(line) },
  { ...text("verification", "Verified"), hint: "What came of those cells of this row that a maintainer computed again" },
  { key: "submission", title: "Submission", value: ({ entry }) => entry.title, show: ({ entry }) => el("a", { href: `${encodeURIComponent(entry.name)}/index.html` }, entry.title) },
  { key: "links", title: "Links", value: ({ entry }) => entry.paper, show: ({ entry }) => [link(entry.paper, "paper"), " ", link(entry.code, "code")] },
];

const board = sortable(COLUMNS, "One row per defense", { key: "leak_db", down: false });
const FILTERS = ["dataset", "model", "search", "sound", "verified"];
const control = (id) => (byId(id).type === "checkbox" ? "checked" : "value");

function drawTable() {
  const wanted = byId("search").value.trim().toLowerCase();
  const shown = lines.filter(({ entry, line }) =>
    ["dataset", "model"].every((key) => !byId(key).value || line[key] === byId(key).value) &&
    [line.defense, line.split, line.guarantee, line.worst_attack, entry.title].some((each) => (each ?? "").toLowerCase().includes(wanted)) &&
    (!byId("sound").checked || !marks(line)) &&
    (!byId("verified").checked || line.verified));
  board.show(shown);
  byId("count").textContent = lines.length ? `${shown.length} of ${plural(lines.length, "defense")} in ${plural(entries.length, "submission")}` : "There are no submissions yet.";
  const state = new URLSearchParams(FILTERS.map((id) => [id, String(byId(id)[control(id)])]).filter(([, value]) => value && value !== "false"));
  history.replaceState(null, "", state.size ? `#${state}` : location.pathname);
}

function card(entry) {
  const versions = Object.entries(entry.versions).flatMap(([name, values]) => (values.length ? [el("dt", {}, name.replaceAll("_", " ")), el("dd", {}, values.join(", "))] : []));
  const strips = entry.strips.map(([caption, png]) => el("figure", { class: "strip" }, el("figcaption", {}, caption), el("img", { src: `data:image/png;base64,${png}`, alt: `${caption} of ${entry.title}` })));
  const folder = encodeURIComponent(entry.name);
  return el("article", { class: "card" }, el("h3", {}, el("a", { href: `${folder}/index.html` }, entry.title)), strips,
    el("dl", {}, el("dt", {}, "verified"), el("dd", {}, entry.verification), el("dt", {}, "cells"), el("dd", {}, whole(entry.cells)), ...unverifiable(entry), versions),
    el("p", {}, link(entry.paper, "Paper"), " ", link(entry.code, "Code"), " ", el("a", { href: `${folder}/leaderboard.csv` }, "CSV"), " ", el("a", { href: `${folder}/${folder}.zip` }, "Submission")));
}

for (const key of ["dataset", "model"]) {
  const values = [...new Set(lines.map(({ line }) => line[key]))].sort();
  byId(key).replaceChildren(el("option", { value: "" }, "all"), ...values.map((value) => el("option", { value }, value)));
}
const asked = new URLSearchParams(location.hash.slice(1));
for (const id of FILTERS) {
  if (asked.has(id)) byId(id)[control(id)] = control(id) === "checked" ? asked.get(id) === "true" : asked.get(id);
  byId(id).addEventListener("input", drawTable);
}
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("table").append(board.table);
byId("submissions").append(...entries.map(card));
drawTable();
