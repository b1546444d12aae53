// A dialog that lays one reconstruction over its original, with a slider between them.
const looked = { setting: null, cell: null, place: 0 };
const shownImages = () => Math.min(10, state.scenario.n_images);

function comparer(setting, cell) {
  return el("button", { type: "button", class: "compare", "aria-label": `Compare images: ${labelOf(setting)}, ${cell.label}`, onclick: () => openViewer(setting, cell) }, "Compare");
}

function openViewer(setting, cell, at = 0) {
  Object.assign(looked, { setting, cell, place: at });
  byId("viewer-title").textContent = `${labelOf(setting)}, ${cell.label}`;
  byId("viewer-text").textContent = `Mean over all images: ${decibels(cell.psnr_db)}, SSIM ${fixed(3)(cell.ssim)}, ${recognizedCell(setting, cell)} recognizable.`;
  drawPair();
  if (!byId("viewer").open) byId("viewer").showModal();
}

function drawPair() {
  const { cell, place: at } = looked;
  const count = shownImages();
  const tile = (index, text) => {
    const drawn = image(index, text);
    drawn.style.width = `${100 * count}%`;
    drawn.style.left = `${-100 * at}%`;
    return drawn;
  };
  const top = el("div", { class: "layer" }, tile(reconstructed(cell), `reconstruction of image ${at + 1}`));
  const under = tile(originals(cell), `original of image ${at + 1}`);
  under.addEventListener("load", () => { byId("pair").style.aspectRatio = String(under.naturalWidth / count / under.naturalHeight); });
  byId("pair").replaceChildren(under, top, el("div", { class: "edge" }));
  byId("viewer-place").textContent = `Image ${at + 1} of ${count}`;
  slide();
}

function slide() {
  const share = byId("wipe").value;
  const layer = byId("pair").querySelector(".layer");
  if (layer) layer.style.clipPath = `inset(0 0 0 ${share}%)`;
  byId("pair").style.setProperty("--edge", `${share}%`);
}

function listenViewer() {
  const step = (by) => { const count = shownImages(); looked.place = (looked.place + by + count) % count; drawPair(); };
  byId("viewer-previous").addEventListener("click", () => step(-1));
  byId("viewer-next").addEventListener("click", () => step(1));
  byId("viewer-close").addEventListener("click", () => byId("viewer").close());
  byId("wipe").addEventListener("input", slide);
  byId("viewer").addEventListener("click", (event) => { if (event.target === event.currentTarget) event.currentTarget.close(); });
}
