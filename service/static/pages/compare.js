// The comparison dialog: a query picture and a candidate side by side, zoomed together, shared points joined by lines.
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
part("keep-this").addEventListener("click", () => keepButton()?.click());
document.addEventListener("kept", updateKeepButton);
dialog.addEventListener("keydown", (event) => {
  if (event.key === "PageDown" || event.key === "n") step(1);
  else if (event.key === "PageUp" || event.key === "p") step(-1);
});
// Return the focus to the button that opened the dialog.
dialog.addEventListener("close", () => document.querySelector(`[data-opener][data-compare="${rank}"]`)?.focus());
new ResizeObserver(draw).observe(sides);

// Read the evidence of the results on the page, and wire their buttons to the dialog.
export function compare() {
  const results = document.querySelector("[data-evidence]");
  if (!results) return;
  evidence = JSON.parse(results.dataset.evidence);
  queries = JSON.parse(results.dataset.queries);
  for (const opener of document.querySelectorAll("[data-compare]")) {
    opener.addEventListener("click", () => {
      [rank, query] = [Number(opener.dataset.compare), 0];
      dialog.showModal();
      show();
    });
  }
}

// The page's button that keeps the shown candidate as a lead; null without a current object.
const keepButton = () => document.querySelector(`#candidate-${rank} [data-keep] button`);

function updateKeepButton() {
  const [own, original] = [part("keep-this"), keepButton()];
  own.hidden = !original;
  own.disabled = original?.disabled ?? true;
  own.textContent = original?.textContent ?? "";
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
  const caption = part("matched");
  caption.textContent = shared ? caption.dataset.some.replace("#", shared) : caption.dataset.none;
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
  updateKeepButton();
  for (const zoom of zooms) zoom.set({ scale: 1, x: 0, y: 0 }, false);
  draw();
}

// A picture's point, given in fractions, in pixels of the line layer; null when it is scrolled out of its stage.
function toLayer(side, x, y) {
  const picture = pictures[side];
  const box = picture.getBoundingClientRect();
  const stage = stages[side].getBoundingClientRect();
  const layer = sides.getBoundingClientRect();
  const scale = Math.min(box.width / picture.naturalWidth, box.height / picture.naturalHeight);
  const [width, height] = [picture.naturalWidth * scale, picture.naturalHeight * scale];
  const left = box.left + (box.width - width) / 2 + x * width;
  const top = box.top + (box.height - height) / 2 + y * height;
  const inside = left >= stage.left && left <= stage.right && top >= stage.top && top <= stage.bottom;
  return inside ? [left - layer.left, top - layer.top] : null;
}

function draw() {
  lines.replaceChildren();
  if (!dialog.open || !part("points").checked || pictures.some(({ naturalWidth }) => !naturalWidth)) return;
  for (const { picture, region_query: asked, region_image: found } of evidence[rank]?.words ?? []) {
    if (asked && picture === query + 1) outline(0, asked);
    if (found) outline(1, found);
  }
  const pairs = evidence[rank]?.matches[query]?.pairs ?? [];
  pairs.forEach(([x0, y0, x1, y1], number) => {
    const ends = [toLayer(0, x0, y0), toLayer(1, x1, y1)];
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

// A box around words that both pictures show, "x0,y0,x1,y1" in fractions; left out where a corner is out of sight.
function outline(side, region) {
  const [x0, y0, x1, y1] = region.split(",").map(Number);
  const [start, end] = [toLayer(side, x0, y0), toLayer(side, x1, y1)];
  if (start && end) lines.append(shape("rect", { x: start[0], y: start[1], width: end[0] - start[0], height: end[1] - start[1], class: "word" }));
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
