// A tip is composed here, in the browser. This script makes no request, and stores nothing.
const form = document.querySelector("[data-tip]");
const part = (name) => document.querySelector(`[data-${name}]`);
const fields = [...form.querySelectorAll("[data-field]")];
const known = JSON.parse(form.dataset.known);
const [text, mail, status] = ["text", "mail", "status"].map(part);
// Mail programs cut longer addresses.
const MAX_ADDRESS = 1900;

// Filled in one pass, so that braces in an answer stay as they are.
function filled(template, answers) {
  const values = { ...known, ...answers };
  return template.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? values[name] || form.dataset.nothing : whole));
}

function compose() {
  const answers = Object.fromEntries(fields.map((field) => [field.dataset.field, field.value.trim()]));
  text.value = filled(form.dataset.template, answers);
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + 2}px`;
  status.textContent = "";
  if (!mail) return;
  const start = `mailto:${form.dataset.mailTo}?subject=${encodeURIComponent(filled(form.dataset.subject, answers).replace(/\s+/g, " "))}`;
  const whole = `${start}&body=${encodeURIComponent(text.value.replace(/\r?\n/g, "\r\n"))}`;
  const fits = whole.length <= MAX_ADDRESS;
  mail.href = fits ? whole : start;
  part("too-long").hidden = fits;
}

form.hidden = false;
part("plain").hidden = true;
form.addEventListener("submit", (event) => event.preventDefault());
for (const field of fields) field.addEventListener("input", compose);
part("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(text.value);
  } catch {
    // Without permission or a secure connection: the older way.
    text.select();
    document.execCommand("copy");
  }
  status.textContent = form.dataset.copied;
});
// The back button restores what was written.
window.addEventListener("pageshow", compose);
compose();
