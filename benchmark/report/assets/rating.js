// Asks which image a reconstruction shows, and saves the choices as CSV. The page does not know the answers.
const { study, trials, images } = JSON.parse(byId("data").textContent);
const answers = [];
let asked = 0;
let since = Date.now();

const shown = (index, text, width) => el("img", { src: `data:image/png;base64,${images[index]}`, alt: text, width, class: "rated" });

function choose(choice) {
  if (asked >= trials.length) return;
  answers[asked] = { choice, seconds: ((Date.now() - since) / 1000).toFixed(1) };
  ask(asked + 1);
}

function ask(number) {
  asked = number;
  since = Date.now();
  const trial = trials[asked];
  byId("back").disabled = asked === 0;
  byId("save").disabled = answers.length === 0;
  byId("progress").textContent = trial ? `Image ${asked + 1} of ${trials.length}` : `All ${trials.length} images are rated. Save the ratings.`;
  if (!trial) return byId("question").replaceChildren();
  const choices = trial.candidates.map((index, position) => el("button", { type: "button", class: "candidate", onclick: () => choose(position + 1) },
    shown(index, `Candidate ${position + 1}`, 128), el("span", {}, String(position + 1))));
  byId("question").replaceChildren(
    el("p", {}, shown(trial.shown, "Reconstruction", 256)),
    el("div", { class: "candidates", role: "group", "aria-label": "Which image is it?" }, choices,
      el("button", { type: "button", class: "candidate", onclick: () => choose(0) }, "None (0)")));
}

function saveRatings() {
  const rater = byId("rater").value.trim() || `anonymous-${Math.random().toString(36).slice(2, 8)}`;
  const lines = answers.map(({ choice, seconds }, index) => [study, rater, index + 1, choice, seconds]);
  const quoted = (value) => `"${String(safe(value)).replaceAll('"', '""')}"`;
  const text = [["study", "rater", "trial", "choice", "seconds"], ...lines].map((line) => line.map(quoted).join(",")).join("\r\n");
  save(new Blob([text], { type: "text/csv" }), `ratings-${study}-${rater.replace(/[^\w-]+/g, "-")}.csv`);
}

document.addEventListener("keydown", (event) => {
  if (event.target.id === "rater" || event.ctrlKey || event.metaKey || event.altKey) return;
  const trial = trials[asked];
  if (/^\d$/.test(event.key) && trial && Number(event.key) <= trial.candidates.length) choose(Number(event.key));
});
byId("back").addEventListener("click", () => ask(asked - 1));
byId("save").addEventListener("click", saveRatings);
ask(0);
