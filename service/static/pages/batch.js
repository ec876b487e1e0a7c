// Batch search: files are sent one after another, and each row is added when its result arrives. Rows are reviewed by
// key; what is decided is kept in this page and in the files saved from it, nowhere else.
import { follow, review } from "./review.js";

const form = document.querySelector("[data-batch]");
const [go, stop, start, csv, json, progress, status] = ["go", "stop", "start", "csv", "json", "progress", "status"].map((name) => form.querySelector(`[data-${name}]`));
const rows = document.querySelector("[data-rows]");
const region = document.querySelector("[data-region]");
let found = [];
let running = null;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const files = [...form.querySelectorAll("[data-files]")].flatMap((input) => [...input.files])
    .filter((file) => !file.name.startsWith(".") && (file.type.startsWith("image/") || file.name.toLowerCase().endsWith(".zip")));
  if (!files.length) return;
  found = [];
  rows.replaceChildren();
  running = new AbortController();
  go.disabled = start.disabled = csv.disabled = json.disabled = true;
  stop.hidden = progress.hidden = region.hidden = false;
  let [total, done] = [files.length, 0];
  const step = (row) => {
    done += 1;
    found.push(row);
    show(row);
    progress.max = total;
    progress.value = done;
    status.textContent = form.dataset.running.replace("#", done).replace("#", total);
  };
  for (const file of files) {
    if (running.signal.aborted) break;
    const name = file.webkitRelativePath || file.name;
    try {
      for await (const line of answers(file)) {
        if ("total" in line) total += line.total - 1;
        else step({ ...line, name: [name, line.name].filter(Boolean).join("/") });
      }
    } catch (error) {
      if (running.signal.aborted) break;
      step({ name, error: error.message || form.dataset.failed });
    }
  }
  status.textContent = form.dataset.done.replace("#", done);
  go.disabled = false;
  stop.hidden = true;
  csv.disabled = json.disabled = !found.length;
  start.disabled = !rows.querySelector("[data-item]");
});
stop.addEventListener("click", () => running?.abort());
start.addEventListener("click", () => {
  document.querySelector("[data-keys]").hidden = false;
  rows.querySelector("[data-item]:not([data-decided])")?.focus();
});
review(rows);

async function* answers(file) {
  const body = new FormData();
  body.append("image", file, "picture");
  for (const hidden of form.querySelectorAll("input[type=hidden]")) body.append(hidden.name, hidden.value);
  const answer = await fetch(form.action, { method: "POST", body, signal: running.signal });
  if (!answer.ok) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    throw new Error(page.querySelector("main p[lang], main h1")?.textContent ?? form.dataset.failed);
  }
  let left = "";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (left + (value ?? "")).split("\n");
    left = lines.pop();
    for (const line of lines) yield JSON.parse(line);
    if (done) return;
  }
}

function show({ name, shown, verdict, brands = [], candidates = [], error }) {
  const row = rows.insertRow();
  const crop = row.insertCell();
  if (shown) crop.append(Object.assign(document.createElement("img"), { src: shown, alt: "" }));
  crop.append(name);
  const told = row.insertCell();
  told.textContent = error ? "–" : form.getAttribute(`data-verdict-${verdict.replaceAll(" ", "-")}`);
  if (verdict === "brand") told.append(`: ${brands[0].name} (${percent(brands[0].likelihood)})`);
  const cell = row.insertCell();
  if (error || !candidates.length) {
    cell.textContent = error ?? "";
    row.insertCell();
    return;
  }
  const list = document.createElement("ol");
  for (const { title, product_id, brand, retailer, country, likelihood, image, earlier_decisions } of candidates) {
    const item = document.createElement("li");
    const [beside, text] = ["div", "span"].map((name) => document.createElement(name));
    const about = [title || product_id, brand, retailer, country].map((text) => text?.replaceAll(" | ", ", ")).filter(Boolean).join(" · ");
    text.textContent = likelihood === null ? about : `${about} (${percent(likelihood)})`;
    beside.append(text);
    if (earlier_decisions.length) beside.append(earlier(earlier_decisions));
    item.append(Object.assign(document.createElement("img"), { src: `/workbench/pictures/${image}`, alt: "", loading: "lazy" }), beside);
    list.append(item);
  }
  cell.append(list);
  decisions(row, list, candidates);
}

