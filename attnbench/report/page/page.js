// Puts the parts together: plots of each leaderboard, highlighting, the legend, printing.
const boards = JSON.parse(document.getElementById("data").textContent);

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
  const plots = [
    [".plot-cost", (width) => costPlot(board, width, section.querySelector(".chooser input:checked").value)],
    [".plot-curves", (width) => curvesPlot(board, width)],
    [".plot-seeds", (width) => (board.deltas ? seedsPlot(board, width) : null)],
  ];
  for (const [name, draw] of plots) {
    const figure = section.querySelector(name);
    const canvas = figure.querySelector(".canvas");
    const drawn = draw(Math.max(280, canvas.clientWidth));
    figure.hidden = drawn === null;
    if (drawn) canvas.replaceChildren(drawn);
  }
  for (const node of section.querySelectorAll(".plots svg [data-variant]")) {
    node.classList.toggle("is-hidden", hidden.has(node.dataset.variant));
  }
}

function makeLegend(section, board, hidden, redraw) {
  section.querySelector(".legend").append(...board.variants.map((variant, place) => {
    const index = String(place);
    const button = html("button", { type: "button", "aria-pressed": "true", "data-variant": index }, swatch(variant.mark), variant.name);
    button.addEventListener("click", () => {
      if (!hidden.delete(index)) hidden.add(index);
      button.setAttribute("aria-pressed", String(!hidden.has(index)));
      redraw();
    });
    return html("li", {}, button);
  }));
}

function makeChooser(section, board, redraw) {
  const chooser = section.querySelector(".chooser");
  Object.entries(board.costs).forEach(([key, plot], place) => {
    const input = html("input", { type: "radio", name: `${section.id}-cost`, value: key, autocomplete: "off" });
    input.checked = place === 0;
    input.addEventListener("change", redraw);
    chooser.append(html("label", {}, input, html("span", {}, plot.name)));
  });
}

function makePairs(section) {
  for (const cell of section.querySelectorAll(".pair[data-words]")) {
    const { title, words } = cell.dataset;
    cell.addEventListener("pointerenter", () => showTip(cell, title, [words]));
    cell.addEventListener("pointerleave", hideTip);
  }
}

function makeBoard(section, board) {
  const table = section.querySelector(".leaderboard");
  const hidden = new Set();
  const redraw = () => drawAll(section, board, hidden);
  makeSortable(table);
  makeFilterable(section, table);
  makeOpenable(board, table);
  makeChooser(section, board, redraw);
  makeLegend(section, board, hidden, redraw);
  makePairs(section);
  makeHighlighting(section);
  let width = 0;
  const plots = section.querySelector(".plots");
  new ResizeObserver(() => {
    if (plots.clientWidth !== width) redraw();
    width = plots.clientWidth;
  }).observe(plots);
}

document.documentElement.dataset.script = "";
makeTheme();
document.querySelectorAll("section.board").forEach((section, place) => makeBoard(section, boards[place]));
window.addEventListener("scroll", placeTip, { passive: true, capture: true });
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details.numbers")) details.open = true;
});
