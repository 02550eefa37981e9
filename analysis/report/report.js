"use strict";
// A column sorts by its numbers where it has any; what was not measured always comes last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].map((row) => {
        const cell = row.cells[column];
        const value = cell.dataset.value;
        return { row, text: cell.textContent, number: value === undefined ? NaN : Number(value) };
      });
      rows.sort((a, b) => {
        const absent = (a.text === "–") - (b.text === "–");
        if (absent) return absent;
        const both = !Number.isNaN(a.number) && !Number.isNaN(b.number);
        const order = both ? a.number - b.number : a.text.localeCompare(b.text, "en", { numeric: true });
        return down ? -order : order;
      });
      table.tBodies[0].append(...rows.map((entry) => entry.row));
    });
  });
}
