// One row for each dataset, model, split and number of images, if there are several.
function verdictOf(scenario) {
  const able = scenario.settings.filter(({ line, undefended }) => !undefended && !line.incomplete && known(line.psnr_db) && known(line.utility_kept) && line.utility_kept >= state.kept);
  return able[0];
}
const undefendedOf = (scenario) => scenario.settings.find((each) => each.undefended)?.line ?? {};
const lacks = (scenario) => scenario.settings.reduce((sum, { lacking }) => sum + lacking.length, 0);
const OVERVIEW_COLUMNS = [
  { key: "scenario", title: "Dataset, model, split", value: (scenario) => data.scenarios.indexOf(scenario), show: (scenario) => el("button", { type: "button", class: "link name", "aria-current": scenario === state.scenario ? "true" : null, onclick: () => { open(scenario); byId("answer-title").scrollIntoView(); } }, `${scenario.dataset} ${scenario.model} ${scenario.split}`) },
  figure("images", "Images", "Attacked images", (scenario) => scenario.n_images, whole),
  figure("seeds", "Seeds", "Seeds of all random numbers", (scenario) => seedsOf(scenario).length, whole),
  figure("settings", "Settings", "Defenses with their parameters", (scenario) => scenario.settings.length, whole),
  figure("utility", "Undefended", "Utility of the undefended network", (scenario) => undefendedOf(scenario).utility, (value) => percent(value, 2), true),
  figure("leak", "Its leak", "Worst case above the mean image, undefended", (scenario) => undefendedOf(scenario).leak_db, signed),
  { key: "best", title: "Leaks least", hint: "Of the complete defenses that keep enough utility", value: (scenario) => (verdictOf(scenario) ? labelOf(verdictOf(scenario)) : null), show: (scenario) => (verdictOf(scenario) ? el("span", { class: "name" }, labelOf(verdictOf(scenario))) : "none keeps enough") },
  figure("best_leak", "Its leak", "Worst case above the mean image", (scenario) => verdictOf(scenario)?.line.leak_db, signed),
  figure("lacking", "Missing cells", "Cells that are missing, failed or inapplicable", lacks, whole, true),
];
const seedsOf = (scenario) => [...new Set(scenario.settings.flatMap((setting) => setting.cells.map((cell) => cell.seed)))];
let overview = null;

function drawOverview() {
  byId("overview").hidden = data.scenarios.length < 2;
  if (byId("overview").hidden) return;
  overview ??= sortable(OVERVIEW_COLUMNS, "One row per scenario", { key: "scenario", down: false });
  byId("overview-table").replaceChildren(overview.table);
  overview.show(data.scenarios);
}
