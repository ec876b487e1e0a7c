// Copy the object's link, or send it with the browser's share dialog.
const share = document.querySelector("[data-share]");
const { address, title } = share.dataset;
const copy = share.querySelector("[data-copy]");
const send = share.querySelector("[data-send]");

if (navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(address);
    share.querySelector("[data-status]").textContent = copy.dataset.done;
  });
}
if (navigator.share) {
  send.hidden = false;
  send.addEventListener("click", () => navigator.share({ title, url: address }).catch(() => {}));
}
