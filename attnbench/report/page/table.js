// The leaderboard's table: sorting, filtering, and rows that open their runs.
const collator = new Intl.Collator("en", { numeric: true });

// Numbers by value, words by letters; what is missing comes last in both directions.
function compared(one, other, direction) {
  if (one === "" || other === "") return (one === "") - (other === "");
  const numbers = [Number(one), Number(other)];
  return direction * (numbers.some(Number.isNaN) ? collator.compare(one, other) : numbers[0] - numbers[1]);
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const headers = [...table.querySelectorAll("th[data-column]")];
  const valueOf = (row, column) => row.querySelectorAll("[data-sort]")[column].dataset.sort;
  const sort = (header) => {
    const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of headers) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    const column = Number(header.dataset.column);
    body.append(...[...body.rows].sort((one, other) => compared(valueOf(one, column), valueOf(other, column), direction)));
  };
  for (const header of headers) {
    const button = html("button", { type: "button", title: "sort by this column" }, ...header.querySelector(".head").childNodes);
    header.replaceChildren(button);
    header.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => sort(header));
  }
}

function makeFilterable(section, table) {
  const text = section.querySelector(".filter");
  const onlyShown = section.querySelector(".only-shown");
  const count = section.querySelector(".count");
  const rows = [...table.tBodies[0].rows];
  const update = () => {
    const wanted = text.value.trim().toLowerCase();
    for (const row of rows) {
      const isNamed = row.querySelector(".name").textContent.toLowerCase().includes(wanted);
      row.hidden = !isNamed || (onlyShown.checked && !("shown" in row.dataset));
    }
    const left = rows.filter((row) => !row.hidden).length;
    count.textContent = left === rows.length ? "" : `${left} of ${rows.length} variants`;
  };
  text.addEventListener("input", update);
  onlyShown.addEventListener("change", update);
  update();  // a browser may keep what was typed before the page was loaded again
}

function makeOpenable(board, table) {
  for (const row of table.tBodies[0].rows) {
    const variant = board.variants[Number(row.dataset.variant)];
    const header = row.querySelector("th");
    const name = header.querySelector(".name");
    const opens = `press to open ${variant.runs_text}`;
    const attributes = { type: "button", "aria-haspopup": "dialog", "aria-description": `${variant.spec_text}; ${opens}` };
    const button = withTip(html("button", attributes), variant.name, [variant.top1_text, variant.spec_text, opens]);
    header.insertBefore(button, name);
    button.append(swatch(variant.mark), name);
    row.addEventListener("click", () => {
      if (String(window.getSelection()) === "") openRuns(board, variant);
    });
  }
}
