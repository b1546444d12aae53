// A dialog with all results of one setting.
const opener = (setting) => el("button", { type: "button", class: "link name", onclick: () => openDetails(setting) }, broken(labelOf(setting)));

function openDetails(setting) {
  hideTip();
  const dialog = byId("details");
  const { line, more } = setting;
  const close = el("button", { type: "button", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(
    el("div", { class: "dialog-head" }, el("h2", { id: "details-title", class: "name" }, labelOf(setting)), close),
    ...doubts(setting),
    el("div", { class: "columns" },
      facts([
        ["Worst case", `${decibels(line.psnr_db)}${between(setting.ranges.psnr_db, fixed(2))}, SSIM ${fixed(3)(line.ssim)}, ${line.worst_case}`],
        ["Leak", `${signed(line.leak_db)} above the mean image`],
        ["Recognizable", recognized(line)],
        ...(known(more.recognized_by_people) ? [["Recognized by people", percent(more.recognized_by_people, 0)]] : []),
        ["Identified", known(more.identified) ? `${percent(more.identified, 0)}${known(more.identified_chance) ? ` (chance ${percent(more.identified_chance)})` : ""}` : "–"],
        ...(known(line.attribute_accuracy) ? [["Read from the wire", attributeOf(line, more)]] : []),
        ["Identified at most", known(line.bound_identified) ? percent(line.bound_identified) : "–"],
        ["Bound", decibels(more.bound_psnr_db)],
        ["Guarantee", line.guarantee ?? "–"],
        ["ε, δ", known(line.epsilon) ? `${+line.epsilon.toPrecision(4)}, ${more.delta ?? "–"}` : "–"],
      ]),
      facts([
        [capital(state.scenario.metric), `${percent(line.utility, 2)}${between(setting.ranges.utility, (value) => percent(value, 2))}`],
        ["Kept", `${percent(line.utility_kept)} of ${percent(line.utility_undefended, 2)}`],
        ["Sent", `${bytes(line.wire_bytes)} up${known(more.bytes_down) ? `, ${bytes(more.bytes_down)} down` : ""}`],
        ["Client", `${milliseconds(line.client_ms)}, ${macs(line.client_macs)} MACs, ${macs(more.client_params)} parameters`],
        ["Server", milliseconds(line.server_ms)],
        ["Seeds", whole(line.seeds)],
        ["Parameters", Object.entries(setting.params).map(([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ") || "none"],
      ])),
    ...attacksOn(setting));
  dialog.showModal();
  dialog.scrollTop = 0;
}

const attributeOf = (line, more) => `${line.attribute} of ${percent(line.attribute_accuracy, 0)} of the images (most frequent value ${percent(more.attribute_majority, 0)}, from the outputs ${percent(more.attribute_from_outputs, 0)})`;

const facts = (pairs) => el("dl", { class: "facts" }, pairs.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));

function doubts(setting) {
  const own = new Set(setting.cells.map((cell) => cell.cell_id));
  const flags = data.flags.filter((flag) => own.has(flag.cells[0])).map((flag) => `Flag ${flag.name}: ${flag.sentence}.`);
  const lacking = setting.lacking.map((sentence) => `Incomplete: ${sentence}.`);
  return [...flags, ...lacking].map((sentence) => el("p", { class: "note" }, sentence));
}

function attacksOn(setting) {
  const labels = [...new Set(setting.cells.map((cell) => cell.label))];
  const shown = labels.map((label) => setting.cells.filter((cell) => cell.label === label)).sort((a, b) => a[0].reference - b[0].reference || (average(b, "psnr_db") ?? 0) - (average(a, "psnr_db") ?? 0));
  const first = strongestCell(setting);
  const head = first ? [el("div", { class: "attack" }, el("h3", {}, "Originals"), el("div", { class: "strip", tabindex: "0", role: "group", "aria-label": "Originals" }, image(originals(first), "originals")))] : [];
  return [...head, ...shown.map((cells) => attackOn(setting, cells, first))];
}

function attackOn(setting, cells, first) {
  const drawn = cells.find((cell) => known(reconstructed(cell)));
  const access = cells[0].reference ? "reference: ignores the wire" : cells[0].access.replaceAll("_", " ");
  return el("div", { class: "attack" },
    el("h3", {}, el("span", { class: "name" }, cells[0].label), el("span", { class: "soft" }, ` · ${access}`)),
    cells.map((cell) => el("p", {}, el("span", { class: "soft" }, cells.length > 1 ? `seed ${cell.seed}: ` : ""), outcome(setting, cell))),
    drawn && !cells[0].reference ? comparer(setting, drawn) : null,
    drawn ? strip(setting, drawn, originals(drawn) !== originals(first)) : null);
}

function outcome(setting, cell) {
  if (cell.status !== "done") return `${cell.status}: ${cell.reason}`;
  const found = known(cell.identified) ? `, ${percent(cell.identified, 0)} identified` : "";
  const bound = known(cell.bound_psnr_db) ? `; bound ${decibels(cell.bound_psnr_db)}` : "";
  return `${decibels(cell.psnr_db)}${interval(cell, "psnr_db", fixed(2))}, SSIM ${fixed(3)(cell.ssim)}${interval(cell, "ssim", fixed(3))}, ${recognizedCell(setting, cell)} recognizable${found}${bound}; ${seconds(cell.attack_seconds)}`;
}
