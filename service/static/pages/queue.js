// The queue: an item is decided without leaving the page. Without JavaScript each form leads back to the queue.
import { follow, review } from "./review.js";

const list = document.querySelector("[data-review]");
const said = document.querySelector("[data-said]");

for (const form of list.querySelectorAll("[data-decide]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const item = form.closest("[data-item]");
    const buttons = [...item.querySelectorAll("[data-decide] button")];
    const body = new FormData(form);
    for (const button of buttons) button.disabled = true;
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
    const done = answer?.type === "opaqueredirect";
    const title = item.querySelector("h3").textContent;
    said.textContent = `${title}: ${done ? form.dataset.done : form.dataset.failed}`;
    if (!done) {
      for (const button of buttons) button.disabled = false;
      form.querySelector("button").focus();
      return;
    }
    item.dataset.decided = "";
    const mark = document.createElement("span");
    mark.className = "status";
    mark.textContent = form.dataset.done;
    item.querySelector("h3").append(" ", mark);
    // From the last item back to one that was passed over.
    if (!follow(list, item)) follow(list, item, -1) || item.focus();
  });
}
review(list);
list.querySelector("[data-item]")?.focus({ preventScroll: true });
