// Tables that sort by a column when its header is pressed.
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
