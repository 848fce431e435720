// The leaderboard's table: filtering, and rows that open their runs.
function makeFilterable(section, table) {
  const text = section.querySelector(".filter");
  const onlyShown = section.querySelector(".only-shown");
  const count = section.querySelector(".count");
  const rows = [...table.tBodies[0].rows];
  const update = () => {
    const wanted = text.value.trim().toLowerCase();
    for (const row of rows) {
      const isNamed = [...row.querySelectorAll(".name, .detector")].some((cell) => cell.textContent.toLowerCase().includes(wanted));
      row.hidden = !isNamed || (onlyShown.checked && !("shown" in row.dataset));
    }
    const left = rows.filter((row) => !row.hidden).length;
    count.textContent = left === rows.length ? "" : `${left} of ${rows.length} variants`;
  };
  text.addEventListener("input", update);
  onlyShown.addEventListener("change", update);
  update();  // a browser may keep what was typed before the page was loaded again
}

function makeOpenable(boards, table) {
  const owners = boards.flatMap((board) => board.variants.map((variant) => ({ board, variant })));
  for (const row of table.tBodies[0].rows) {
    const { board, variant } = owners[Number(row.dataset.variant)];
    const header = row.querySelector("th");
    const name = header.querySelector(".name");
    const opens = `press to open ${variant.runs_text}`;
    const attributes = { type: "button", "aria-haspopup": "dialog", "aria-description": `${variant.spec_text}; ${opens}` };
    const button = withTip(html("button", attributes), variant.name, [variant.score_text, variant.spec_text, opens]);
    header.insertBefore(button, name);
    button.append(swatch(variant.mark), name);
    row.addEventListener("click", () => {
      if (String(window.getSelection()) === "") openRuns(board, variant);
    });
  }
}
