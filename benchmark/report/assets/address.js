// The view is kept in the address of the page, so that it can be shared and survives a reload.
const SCENARIO_KEYS = ["dataset", "model", "split", "n_images"];
const BOXES = ["only-kept", "only-pareto", "only-sound"];
const DEFAULTS = { kept: "95", metric: "psnr_db", view: "settings", cost: "wire_bytes", network: "wifi" };

function viewNow() {
  const all = {
    ...Object.fromEntries(state.scenario === data.scenarios[0] ? [] : SCENARIO_KEYS.filter((key) => new Set(data.scenarios.map((each) => each[key])).size > 1).map((key) => [key, state.scenario[key]])),
    q: byId("search").value.trim(),
    hide: [...state.hidden].sort(),
    only: BOXES.filter((id) => byId(id).checked),
    kept: Math.round(100 * state.kept), metric: state.metric, view: state.view, cost: state.cost, network: state.network, limit: state.limit,
    scale: state.nines === highUtility() ? null : state.nines ? "nines" : "linear",
    sort: state.board?.order.touched ? `${state.board.order.down ? "-" : ""}${state.board.order.key}` : null,
    attack: byId("attack").value,
  };
  const written = new URLSearchParams();
  for (const [key, value] of Object.entries(all)) {
    if (Array.isArray(value)) value.forEach((each) => written.append(key, each));
    else if (known(value) && value !== "" && String(value) !== DEFAULTS[key]) written.set(key, value);
  }
  return written.toString();
}

function keepView() {
  const written = viewNow();
  if (written === location.hash.slice(1)) return;
  if (written || location.hash.includes("=")) history.replaceState(null, "", `#${written}`);
}

function readView() {
  const given = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  const one = (key, allowed) => (allowed.includes(given.get(key)) ? given.get(key) : DEFAULTS[key]);
  const agreement = (scenario) => SCENARIO_KEYS.filter((key) => given.get(key) === String(scenario[key])).length;
  state.scenario = data.scenarios.reduce((best, each) => (agreement(each) > agreement(best) ? each : best));
  state.hidden = new Set(given.getAll("hide"));
  state.kept = Math.max(0, Math.min(100, Number(given.get("kept") ?? DEFAULTS.kept) || 0)) / 100;
  state.metric = one("metric", Object.keys(METRICS));
  state.view = one("view", ["settings", "cells"]);
  state.cost = one("cost", Object.keys(COSTS));
  state.network = one("network", data.deployments.map(({ name }) => name));
  state.limit = given.get("limit") && Number(given.get("limit")) > 0 ? Number(given.get("limit")) : null;
  state.nines = given.has("scale") ? given.get("scale") === "nines" : highUtility();
  state.sort = given.get("sort") ? { key: given.get("sort").replace(/^-/, ""), down: given.get("sort").startsWith("-"), touched: true } : null;
  byId("search").value = given.get("q") ?? "";
  for (const id of BOXES) byId(id).checked = given.getAll("only").includes(id);
  byId("kept").value = String(Math.round(100 * state.kept));
  byId("limit").value = known(state.limit) ? String(state.limit) : "";
  byId("network").value = state.network;
  for (const name of ["metric", "view", "cost"]) for (const each of document.getElementsByName(name)) each.checked = each.value === state[name];
  for (const each of document.getElementsByName("scale")) each.checked = (each.value === "nines") === state.nines;
  return given.get("attack") ?? "";
}
