// Points of charts: a color and a shape per defense, error bars, and tooltips.
const SHAPES = {
  circle: "M0-5.5A5.5 5.5 0 1 0 0 5.5A5.5 5.5 0 1 0 0-5.5Z",
  square: "M-4.8-4.8H4.8V4.8H-4.8Z",
  triangle: "M0-6.2L6 4.6H-6Z",
  diamond: "M0-6.6L6.6 0L0 6.6L-6.6 0Z",
  cross: "M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
  star: "M0-8L2.1-2.6L7.6-2.5L3.3 1L4.7 6.5L0 3.4L-4.7 6.5L-3.3 1L-7.6-2.5L-2.1-2.6Z",
};
const FORMS = ["circle", "square", "triangle", "diamond", "cross"];

function look(name) {
  if (name === "undefended") return { color: "var(--ink)", shape: SHAPES.star };
  const index = Math.max(0, state.families.filter((family) => family !== "undefended").indexOf(name));
  return { color: `var(--c${index % 8})`, shape: SHAPES[FORMS[index % FORMS.length]] };
}

function errorBar(fromX, fromY, toX, toY, capped, color) {
  const cap = capped ? (fromX === toX ? [4, 0] : [0, 4]) : [0, 0];
  const ends = [[fromX, fromY], [toX, toY]];
  const path = ends.map(([x, y]) => `M${x - cap[0]} ${y - cap[1]}L${x + cap[0]} ${y + cap[1]}`).join("");
  return draw("path", { class: "bar", d: `M${fromX} ${fromY}L${toX} ${toY}${capped ? path : ""}`, color });
}

function point(setting, x, y, sentences) {
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
  mark.addEventListener("click", () => openDetails(setting));
  mark.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); openDetails(setting); }
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
