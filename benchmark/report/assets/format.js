// Formats numbers for people. Unknown values are shown as a dash.
const known = (value) => value !== null && value !== undefined;
const fixed = (places) => (value) => (known(value) ? value.toFixed(places).replace(/^-(0\.?0*)$/, "$1").replace("-", "−") : "–");
const decibels = (value) => (known(value) ? `${fixed(2)(value)} dB` : "–");
const signed = (value) => (known(value) ? `${value > -0.005 ? "+" : ""}${decibels(value)}` : "–");
const percent = (value, places = 1) => (known(value) ? `${fixed(places)(100 * value)} %` : "–");
// The share of recognizable images, and the share for the mean image, which smooth images reach even if nothing leaks.
const recognized = (line) => `${percent(line.recognisable, 0)}${known(line.recognisable_mean_image) ? ` (mean image ${percent(line.recognisable_mean_image, 0)})` : ""}`;
const recognizedCell = (setting, cell) => recognized({ recognisable: cell.recognisable, recognisable_mean_image: cell.reference ? null : average(setting.cells.filter(({ reference, seed }) => reference && seed === cell.seed), "recognisable") });
const whole = (value) => (known(value) ? Math.round(value).toLocaleString("en-US") : "–");

function scaled(value, units) {
  if (!known(value)) return "–";
  const unit = units.findLast(([size]) => Math.abs(value) >= size) ?? units[0];
  const shown = value / unit[0];
  const places = Number.isInteger(shown) || shown >= 100 ? 0 : shown >= 10 ? 1 : 2;
  return `${shown.toFixed(places)} ${unit[1]}`;
}
const bytes = (value) => scaled(value, [[1, "B"], [1e3, "kB"], [1e6, "MB"], [1e9, "GB"]]);
const macs = (value) => scaled(value, [[1, ""], [1e3, "k"], [1e6, "M"], [1e9, "G"]]).trim();
const milliseconds = (value) => scaled(value, [[1e-3, "µs"], [1, "ms"], [1e3, "s"]]);
const seconds = (value) => (known(value) ? (value < 10 ? `${fixed(1)(value)} s` : `${whole(value)} s`) : "–");
const METRICS = {
  psnr_db: { title: "PSNR", unit: "PSNR in dB", say: decibels },
  ssim: { title: "SSIM", unit: "SSIM", say: fixed(3) },
};
const between = (ends, say) => (ends ? ` [${say(ends[0])} to ${say(ends[1])}]` : "");
const labelOf = (setting) => (setting.telling ? `${setting.name}:${setting.telling}` : setting.name);
// A name that may break after its separators, but not within a word.
const broken = (text) => text.split(/(?<=[:,_])/).flatMap((part, index) => (index ? [el("wbr"), part] : [part]));
const plural = (count, noun) => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
const times = (value, reference) => (known(value) && reference ? `${value / reference >= 100 ? whole(value / reference) : fixed(2)(value / reference)}×` : null);
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
