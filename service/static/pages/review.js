// The keys of a review. They act on the item that has the focus, so that typing elsewhere is never taken for a key.

// The items that are still to be decided, in order, and the one that follows `item` in a direction.
function step(list, item, by) {
  const items = [...list.querySelectorAll("[data-item]")];
  const rest = by > 0 ? items.slice(items.indexOf(item) + 1) : items.slice(0, items.indexOf(item)).reverse();
  return rest.find((one) => !("decided" in one.dataset)) ?? null;
}

// Focus the item that follows; false where there is none.
export function follow(list, item, by = 1) {
  const next = step(list, item, by);
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return next !== null;
}

// n and p go to the next and the previous item; every other key presses the button or link of the item that names it.
export function review(list) {
  list.addEventListener("keydown", (event) => {
    const item = event.target.closest("[data-item]");
    if (!item || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    const key = event.key.toLowerCase();
    if (key === "n" || key === "p") follow(list, item, key === "n" ? 1 : -1);
    else {
      const pressed = [...item.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key && !one.disabled);
      if (!pressed) return;
      pressed.click();
    }
    event.preventDefault();
  });
}
