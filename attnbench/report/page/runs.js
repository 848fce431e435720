// The dialog that shows the runs of a variant.
const dialog = document.getElementById("runs");
const facts = (pairs) => html("dl", {}, ...pairs.flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));

function runCurve(variant, run, curve) {
  const label = `${curve.title} of seed ${run.seed}`;
  const { root, bars, area, toX, toY } = frame(420, 220, { left: 46, right: 14, top: 24, bottom: 44 }, curve.epochs, curve.values, label);
  if (curve.selected !== null) {
    const selected = toX(curve.selected);
    bars.append(svg("line", { class: "zero-line", x1: selected, x2: selected, y1: area.y, y2: area.y + area.height }));
  }
  curve.lines.forEach((line, index) => {
    const drawn = { name: line.name || variant.name, mark: line.mark ?? variant.mark, index };
    const points = line.points.map((point) => [toX(point.at), toY(point.value)]);
    bars.append(svg("g", { class: drawn.mark.colour }, svg("polyline", { class: "curve", points: through(points) })));
    for (const point of line.points) {
      root.append(markOf(drawn, toX(point.at), toY(point.value), point.lines, { scale: line.points.length > 12 ? 0.45 : 0.7 }));
    }
  });
  walkable(root);
  return root;
}

function runCurveNodes(variant, run, curve) {
  const named = curve.lines.filter((line) => line.name);
  const key = html("ul", { class: "key" }, ...named.map((line) => html("li", {}, swatch(line.mark), line.name)));
  return [html("div", { class: "canvas" }, runCurve(variant, run, curve)), ...(named.length ? [key] : [])];
}

function plainTable(table) {
  const head = html("tr", {}, ...table.headers.map((header) => html("th", { scope: "col" }, header)));
  const rows = table.rows.map(([name, ...cells]) => html("tr", {}, html("th", { scope: "row" }, name), ...cells.map((cell) => html("td", {}, cell))));
  return html("div", { class: "numbers scroll" }, html("table", {}, html("thead", {}, head), html("tbody", {}, ...rows)));
}

function commandLine(command) {
  const row = html("div", { class: "command" }, html("pre", {}, command));
  if (navigator.clipboard) {
    const button = html("button", { type: "button", class: "button" }, "Copy");
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(command).then(
        () => { button.textContent = "Copied"; },
        () => { button.textContent = "Not copied"; },
      );
    });
    row.append(button);
  }
  return row;
}

function runBody(board, variant, run) {
  const part = (title, name, ...nodes) => html("div", { class: name }, html("h3", {}, title), ...nodes);
  return html("div", { class: "run-body" },
    part("Measured", "", facts(run.facts)),
    html("div", {}, ...run.curves.map((curve) => part(curve.title, "", ...runCurveNodes(variant, run, curve)))),
    ...run.tables.map((table) => part(table.title, "wide", plainTable(table))),
    ...(run.command ? [part("Run it again", "wide", commandLine(run.command))] : []),
    part("Spec", "", html("pre", {}, run.spec)),
    part("Environment", "", facts(board.environments[run.environment]), html("h3", {}, "Digest of the spec"), html("code", {}, run.digest)));
}

function runOf(board, variant, run) {
  const details = html("details", { class: "run" },
    html("summary", {},
      html("span", { class: "seed" }, `seed ${run.seed}`),
      html("span", {}, run.score),
      html("span", { class: "quiet" }, run.remark),
      html("code", { class: "digest" }, run.digest)));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(runBody(board, variant, run));
  });
  return details;
}

function openRuns(board, variant) {
  const title = dialog.querySelector("h2");
  title.textContent = variant.name;
  dialog.querySelector("header .quiet").textContent = [board.title, variant.score_text].join(": ");
  const body = dialog.querySelector(".body");
  body.replaceChildren(...variant.runs.map((run) => runOf(board, variant, run)));
  body.firstElementChild.open = true;
  hideTip();
  dialog.showModal();
  title.focus();
  body.scrollTop = 0;
}

dialog.querySelector(".close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();  // the backdrop
});
dialog.addEventListener("close", hideTip);
