// The search form: pictures are dropped, pasted or chosen, with boxes on each; results load without a page change.
import { Boxes } from "./boxes.js";
import { compare } from "./compare.js";

const MAX_PICTURES = 8;
const form = document.querySelector("[data-search]");
const drop = form.querySelector("[data-drop]");
const shelf = form.querySelector("[data-pictures]");
const files = form.querySelector("[data-files]");
const busy = form.querySelector("[data-busy]");
const go = form.querySelector("[data-go]");
const labels = form.dataset;
let pictures = [];

for (const element of form.querySelectorAll("[data-js]")) element.hidden = false;
for (const figure of [...shelf.querySelectorAll("[data-given]")]) {
  const drawn = [...figure.querySelectorAll("[name=box]")].map((input) => input.value.split(":")[1].split(",").map(Number));
  figure.remove();
  add({ crop: figure.dataset.given }, drawn);
}

function add(source, drawn = []) {
  if (pictures.length >= MAX_PICTURES || pictures.some(({ crop }) => crop && crop === source.crop)) return;
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const name = document.createElement("span");
  const address = source.crop ? `/workbench/pictures/${source.crop}` : URL.createObjectURL(source.file);
  const picture = { ...source, figure, name };
  const more = button(labels.add, () => { boxes.add().element.focus(); boxes.changed(); });
  const away = button(labels.dropPicture, () => {
    figure.remove();
    pictures = pictures.filter((other) => other !== picture);
    number();
    files.focus();
  });
  caption.append(name, more, away);
  figure.append(caption);
  shelf.append(figure);
  const boxes = new Boxes(figure, address, { most: MAX_PICTURES, label: labels.box, remove: labels.remove });
  picture.boxes = boxes;
  pictures.push(picture);
  for (const box of drawn) boxes.add(box);
  number();
}

function button(text, onClick) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "link";
  made.textContent = text;
  made.addEventListener("click", onClick);
  return made;
}

function number() {
  pictures.forEach(({ name }, place) => { name.textContent = `${labels.name} ${place + 1}`; });
}

files.addEventListener("change", () => {
  for (const file of files.files) add({ file });
  files.value = "";
});
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over-it", name === "dragover");
    if (name === "drop") for (const file of event.dataTransfer.files) add({ file });
  });
}
document.addEventListener("paste", (event) => {
  const pasted = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
  for (const file of pasted) add({ file });
  if (pasted.length) event.preventDefault();
});
for (const pick of form.querySelectorAll("a[data-crop]")) {
  pick.addEventListener("click", (event) => {
    event.preventDefault();
    add({ crop: pick.dataset.crop });
  });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new FormData();
  // The words of the results count only where the button beside them is pressed.
  for (const [name, value] of new FormData(form, event.submitter)) {
    if (!["image", "crop", "box"].includes(name)) body.append(name, value);
  }
  // The server numbers uploaded pictures first, then those of the index.
  const ordered = [...pictures.filter(({ file }) => file), ...pictures.filter(({ crop }) => crop)];
  ordered.forEach(({ file, crop, boxes }, place) => {
    if (file) body.append("image", file, "picture");
    else body.append("crop", crop);
    for (const value of boxes.values) body.append("box", `${place}:${value}`);
  });
  busy.textContent = busy.dataset.text;
  go.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.querySelector("#found");
    if (found) {
      document.querySelector("#found").replaceWith(document.adoptNode(found));
      busy.textContent = "";
      compare();
      keep();
      chips();
      document.querySelector("#found").focus();
    } else {
      busy.textContent = [...page.querySelectorAll("main h1, main p[lang]")].map((line) => line.textContent).join(" ") || labels.failed;
    }
  } catch {
    busy.textContent = labels.failed;
  } finally {
    go.disabled = false;
  }
});

// Keep a candidate as a lead without leaving the results. Without JavaScript the form leads to the object's page.
function keep() {
  for (const kept of document.querySelectorAll("[data-keep]")) {
    kept.addEventListener("submit", async (event) => {
      event.preventDefault();
      const pressed = kept.querySelector("button");
      pressed.disabled = true;
      const answer = await fetch(kept.action, { method: "POST", body: new FormData(kept), redirect: "manual" }).catch(() => null);
      const done = answer?.type === "opaqueredirect";
      pressed.disabled = done;
      pressed.textContent = done ? kept.dataset.done : kept.dataset.failed;
      pressed.removeAttribute("aria-label");
      document.dispatchEvent(new Event("kept"));
    });
  }
}

compare();
keep();

// Words that were read can be removed; without JavaScript they are emptied instead.
function chips() {
  for (const drop of document.querySelectorAll("[data-drop-line]")) {
    drop.hidden = false;
    drop.addEventListener("click", () => {
      const next = drop.closest("li").nextElementSibling.querySelector("input");
      drop.closest("li").remove();
      next.focus();
    });
  }
}
chips();
