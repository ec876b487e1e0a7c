// An editor of boxes on a picture, in fractions of its width and height, by mouse, touch and keyboard.

// Smallest width and height of a box.
const MIN_SIDE = 0.02;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

export class Boxes extends EventTarget {
  constructor(holder, source, { most = 8, label = "", remove = "" } = {}) {
    super();
    Object.assign(this, { most, label, remove, boxes: [] });
    this.canvas = document.createElement("div");
    this.canvas.className = "canvas";
    const picture = document.createElement("img");
    picture.src = source;
    picture.alt = "";
    picture.draggable = false;
    picture.addEventListener("error", () => this.dispatchEvent(new Event("no-preview")));
    this.canvas.append(picture);
    holder.append(this.canvas);
    this.canvas.addEventListener("pointerdown", (event) => this.draw(event));
  }

  get values() {
    return this.boxes.map(({ at }) => at.map((part) => Number(part.toFixed(4))).join(","));
  }

  at(event) {
    const edge = this.canvas.getBoundingClientRect();
    return [clamp((event.clientX - edge.left) / edge.width, 0, 1), clamp((event.clientY - edge.top) / edge.height, 0, 1)];
  }

  // Follow one pointer until it is lifted.
  follow(event, moved, ended = () => {}) {
    const id = event.pointerId;
    this.canvas.setPointerCapture(id);
    const onMove = (next) => { if (next.pointerId === id) moved(this.at(next)); };
    const onEnd = (next) => {
      if (next.pointerId !== id) return;
      this.canvas.removeEventListener("pointermove", onMove);
      for (const name of ["pointerup", "pointercancel"]) this.canvas.removeEventListener(name, onEnd);
      ended();
      this.changed();
    };
    this.canvas.addEventListener("pointermove", onMove);
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, onEnd);
  }

  draw(event) {
    if (event.button !== 0 || event.target.closest("button")) return;
    event.preventDefault();
    const grabbed = this.boxes.find(({ element }) => element.contains(event.target));
    if (grabbed) {
      grabbed.element.focus();
      const [x, y] = this.at(event);
      const [x0, y0, x1, y1] = grabbed.at;
      const corner = event.target.classList.contains("corner");
      this.follow(event, ([nx, ny]) => (corner ? this.resize(grabbed, x1 + nx - x, y1 + ny - y) : this.place(grabbed, x0 + nx - x, y0 + ny - y)));
      return;
    }
    const [x, y] = this.at(event);
    let box = null;
    this.follow(event, ([nx, ny]) => {
      const wanted = [Math.min(x, nx), Math.min(y, ny), Math.max(x, nx), Math.max(y, ny)];
      if (wanted[2] - wanted[0] < MIN_SIDE || wanted[3] - wanted[1] < MIN_SIDE) return;
      box ??= this.add(wanted);
      box.at = wanted;
      this.show(box);
    }, () => box?.element.focus({ focusVisible: false }));
  }

  add(at = [0.25, 0.25, 0.75, 0.75]) {
    if (this.boxes.length >= this.most) this.drop(this.boxes.at(-1));
    const element = document.createElement("div");
    element.className = "box";
    element.tabIndex = 0;
    element.setAttribute("role", "group");
    const mark = document.createElement("span");
    mark.className = "mark";
    const corner = document.createElement("span");
    corner.className = "corner";
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "×";
    element.append(mark, corner, close);
    const box = { element, mark, close, at };
    close.addEventListener("click", () => { this.drop(box); this.changed(); });
    element.addEventListener("keydown", (event) => this.key(event, box));
    this.boxes.push(box);
    this.canvas.append(element);
    this.number();
    this.show(box);
    return box;
  }

  drop(box) {
    box.element.remove();
    this.boxes = this.boxes.filter((other) => other !== box);
    this.number();
  }

  number() {
    this.boxes.forEach(({ element, mark, close }, place) => {
      mark.textContent = this.most > 1 ? place + 1 : "";
      element.setAttribute("aria-label", `${this.label} ${place + 1}`);
      close.setAttribute("aria-label", `${this.remove || "×"} ${place + 1}`);
    });
  }

  place(box, x, y) {
    const [width, height] = [box.at[2] - box.at[0], box.at[3] - box.at[1]];
    const [left, top] = [clamp(x, 0, 1 - width), clamp(y, 0, 1 - height)];
    box.at = [left, top, left + width, top + height];
    this.show(box);
  }

  resize(box, right, bottom) {
    box.at = [box.at[0], box.at[1], clamp(right, box.at[0] + MIN_SIDE, 1), clamp(bottom, box.at[1] + MIN_SIDE, 1)];
    this.show(box);
  }

  show({ element, at: [x0, y0, x1, y1] }) {
    element.style.left = `${100 * x0}%`;
    element.style.top = `${100 * y0}%`;
    element.style.width = `${100 * (x1 - x0)}%`;
    element.style.height = `${100 * (y1 - y0)}%`;
  }

  key(event, box) {
    if (event.target !== box.element) return;
    const step = 0.02;
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (way && event.shiftKey) this.resize(box, box.at[2] + way[0], box.at[3] + way[1]);
    else if (way) this.place(box, box.at[0] + way[0], box.at[1] + way[1]);
    else if (event.key === "Delete" || event.key === "Backspace") this.drop(box);
    else return;
    event.preventDefault();
    this.changed();
  }

  changed() { this.dispatchEvent(new Event("change")); }
}
