// Elements and the tooltip. Text from records is set as text, never as markup.
const SVG = document.querySelector("svg").namespaceURI;

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const html = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

function shape(mark, scale = 1) {
  return svg("path", { class: "shape", d: SHAPES[mark.shape], transform: `scale(${scale})` });
}

function swatch(mark) {
  const attributes = { class: `swatch ${mark.colour}`, viewBox: "-8 -8 16 16", width: 15, height: 15, "aria-hidden": "true" };
  return svg("svg", attributes, shape(mark));
}

// Text that a narrow place may break between settings.
const breakable = (text) => text.split(/(?<=[,:])/).flatMap((part, place) => (place ? [html("wbr"), part] : [part]));

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
