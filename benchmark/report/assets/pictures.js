// Picture strips: originals once, below them what an attack makes of each setting.
const FIRST = 12;
const picture = (index, text) => el("img", { src: `data:image/png;base64,${data.album.strips[index]}`, alt: text, decoding: "async" });
const rebuilt = (cell) => data.album.rebuilt[cell.cell_id];
const originals = (cell) => data.album.originals[cell.cell_id];

const strongestCell = (setting) => setting.cells.filter((cell) => known(cell.psnr_db) && known(rebuilt(cell))).sort((a, b) => b.psnr_db - a.psnr_db)[0];
function pictured(setting, attack) {
  return attack ? setting.cells.find((cell) => cell.label === attack && known(rebuilt(cell))) : strongestCell(setting);
}

function strip(setting, cell, withOriginals = true) {
  return el("div", { class: "strip" },
    withOriginals ? picture(originals(cell), "originals") : null,
    picture(rebuilt(cell), `what ${cell.label} rebuilds of them behind ${labelOf(setting)}, ${decibels(cell.psnr_db)}, SSIM ${fixed(3)(cell.ssim)}`));
}

function choices() {
  const labels = [...new Set(state.place.settings.flatMap((setting) => setting.cells.filter((cell) => known(rebuilt(cell))).map((cell) => cell.label)))];
  const options = [["", "the strongest on each"], ...labels.sort().map((label) => [label, label])];
  byId("attack").replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
}

function drawPictures() {
  const attack = byId("attack").value;
  const found = visible().map((setting) => [setting, pictured(setting, attack)]).filter(([, cell]) => cell);
  const out = data.album.left_out ? ` Pictures of ${plural(data.album.left_out, "cell")} were left out to keep this page small; they are in the results folder.` : "";
  byId("pictures").hidden = !Object.keys(data.album.rebuilt).length && !out;
  byId("pictures-text").textContent = (found.length ? `In the order of the ranking: the best protected first. The first images of ${whole(state.place.n_images)}.` : "No pictures at hand for what the filter shows.") + out;
  const rungs = found.map(([setting, cell]) => el("div", { class: "rung" },
    el("div", { class: "name-line" },
      opener(setting),
      el("span", { class: "soft" }, `${cell.label} ${decibels(cell.psnr_db)}`)),
    strip(setting, cell, originals(cell) !== originals(found[0][1]))));
  const head = found.length ? [el("div", { class: "originals" }, el("div", { class: "name-line soft" }, "Originals"), el("div", { class: "strip" }, picture(originals(found[0][1]), "originals")))] : [];
  const ladder = el("div", { class: "ladder" }, head, rungs.slice(0, FIRST));
  const rest = rungs.slice(FIRST);
  const more = rest.length ? el("button", { type: "button", class: "more", onclick: () => { more.remove(); ladder.append(...rest); rest[0].querySelector("button").focus(); } }, `Show ${rest.length} more`) : null;
  byId("ladder").replaceChildren(...[ladder, more].filter(Boolean));
}
