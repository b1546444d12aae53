// The data and the state of the page.
const data = JSON.parse(byId("data").textContent);
const state = { scenario: data.scenarios[0], families: [], hidden: new Set(), kept: 0.95, metric: "psnr_db", view: "settings", cost: "wire_bytes", network: "wifi", limit: null, nines: false, sort: null, drawn: null, board: null };
