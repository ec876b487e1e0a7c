// Copying a link, and the phone's own way of sending one.
const share = document.querySelector("[data-share]");
const { address, title } = share.dataset;
const copy = share.querySelector("[data-copy]");
const send = share.querySelector("[data-send]");

if (navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(address);
    share.querySelector("[data-told]").textContent = copy.dataset.done;
  });
}
if (navigator.share) {
  send.hidden = false;
  send.addEventListener("click", () => navigator.share({ title, url: address }).catch(() => {}));
}
