// A query picture and a candidate side by side: zoomed together, the points they share joined by lines.
import { Zoom, wire } from "./zoom.js";

const dialog = document.querySelector("[data-dialog]");
const part = (name) => dialog.querySelector(`[data-${name}]`);
const stages = [...dialog.querySelectorAll(".stage")];
const [sides, lines, picks] = ["sides", "lines", "picks"].map(part);
const zooms = stages.map((stage) => {
  const moved = document.createElement("div");
  moved.className = "moved";
  const picture = document.createElement("img");
  picture.alt = "";
  picture.draggable = false;
  picture.addEventListener("load", draw);
  moved.append(picture);
  stage.append(moved);
  return new Zoom(stage, moved);
});
const pictures = stages.map((stage) => stage.querySelector("img"));
let evidence = {};
let queries = [];
let rank = 1;
let query = 0;

zooms.forEach((zoom, side) => zoom.addEventListener("change", () => {
  if (part("together").checked) zooms[1 - side].set(zoom, false);
  draw();
}));
wire(dialog, zooms[0]);
part("close").addEventListener("click", () => dialog.close());
part("points").addEventListener("change", draw);
for (const button of dialog.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => step(Number(button.dataset.step)));
}
part("keep-this").addEventListener("click", () => keeper()?.click());
document.addEventListener("kept", offer);
dialog.addEventListener("keydown", (event) => {
  if (event.key === "PageDown" || event.key === "n") step(1);
  else if (event.key === "PageUp" || event.key === "p") step(-1);
});
// Where focus goes back to when the comparison is closed.
dialog.addEventListener("close", () => document.querySelector(`[data-opener][data-compare="${rank}"]`)?.focus());
new ResizeObserver(draw).observe(sides);

// Take the results that the page shows now.
export function compare() {
  const told = document.querySelector("[data-evidence]");
  if (!told) return;
  evidence = JSON.parse(told.dataset.evidence);
  queries = JSON.parse(told.dataset.queries);
  for (const opener of document.querySelectorAll("[data-compare]")) {
    opener.addEventListener("click", () => {
      [rank, query] = [Number(opener.dataset.compare), 0];
      dialog.showModal();
      show();
    });
  }
}

// The button that keeps the candidate shown as a lead; none where no object is worked on.
const keeper = () => document.querySelector(`#candidate-${rank} [data-keep] button`);

function offer() {
  const [own, there] = [part("keep-this"), keeper()];
  own.hidden = !there;
  own.disabled = there?.disabled ?? true;
  own.textContent = there?.textContent ?? "";
}

function step(by) {
  if (!evidence[rank + by]) return;
  [rank, query] = [rank + by, 0];
  show();
}

function show() {
  const { image, title, matches } = evidence[rank];
  part("title").textContent = `${rank}. ${title}`;
  pictures[0].src = queries[query] ?? "";
  stages[0].hidden = !queries.length;
  pictures[1].src = `/workbench/pictures/${image}`;
  const shared = matches[query]?.inliers ?? 0;
  const told = part("matched");
  told.textContent = shared ? told.dataset.some.replace("#", shared) : told.dataset.none;
  picks.replaceChildren(...(queries.length > 1 ? queries : []).map((source, place) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", place === query);
    const picture = document.createElement("img");
    picture.src = source;
    picture.alt = `${place + 1}`;
    button.append(picture);
    button.addEventListener("click", () => { query = place; show(); picks.children[place].firstChild.focus(); });
    item.append(button);
    return item;
  }));
  for (const button of dialog.querySelectorAll("[data-step]")) button.disabled = !evidence[rank + Number(button.dataset.step)];
  offer();
  for (const zoom of zooms) zoom.set({ scale: 1, x: 0, y: 0 }, false);
  draw();
}

// Where a point of a picture, in fractions, lies on the lines' sheet now; null when it is out of its stage.
function place(side, x, y) {
  const picture = pictures[side];
  const box = picture.getBoundingClientRect();
  const stage = stages[side].getBoundingClientRect();
  const sheet = sides.getBoundingClientRect();
  const scale = Math.min(box.width / picture.naturalWidth, box.height / picture.naturalHeight);
  const [width, height] = [picture.naturalWidth * scale, picture.naturalHeight * scale];
  const left = box.left + (box.width - width) / 2 + x * width;
  const top = box.top + (box.height - height) / 2 + y * height;
  const inside = left >= stage.left && left <= stage.right && top >= stage.top && top <= stage.bottom;
  return inside ? [left - sheet.left, top - sheet.top] : null;
}

function draw() {
  lines.replaceChildren();
  if (!dialog.open || !part("points").checked || pictures.some(({ naturalWidth }) => !naturalWidth)) return;
  const pairs = evidence[rank]?.matches[query]?.pairs ?? [];
  pairs.forEach(([x0, y0, x1, y1], number) => {
    const ends = [place(0, x0, y0), place(1, x1, y1)];
    const hue = `hsl(${(number * 137.5) % 360} 80% 45%)`;
    if (ends[0] && ends[1]) {
      const line = shape("line", { x1: ends[0][0], y1: ends[0][1], x2: ends[1][0], y2: ends[1][1] });
      line.style.stroke = hue;
      lines.append(line);
    }
    for (const end of ends.filter(Boolean)) {
      const dot = shape("circle", { cx: end[0], cy: end[1], r: 4 });
      dot.style.fill = hue;
      lines.append(dot);
    }
  });
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
