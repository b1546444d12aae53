// Image strips: the originals once, then the reconstructions from each setting.
const FIRST = 12;
const image = (index, text) => el("img", { src: `data:image/png;base64,${data.gallery.strips[index]}`, alt: text, decoding: "async" });
const reconstructed = (cell) => data.gallery.reconstructed[cell.cell_id];
const originals = (cell) => data.gallery.originals[cell.cell_id];

const strongestCell = (setting) => setting.cells.filter((cell) => known(cell.psnr_db) && known(reconstructed(cell))).sort((a, b) => b.psnr_db - a.psnr_db)[0];
function shownCell(setting, attack) {
  return attack ? setting.cells.find((cell) => cell.label === attack && known(reconstructed(cell))) : strongestCell(setting);
}

function strip(setting, cell, withOriginals = true) {
  return el("div", { class: "strip", tabindex: "0", role: "group", "aria-label": `Images of ${labelOf(setting)}, ${cell.label}` },
    withOriginals ? image(originals(cell), "originals") : null,
    image(reconstructed(cell), `reconstructions by ${cell.label} from ${labelOf(setting)}, ${decibels(cell.psnr_db)}, SSIM ${fixed(3)(cell.ssim)}`));
}

function drawAttackChoices() {
  const labels = [...new Set(state.scenario.settings.flatMap((setting) => setting.cells.filter((cell) => known(reconstructed(cell))).map((cell) => cell.label)))];
  const options = [["", "strongest attack on each defense"], ...labels.sort().map((label) => [label, label])];
  byId("attack").replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
}

function drawImages() {
  const attack = byId("attack").value;
  const found = visible().map((setting) => [setting, shownCell(setting, attack)]).filter(([, cell]) => cell);
  const out = data.gallery.left_out ? ` To keep this page small, it leaves out the images of ${plural(data.gallery.left_out, "cell")}. They are in the results folder.` : "";
  byId("images").hidden = !Object.keys(data.gallery.reconstructed).length && !out;
  byId("images-text").textContent = (found.length ? `In the order of the ranking, best protected first. Shown are the first of ${plural(state.scenario.n_images, "image")}.` : "No images are available for the settings that match the filter.") + out;
  const rungs = found.map(([setting, cell]) => el("div", { class: "rung" },
    el("div", { class: "name-line" },
      opener(setting),
      el("span", { class: "soft" }, `${cell.label} ${decibels(cell.psnr_db)}`), comparer(setting, cell)),
    strip(setting, cell, originals(cell) !== originals(found[0][1]))));
  const head = found.length ? [el("div", { class: "originals" }, el("div", { class: "name-line soft" }, "Originals"), el("div", { class: "strip", tabindex: "0", role: "group", "aria-label": "Originals" }, image(originals(found[0][1]), "originals")))] : [];
  const ladder = el("div", { class: "ladder" }, head, rungs.slice(0, FIRST));
  const rest = rungs.slice(FIRST);
  const more = rest.length ? el("button", { type: "button", class: "more", onclick: () => { more.remove(); ladder.append(...rest); rest[0].querySelector("button").focus(); } }, `Show ${rest.length} more`) : null;
  byId("ladder").replaceChildren(...[ladder, more].filter(Boolean));
}
