// Warnings: flags of the audits, and cells that are missing, failed or inapplicable.
function drawTrust() {
  const { settings } = state.scenario;
  const cells = new Set(settings.flatMap((setting) => setting.cells.map((cell) => cell.cell_id)));
  const flags = data.flags.filter((flag) => cells.has(flag.cells[0]));
  const lacking = settings.flatMap((setting) => setting.lacking.map((sentence) => `${labelOf(setting)}, ${sentence}`));
  const incomplete = settings.filter((setting) => setting.line.incomplete).length;
  const means = settings.filter((setting) => setting.line.worst_case === "of means").length;
  const remarks = [];
  if (!settings.some((setting) => setting.undefended)) remarks.push("The results do not contain the undefended model.");
  if (!known(referenceOf("psnr_db"))) remarks.push("The results do not contain the reference attack mean_image, so leaks cannot be computed.");
  if (means) remarks.push(`For ${means} of ${plural(settings.length, "setting")}, the scores of single images are not available. The mean of the strongest attack replaces the worst case, which is higher.`);
  const sentences = [...flags.map((flag) => `Flag ${flag.name}: ${flag.sentence}.`), ...lacking.map((sentence) => `Incomplete: ${sentence}.`), ...remarks];
  const summary = `${plural(flags.length, "audit flag")}, ${plural(incomplete, "incomplete setting")}${remarks.length ? `, ${plural(remarks.length, "remark")}` : ""}`;
  const serious = flags.length || incomplete;
  byId("trust").replaceChildren(sentences.length
    ? el("details", { open: serious && sentences.length <= 3 }, el("summary", {}, el("strong", { class: serious ? "warn" : null }, "Warnings: "), summary), el("ul", {}, sentences.map((sentence) => el("li", {}, sentence))), ...remedy(state.scenario.commands))
    : el("p", { class: "soft" }, "There are no audit flags, and no cells are missing or failed."));
}

// The commands that complete all settings.
function remedy(commands) {
  if (!commands.length) return [];
  return [el("p", {}, "To compute what is missing, run these commands with the --out and --data-dir of the run:"), el("pre", { class: "commands", tabindex: "0" }, commands.join("\n"))];
}
