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

// Rows are filtered by words anywhere in them, and by the values of the columns that tell runs apart.
for (const table of document.querySelectorAll("table.filterable")) {
  const rows = [...table.tBodies[0].rows].map((row) => ({
    row,
    text: row.textContent.toLowerCase(),
    cells: [...row.cells].map((cell) => cell.textContent),
  }));
  const region = table.parentElement;
  const bar = document.createElement("div");
  bar.className = "filters";
  bar.setAttribute("role", "search");
  bar.setAttribute("aria-label", `filter ${region.getAttribute("aria-label")}`);
  const labelled = (name, control) => {
    const label = document.createElement("label");
    label.append(name, " ", control);
    bar.append(label);
    return control;
  };
  const search = labelled("find", Object.assign(document.createElement("input"), { type: "search", size: 14 }));
  const facets = [];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    if (!("facet" in head.dataset)) return;
    const values = [...new Set(rows.map((entry) => entry.cells[column]))];
    if (values.length < 2 || values.length > 40) return;
    values.sort((a, b) => (a === "–") - (b === "–") || a.localeCompare(b, "en", { numeric: true }));
    const select = document.createElement("select");
    select.append(new Option("all", ""), ...values.map((value) => new Option(value, value)));
    facets.push({ column, select: labelled(head.textContent, select) });
  });
  const clear = Object.assign(document.createElement("button"), { type: "button", textContent: "show all" });
  const count = document.createElement("output");
  bar.append(clear, count);
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text, cells } of rows) {
      const kept = words.every((word) => text.includes(word))
        && facets.every(({ column, select }) => !select.value || cells[column] === select.value);
      row.hidden = !kept;
      shown += kept;
    }
    const number = (value) => value.toLocaleString("en");
    count.textContent = `${number(shown)} of ${number(rows.length)} rows`;
    clear.disabled = shown === rows.length;
  };
  clear.addEventListener("click", () => {
    search.value = "";
    facets.forEach(({ select }) => { select.value = ""; });
    filter();
    search.focus();
  });
  bar.addEventListener("input", filter);
  region.before(bar);
  filter();
}

// What is folded is printed too.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((part) => { part.open = true; });
});
addEventListener("afterprint", () => folded.forEach((part) => { part.open = false; }));
