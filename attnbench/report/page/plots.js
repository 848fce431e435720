// The three plots of a leaderboard. Each takes the board and a width, and gives an SVG element.
const LABEL_HEIGHT = 14;
const widthOf = (text) => 6.6 * text.length + 4;

const shortened = (text, room) => (widthOf(text) <= room ? text : `${text.slice(0, Math.max(1, Math.floor(room / 6.6) - 1))}…`);

const overlap = (one, other) =>
  one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height;

// Labels beside marks where they have room; a variant without one is named by the legend and the tooltip.
function placeLabels(anchors, area) {
  const taken = anchors.map(({ x, y }) => ({ x: x - 7, y: y - 7, width: 14, height: 14 }));
  return anchors.map(({ x, y, text, isFirstAbove }) => {
    const width = widthOf(text);
    const places = [
      ...(isFirstAbove ? [[x + 5, y - 23]] : []),  // clear of the front, which goes on to the right
      [x + 11, y - 7], [x - 11 - width, y - 7], [x - width / 2, y - 24], [x - width / 2, y + 10],
      [x + 7, y - 22], [x - 7 - width, y - 22], [x + 7, y + 8], [x - 7 - width, y + 8],
    ].map(([left, top]) => ({ x: left, y: top, width, height: LABEL_HEIGHT }));
    const free = places.find((place) =>
      place.x >= area.x && place.x + width <= area.x + area.width + 4 && place.y >= area.y &&
      place.y + LABEL_HEIGHT <= area.y + area.height && !taken.some((other) => overlap(place, other)));
    if (free) taken.push(free);
    return free;
  });
}

function costPlot(board, width, cost) {
  const plot = board.costs[cost];
  const label = `${board.title}: top-1 accuracy against ${plot.name}; the arrow keys go from variant to variant`;
  const { root, bars, area, toX, toY } = frame(width, 380, { left: 46, right: 14, top: 26, bottom: 44 }, plot.axis, board.top1, label);
  const places = board.variants.map((variant, index) => ({
    variant, index, point: plot.points[index], x: toX(plot.points[index].cost), y: toY(variant.top1), text: shortened(variant.name, 200),
    isFirstAbove: plot.points[index].is_front,
  }));
  const front = places.filter(({ point }) => point.is_front).sort((one, other) => one.x - other.x);
  const steps = front.flatMap(({ x, y }, place) => [[x, y], [place + 1 < front.length ? front[place + 1].x : area.x + area.width, y]]);
  bars.append(svg("polyline", { class: "front", points: through(steps) }));
  for (const { variant, index, point, x, y } of places) {
    const lines = [];
    if (variant.half_width !== null) lines.push([x, toY(variant.top1 - variant.half_width), x, toY(variant.top1 + variant.half_width)]);
    if (point.quartiles) lines.push([toX(point.quartiles[0]), y, toX(point.quartiles[1]), y]);
    const ends = lines.map(([x1, y1, x2, y2]) => svg("line", { class: "bar", x1, y1, x2, y2 }));
    bars.append(svg("g", { class: variant.mark.colour, "data-variant": index }, ...ends));
  }
  placeLabels(places, area).forEach((place, index) => {
    if (!place) return;
    const attributes = { class: "label", x: place.x + 2, y: place.y + 11, "data-variant": index, "aria-hidden": "true" };
    root.append(svg("text", attributes, places[index].text));
  });
  for (const { variant, index, point, x, y } of [...places].sort((one, other) => one.x - other.x)) {
    const lines = [variant.top1_text, point.text, ...(variant.delta ? [variant.delta.text] : []), ...(point.is_front ? ["on the Pareto front"] : []), variant.spec_text];
    root.append(markOf(variant, index, x, y, lines, { isFilled: point.is_front }));
  }
  walkable(root);
  return root;
}

function curvesPlot(board, width) {
  const label = `${board.title}: learning curves; left and right go through the epochs, up and down through the variants`;
  const { root, bars, toX, toY } = frame(width, 340, { left: 46, right: 14, top: 26, bottom: 44 }, board.epochs, board.validation, label);
  board.variants.forEach((variant, index) => {
    const attributes = { class: variant.mark.colour, "data-variant": index };
    const ring = [
      ...variant.curve.map((point) => [toX(point.epoch), toY(point.high)]),
      ...[...variant.curve].reverse().map((point) => [toX(point.epoch), toY(point.low)]),
    ];
    const line = variant.curve.map((point) => [toX(point.epoch), toY(point.mean)]);
    bars.append(svg("g", attributes, svg("polygon", { class: "band", points: through(ring) }), svg("polyline", { class: "curve", points: through(line) })));
    for (const point of variant.curve) {
      const lines = [`epoch ${point.epoch}, validation top-1 (%): ${point.text}`, variant.curve_text, variant.spec_text];
      root.append(markOf(variant, index, toX(point.epoch), toY(point.mean), lines, { scale: variant.curve.length > 12 ? 0.45 : 0.7 }));
    }
  });
  walkable(root);
  return root;
}

function seedsPlot(board, width) {
  const compared = board.variants.map((variant, index) => ({ variant, index })).filter(({ variant }) => variant.delta);
  const rowHeight = 40;
  const left = Math.min(width * 0.36, Math.max(...compared.map(({ variant }) => widthOf(variant.name))) + 10);
  const label = `${board.title}: difference to the baseline, each seed; up and down go through the variants, left and right through the seeds`;
  const height = 14 + rowHeight * compared.length + 44;
  const { root, bars, area, toX } = frame(width, height, { left, right: 14, top: 14, bottom: 44 }, board.deltas, null, label);
  bars.append(svg("line", { class: "zero-line", x1: toX(0), x2: toX(0), y1: area.y, y2: area.y + area.height }));
  compared.forEach(({ variant, index }, row) => {
    const { delta } = variant;
    const middle = area.y + rowHeight * (row + 0.5);
    root.append(svg("text", { class: "label", x: 0, y: middle + 4, "data-variant": index, "aria-hidden": "true" }, shortened(variant.name, left - 8)));
    const bar = svg("line", { class: "bar", x1: toX(delta.low), x2: toX(delta.high), y1: middle, y2: middle });
    bars.append(svg("g", { class: variant.mark.colour, "data-variant": index }, bar));
    root.append(markOf(variant, index, toX(delta.mean), middle, [delta.text, variant.spec_text], { scale: 1.1, isFilled: delta.is_shown }));
    delta.seeds.forEach((seed, place) => {
      const spread = delta.seeds.length > 1 ? (place / (delta.seeds.length - 1) - 0.5) * (rowHeight - 18) : 9;
      const lines = [`seed ${seed.seed}: Δ top-1 ${seed.text} points`, `${variant.spec_text}, seed ${seed.seed}, digest ${seed.digest}`];
      root.append(markOf(variant, index, toX(seed.points), middle + spread, lines, { scale: 0.45 }));
    });
  });
  walkable(root);
  return root;
}
