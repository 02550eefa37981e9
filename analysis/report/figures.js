"use strict";
// Values under the pointer or the arrow keys, and arms that can be hidden. Without this the figures stand as drawn.
for (const figure of document.querySelectorAll("figure")) {
  const source = figure.querySelector("script.marks");
  const plot = figure.querySelector(".plot");
  const svg = plot && plot.querySelector("svg");
  if (!source || !svg) continue;
  const { arms, panels, marks } = JSON.parse(source.textContent);
  const off = new Set();
  const make = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };

  // An arm is everything in its colour, but for its key in the legend.
  if (arms.length > 1) {
    const group = document.createElement("div");
    group.className = "arms";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "arms shown");
    arms.forEach(([label, color], place) => {
      const drawn = [...svg.querySelectorAll(`[style*="--c${color.slice(1)}"]`)]
        .filter((node) => !node.closest('defs, [id*="-legend_"]'));
      if (!drawn.length) return;
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = `var(--c${color.slice(1)})`;
      button.append(swatch, label);
      button.addEventListener("click", () => {
        const shown = off.delete(place);
        if (!shown) off.add(place);
        button.setAttribute("aria-pressed", String(shown));
        drawn.forEach((node) => node.classList.toggle("off", !shown));
        hide();
      });
      group.append(button);
    });
    plot.after(group);
  }

  const ring = make("circle", { class: "ring", r: 5 });
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  svg.append(ring);
  plot.append(tip);
  let current = -1;
  const hide = () => {
    current = -1;
    ring.style.display = "none";
    tip.textContent = "";
  };
  const show = (place) => {
    current = place;
    const [x, y, arm, panel, xWords, yWords] = marks[place];
    const [title, xName, yName] = panels[panel];
    ring.setAttribute("cx", x);
    ring.setAttribute("cy", y);
    ring.style.display = "";
    const line = (text, tag = "div") => {
      const node = document.createElement(tag);
      node.textContent = text;
      return node;
    };
    const heading = [arm >= 0 ? arms[arm][0] : "", title].filter(Boolean).join(" · ");
    tip.replaceChildren(
      ...(heading ? [line(heading, "strong")] : []), line(`${yName || "value"}: ${yWords}`), line(`${xName || "at"}: ${xWords}`),
    );
    const box = svg.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    const outer = plot.getBoundingClientRect();
    const left = box.left - outer.left + plot.scrollLeft + x * scale;
    const room = plot.scrollLeft + plot.clientWidth - tip.offsetWidth - 4;
    tip.style.left = `${Math.max(plot.scrollLeft + 4, Math.min(left + 12, room))}px`;
    const above = y * scale - tip.offsetHeight - 12;
    tip.style.top = `${above > 0 ? above : y * scale + 14}px`;
  };
  const visible = (mark) => !off.has(mark[2]);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    const x = (event.clientX - box.left) / scale;
    const y = (event.clientY - box.top) / scale;
    let best = -1;
    let least = (18 / scale) ** 2;
    marks.forEach((mark, place) => {
      const far = (mark[0] - x) ** 2 + (mark[1] - y) ** 2;
      if (far < least && visible(mark)) { least = far; best = place; }
    });
    if (best < 0) hide();
    else if (best !== current) show(best);
  });
  svg.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey || !marks.some(visible)) return;
    event.preventDefault();
    let next = current < 0 && step < 0 ? 0 : current;
    do next = (next + step + marks.length) % marks.length; while (!visible(marks[next]));
    show(next);
    ring.scrollIntoView({ block: "nearest", inline: "center" });
  });
  hide();
}
