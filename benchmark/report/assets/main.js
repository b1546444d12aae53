// What is redrawn when the state of the page changes.
function passes(setting) {
  const { line } = setting;
  return !state.hidden.has(setting.name) &&
    labelOf(setting).toLowerCase().includes(byId("search").value.trim().toLowerCase()) &&
    (!byId("only-kept").checked || line.utility_kept >= state.kept) &&
    (!byId("only-sound").checked || !(line.incomplete || line.flags));
}

function visible() {
  const shown = state.scenario.settings.filter(passes);
  return byId("only-pareto").checked ? shown.filter((setting) => frontOf(shown, state.metric).includes(setting)) : shown;
}

function drawShown() {
  drawTradeoff();
  drawCosts();
  drawLeaderboard();
  drawImages();
  drawCurves();
  keepView();
}

function drawLegend() {
  state.families = [...new Set(everyScenario().flatMap(({ settings }) => settings.map((setting) => setting.name)))].sort();
  byId("legend").replaceChildren(...state.families.map((name) => {
    const { color, shape } = look(name);
    const icon = draw("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true" }, draw("g", { class: "point", color }, draw("path", { class: "shape", d: shape })));
    const button = el("button", { type: "button", "aria-pressed": String(!state.hidden.has(name)), onclick: () => {
      if (!state.hidden.delete(name)) state.hidden.add(name);
      button.setAttribute("aria-pressed", String(!state.hidden.has(name)));
      drawShown();
    } }, icon, name);
    return button;
  }));
}

// The scenarios of the chart of costs.
const everyScenario = () => data.scenarios.filter(({ dataset, n_images }) => dataset === state.scenario.dataset && n_images === state.scenario.n_images);

// Shows a selector if there are several values, and text if there is one.
function drawScenarios() {
  const names = { dataset: "dataset", model: "model", split: "split", n_images: "attacked images" };
  byId("scenarios").replaceChildren(...Object.entries(names).map(([key, title]) => {
    const values = [...new Set(data.scenarios.map((scenario) => scenario[key]))];
    if (values.length < 2) return el("span", {}, `${title} `, el("strong", {}, String(values[0])));
    const options = values.map((value) => el("option", { value: String(value), selected: value === state.scenario[key] }, String(value)));
    return el("label", {}, `${title} `, el("select", { "data-key": key, onchange: (event) => choose(key, event.target.value) }, options));
  }), el("span", {}, `${plural(state.scenario.settings.length, "setting")}, ${plural(seedsOf(state.scenario).length, "seed")}`),
    el("span", {}, "attacks ", el("strong", {}, attackLabels().join(", ") || "none")));
}

const attackLabels = () => [...new Set(state.scenario.settings.flatMap((setting) => setting.cells.filter((cell) => !cell.reference).map((cell) => cell.label)))].sort();

// Shows the scenario with the chosen value that is most similar to the present one.
function choose(key, value) {
  const similarity = (scenario) => SCENARIO_KEYS.filter((each) => scenario[each] === state.scenario[each]).length;
  open(data.scenarios.filter((scenario) => String(scenario[key]) === value).sort((a, b) => similarity(b) - similarity(a))[0]);
  byId("scenarios").querySelector(`[data-key=${key}]`).focus();
}

function open(scenario) {
  if (scenario === state.scenario) return;
  state.scenario = scenario;
  state.nines = highUtility();
  for (const each of document.getElementsByName("scale")) each.checked = (each.value === "nines") === state.nines;
  drawAll();
}

// A linear axis hides the differences between high accuracies.
function highUtility() {
  return Math.max(0, ...state.scenario.settings.map(({ line }) => line.utility).filter(known)) >= 0.9;
}

function drawAll(attack = byId("attack").value) {
  state.drawn = null;
  drawScenarios();
  drawOverview();
  drawLegend();
  drawAnswer();
  drawTrust();
  drawAttackChoices();
  byId("attack").value = attack;
  if (byId("attack").selectedIndex < 0) byId("attack").value = "";
  drawShown();
}

function themed() {
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const name = () => { byId("theme").textContent = dark() ? "Light theme" : "Dark theme"; };
  byId("theme").addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; name(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();
}

function listen() {
  for (const form of ["scenarios", "filters", "cost-form"]) byId(form).addEventListener("submit", (event) => event.preventDefault());
  byId("kept").addEventListener("input", (event) => { state.kept = event.target.value / 100; drawAnswer(); drawOverview(); drawShown(); });
  for (const id of ["search", "only-kept", "only-pareto", "only-sound"]) byId(id).addEventListener("input", drawShown);
  byId("clear").addEventListener("click", () => { for (const id of BOXES) byId(id).checked = false; byId("search").value = ""; state.hidden.clear(); drawLegend(); drawShown(); });
  byId("attack").addEventListener("change", () => { drawImages(); keepView(); });
  for (const each of document.getElementsByName("metric")) each.addEventListener("change", () => { state.metric = each.value; drawShown(); });
  for (const each of document.getElementsByName("scale")) each.addEventListener("change", () => { state.nines = each.value === "nines"; drawTradeoff(); drawCurves(); keepView(); });
  for (const each of document.getElementsByName("view")) each.addEventListener("change", () => { state.view = each.value; state.sort = null; drawLeaderboard(); keepView(); });
  for (const each of document.getElementsByName("cost")) each.addEventListener("change", () => { state.cost = each.value; state.limit = null; byId("limit").value = ""; drawCosts(); keepView(); });
  byId("network").addEventListener("change", (event) => { state.network = event.target.value; drawCosts(); keepView(); });
  byId("limit").addEventListener("input", (event) => { state.limit = Number(event.target.value) > 0 ? Number(event.target.value) : null; drawCosts(); keepView(); });
  byId("save-csv").addEventListener("click", saveTable);
  for (const [button, chart] of [["save-tradeoff", "scatter"], ["save-costs", "cost-chart"]]) byId(button).addEventListener("click", () => saveChart(byId(chart), button.slice(5)));
  byId("details").addEventListener("click", (event) => { if (event.target === event.currentTarget) event.currentTarget.close(); });
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawTradeoff(); drawCosts(); drawCurves(); } });
  addEventListener("hashchange", () => { if (location.hash.includes("=") && location.hash.slice(1) !== viewNow()) drawAll(readView()); });
  listenViewer();
}

byId("nothing").textContent = decibels(data.nothing_db);
byId("recognisable").textContent = String(data.recognisable_ssim);
byId("network").append(...data.deployments.map(({ name, title }) => el("option", { value: name }, title)));
byId("versions").textContent = `Written by mia-bench ${data.version}. Results computed with ${Object.entries(data.versions).filter(([, values]) => values.length).map(([name, values]) => `${name.replaceAll("_", " ")} ${values.join(" and ")}`).join(", ")}.`;
themed();
listen();
drawAll(readView());
