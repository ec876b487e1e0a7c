// Shows an object's crops in a zoomable viewer. Without JavaScript they are listed one below the other.
import { Zoom, wire } from "./zoom.js";

for (const viewer of document.querySelectorAll("[data-viewer]")) {
  const [stage, tools, crops] = ["stage", "tools", "crops"].map((name) => viewer.querySelector(`[data-${name}]`));
  const links = [...crops.querySelectorAll("a")];
  if (!links.length) continue;
  const moved = document.createElement("div");
  moved.className = "moved";
  const picture = document.createElement("img");
  picture.draggable = false;
  picture.alt = "";
  moved.append(picture);
  stage.append(moved);
  const zoom = new Zoom(stage, moved);
  wire(tools, zoom);
  const show = (link) => {
    picture.src = link.href;
    stage.setAttribute("aria-label", link.querySelector("img").alt);
    for (const other of links) other.toggleAttribute("aria-current", other === link);
    zoom.fit();
  };
  for (const link of links) link.addEventListener("click", (event) => { event.preventDefault(); show(link); });
  show(links[0]);
  crops.classList.add("thumbs");
  crops.hidden = links.length < 2;
  stage.hidden = tools.hidden = false;
}
