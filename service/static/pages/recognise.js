// The photo is shown as soon as it is chosen, and a box can be drawn on it; without this script the form just sends it.
import { Boxes } from "./boxes.js";

document.documentElement.classList.add("js");
const form = document.querySelector("[data-recognise]");
const editor = form.querySelector("[data-editor]");
const inputs = [...form.querySelectorAll("input[type=file]")];
let boxes = null;
let address = "";

for (const input of inputs) {
  input.addEventListener("change", () => {
    if (!input.files.length) return;
    for (const other of inputs) if (other !== input) other.value = "";
    URL.revokeObjectURL(address);
    address = URL.createObjectURL(input.files[0]);
    editor.replaceChildren();
    boxes = new Boxes(editor, address, { most: 1, label: editor.dataset.label, remove: editor.dataset.remove });
    const seen = (shown) => {
      editor.hidden = form.querySelector("[data-hint]").hidden = !shown;
      form.querySelector("[data-unseen]").hidden = shown;
    };
    boxes.addEventListener("unseen", () => seen(false));
    seen(true);
  });
}

form.addEventListener("formdata", (event) => {
  for (const value of boxes?.values ?? []) event.formData.append("box", value);
});
form.addEventListener("submit", () => {
  const told = form.querySelector("[data-busy]");
  told.textContent = told.dataset.text;
  form.querySelector("[data-go]").disabled = true;
});
// Coming back by the browser's own button shows the form as it was left.
window.addEventListener("pageshow", () => {
  form.querySelector("[data-go]").disabled = false;
  form.querySelector("[data-busy]").textContent = "";
});
