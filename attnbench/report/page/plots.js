// The plots of a board. Each takes the board, a width and what is drawn, and gives an SVG element.
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

function costPlot(board, width, plot) {
  const label = `${board.title}: ${board.score_name} against ${plot.name}; the arrow keys go from variant to variant`;
  const { root, bars, area, toX, toY } = frame(width, 380, { left: 46, right: 14, top: 26, bottom: 44 }, plot.axis, board.scores, label);
  const places = board.variants.map((variant, place) => ({
    variant, point: plot.points[place], x: toX(plot.points[place].cost), y: toY(variant.score), text: shortened(variant.name, 200),
    isFirstAbove: plot.points[place].is_front,
  }));
  const front = places.filter(({ point }) => point.is_front).sort((one, other) => one.x - other.x);
  const steps = front.flatMap(({ x, y }, place) => [[x, y], [place + 1 < front.length ? front[place + 1].x : area.x + area.width, y]]);
  bars.append(svg("polyline", { class: "front", points: through(steps) }));
  for (const { variant, point, x, y } of places) {
    const lines = [];
    if (variant.interval) lines.push([x, toY(variant.interval[0]), x, toY(variant.interval[1])]);
    if (point.quartiles) lines.push([toX(point.quartiles[0]), y, toX(point.quartiles[1]), y]);
    const ends = lines.map(([x1, y1, x2, y2]) => svg("line", { class: "bar", x1, y1, x2, y2 }));
    bars.append(svg("g", { class: variant.mark.colour, "data-variant": variant.index }, ...ends));
  }
  placeLabels(places, area).forEach((place, order) => {
    if (!place) return;
    const { variant, text } = places[order];
    root.append(svg("text", { class: "label", x: place.x + 2, y: place.y + 11, "data-variant": variant.index, "aria-hidden": "true" }, text));
  });
  for (const { variant, point, x, y } of [...places].sort((one, other) => one.x - other.x)) {
    const lines = [variant.score_text, point.text, ...(variant.delta ? [variant.delta.text] : []), ...(point.is_front ? ["on the Pareto front"] : []), variant.spec_text];
    root.append(markOf(variant, x, y, lines, { isFilled: point.is_front }));
  }
  walkable(root);
  return root;
}

function curvesPlot(board, width, plot) {
  const label = `${board.title}: ${plot.y_name} by ${plot.x_name}; left and right go along a line, up and down through the variants`;
  const { root, bars, toX, toY } = frame(width, 340, { left: 46, right: 14, top: 26, bottom: 44 }, plot.x, plot.y, label);
  board.variants.forEach((variant, place) => {
    const points = plot.lines[place];
    const ring = [
      ...points.map((point) => [toX(point.at), toY(point.high)]),
      ...[...points].reverse().map((point) => [toX(point.at), toY(point.low)]),
    ];
    const line = points.map((point) => [toX(point.at), toY(point.mean)]);
    const attributes = { class: variant.mark.colour, "data-variant": variant.index };
    bars.append(svg("g", attributes, svg("polygon", { class: "band", points: through(ring) }), svg("polyline", { class: "curve", points: through(line) })));
    const marked = points.filter((point) => point.text);
    for (const point of marked) {
      const lines = [`${plot.x_name} ${point.at}, ${plot.y_name}: ${point.text}`, plot.note[place], variant.spec_text];
      root.append(markOf(variant, toX(point.at), toY(point.mean), lines, { scale: marked.length > 10 ? 0.45 : 0.7 }));
    }
  });
  walkable(root);
  return root;
}

function seedsPlot(board, width, deltas) {
  const compared = board.variants.filter((variant) => variant.delta);
  const rowHeight = 40;
  const left = Math.min(width * 0.36, Math.max(...compared.map((variant) => widthOf(variant.name))) + 10);
  const label = `${board.title}: difference to the baseline, each seed; up and down go through the variants, left and right through the seeds`;
  const height = 14 + rowHeight * compared.length + 44;
  const { root, bars, area, toX } = frame(width, height, { left, right: 14, top: 14, bottom: 44 }, deltas, null, label);
  bars.append(svg("line", { class: "zero-line", x1: toX(0), x2: toX(0), y1: area.y, y2: area.y + area.height }));
  compared.forEach((variant, row) => {
    const { delta } = variant;
    const middle = area.y + rowHeight * (row + 0.5);
    root.append(svg("text", { class: "label", x: 0, y: middle + 4, "data-variant": variant.index, "aria-hidden": "true" }, shortened(variant.name, left - 8)));
    const bar = svg("line", { class: "bar", x1: toX(delta.low), x2: toX(delta.high), y1: middle, y2: middle });
    bars.append(svg("g", { class: variant.mark.colour, "data-variant": variant.index }, bar));
    root.append(markOf(variant, toX(delta.mean), middle, [delta.text, variant.spec_text], { scale: 1.1, isFilled: delta.is_shown }));
    delta.seeds.forEach((seed, place) => {
      const spread = delta.seeds.length > 1 ? (place / (delta.seeds.length - 1) - 0.5) * (rowHeight - 18) : 9;
      const lines = [`seed ${seed.seed}: Δ ${board.score_name} ${seed.text} points`, `${variant.spec_text}, seed ${seed.seed}, digest ${seed.digest}`];
      root.append(markOf(variant, toX(seed.points), middle + spread, lines, { scale: 0.45 }));
    });
  });
  walkable(root);
  return root;
}

function figuresPlot(board, width, plot) {
  const step = 11;
  const rowHeight = step * board.variants.length + 12;
  const left = Math.max(...plot.rows.map((row) => widthOf(row.name))) + 10;
  const label = `${board.title}: figures with their intervals; left and right go from variant to variant and from figure to figure`;
  const top = 14 + LABEL_HEIGHT * plot.controls.length;
  const height = top + rowHeight * plot.rows.length + 44;
  const { root, bars, area, toX } = frame(width, height, { left, right: 14, top, bottom: 44 }, plot.axis, null, label);
  plot.controls.forEach((control, place) => {
    const x = toX(control.value);
    const y = 10 + LABEL_HEIGHT * place;  // a line each, as their numbers may be close
    const isLate = x > (area.x + area.width) / 2;
    root.append(svg("text", { class: "label", x: isLate ? x - 5 : x + 5, y, "text-anchor": isLate ? "end" : "start" }, `control: ${control.name}`));
    root.append(svg("line", { class: "control-line", x1: x, x2: x, y1: y - 8, y2: area.y + area.height }));
  });
  plot.rows.forEach((row, place) => {
    const from = area.y + rowHeight * place;
    root.append(svg("text", { class: "label", x: 0, y: from + rowHeight / 2 + 4, "aria-hidden": "true" }, row.name));
    if (place) bars.append(svg("line", { class: "grid-line", x1: area.x, x2: area.x + area.width, y1: from, y2: from }));
    board.variants.forEach((variant, order) => {
      const point = row.points[order];
      if (!point) return;
      const y = from + 6 + step * (order + 0.5);
      if (point.interval) {
        const bar = svg("line", { class: "bar", x1: toX(point.interval[0]), x2: toX(point.interval[1]), y1: y, y2: y });
        bars.append(svg("g", { class: variant.mark.colour, "data-variant": variant.index }, bar));
      }
      root.append(markOf(variant, toX(point.value), y, [point.text, variant.spec_text], { scale: 0.6 }));
    });
  });
  walkable(root);
  return root;
}
