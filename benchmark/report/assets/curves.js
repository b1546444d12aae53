// One small chart for each defense that was run with several values of a parameter: leak above, utility below.
function drawCurves() {
  const shown = new Set(visible());
  const { curves, settings } = state.scenario;
  const made = curves.map((curve) => ({ ...curve, points: curve.points.filter(([, index]) => shown.has(settings[index])) })).filter((curve) => curve.points.length > 1);
  byId("strength-text").textContent = made.length
    ? "Thick line: worst case over attacks, with its 95 % interval. Thin lines: single attacks. Dashed line: mean image. Dotted lines: undefended model."
    : "No defense that matches the filter was run with several values of a parameter.";
  const holder = byId("curves");
  holder.replaceChildren();
  for (const curve of made) {
    const figure = el("figure", {}, el("h3", { class: "name" }, curve.defense, curve.fixed ? ` (${curve.fixed})` : ""));
    holder.append(figure);
    figure.append(curveChart(curve, figure.clientWidth), el("figcaption", {}, inWords(curve)));
  }
}

function inWords({ param, points }) {
  const ends = [points[0], points.at(-1)].map(([value, index]) => {
    const { line } = state.scenario.settings[index];
    return `${param} ${value}: ${METRICS[state.metric].say(line[state.metric])} at ${percent(line.utility)}`;
  });
  return ends.join("; ");
}

function curveChart(curve, width) {
  const metric = state.metric;
  const settings = curve.points.map(([, index]) => state.scenario.settings[index]);
  const values = curve.points.map(([value]) => value);
  const [left, right] = [46, width - 16];
  const upper = { left, right, top: 26, bottom: 136 };
  const lower = { left, right, top: 166, bottom: 238 };
  const { settings: all } = state.scenario;
  const x = horizontal(curve.scale, values, left + 10, right - 10);
  const reference = referenceOf(metric);
  const undefended = state.scenario.settings.find((setting) => setting.undefended);
  const attacks = byAttack(settings, metric);
  const leaks = [...all.flatMap((setting) => extent(setting, metric)), ...byAttack(all, metric).flat(), reference];
  const y = padded(leaks, upper.bottom, upper.top, 4);
  const utility = utilityScale(all.flatMap((setting) => extent(setting, "utility")), lower.bottom, lower.top, 2);
  const svg = draw("svg", { width, height: 282, viewBox: `0 0 ${width} 282`, role: "group", "aria-label": `${curve.defense}: ${METRICS[metric].title} and ${state.scenario.metric} by ${curve.param}` });
  svg.append(axes({ x, y, ...upper, yTitle: METRICS[metric].unit }), axes({ x, y: utility, ...lower, xTitle: curve.param, yTitle: state.scenario.metric }));
  svg.append(levels(y, left, right, reference, undefended?.line[metric]), levels(utility, left, right, null, undefended?.line.utility));
  const { color } = look(curve.defense);
  const join = (numbers, scale, kind) => {
    const spots = numbers.map((number, index) => (known(number) ? `${x.at(values[index])} ${scale.at(number)}` : null)).filter(known);
    return draw("path", { class: kind, d: `M${spots.join("L")}`, color, "aria-hidden": "true" });
  };
  svg.append(...attacks.filter((each) => each.filter(known).length > 1).map((each) => join(each, y, "thin")));
  svg.append(join(settings.map((each) => each.line[metric]), y, "main"), join(settings.map((each) => each.line.utility), utility, "main"));
  const marks = settings.flatMap((setting, index) => marksOf(svg, setting, x.at(values[index]), y, utility, metric));
  svg.append(...marks);
  rove(marks.filter((mark) => mark.getAttribute("role") === "button"));
  return svg;
}

function marksOf(svg, setting, cx, y, utility, metric) {
  const { color, shape } = look(setting.name);
  for (const [source, capped] of [[setting.ranges, false], [setting.seeds, true]]) {
    for (const [name, scale] of [[metric, y], ["utility", utility]]) {
      if (source[name]) svg.append(errorBar(cx, scale.at(source[name][0]), cx, scale.at(source[name][1]), capped, color));
    }
  }
  const small = known(setting.line.utility)
    ? [draw("g", { class: "point", color, "aria-hidden": "true", transform: `translate(${cx} ${utility.at(setting.line.utility)}) scale(0.75)` }, draw("path", { class: "shape", d: shape }))]
    : [];
  return [point(setting, cx, y.at(setting.line[metric]), describe(setting)), ...small];
}

function horizontal(scale, values, from, to) {
  if (scale === "log") return logarithmic(values, from, to);
  if (scale === "category") return categories(values, from, to);
  const made = linear(Math.min(...values), Math.max(...values), from, to, 4);
  return { ...made, ticks: apart(values, made.at), say: String };
}

// For each attack its score along the curve, the mean over seeds.
function byAttack(settings, metric) {
  const labels = new Set(settings.flatMap((setting) => setting.cells.filter((cell) => !cell.reference).map((cell) => cell.label)));
  return [...labels].map((label) => settings.map((setting) => average(setting.cells.filter((cell) => cell.label === label), metric)));
}
function average(cells, name) {
  const values = cells.map((cell) => cell[name]).filter(known);
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

function levels(scale, left, right, reference, undefended) {
  const level = (value, dash) => (known(value) ? draw("path", { class: "reference", d: `M${left} ${scale.at(value)}H${right}`, "stroke-dasharray": dash }) : null);
  const group = draw("g", { "aria-hidden": "true" }, level(reference, null), level(undefended, null));
  if (known(undefended)) group.lastChild.style.strokeDasharray = "1.5 4";
  return group;
}
