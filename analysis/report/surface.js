"use strict";
// Surfaces in three dimensions, turned by drag or by the arrow keys. The static figure above shows the same numbers.
for (const source of document.querySelectorAll("script.surfaces")) {
  const figure = source.parentElement;
  let before = figure.querySelector(".arms") || figure.querySelector(".plot");
  for (const surface of JSON.parse(source.textContent)) {
    const { label, x, y, z, path, names } = surface;
    const finite = z.flat().filter((value) => value !== null);
    if (!finite.length) continue;
    // A loss spans orders of magnitude: its height is logarithmic where that shows more.
    const [least, most] = [Math.min(...finite), Math.max(...finite)];
    const log = least > 0 && most / least > 20;
    const height = (value) => (log ? Math.log(value / least) / Math.log(most / least)
      : (value - least) / (most - least || 1));
    const view = document.createElement("div");
    view.className = "surface";
    const canvas = document.createElement("canvas");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    const words = `${label}: ${names.z}${log ? " (logarithmic)" : ""} from ${least.toPrecision(3)} to ${most.toPrecision(3)} over `
      + `${names.x} and ${names.y}`;
    canvas.setAttribute("aria-label", `${words}; arrow keys turn it`);
    const caption = document.createElement("p");
    caption.className = "small";
    caption.textContent = `${words}. Drag, or use the arrow keys, to turn it.`;
    view.append(canvas, caption);
    before.after(view);
    before = view;

    const start = { turn: -0.7, tilt: 0.55 };
    const angle = { ...start };
    const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
    const color = (share) => {
      const at = Math.min(share, 0.9999) * (stops.length - 1);
      const [from, to] = [stops[Math.floor(at)], stops[Math.floor(at) + 1]];
      return `rgb(${from.map((value, i) => Math.round(value + (to[i] - value) * (at % 1))).join(",")})`;
    };
    const scale = (values) => {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return (value) => 2 * (value - low) / (high - low || 1) - 1;
    };
    const [place, deep] = [scale(x), scale(y)];
    const [across, along] = [x.map(place), y.map(deep)];
    // What the run went through: only where it lies over the grid.
    const trail = path.filter(([a, b]) => Math.abs(place(a)) <= 1 && Math.abs(deep(b)) <= 1)
      .map(([a, b, loss]) => [place(a), deep(b), height(Math.max(least, Math.min(most, loss)))]);
    const draw = () => {
      const ink = getComputedStyle(document.body).color;
      const size = canvas.clientWidth;
      const density = devicePixelRatio || 1;
      canvas.width = size * density;
      canvas.height = size * 0.72 * density;
      const context = canvas.getContext("2d");
      context.setTransform(density, 0, 0, density, size * density / 2, size * 0.37 * density);
      const unit = size * 0.31;
      const [sin, cos] = [Math.sin(angle.turn), Math.cos(angle.turn)];
      const [sink, rise] = [Math.sin(angle.tilt), Math.cos(angle.tilt)];
      const project = (a, b, h) => {
        const [right, away] = [a * cos - b * sin, a * sin + b * cos];
        return [unit * right, unit * (away * sink - (h * 1.2 - 0.5) * rise), away * rise + h * sink];
      };
      const cells = [];
      for (let i = 0; i + 1 < x.length; i += 1) {
        for (let j = 0; j + 1 < y.length; j += 1) {
          const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
          const values = corners.map(([k, l]) => z[k][l]);
          if (values.includes(null)) continue;
          const points = corners.map(([k, l], c) => project(across[k], along[l], height(values[c])));
          const share = values.reduce((sum, value) => sum + height(value) / 4, 0);
          cells.push({ points, share, near: points.reduce((sum, point) => sum + point[2], 0) });
        }
      }
      cells.sort((a, b) => a.near - b.near);
      context.lineWidth = 0.4;
      context.strokeStyle = ink;
      const outline = (points) => {
        context.beginPath();
        points.forEach(([h, v], i) => (i ? context.lineTo(h, v) : context.moveTo(h, v)));
      };
      context.globalAlpha = 0.5;
      outline([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]].map(([a, b]) => project(a, b, 0)));
      context.stroke();
      context.globalAlpha = 1;
      for (const { points, share } of cells) {
        outline(points);
        context.closePath();
        context.fillStyle = color(share);
        context.fill();
        context.stroke();
      }
      if (trail.length) {
        context.lineWidth = 2;
        context.strokeStyle = "#d04a2f";
        outline(trail.map((point) => project(...point)));
        context.stroke();
      }
      context.fillStyle = ink;
      context.font = "12px system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText(names.x, ...project(0, 1.2, 0));
      context.fillText(names.y, ...project(1.2, 0, 0));
    };
    let held = null;
    canvas.addEventListener("pointerdown", (event) => {
      held = [event.clientX, event.clientY];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!held) return;
      turn((event.clientX - held[0]) / 120, (event.clientY - held[1]) / 160);
      held = [event.clientX, event.clientY];
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { held = null; });
    const turn = (around, over) => {
      angle.turn -= around;
      angle.tilt = Math.max(0, Math.min(Math.PI / 2, angle.tilt + over));
      canvas.dataset.angle = `${angle.turn.toFixed(2)} ${angle.tilt.toFixed(2)}`;
      draw();
    };
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
      if (event.key === "Home") Object.assign(angle, start);
      else if (!steps[event.key]) return;
      event.preventDefault();
      turn(...(steps[event.key] || [0, 0]));
    });
    new ResizeObserver(draw).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  }
}