// What was decided before on a candidate's family, each a link to the lead.
function earlier(decided) {
  const list = Object.assign(document.createElement("ul"), { className: "earlier" });
  for (const one of decided) {
    const path = one.object_id.split("/").map(encodeURIComponent).join("/");
    const link = document.createElement("a");
    link.href = `/workbench/objects/${path}?source=${encodeURIComponent(one.object_source)}#lead-${one.lead}`;
    link.textContent = sentence(one);
    list.appendChild(document.createElement("li")).append(link);
  }
  return list;
}

function sentence({ state, object_id, who, at }) {
  const values = { object: object_id, who, day: at.slice(0, 10) };
  const words = form.getAttribute(`data-earlier-${state.replaceAll("_", "-")}`);
  return words.replace(/\{(object|who|day)\}/g, (_, name) => values[name]);
}

// Buttons that mark the current candidate of a row: ruled out, the next one is current; kept, the row is decided.
function decisions(row, list, candidates) {
  let current = 0;
  const cell = row.insertCell();
  const show = () => [...list.children].forEach((item, place) => item.setAttribute("aria-current", place === current));
  const decide = (decision, label) => {
    candidates[current].decision = decision;
    const mark = Object.assign(document.createElement("span"), { className: "status", textContent: label });
    list.children[current].querySelector("span").append(" ", mark);
    const through = decision !== "ruled_out" || current + 1 === candidates.length;
    current = through ? candidates.length : current + 1;
    show();
    if (!through) return;
    row.dataset.decided = "";
    for (const button of cell.children) button.disabled = true;
    if (!follow(rows, row)) row.focus();
  };
  for (const [key, decision, label] of [["k", "open", form.dataset.keep], ["x", "ruled_out", form.dataset.ruleOut], ["w", "sold_too_widely", form.dataset.tooWidely]]) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet small", textContent: `${label} ` });
    button.append(Object.assign(document.createElement("kbd"), { textContent: key, ariaHidden: "true" }));
    button.dataset.key = key;
    button.setAttribute("aria-keyshortcuts", key);
    button.addEventListener("click", () => decide(decision, label));
    cell.append(button, " ");
  }
  row.dataset.item = "";
  row.tabIndex = -1;
  show();
}

// As everywhere else, never a certainty.
function percent(likelihood) {
  return `${Math.min(99, Math.max(1, Math.round(100 * likelihood)))}\u00a0%`;
}

// Values that a spreadsheet would run as a formula are prefixed with an apostrophe.
const cell = (value) => `"${(Array.isArray(value) ? value.join(" | ") : String(value ?? "")).replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;

csv.addEventListener("click", () => {
  const columns = ["rank", "product_id", "source", "title", "brand", "retailer", "country", "made_in", "gtins", "likelihood", "link", "source_page", "licence", "image", "earlier", "decision"];
  const lines = [["crop", "verdict", "generation", "model", "query_id", ...columns, "error"].map(cell).join(",")];
  for (const { name, verdict, generation, model, query_id, candidates = [], error } of found) {
    for (const one of candidates.length ? candidates : [{}]) {
      const values = { ...one, earlier: one.earlier_decisions?.map(sentence) };
      lines.push([name, verdict, generation, model, query_id, ...columns.map((column) => values[column]), error].map(cell).join(","));
    }
  }
  save("traceobject-batch.csv", "text/csv", `\ufeff${lines.join("\r\n")}\r\n`);
});
json.addEventListener("click", () => {
  save("traceobject-batch.json", "application/json", JSON.stringify(found.map(({ shown, ...row }) => row), null, 1));
});

function save(name, type, text) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
