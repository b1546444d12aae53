// What the splits and defenses of all models cost, against what they leak; the splits of a network are joined in order.
const COSTS = {
  wire_bytes: { title: "bytes sent per image", say: bytes, of: ({ line }) => line.wire_bytes },
  latency: { title: "latency in ms, modelled", say: milliseconds, of: ({ costs }) => costs[state.network]?.latency_ms },
  energy: { title: "energy in mJ, modelled", say: (value) => `${+value.toPrecision(3)} mJ`, of: ({ costs }) => costs[state.network]?.energy_mj },
  client_ms: { title: "time on the client in ms, measured", say: milliseconds, of: ({ line }) => line.client_ms },
};
const deployment = () => data.deployments.find(({ name }) => name === state.network) ?? data.deployments[0];

// All settings that can be compared: those of one dataset and number of images.
function everywhere() {
  const { dataset, n_images } = state.scenario;
  return data.scenarios.filter((scenario) => scenario.dataset === dataset && scenario.n_images === n_images)
    .flatMap((scenario) => scenario.settings.filter(passes).map((setting) => ({ scenario, setting })));
}
const where = ({ scenario, setting }) => `${scenario.model} ${scenario.split} ${labelOf(setting)}`;

// Of those that keep enough utility within the limit, the one that leaks least; of equal ones, the cheapest.
function chosenOf(shown, metric, of) {
  const able = shown.filter(({ setting, setting: { line } }) => !line.incomplete && known(line.utility_kept) && line.utility_kept >= state.kept && (!known(state.limit) || of(setting) <= state.limit));
  return able.sort((a, b) => a.setting.line[metric] - b.setting.line[metric] || of(a.setting) - of(b.setting))[0];
}

function drawCosts() {
  const { metric } = state;
  const { title, say, of } = COSTS[state.cost];
  const shown = everywhere().filter(({ setting }) => known(setting.line[metric]) && of(setting) > 0);
  const chosen = chosenOf(shown, metric, of);
  describeCosts(shown, chosen, { title, say, of });
  const holder = byId("cost-chart");
  if (!shown.length) return holder.replaceChildren(el("p", { class: "hint" }, "No setting with a score matches the filter."));
  const width = holder.clientWidth;
  const height = Math.round(Math.max(340, Math.min(520, width * 0.5)));
  const frame = { left: 50, right: width - 14, top: 30, bottom: height - 44 };
  const x = decades(shown.map(({ setting }) => of(setting)), frame.left, frame.right, say);
  const reference = referenceOf(metric);
  const y = padded([...shown.map(({ setting }) => setting.line[metric]), reference], frame.bottom, frame.top, 6);
  const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${METRICS[metric].title} of the worst case against ${title}`, "aria-describedby": "cost-text" });
  svg.append(axes({ x, y, ...frame, xTitle: title, yTitle: `worst case, ${METRICS[metric].unit}` }));
  svg.append(levels(y, frame.left, frame.right, reference, null), limitLine(x, frame), networks(shown, x, y, metric, of));
  const at = ({ setting }) => [x.at(of(setting)), y.at(setting.line[metric])];
  const marks = shown.map((each) => point(each.setting, ...at(each), [where(each), `${title}: ${say(of(each.setting))}`, ...describe(each.setting).slice(1)], () => { open(each.scenario); openDetails(each.setting); }));
  const ring = chosen ? draw("circle", { class: "chosen", cx: at(chosen)[0], cy: at(chosen)[1], r: 11, "aria-hidden": "true" }) : null;
  svg.append(...[ring, ...marks, splitNames(shown, at, chosen, frame)].filter(Boolean));
  rove(marks);
  holder.replaceChildren(svg);
}

function limitLine(x, { top, bottom }) {
  const inside = known(state.limit) && state.limit > x.low && state.limit < x.high;
  return draw("path", { class: "reference", d: inside ? `M${x.at(state.limit)} ${top}V${bottom}` : "M0 0", "aria-hidden": "true" });
}

function networks(shown, x, y, metric, of) {
  const series = new Map();
  for (const each of shown) {
    const key = `${each.scenario.model} ${labelOf(each.setting)}`;
    series.set(key, [...(series.get(key) ?? []), each]);
  }
  const lines = [...series.values()].filter((each) => each.length > 1).map((each) => {
    const spots = each.map(({ setting }) => `${x.at(of(setting))} ${y.at(setting.line[metric])}`);
    return draw("path", { class: "path", d: `M${spots.join("L")}`, color: look(each[0].setting.name).color });
  });
  return draw("g", { "aria-hidden": "true" }, lines);
}

function splitNames(shown, at, chosen, { left, right, top, bottom }) {
  const several = new Set(shown.map(({ scenario }) => scenario.model)).size > 1;
  const taken = shown.map((each) => { const [cx, cy] = at(each); return [cx - 6, cy - 6, cx + 6, cy + 6]; });
  const group = draw("g", { "aria-hidden": "true" });
  const wanted = [...(chosen ? [chosen] : []), ...shown.filter(({ setting }) => setting.undefended)];
  for (const each of new Set(wanted)) {
    const text = each === chosen ? `chosen: ${several ? where(each) : `${each.scenario.split} ${labelOf(each.setting)}`}` : `${several ? `${each.scenario.model} ` : ""}${each.scenario.split}`;
    const [cx, cy] = at(each);
    const spot = free(text, cx, cy, taken, { left, right, top, bottom });
    if (!spot) continue;
    taken.push(spot);
    group.append(draw("text", { class: each === chosen ? "label chosen-text" : "label", x: spot[0], y: spot[1] + 11 }, text));
  }
  return group;
}

function describeCosts(shown, chosen, { title, say, of }) {
  const limited = known(state.limit) ? ` at most ${say(state.limit)} (${title}) and` : "";
  const rule = `Of the lines with${limited} ${percent(state.kept, 0)} of the utility kept`;
  const verdict = chosen ? `${rule}, ${where(chosen)} leaks least: ${METRICS[state.metric].say(chosen.setting.line[state.metric])} at ${say(of(chosen.setting))}.` : `No complete line has${limited} ${percent(state.kept, 0)} of the utility kept.`;
  const modelled = ["latency", "energy"].includes(state.cost) ? ` Modelled for ${deployment().text}; what the server takes, and what a defense adds on the client, is as measured where the cells ran.` : "";
  byId("cost-text").textContent = `${plural(shown.length, "line")} of ${state.scenario.dataset}. ${verdict} Lines join the splits of one network in its order; the dashed level is the mean image.${modelled}`;
}
