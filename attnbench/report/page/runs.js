// The dialog that shows the runs of a variant.
const dialog = document.getElementById("runs");
const facts = (pairs) => html("dl", {}, ...pairs.flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));

function runCurve(variant, run) {
  const label = `learning curve of seed ${run.seed}`;
  const { root, bars, area, toX, toY } = frame(420, 220, { left: 46, right: 14, top: 24, bottom: 44 }, run.epochs, run.accuracies, label);
  const selected = toX(run.selected_epoch);
  bars.append(svg("line", { class: "zero-line", x1: selected, x2: selected, y1: area.y, y2: area.y + area.height }));
  const line = run.curve.map(([epoch, value]) => [toX(epoch), toY(value)]);
  bars.append(svg("g", { class: variant.mark.colour }, svg("polyline", { class: "curve", points: through(line) })));
  for (const [epoch, value, top1, loss, trainLoss] of run.curve) {
    const lines = [`epoch ${epoch}${epoch === run.selected_epoch ? ", which was tested" : ""}`, `validation top-1 ${top1} %, loss ${loss}`, `training loss ${trainLoss}`];
    root.append(markOf(variant, 0, toX(epoch), toY(value), lines, { scale: run.curve.length > 12 ? 0.45 : 0.7 }));
  }
  walkable(root);
  return root;
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
  const curve = html("div", { class: "canvas" }, runCurve(variant, run));
  return html("div", { class: "run-body" },
    part("Measured", "", facts(run.facts)),
    part("Learning curve, the dashed line at the epoch that was tested", "", curve),
    part("Run it again", "wide", commandLine(run.command)),
    part("Spec", "", html("pre", {}, run.spec)),
    part("Environment", "", facts(board.environments[run.environment]), html("h3", {}, "Digest of the spec"), html("code", {}, run.digest)));
}

function runOf(board, variant, run) {
  const details = html("details", { class: "run" },
    html("summary", {},
      html("span", { class: "seed" }, `seed ${run.seed}`),
      html("span", {}, `top-1 ${run.top1} %`),
      html("span", { class: "quiet" }, `epoch ${run.epoch}, ${run.training} of training`),
      html("code", { class: "digest" }, run.digest)));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(runBody(board, variant, run));
  });
  return details;
}

function openRuns(board, variant) {
  const title = dialog.querySelector("h2");
  title.textContent = variant.name;
  dialog.querySelector("header .quiet").textContent = [board.title, variant.top1_text].join(": ");
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
