// Headings of sortable tables become buttons: without this script the tables are as they were, and complete.
"use strict";

// The first number of a cell counts: "95.5 [78.2–99.2]" is 95.5. A cell without one is unknown.
function figure(text) {
  const found = text.replaceAll("\u2212", "-").match(/-?\d+(\.\d+)?/);
  return found ? Number(found[0]) : null;
}

function compare(a, b, numeric) {
  return numeric ? a - b : a.localeCompare(b, "en", { numeric: true });
}

function sort(table, column, descending) {
  const body = table.tBodies[0];
  const numeric = table.tHead.rows[0].cells[column].classList.contains("number");
  const rows = Array.from(body.rows, (row) => {
    const text = row.cells[column].textContent.trim();
    return { row, key: numeric ? figure(text) : text };
  });
  // What is not known comes last, whichever way.
  rows.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    return compare(a.key, b.key, numeric) * (descending ? -1 : 1);
  });
  body.append(...rows.map(({ row }) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  const headings = Array.from(table.tHead.rows[0].cells);
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const descending = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sort(table, column, descending);
    });
  });
}
