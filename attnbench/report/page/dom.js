// Elements. Text from records is set as text, never as markup.
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
