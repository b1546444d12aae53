// The columns of the leaderboard: one line for each setting, or for each of its cells.
const figure = (key, title, hint, value, say, down = false) => ({ key, title, hint, value, down, number: true, show: (row) => say(value(row)) });
const fromLine = (name) => (setting) => setting.line[name];

function meter(setting) {
  const undefended = state.place.settings.find((each) => each.undefended)?.line.leak_db;
  const share = undefended ? Math.max(0, Math.min(1, setting.line.leak_db / undefended)) : 0;
  const bar = el("i");
  bar.style.width = `${100 * share}%`;
  return el("span", { class: "meter", "aria-hidden": "true" }, bar);
}

const doubt = ({ line }) => (line.incomplete || line.flags ? el("span", { class: "warn" }, line.incomplete ? " incomplete" : " flagged") : null);
const marksOfLine = ({ line }) => [line.pareto && "Pareto", line.incomplete && "incomplete", ...line.flags.split(" "), line.worst_case === "of means" && "of means"].filter(Boolean);

const SETTING_COLUMNS = [
  { key: "defense", title: "Defense", hint: "defense and the parameters that tell something", value: labelOf, show: (setting) => [opener(setting), doubt(setting)] },
  { ...figure("rank", "Rank", "best protected first, incomplete last", (setting) => state.place.settings.indexOf(setting) + 1, whole) },
  figure("accuracy", "Accuracy", "share of images classified right", fromLine("accuracy"), (value) => percent(value, 2), true),
  figure("kept", "Kept", "accuracy as a share of the undefended one", fromLine("accuracy_kept"), percent, true),
  { ...figure("leak", "Leak", "worst case above the mean image", fromLine("leak_db"), signed), show: (setting) => [signed(setting.line.leak_db), meter(setting)] },
  figure("psnr_db", "PSNR", "worst case over the attacks", fromLine("psnr_db"), decibels),
  figure("ssim", "SSIM", "worst case over the attacks", fromLine("ssim"), fixed(3)),
  { ...figure("recognisable", "Recognizable", "share of images with SSIM of 0.3 or more; in brackets that of the mean image, which leaks nothing", fromLine("recognisable"), percent), show: ({ line }) => recognized(line) },
  figure("identified", "Identified", "share found among up to 1,000 images", (setting) => setting.more.identified, (value) => percent(value, 0)),
  { key: "marks", title: "Marks", hint: "Pareto front, incomplete, flags of the audit", words: true, value: (setting) => marksOfLine(setting).join(", "), show: (setting) => marksOfLine(setting).join(", ") },
  { key: "attack", title: "Strongest attack", value: fromLine("worst_attack"), show: (setting) => setting.line.worst_attack || "–" },
  figure("bytes", "Sent", "bytes for one image", fromLine("wire_bytes"), bytes),
  figure("client_ms", "Client", "time for one image on the client", fromLine("client_ms"), milliseconds),
  figure("server_ms", "Server", "time for one image on the server", fromLine("server_ms"), milliseconds),
  figure("macs", "Client MACs", "multiply-accumulate operations for one image", fromLine("client_macs"), macs),
  figure("bound", "Bound", "no attack can exceed it", (setting) => setting.more.bound_psnr_db, decibels),
  figure("epsilon", "ε", "of differential privacy, if something is promised", fromLine("epsilon"), (value) => (known(value) ? String(+value.toPrecision(4)) : "–")),
  { key: "guarantee", title: "Guarantee", words: true, value: fromLine("guarantee"), show: (setting) => setting.line.guarantee ?? "–" },
];

const CELL_COLUMNS = [
  { key: "defense", title: "Defense", value: ({ setting }) => labelOf(setting), show: ({ setting }) => opener(setting) },
  { key: "attack", title: "Attack", value: ({ cell }) => cell.label, show: ({ cell }) => cell.label },
  { key: "access", title: "Access", value: ({ cell }) => cell.access, show: ({ cell }) => cell.access.replaceAll("_", " ") },
  figure("seed", "Seed", "of everything random", ({ cell }) => cell.seed, String),
  { ...figure("psnr_db", "PSNR", "mean over images, with its 95 % interval", ({ cell }) => cell.psnr_db, decibels, true), show: ({ cell }) => decibels(cell.psnr_db) + interval(cell, "psnr_db", fixed(1)) },
  { ...figure("ssim", "SSIM", "mean over images, with its 95 % interval", ({ cell }) => cell.ssim, fixed(3), true), show: ({ cell }) => fixed(3)(cell.ssim) + interval(cell, "ssim", fixed(2)) },
  figure("recognisable", "Recognizable", "share of images with SSIM of 0.3 or more", ({ cell }) => cell.recognisable, (value) => percent(value, 0), true),
  figure("identified", "Identified", "share found among up to 1,000 images", ({ cell }) => cell.identified, (value) => percent(value, 0), true),
  figure("leak_r2", "Leak R²", "0 is the mean image, 1 is exact", ({ cell }) => cell.leak_r2, fixed(2), true),
  figure("bound", "Bound", "this attack cannot exceed it", ({ cell }) => cell.bound_psnr_db, decibels),
  figure("accuracy", "Accuracy", "of the protected model", ({ cell }) => cell.accuracy, (value) => percent(value, 2), true),
  figure("seconds", "Attack took", "time for all images, with training", ({ cell }) => cell.attack_seconds, seconds, true),
  { key: "status", title: "Status", words: true, value: ({ cell }) => cell.status, show: ({ cell }) => (cell.reason ? `${cell.status}: ${cell.reason}` : cell.status) },
];
const interval = (cell, name, say) => (known(cell[`${name}_low`]) ? between([cell[`${name}_low`], cell[`${name}_high`]], say) : "");

function drawLeaderboard() {
  const shown = visible();
  if (state.drawn !== state.view) {
    state.board = state.view === "settings"
      ? sortable(SETTING_COLUMNS, "One line for each defense", { key: "rank", down: false })
      : sortable(CELL_COLUMNS, "One line for each cell", { key: "psnr_db", down: true });
    byId("table").replaceChildren(state.board.table);
    state.drawn = state.view;
  }
  const cells = shown.flatMap((setting) => setting.cells.map((cell) => ({ setting, cell })));
  state.board.show(state.view === "settings" ? shown : cells);
  const all = state.place.settings.length;
  byId("count").textContent = `${shown.length} of ${plural(all, "setting")}${state.view === "cells" ? `, ${plural(cells.length, "cell")}` : ""}`;
}
