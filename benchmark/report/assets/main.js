// The state of the page, and what is redrawn when it changes.
const data = JSON.parse(byId("data").textContent);
const state = { scenario: data.scenarios[0], families: [], hidden: new Set(), kept: 0.95, metric: "psnr_db", view: "settings", nines: false, drawn: null, board: null };

function visible() {
  const text = byId("search").value.trim().toLowerCase();
  const shown = state.scenario.settings.filter((setting) => {
    const { line } = setting;
    return !state.hidden.has(setting.name) &&
      labelOf(setting).toLowerCase().includes(text) &&
      (!byId("only-kept").checked || line.utility_kept >= state.kept) &&
      (!byId("only-sound").checked || !(line.incomplete || line.flags));
  });
  return byId("only-pareto").checked ? shown.filter((setting) => frontOf(shown, state.metric).includes(setting)) : shown;
}

function drawShown() {
  drawTradeoff();
  drawLeaderboard();
  drawImages();
  drawCurves();
}

function drawLegend() {
  state.families = [...new Set(state.scenario.settings.map((setting) => setting.name))].sort();
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

// Shows a selector if there are several values, and text if there is one.
function drawScenarios() {
  const names = { dataset: "dataset", model: "model", split: "split", n_images: "attacked images" };
  byId("scenarios").replaceChildren(...Object.entries(names).map(([key, title]) => {
    const values = [...new Set(data.scenarios.map((scenario) => scenario[key]))];
    if (values.length < 2) return el("span", {}, `${title} `, el("strong", {}, String(values[0])));
    const options = values.map((value) => el("option", { value: String(value), selected: value === state.scenario[key] }, String(value)));
    return el("label", {}, `${title} `, el("select", { "data-key": key, onchange: (event) => choose(key, event.target.value) }, options));
  }), el("span", {}, `${plural(state.scenario.settings.length, "setting")}, ${plural(new Set(state.scenario.settings.flatMap((setting) => setting.cells.map((cell) => cell.seed))).size, "seed")}`),
    el("span", {}, "attacks ", el("strong", {}, attackLabels().join(", ") || "none")));
}

const attackLabels = () => [...new Set(state.scenario.settings.flatMap((setting) => setting.cells.filter((cell) => !cell.reference).map((cell) => cell.label)))].sort();

// Shows the scenario with the chosen value that is most similar to the present one.
function choose(key, value) {
  const keys = ["dataset", "model", "split", "n_images"];
  const similarity = (scenario) => keys.filter((each) => scenario[each] === state.scenario[each]).length;
  state.scenario = data.scenarios.filter((scenario) => String(scenario[key]) === value).sort((a, b) => similarity(b) - similarity(a))[0];
  drawAll();
  byId("scenarios").querySelector(`[data-key=${key}]`).focus();
}

// A linear axis hides the differences between high accuracies.
function chooseScale() {
  const accuracies = state.scenario.settings.map(({ line }) => line.utility).filter(known);
  state.nines = Math.max(0, ...accuracies) >= 0.9;
  for (const each of document.getElementsByName("scale")) each.checked = (each.value === "nines") === state.nines;
}

function drawAll() {
  state.hidden.clear();
  state.drawn = null;
  chooseScale();
  drawScenarios();
  drawLegend();
  drawAnswer();
  drawTrust();
  drawAttackChoices();
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
  for (const form of ["scenarios", "filters"]) byId(form).addEventListener("submit", (event) => event.preventDefault());
  byId("kept").addEventListener("input", (event) => { state.kept = event.target.value / 100; drawAnswer(); drawTradeoff(); if (byId("only-kept").checked) drawShown(); });
  for (const id of ["search", "only-kept", "only-pareto", "only-sound"]) byId(id).addEventListener("input", drawShown);
  byId("clear").addEventListener("click", () => { byId("filters").reset(); state.hidden.clear(); drawLegend(); drawShown(); });
  byId("attack").addEventListener("change", drawImages);
  for (const each of document.getElementsByName("metric")) each.addEventListener("change", () => { state.metric = each.value; drawShown(); });
  for (const each of document.getElementsByName("scale")) each.addEventListener("change", () => { state.nines = each.value === "nines"; drawTradeoff(); drawCurves(); });
  for (const each of document.getElementsByName("view")) each.addEventListener("change", () => { state.view = each.value; drawLeaderboard(); });
  byId("details").addEventListener("click", (event) => { if (event.target === event.currentTarget) event.currentTarget.close(); });
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawTradeoff(); drawCurves(); } });
}

byId("nothing").textContent = decibels(data.nothing_db);
byId("recognisable").textContent = String(data.recognisable_ssim);
byId("kept").value = String(100 * state.kept);
byId("versions").textContent = `Written by mia-bench ${data.version}. Results computed with ${Object.entries(data.versions).filter(([, values]) => values.length).map(([name, values]) => `${name.replaceAll("_", " ")} ${values.join(" and ")}`).join(", ")}.`;
themed();
listen();
drawAll();
