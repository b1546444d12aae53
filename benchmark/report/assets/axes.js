// Scales and axes of a chart, in pixels.
function niceStep(span, count) {
  const raw = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 2.5, 5, 10].find((step) => step * power >= raw * 0.999);
}

function linear(low, high, from, to, count = 6) {
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  const step = niceStep(high - low, count);
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-9; tick += step) ticks.push(tick);
  const at = (value) => from + ((value - low) / (high - low)) * (to - from);
  const places = Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9), step.toPrecision(2).replace(/^.*\.|^\d+$/, "").replace(/0+$/, "").length));
  return { at, ticks, say: (value) => fixed(places)(value), low, high };
}

// Utilities so that each halving of what is missing to 1 takes the same room; a utility of 1 is drawn at 0.9999.
const NINES = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999];
function nines(low, high, from, to) {
  const bend = (value) => -Math.log(1 - Math.max(0, Math.min(0.9999, value)));
  const [start, end] = [bend(low), bend(high)];
  const room = (end - start || 1) * 0.05;
  const first = Math.max(0, start - room);
  const at = (value) => from + ((bend(value) - first) / (end + room - first)) * (to - from);
  const inside = NINES.filter((value) => bend(value) >= first && bend(value) <= end + room);
  return { at, ticks: apart(inside.reverse(), at, 24), low, high };
}

function utilityScale(values, from, to, count) {
  const all = values.filter(known);
  const scale = state.nines ? nines(Math.min(...all), Math.max(...all), from, to) : padded(all, from, to, count, 1);
  return { ...scale, say: (value) => `${+(100 * value).toFixed(2)} %` };
}

function padded(values, from, to, count, most = Infinity) {
  const all = values.filter(known);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = (high - low || 0.1) * 0.05;
  return linear(low - room, Math.max(high, Math.min(most, high + room)), from, to, count);
}

// Ticks are the values that were run, as far as they fit: their logarithms are not round anyway.
function logarithmic(values, from, to) {
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  const at = (value) => from + ((Math.log(value) - low) / (high - low || 1)) * (to - from);
  return { at, ticks: apart(values, at), say: String };
}

// A logarithmic axis with round ticks.
function decades(values, from, to, say) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [start, end] = [Math.log10(low) - 0.06, Math.log10(high) + 0.06];
  const at = (value) => from + ((Math.log10(value) - start) / (end - start)) * (to - from);
  const ticks = [];
  for (let power = Math.floor(start); power <= Math.ceil(end); power += 1) for (const digit of [1, 2, 5]) {
    const tick = digit * 10 ** power;
    if (Math.log10(tick) >= start && Math.log10(tick) <= end) ticks.push(tick);
  }
  return { at, ticks: apart(ticks.length > 1 ? ticks : [low, high], at, 52), say, low: 10 ** start, high: 10 ** end };
}

function categories(values, from, to) {
  const step = (to - from) / Math.max(1, values.length - 1);
  return { at: (value) => from + values.indexOf(value) * step, ticks: values, say: String };
}

function apart(values, at, room = 30) {
  const kept = [];
  for (const value of values) if (!kept.length || Math.abs(at(value) - at(kept.at(-1))) >= room) kept.push(value);
  return kept;
}

function axes({ x, y, left, right, top, bottom, xTitle, yTitle }) {
  const group = draw("g", { "aria-hidden": "true" });
  for (const tick of y.ticks) {
    group.append(draw("line", { class: "grid", x1: left, x2: right, y1: y.at(tick), y2: y.at(tick) }));
    group.append(draw("text", { x: left - 8, y: y.at(tick) + 4, "text-anchor": "end" }, y.say(tick)));
  }
  for (const tick of x.ticks) {
    group.append(draw("line", { class: "grid", x1: x.at(tick), x2: x.at(tick), y1: top, y2: bottom }));
    if (xTitle) group.append(draw("text", { x: x.at(tick), y: bottom + 17, "text-anchor": "middle" }, x.say(tick)));
  }
  if (xTitle) group.append(draw("text", { class: "axis-title", x: right, y: bottom + 36, "text-anchor": "end" }, xTitle));
  if (yTitle) group.append(draw("text", { class: "axis-title", x: 0, y: top - 10 }, yTitle));
  return group;
}
