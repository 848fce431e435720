// What all plots share: scales, axes, marks, and the arrow keys that walk from mark to mark.
function scaleOf(axis, from, to) {
  const at = axis.is_logarithmic ? Math.log : (value) => value;
  const low = at(axis.low);
  const span = at(axis.high) - low;
  return (value) => from + ((at(value) - low) / span) * (to - from);
}

let numClips = 0;

// An empty plot: x and y are axes, y may be null where rows are drawn by hand.
function frame(width, height, margin, x, y, label) {
  const right = width - margin.right;
  const bottom = height - margin.bottom;
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label });
  const clip = `clip-${(numClips += 1)}`;
  const area = { x: margin.left, y: margin.top, width: right - margin.left, height: bottom - margin.top };
  const bars = svg("g", { "clip-path": `url(#${clip})` });
  const axes = svg("g", { "aria-hidden": "true" });
  root.append(svg("clipPath", { id: clip }, svg("rect", area)), axes, bars);
  const line = (name, x1, y1, x2, y2) => axes.append(svg("line", { class: name, x1, y1, x2, y2 }));
  const text = (content, attributes) => axes.append(svg("text", attributes, content));
  const toX = scaleOf(x, margin.left, right);
  const toY = y && scaleOf(y, bottom, margin.top);
  let taken = -Infinity;
  for (const [value, content] of x.ticks) {
    line("grid-line", toX(value), margin.top, toX(value), bottom);
    const half = content.length * 3.5;
    if (toX(value) - half < taken) continue;
    text(content, { x: toX(value), y: bottom + 17, "text-anchor": "middle" });
    taken = toX(value) + half + 6;
  }
  for (const [value, content] of y ? y.ticks : []) {
    line("grid-line", margin.left, toY(value), right, toY(value));
    text(content, { x: margin.left - 7, y: toY(value) + 4, "text-anchor": "end" });
  }
  line("axis-line", margin.left, bottom, right, bottom);
  text(x.label, { x: (margin.left + right) / 2, y: bottom + 37, "text-anchor": "middle" });
  if (y) text(y.label, { x: 0, y: 11 });
  return { root, bars, area, toX, toY };
}

// A mark that shows its numbers when it is pointed at or has the focus.
function markOf(variant, x, y, lines, { scale = 1, isFilled = true } = {}) {
  const node = svg("g", {
    class: `mark ${variant.mark.colour}${isFilled ? " is-filled" : ""}`,
    transform: `translate(${x.toFixed(2)} ${y.toFixed(2)})`,
    role: "img",
    tabindex: -1,
    "aria-label": [variant.name, ...lines].join(", "),
    "data-variant": variant.index,
  });
  node.append(
    svg("circle", { class: "hit", r: Math.max(6, 10 * scale) }),
    svg("circle", { class: "halo", r: 7.5 * scale + 3 }),
    shape(variant.mark, scale),
  );
  return withTip(node, variant.name, lines);
}

// One stop of the tab key a plot; arrows go on from there, up and down to the next variant.
function walkable(root) {
  const marks = [...root.querySelectorAll(".mark")];
  if (marks.length === 0) return;
  marks[0].setAttribute("tabindex", 0);
  const seen = (mark) => !mark.classList.contains("is-hidden");
  const rankIn = (mark) => marks.filter((other) => other.dataset.variant === mark.dataset.variant).indexOf(mark);
  const steps = {
    ArrowRight: (from) => marks.slice(marks.indexOf(from) + 1).find(seen),
    ArrowLeft: (from) => marks.slice(0, marks.indexOf(from)).reverse().find(seen),
    ArrowDown: (from) => ofNext(from, marks),
    ArrowUp: (from) => ofNext(from, [...marks].reverse()),
    Home: () => marks.find(seen),
    End: () => [...marks].reverse().find(seen),
  };
  function ofNext(from, order) {
    const after = order.slice(order.indexOf(from));
    const next = after.find((mark) => seen(mark) && mark.dataset.variant !== from.dataset.variant);
    if (!next) return undefined;
    const same = marks.filter((mark) => mark.dataset.variant === next.dataset.variant);
    return same[Math.min(rankIn(from), same.length - 1)];
  }
  root.addEventListener("keydown", (event) => {
    const from = event.target.closest(".mark");
    const target = from && steps[event.key] && steps[event.key](from);
    if (!target) return;
    event.preventDefault();
    from.setAttribute("tabindex", -1);
    target.setAttribute("tabindex", 0);
    target.focus();
  });
}

// A line through points, given as pairs of numbers.
const through = (points) => points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(" ");
