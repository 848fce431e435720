// Puts the parts together: plots of each leaderboard, highlighting, the legend, printing.
const sections = JSON.parse(document.getElementById("data").textContent);

// What each figure shows of a board, by the names of the choices that there are.
const PLOTS = [
  { name: ".plot-cost", choices: (board) => board.costs, draw: costPlot },
  { name: ".plot-curves", choices: (board) => board.curves, draw: curvesPlot },
  { name: ".plot-precision", choices: (board) => board.precision, draw: curvesPlot },
  { name: ".plot-robustness", choices: (board) => board.robustness, draw: curvesPlot },
  { name: ".plot-seeds", choices: (board) => (board.deltas ? { deltas: board.deltas } : {}), draw: seedsPlot },
  { name: ".plot-figures", choices: (board) => (board.figures ? { figures: board.figures } : {}), draw: figuresPlot },
];

// What belongs to a variant stands out in table, plots and pairs alike.
function highlight(section, index) {
  for (const node of section.querySelectorAll("[data-variant]")) {
    const isIt = [node.dataset.variant, node.dataset.other].includes(index);
    const isRow = node.tagName === "TR";
    node.classList.toggle("is-dim", index !== null && !isIt && !isRow);
    node.classList.toggle("is-lit", index !== null && isIt);
  }
}

function makeHighlighting(section) {
  const indexAt = (event) => event.target.closest("[data-variant]")?.dataset.variant ?? null;
  let current = null;
  const update = (index) => {
    if (index !== current) highlight(section, index);
    current = index;
  };
  section.addEventListener("pointerover", (event) => update(indexAt(event)));
  section.addEventListener("pointerleave", () => update(null));
  section.addEventListener("focusin", (event) => update(indexAt(event)));
  section.addEventListener("focusout", () => update(null));
}

function drawAll(section, board, hidden) {
  for (const { name, choices, draw } of PLOTS) {
    const figure = section.querySelector(name);
    if (!figure) continue;
    const found = choices(board);
    const canvas = figure.querySelector(".canvas");
    const chosen = figure.querySelector(".chooser input:checked")?.value ?? Object.keys(found)[0];
    figure.hidden = chosen === undefined;
    if (!figure.hidden) canvas.replaceChildren(draw(board, Math.max(280, canvas.clientWidth), found[chosen]));
  }
  for (const node of section.querySelectorAll(".plots svg [data-variant]")) {
    node.classList.toggle("is-hidden", hidden.has(node.dataset.variant));
  }
}

function makeLegend(section, board, hidden, redraw) {
  section.querySelector(".legend").replaceChildren(...board.variants.map((variant) => {
    const index = String(variant.index);
    const isHidden = hidden.has(index);
    const button = html("button", { type: "button", "aria-pressed": String(!isHidden), "data-variant": index }, swatch(variant.mark), variant.name);
    button.addEventListener("click", () => {
      if (!hidden.delete(index)) hidden.add(index);
      button.setAttribute("aria-pressed", String(!hidden.has(index)));
      redraw();
    });
    return html("li", {}, button);
  }));
}

// Radio buttons, of which the first is chosen, or the one that was.
function makeChooser(chooser, name, choices, onChange) {
  const before = chooser.querySelector("input:checked")?.value;
  const legend = chooser.querySelector("legend");
  const inputs = choices.map(([value, text]) => {
    const input = html("input", { type: "radio", name, value, autocomplete: "off" });
    input.addEventListener("change", () => onChange(value));
    return html("label", {}, input, html("span", {}, text));
  });
  chooser.replaceChildren(legend, ...inputs);
  const all = [...chooser.querySelectorAll("input")];
  const first = all.find((input) => input.value === before) ?? all[0];
  if (first) first.checked = true;
}

function makeChoosers(section, board, redraw) {
  for (const { name, choices } of PLOTS) {
    const chooser = section.querySelector(`${name} .chooser`);
    const found = Object.entries(choices(board)).map(([value, plot]) => [value, plot.name]);
    if (chooser) makeChooser(chooser, `${section.id}${name}`, found, redraw);
  }
}

function makePairs(section) {
  for (const cell of section.querySelectorAll(".pair[data-words]")) {
    const { title, words } = cell.dataset;
    cell.addEventListener("pointerenter", () => showTip(cell, title, [words]));
    cell.addEventListener("pointerleave", hideTip);
  }
}

function makeBoard(section, boards) {
  boards.flatMap((board) => board.variants).forEach((variant, index) => { variant.index = index; });
  const table = section.querySelector(".leaderboard");
  const detectors = section.querySelector(".detectors");
  const hidden = new Set();
  let board = boards[0];
  let width = 0;  // of the plots, once it is known
  const redraw = () => drawAll(section, board, hidden);
  const show = (place) => {
    board = boards[Number(place)];
    makeChoosers(section, board, redraw);
    makeLegend(section, board, hidden, redraw);
    if (width) redraw();
  };
  section.querySelectorAll(".leaderboard").forEach(makeSortable);
  makeFilterable(section, table);
  makeOpenable(boards, table);
  if (detectors) makeChooser(detectors, `${section.id}-detector`, boards.map((found, place) => [String(place), found.name]), show);
  makePairs(section);
  makeHighlighting(section);
  show(0);
  const plots = section.querySelector(".plots");
  new ResizeObserver(() => {
    if (plots.clientWidth !== width) redraw();
    width = plots.clientWidth;
  }).observe(plots);
}

document.documentElement.dataset.script = "";
makeTheme();
document.querySelectorAll("section.board:not(#pictures)").forEach((section, place) => makeBoard(section, sections[place]));
window.addEventListener("scroll", placeTip, { passive: true, capture: true });
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details.numbers")) details.open = true;
});
