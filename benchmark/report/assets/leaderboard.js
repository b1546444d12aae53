// The columns of the leaderboard: one row per setting, or one row per cell.
const figure = (key, title, hint, value, say, down = false) => ({ key, title, hint, value, down, number: true, show: (row) => say(value(row)) });
const fromLine = (name) => (setting) => setting.line[name];

function meter(setting) {
  const undefended = state.scenario.settings.find((each) => each.undefended)?.line.leak_db;
  const share = undefended ? Math.max(0, Math.min(1, setting.line.leak_db / undefended)) : 0;
  const bar = el("i");
  bar.style.width = `${100 * share}%`;
  return el("span", { class: "meter", "aria-hidden": "true" }, bar);
}

const doubt = ({ line }) => (line.incomplete || line.flags ? el("span", { class: "warn" }, line.incomplete ? " incomplete" : " flagged") : null);
const marksOfLine = ({ line }) => [line.pareto && "Pareto", line.incomplete && "incomplete", ...line.flags.split(" "), line.worst_case === "of means" && "of means"].filter(Boolean);

const SETTING_COLUMNS = [
  { key: "defense", title: "Defense", hint: "Defense and the parameters that distinguish it", value: labelOf, show: (setting) => [opener(setting), doubt(setting)] },
  { ...figure("rank", "Rank", "Best protected first, incomplete last", (setting) => state.scenario.settings.indexOf(setting) + 1, whole) },
  figure("utility", () => capital(state.scenario.metric), "Utility of the protected network; accuracy is the share of correctly classified images", fromLine("utility"), (value) => percent(value, 2), true),
  figure("kept", "Kept", "Utility as a share of that of the undefended network", fromLine("utility_kept"), percent, true),
  { ...figure("leak", "Leak", "Worst case above the mean image", fromLine("leak_db"), signed), show: (setting) => [signed(setting.line.leak_db), meter(setting)] },
  figure("psnr_db", "PSNR", "Worst case over the attacks", fromLine("psnr_db"), decibels),
  figure("ssim", "SSIM", "Worst case over the attacks", fromLine("ssim"), fixed(3)),
  { ...figure("recognisable", "Recognizable", "Share of images with an SSIM of at least 0.3. In brackets: the share for the mean image, which leaks nothing", fromLine("recognisable"), percent), show: ({ line }) => recognized(line) },
  figure("identified", "Identified", "Share of reconstructions that find their original among up to 1,000 images", (setting) => setting.more.identified, (value) => percent(value, 0)),
  { key: "marks", title: "Marks", hint: "Pareto front, incomplete, audit flags", words: true, value: (setting) => marksOfLine(setting).join(", "), show: (setting) => marksOfLine(setting).join(", ") },
  { key: "attack", title: "Strongest attack", value: fromLine("worst_attack"), show: (setting) => setting.line.worst_attack || "–" },
  figure("bytes", "Sent", "Bytes per image", fromLine("wire_bytes"), bytes),
  figure("latency", "Latency", "Modelled for the network chosen above", (setting) => setting.costs[state.network]?.latency_ms, milliseconds),
  figure("energy", "Energy", "Modelled energy of the device for the network chosen above", (setting) => setting.costs[state.network]?.energy_mj, (value) => (known(value) ? `${+value.toPrecision(3)} mJ` : "–")),
  figure("client_ms", "Client", "Time per image on the client", fromLine("client_ms"), milliseconds),
  figure("server_ms", "Server", "Time per image on the server", fromLine("server_ms"), milliseconds),
  figure("macs", "Client MACs", "Multiply-accumulate operations per image", fromLine("client_macs"), macs),
  figure("bound_identified", "Identified at most", "Upper bound on the share of images that any attack identifies", fromLine("bound_identified"), percent),
  figure("bound", "Bound", "Upper bound on the PSNR of any attack", (setting) => setting.more.bound_psnr_db, decibels),
  figure("epsilon", "ε", "Epsilon of differential privacy, if it is guaranteed", fromLine("epsilon"), (value) => (known(value) ? String(+value.toPrecision(4)) : "–")),
  { key: "guarantee", title: "Guarantee", words: true, value: fromLine("guarantee"), show: (setting) => setting.line.guarantee ?? "–" },
];

