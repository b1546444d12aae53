// The scatter plot of utility against what the attacks recover.
const referenceOf = (metric) => {
  const values = state.scenario.settings.flatMap((setting) => setting.cells.filter((cell) => cell.reference && known(cell[metric])).map((cell) => cell[metric]));
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
};
const extent = (setting, name) => [setting.line[name], ...(setting.ranges[name] ?? []), ...(setting.seeds[name] ?? [])];

function drawTradeoff() {
  const holder = byId("scatter");
  const metric = state.metric;
  const shown = visible().filter((setting) => known(setting.line[metric]) && known(setting.line.utility));
  describeTradeoff(shown, metric);
  if (!shown.length) return holder.replaceChildren(el("p", { class: "hint" }, "No setting with a score matches the filter."));
  const width = holder.clientWidth;
  const height = Math.round(Math.max(340, Math.min(520, width * 0.52)));
  const frame = { left: 50, right: width - 14, top: 30, bottom: height - 44 };
  const reference = referenceOf(metric);
  const across = [...shown.flatMap((setting) => extent(setting, metric)), ...(known(reference) ? [reference] : [])];
  const up = shown.flatMap((setting) => extent(setting, "utility"));
  const x = padded(across, frame.left, frame.right, width < 500 ? 5 : 9);
  const y = utilityScale(up, frame.bottom, frame.top, 6);
  const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${capital(state.scenario.metric)} against ${METRICS[metric].title} of the worst case`, "aria-describedby": "scatter-text" });
  svg.append(goal(x, y, frame, reference, metric));
  svg.append(axes({ x, y, ...frame, xTitle: `worst case over attacks, ${METRICS[metric].unit}`, yTitle: state.nines ? `${state.scenario.metric} (error on a log scale)` : state.scenario.metric }));
  svg.append(references(x, frame, reference, metric), paths(shown, x, y, metric), front(shown, x, y, metric, frame));
  const marks = [...shown].sort((a, b) => a.line[metric] - b.line[metric]).map((setting) => {
    const [cx, cy] = [x.at(setting.line[metric]), y.at(setting.line.utility)];
    svg.append(bars(setting, x, y, cx, cy, metric));
    return point(setting, cx, cy, describe(setting));
  });
  svg.append(...marks, names(shown, x, y, metric, frame));
  rove(marks);
  holder.replaceChildren(svg);
}

// The area in which a setting keeps enough utility and all attacks fail.
function goal(x, y, { left, top, bottom, right }, reference, metric) {
  const group = draw("g", { "aria-hidden": "true" });
  const undefended = state.scenario.settings.find((setting) => setting.undefended)?.line.utility;
  if (!known(undefended) || !known(reference) || metric !== "psnr_db") return group;
  const [edge, floor] = [x.at(reference + data.nothing_db), y.at(state.kept * undefended)];
  const base = Math.max(top, Math.min(bottom, floor));
  group.append(draw("rect", { class: "goal", x: left, y: top, width: Math.max(0, Math.min(right, edge) - left), height: base - top }));
  if (base < bottom) group.append(draw("path", { class: "reference", d: `M${left} ${base}H${right}` }));
  if (base - top > 14 && edge - left > 34) group.append(draw("text", { class: "goal-text", x: left + 5, y: base - 6 }, "goal"));
  return group;
}

function references(x, { top, bottom }, reference, metric) {
  const group = draw("g", { "aria-hidden": "true" });
  const lines = [[reference, "mean image: no leak"]];
  if (metric === "ssim") lines.push([data.recognisable_ssim, "recognizable"]);
  for (const [value, text] of lines) {
    if (!known(value) || value > x.high || value < x.low) continue;
    const at = x.at(value);
    group.append(draw("path", { class: "reference", d: `M${at} ${top}V${bottom}` }));
    group.append(draw("text", { class: "label", transform: `translate(${at - 5} ${bottom - 8}) rotate(-90)` }, text));
  }
  return group;
}

function paths(shown, x, y, metric) {
  const lines = state.scenario.curves.map((curve) => {
    const on = curve.points.map(([, index]) => state.scenario.settings[index]).filter((setting) => shown.includes(setting));
    const spots = on.map((setting) => `${x.at(setting.line[metric])} ${y.at(setting.line.utility)}`);
    return spots.length > 1 ? draw("path", { class: "path", d: `M${spots.join("L")}`, color: look(curve.defense).color }) : null;
  });
  return draw("g", { "aria-hidden": "true" }, lines);
}

// The complete settings that no other shown setting surely beats, as the ranking has determined.
function frontOf(settings, metric) {
  const among = new Set(settings);
  const able = settings.filter(({ line, rivals }) => rivals[metric] && known(line[metric]) && known(line.utility_kept));
  return able.filter(({ rivals }) => !rivals[metric].some((index) => among.has(state.scenario.settings[index])));
}

// The line through those settings on the front that are more useful than all on it that leak less.
function front(shown, x, y, metric, { right, bottom }) {
  const sorted = frontOf(shown, metric).sort((a, b) => a.line[metric] - b.line[metric] || b.line.utility - a.line.utility);
  const on = sorted.filter(({ line }, index) => sorted.slice(0, index).every((other) => other.line.utility < line.utility));
  const steps = on.map(({ line }) => `H${x.at(line[metric])}V${y.at(line.utility)}`);
  const d = on.length ? `M${x.at(on[0].line[metric])} ${bottom}${steps.join("")}H${right}` : "M0 0";
  return draw("path", { class: "front", "aria-hidden": "true", d });
}

function bars(setting, x, y, cx, cy, metric) {
  const { color } = look(setting.name);
  const group = draw("g", { "aria-hidden": "true" });
  for (const [source, capped] of [[setting.ranges, false], [setting.seeds, true]]) {
    if (source[metric]) group.append(errorBar(x.at(source[metric][0]), cy, x.at(source[metric][1]), cy, capped, color));
    if (source.utility) group.append(errorBar(cx, y.at(source.utility[0]), cx, y.at(source.utility[1]), capped, color));
  }
  return group;
}

// Labels of the settings on the front, and of the most private setting of each defense, where they cover no other point.
function names(shown, x, y, metric, { left, right, top, bottom }) {
  const taken = shown.map((setting) => {
    const [cx, cy] = [x.at(setting.line[metric]), y.at(setting.line.utility)];
    return [cx - 7, cy - 7, cx + 7, cy + 7];
  });
  const group = draw("g", { "aria-hidden": "true" });
  const families = state.families.map((name) => shown.filter((setting) => setting.name === name).sort((a, b) => a.line[metric] - b.line[metric])[0]);
  const wanted = new Set([...frontOf(shown, metric), ...shown.filter((setting) => setting.undefended), ...(right > 600 ? families.filter(known) : [])]);
  for (const setting of wanted) {
    const text = labelOf(setting);
    const spot = free(text, x.at(setting.line[metric]), y.at(setting.line.utility), taken, { left, right, top, bottom });
    if (!spot) continue;
    taken.push(spot);
    group.append(draw("text", { class: "label", x: spot[0], y: spot[1] + 11 }, text));
  }
  return group;
}

// The place of a label next to a point that covers nothing, or undefined.
function free(text, cx, cy, taken, { left, right, top, bottom }) {
  const wide = text.length * 6.6;
  const places = [[9, 4], [-9 - wide, 4], [-wide / 2, -12], [-wide / 2, 21], [9, -9], [9, 18], [-9 - wide, -9], [-9 - wide, 18], [9, -24], [9, 33], [-9 - wide, -24], [-9 - wide, 33], [14, -40], [14, 48]];
  return places.map(([dx, dy]) => [cx + dx, cy + dy - 11, cx + dx + wide, cy + dy + 4]).find(
    (box) => box[0] >= left && box[2] <= right && box[1] >= top - 8 && box[3] <= bottom && !taken.some((other) => overlap(box, other)),
  );
}
const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

function describeTradeoff(shown, metric) {
  const best = frontOf(shown, metric).map(labelOf);
  const doubtful = shown.some((setting) => setting.line.incomplete || setting.line.flags) ? " Hollow points are incomplete or flagged." : "";
  const text = best.length ? `Pareto front of the shown settings (solid line): ${best.join(", ")}.` : "No shown setting is on the Pareto front.";
  byId("scatter-text").textContent = `${plural(shown.length, "setting")}. ${text} Faint lines connect the settings of one defense.${doubtful} The leaderboard below lists all values.`;
}
