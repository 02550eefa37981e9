"use strict";
// Served pages ask for a newer one, and come back as they were left: place, folds, filters.
{
  const version = document.currentScript.dataset.version;
  const key = `largebatch ${location.pathname}`;
  const folds = () => [...document.querySelectorAll("details")];
  const controls = () => [...document.querySelectorAll(".filters input, .filters select")];
  const left = JSON.parse(sessionStorage.getItem(key) || "null");
  if (left) {
    sessionStorage.removeItem(key);
    folds().forEach((part, place) => { part.open = Boolean(left.folds[place]); });
    controls().forEach((control, place) => { control.value = left.controls[place] ?? ""; });
    document.querySelector(".filters")?.dispatchEvent(new Event("input"));
    document.documentElement.style.scrollBehavior = "auto";
    scrollTo(left.x, left.y);
    document.documentElement.style.scrollBehavior = "";
  }
  const ask = async () => {
    try {
      const answer = await fetch("version", { cache: "no-store" });
      if (answer.ok && (await answer.text()) !== version) {
        const controlled = controls().map((control) => control.value);
        const folded = folds().map((part) => part.open);
        sessionStorage.setItem(key, JSON.stringify({ x: scrollX, y: scrollY, folds: folded, controls: controlled }));
        return location.reload();
      }
    } catch {
      // The server has ended, or is busy with the page; the next question will tell.
    }
    setTimeout(ask, 1000);
  };
  setTimeout(ask, 1000);
}
