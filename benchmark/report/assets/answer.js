// The summary: one sentence, and cards of the settings that keep enough utility and leak least.
const CARDS = 3;
// Attacks are judged one by one: the best of several failed guesses for each image is always above the mean image.
const fails = ({ more }) => known(more.strongest_leak_db) && more.strongest_leak_db <= data.nothing_db;

function candidates() {
  return state.scenario.settings.filter(({ line, undefended }) => !undefended && !line.incomplete && known(line.psnr_db) && known(line.utility_kept) && line.utility_kept >= state.kept);
}

function drawAnswer() {
  const share = percent(state.kept, 0);
  byId("kept-value").textContent = share;
  byId("only-kept-value").textContent = share;
  const found = candidates();
  byId("verdict").replaceChildren(...verdict(found, share));
  byId("cards").replaceChildren(...found.slice(0, CARDS).map(card));
}

function verdict(found, share) {
  const tried = state.scenario.settings.filter((setting) => !setting.undefended).length;
  if (!tried) return ["Only the undefended model was attacked, so there is no defense to choose."];
  if (!attacksTried().length) return ["Only the reference attack mean_image was run, which measures no leak."];
  const among = tried === 1 ? ["No", " setting"] : ["None", ` of ${plural(tried, "setting")}`];
  if (!found.length) return [`${among.join("")} is complete and keeps ${share} of the ${state.scenario.metric}.`];
  if (!state.scenario.settings.some(({ line }) => known(line.leak_db))) return ["The reference attack mean_image was not run, so the score of a leak of zero is unknown. ", best(found[0]), ` leaks least (${decibels(found[0].line.psnr_db)}).`];
  const safe = found.filter(fails);
  if (safe.length) return [el("strong", { class: "good" }, `${safe.length} of ${plural(tried, "setting")}`), ` ${safe.length === 1 ? "keeps" : "keep"} ${share} of the ${state.scenario.metric} and ${safe.length === 1 ? "makes" : "make"} ${attacks()} fail.`];
  const { line } = found[0];
  return [el("strong", { class: "bad" }, among[0]), `${among[1]} keeps ${share} of the ${state.scenario.metric} and makes ${attacks()} fail. The best of those that keep the ${state.scenario.metric}, `, best(found[0]), `, leaks ${signed(line.leak_db)} above the mean image, and ${recognized(line)} of its images are recognizable.`];
}
// The attacks that were tried, in words; the reference attack is not one of them.
const attacksTried = () => [...new Set(state.scenario.settings.flatMap(({ cells }) => cells.filter(({ reference }) => !reference).map(({ label }) => label)))];
function attacks() {
  const names = attacksTried();
  return names.length === 1 ? `the only attack of this report, ${names[0]},` : `${names.length === 2 ? "both" : `all ${names.length}`} attacks of this report`;
}
const best = (setting) => el("span", { class: "name" }, labelOf(setting));

function badge(setting) {
  const { line } = setting;
  if (!known(line.leak_db)) return null;
  if (fails(setting)) return el("span", { class: "mark good" }, attacksTried().length === 1 ? `${attacksTried()[0]} fails` : "all attacks fail");
  const wide = line.recognisable - (line.recognisable_mean_image ?? 0) >= 0.5;
  return el("span", { class: `mark ${wide ? "bad" : "warn"}` }, wide ? "most images recognizable" : "leaks");
}

function card(setting) {
  const { line, more } = setting;
  const plain = state.scenario.settings.find((each) => each.undefended)?.line ?? {};
  const cell = strongestCell(setting);
  const ratio = (value, reference) => { const found = times(value, reference); return found ? ` (${found})` : ""; };
  // Times are compared only with a client without a defense that was timed in turn, and beyond the spread of both.
  const slower = more.client_overhead_ms ? ratio(line.client_ms, more.client_undefended_ms) : "";
  const doubt = line.flags ? el("p", { class: "note" }, `Flagged: ${line.flags.replaceAll(" ", ", ")}`) : null;
  return el("li", { class: "card" },
    el("h3", {}, opener(setting)),
    el("p", {}, badge(setting)),
    cell ? strip(setting, cell) : null,
    facts([
      [capital(state.scenario.metric), `${percent(line.utility, 2)}, ${percent(line.utility_kept)} kept`],
      ["Leak", `${signed(line.leak_db)} (${decibels(line.psnr_db)})`],
      ["Recognizable", recognized(line)],
      ["Identified", percent(more.identified, 0)],
      ["Sent", `${bytes(line.wire_bytes)}${ratio(line.wire_bytes, plain.wire_bytes)}`],
      ["Client", `${milliseconds(line.client_ms)}${slower}`],
      ["Server", `${milliseconds(line.server_ms)}`],
      ["Guarantee", line.guarantee && line.guarantee !== "none" ? line.guarantee : "none (measured only)"],
    ]),
    doubt);
}
