// Points of charts: a color and a shape per defense, error bars, and tooltips.
const SIZE = 5.6;
const PATHS = data.marks.map((corners) => `M${corners.map(([x, y]) => `${+(SIZE * x).toFixed(2)} ${+(-SIZE * y).toFixed(2)}`).join("L")}Z`);

// Each defense of the board has a color and a mark that no other one has.
function look(name) {
  const { light, dark, mark } = state.scenario.looks[name];
  return { color: `light-dark(${light}, ${dark})`, shape: PATHS[mark] };
}

function errorBar(fromX, fromY, toX, toY, capped, color) {
  const cap = capped ? (fromX === toX ? [4, 0] : [0, 4]) : [0, 0];
  const ends = [[fromX, fromY], [toX, toY]];
  const path = ends.map(([x, y]) => `M${x - cap[0]} ${y - cap[1]}L${x + cap[0]} ${y + cap[1]}`).join("");
  return draw("path", { class: "bar", d: `M${fromX} ${fromY}L${toX} ${toY}${capped ? path : ""}`, color });
}

function point(setting, x, y, sentences, act = () => openDetails(setting)) {
  const { color, shape } = look(setting.name);
  const doubtful = setting.line.incomplete || setting.line.flags;
  const mark = draw(
    "g",
    { class: `point${doubtful ? " doubtful" : ""}`, role: "button", "aria-label": sentences.join("; "), color, transform: `translate(${x} ${y})` },
    draw("circle", { class: "hit", r: 12 }),
    draw("path", { class: "shape", d: shape }),
  );
  mark.dataset.label = labelOf(setting);
  explain(mark, sentences);
  mark.addEventListener("click", act);
  mark.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(); }
  });
  return mark;
}

// Shows a tooltip on hover and on focus. Escape hides it; it stays next to its point when the page scrolls.
let pointed = null;
function explain(target, sentences) {
  const show = () => {
    pointed = target;
    byId("tip").replaceChildren(...sentences.map((sentence, index) => el("div", {}, index ? sentence : el("strong", {}, sentence))));
    byId("tip").hidden = false;
    placeTip();
  };
  for (const event of ["pointerenter", "focus"]) target.addEventListener(event, show);
  for (const event of ["pointerleave", "blur"]) target.addEventListener(event, () => { if (pointed === target) hideTip(); });
}

function placeTip() {
  if (!pointed?.isConnected) return hideTip();
  const tip = byId("tip");
  const box = pointed.getBoundingClientRect();
  const [width, height] = [tip.offsetWidth, tip.offsetHeight];
  const below = box.bottom + 8 + height < innerHeight;
  tip.style.left = `${Math.max(8, Math.min(innerWidth - width - 8, box.left + box.width / 2 - width / 2))}px`;
  tip.style.top = `${below ? box.bottom + 8 : Math.max(8, box.top - height - 8)}px`;
}
function hideTip() {
  pointed = null;
  byId("tip").hidden = true;
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
addEventListener("scroll", () => { if (pointed) placeTip(); }, { passive: true });

function describe(setting) {
  const { line, ranges, seeds, more } = setting;
  const spread = (name, say) => (seeds[name] ? `; over ${line.seeds} seeds ${say(seeds[name][0])} to ${say(seeds[name][1])}` : "");
  return [
    labelOf(setting),
    `${state.scenario.metric} ${percent(line.utility, 2)}${between(ranges.utility, (value) => percent(value, 2))}, ${percent(line.utility_kept)} kept${spread("utility", (value) => percent(value, 2))}`,
    `worst case ${decibels(line.psnr_db)}${between(ranges.psnr_db, fixed(2))}, SSIM ${fixed(3)(line.ssim)}${spread("psnr_db", fixed(2))}`,
    `${signed(line.leak_db)} above the mean image; ${recognized(line)} recognizable${known(more.identified) ? `, ${percent(more.identified, 0)} identified` : ""}`,
    `strongest attack ${line.worst_attack}; ${bytes(line.wire_bytes)} sent, server ${milliseconds(line.server_ms)}`,
    ...(line.guarantee && line.guarantee !== "none" ? [line.guarantee] : []),
    ...(line.incomplete ? ["incomplete: some attacks or seeds are missing"] : []),
    ...(line.flags ? [`flags: ${line.flags.replaceAll(" ", ", ")}`] : []),
  ];
}
