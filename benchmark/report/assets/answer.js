// The answer in one sentence and three cards: what keeps enough accuracy and leaks least.
const CARDS = 3;
// Each attack by itself: the best of several useless guesses for each image is always somewhat above the mean image.
const fails = ({ more }) => known(more.strongest_leak_db) && more.strongest_leak_db <= data.nothing_db;

function candidates() {
  return state.place.settings.filter(({ line, undefended }) => !undefended && !line.incomplete && known(line.psnr_db) && known(line.accuracy_kept) && line.accuracy_kept >= state.kept);
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
  const tried = state.place.settings.filter((setting) => !setting.undefended).length;
  if (!tried) return ["Only the undefended model was attacked: there is nothing to choose from."];
  if (!found.length) return [`No complete setting keeps ${share} of the accuracy (of ${tried}).`];
  if (!state.place.settings.some(({ line }) => known(line.leak_db))) return ["Without the attack mean_image nothing says what no leak looks like; ", best(found[0]), ` leaks least, ${decibels(found[0].line.psnr_db)}.`];
  const safe = found.filter(fails);
  if (safe.length) return [el("strong", { class: "good" }, `${safe.length} of ${plural(tried, "setting")}`), ` ${safe.length === 1 ? "keeps" : "keep"} ${share} of the accuracy and ${safe.length === 1 ? "makes" : "make"} every attack fail that was run here.`];
  const { line } = found[0];
  return [el("strong", { class: "bad" }, "None"), ` of ${plural(tried, "setting")} keeps ${share} of the accuracy and makes every attack fail that was run here. The nearest, `, best(found[0]), `, leaks ${signed(line.leak_db)} above the mean image: ${recognized(line)} of the images are recognizable.`];
}
const best = (setting) => el("span", { class: "name" }, labelOf(setting));

function badge(setting) {
  const { line } = setting;
  if (!known(line.leak_db)) return null;
  if (fails(setting)) return el("span", { class: "mark good" }, "every attack fails");
  const wide = line.recognisable - (line.recognisable_mean_image ?? 0) >= 0.5;
  return el("span", { class: `mark ${wide ? "bad" : "warn"}` }, wide ? "most images recognizable" : "leaks");
}

function card(setting) {
  const { line, more } = setting;
  const plain = state.place.settings.find((each) => each.undefended)?.line ?? {};
  const cell = strongestCell(setting);
  const ratio = (name) => { const found = times(line[name], plain[name]); return found ? ` (${found})` : ""; };
  const doubt = line.flags ? el("p", { class: "note" }, `Flagged: ${line.flags.replaceAll(" ", ", ")}`) : null;
  return el("li", { class: "card" },
    el("h3", {}, opener(setting)),
    el("p", {}, badge(setting)),
    cell ? strip(setting, cell) : null,
    facts([
      ["Accuracy", `${percent(line.accuracy, 2)}, ${percent(line.accuracy_kept)} kept`],
      ["Leak", `${signed(line.leak_db)} (${decibels(line.psnr_db)})`],
      ["Recognizable", recognized(line)],
      ["Identified", percent(more.identified, 0)],
      ["Sent", `${bytes(line.wire_bytes)}${ratio("wire_bytes")}`],
      ["Client", `${milliseconds(line.client_ms)}${ratio("client_ms")}`],
      ["Server", `${milliseconds(line.server_ms)}${ratio("server_ms")}`],
      ["Promise", line.guarantee && line.guarantee !== "none" ? line.guarantee : "none, measured only"],
    ]),
    doubt);
}