const CELL_COLUMNS = [
  { key: "defense", title: "Defense", value: ({ setting }) => labelOf(setting), show: ({ setting }) => opener(setting) },
  { key: "attack", title: "Attack", value: ({ cell }) => cell.label, show: ({ cell }) => cell.label },
  { key: "access", title: "Access", value: ({ cell }) => cell.access, show: ({ cell }) => cell.access.replaceAll("_", " ") },
  figure("seed", "Seed", "Seed of all random numbers", ({ cell }) => cell.seed, String),
  { ...figure("psnr_db", "PSNR", "Mean over images, with its 95 % interval", ({ cell }) => cell.psnr_db, decibels, true), show: ({ cell }) => decibels(cell.psnr_db) + interval(cell, "psnr_db", fixed(1)) },
  { ...figure("ssim", "SSIM", "Mean over images, with its 95 % interval", ({ cell }) => cell.ssim, fixed(3), true), show: ({ cell }) => fixed(3)(cell.ssim) + interval(cell, "ssim", fixed(2)) },
  { ...figure("recognisable", "Recognizable", "Share of images with an SSIM of at least 0.3. In brackets: the share for the mean image, which leaks nothing", ({ cell }) => cell.recognisable, percent, true), show: ({ setting, cell }) => recognizedCell(setting, cell) },
  figure("identified", "Identified", "Share of reconstructions that find their original among up to 1,000 images", ({ cell }) => cell.identified, (value) => percent(value, 0), true),
  figure("leak_r2", "Leak R²", "0 for the mean image, 1 for an exact reconstruction", ({ cell }) => cell.leak_r2, fixed(2), true),
  figure("bound_identified", "Identified at most", "Upper bound on the share of images that any attack identifies", ({ cell }) => cell.bound_identified, percent),
  figure("bound", "Bound", "Upper bound on the PSNR of this attack", ({ cell }) => cell.bound_psnr_db, decibels),
  figure("utility", () => capital(state.scenario.metric), "Utility of the protected network", ({ cell }) => cell.utility, (value) => percent(value, 2), true),
  figure("seconds", "Attack time", "Time for all images, including training", ({ cell }) => cell.attack_seconds, seconds, true),
  { key: "status", title: "Status", words: true, value: ({ cell }) => cell.status, show: ({ cell }) => (cell.reason ? `${cell.status}: ${cell.reason}` : cell.status) },
];
const interval = (cell, name, say) => (known(cell[`${name}_low`]) ? between([cell[`${name}_low`], cell[`${name}_high`]], say) : "");

const orderOf = (columns) => {
  const order = state.board?.order.touched && state.drawn === null ? state.board.order : state.sort;
  return order && columns.some(({ key }) => key === order.key) ? order : null;
};

function drawLeaderboard() {
  const shown = visible();
  if (state.drawn !== state.view) {
    state.board = state.view === "settings"
      ? sortable(SETTING_COLUMNS, "One row per defense", orderOf(SETTING_COLUMNS) ?? { key: "rank", down: false }, keepView)
      : sortable(CELL_COLUMNS, "One row per cell", orderOf(CELL_COLUMNS) ?? { key: "psnr_db", down: true }, keepView);
    byId("table").replaceChildren(state.board.table);
    state.drawn = state.view;
  }
  const cells = shown.flatMap((setting) => setting.cells.map((cell) => ({ setting, cell })));
  state.board.show(state.view === "settings" ? shown : cells);
  const all = state.scenario.settings.length;
  byId("count").textContent = `${shown.length} of ${plural(all, "setting")}${state.view === "cells" ? `, ${plural(cells.length, "cell")}` : ""}`;
}
