// Shows the chosen photo, on which a box can be drawn. Without JavaScript the form sends the photo as it is.
import { Boxes } from "./boxes.js";

document.documentElement.classList.add("js");
const form = document.querySelector("[data-recognise]");
const editor = form.querySelector("[data-editor]");
const inputs = [...form.querySelectorAll("input[type=file]")];
let boxes = null;
let address = "";
let asking = 0;

// While others are compared first: how many, and about how long it takes.
async function tellWait(busy) {
  try {
    const { waiting, seconds } = await (await fetch(form.dataset.wait)).json();
    if (waiting > 1) busy.textContent = busy.dataset.queue.replace("#", waiting).replace("#", seconds);
  } catch {
    // The answer has arrived, or the network is slow: nothing to tell.
  }
}

for (const input of inputs) {
  input.addEventListener("change", () => {
    if (!input.files.length) return;
    for (const other of inputs) if (other !== input) other.value = "";
    URL.revokeObjectURL(address);
    address = URL.createObjectURL(input.files[0]);
    editor.replaceChildren();
    boxes = new Boxes(editor, address, { most: 1, label: editor.dataset.label, remove: editor.dataset.remove });
    const setPreview = (shown) => {
      editor.hidden = form.querySelector("[data-hint]").hidden = !shown;
      form.querySelector("[data-no-preview]").hidden = shown;
    };
    boxes.addEventListener("no-preview", () => setPreview(false));
    setPreview(true);
  });
}

form.addEventListener("formdata", (event) => {
  for (const value of boxes?.values ?? []) event.formData.append("box", value);
});
form.addEventListener("submit", () => {
  const busy = form.querySelector("[data-busy]");
  busy.textContent = busy.dataset.text;
  form.querySelector("[data-go]").disabled = true;
  clearInterval(asking);
  asking = setInterval(() => tellWait(busy), 4000);
});
// The browser's back button restores the page with the button still disabled.
window.addEventListener("pageshow", () => {
  clearInterval(asking);
  form.querySelector("[data-go]").disabled = false;
  form.querySelector("[data-busy]").textContent = "";
});
