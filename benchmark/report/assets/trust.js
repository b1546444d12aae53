// What is not to be trusted: flags of the audits, and cells that are missing, failed or inapplicable.
function drawTrust() {
  const { settings } = state.place;
  const cells = new Set(settings.flatMap((setting) => setting.cells.map((cell) => cell.cell_id)));
  const flags = data.flags.filter((flag) => cells.has(flag.cells[0]));
  const lacking = settings.flatMap((setting) => setting.lacking.map((sentence) => `${labelOf(setting)}, ${sentence}`));
  const incomplete = settings.filter((setting) => setting.line.incomplete).length;
  const means = settings.filter((setting) => setting.line.worst_case === "of means").length;
  const remarks = [];
  if (!settings.some((setting) => setting.undefended)) remarks.push("The undefended model is not on this board.");
  if (!known(referenceOf("psnr_db"))) remarks.push("The reference attack mean_image is not on this board, so leaks cannot be stated.");
  if (means) remarks.push(`For ${means} of ${plural(settings.length, "setting")} the values of the images are not at hand: the strongest attack’s mean stands in for the worst case, which is higher.`);
  const sentences = [...flags.map((flag) => `Flag ${flag.name}: ${flag.sentence}.`), ...lacking.map((sentence) => `Incomplete: ${sentence}.`), ...remarks];
  const summary = `${plural(flags.length, "audit flag")}, ${plural(incomplete, "incomplete setting")}${remarks.length ? `, ${plural(remarks.length, "remark")}` : ""}`;
  const serious = flags.length || incomplete;
  byId("trust").replaceChildren(sentences.length
    ? el("details", { open: serious && sentences.length <= 3 }, el("summary", {}, el("strong", { class: serious ? "warn" : null }, "What not to trust: "), summary), el("ul", {}, sentences.map((sentence) => el("li", {}, sentence))), ...remedy(state.place.commands))
    : el("p", { class: "soft" }, "No audit flag, and no cell is missing or failed."));
}

// The runs after which no setting is incomplete.
function remedy(commands) {
  if (!commands.length) return [];
  return [el("p", {}, "To complete what is missing, with the --out and --data-dir of the run:"), el("pre", { class: "commands", tabindex: "0" }, commands.join("\n"))];
}
