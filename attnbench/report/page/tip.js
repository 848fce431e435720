// The tooltip: what a node says while it is pointed at or has the focus.
const tip = document.getElementById("tip");
let tipTarget = null;

function showTip(target, title, lines) {
  tip.replaceChildren(html("strong", {}, ...breakable(title)), ...lines.map((line) => html("span", {}, ...breakable(line))));
  (target.closest("dialog") ?? document.body).append(tip);  // an open dialog lies above all that is not its own
  tip.hidden = false;
  tipTarget = target;
  placeTip();
}

// Above its target, or below where there is no room; again after scrolling, which the focus may have caused.
function placeTip() {
  if (tip.hidden) return;
  const around = tipTarget.getBoundingClientRect();
  const own = tip.getBoundingClientRect();
  const centre = around.left + around.width / 2 - own.width / 2;
  const left = Math.max(8, Math.min(centre, document.documentElement.clientWidth - own.width - 8));
  const above = around.top - own.height - 8;
  tip.style.left = `${left}px`;
  tip.style.top = `${above >= 8 ? above : around.bottom + 8}px`;
}

function hideTip() {
  tip.hidden = true;
}

// A tooltip while the pointer is over a node, and while it has the focus.
function withTip(node, title, lines) {
  node.addEventListener("pointerenter", () => showTip(node, title, lines));
  node.addEventListener("pointerleave", hideTip);
  node.addEventListener("focus", () => showTip(node, title, lines));
  node.addEventListener("blur", hideTip);
  return node;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideTip();
});
