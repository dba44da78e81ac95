// A click on the head of a column sorts the rows by it, a second click the other way round. Undefined values stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const number = head.classList.contains("number"), was = head.getAttribute("aria-sort");
    const down = was ? was === "ascending" : number;  // of numbers, the largest first
    const key = row => row.cells[column].dataset.key;
    const compare = (a, b) => number ? a - b : a.localeCompare(b, undefined, {numeric: true});
    const rows = [...body.rows].sort((one, other) => {
      const a = key(one), b = key(other);
      return a === "" || b === "" ? (a === "") - (b === "") : down ? compare(b, a) : compare(a, b);
    });
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows);
  }));
}
