// Zoom and pan of a picture inside a stage, by wheel, pinch, drag, buttons and keys.

const MAX_SCALE = 12;

export class Zoom extends EventTarget {
  constructor(stage, content) {
    super();
    Object.assign(this, { stage, content, scale: 1, x: 0, y: 0 });
    this.fingers = new Map();
    stage.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.onDown(event));
    stage.addEventListener("pointermove", (event) => this.onMove(event));
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => this.fingers.delete(event.pointerId));
    stage.addEventListener("keydown", (event) => this.onKey(event));
    stage.addEventListener("dblclick", (event) => this.by(2, ...this.at(event)));
  }

  // x and y are fractions of the stage, so that two stages of unequal size can share one state.
  set({ scale, x, y }, notify = true) {
    this.scale = Math.min(MAX_SCALE, Math.max(1, scale));
    const least = 1 - this.scale;
    this.x = Math.min(0, Math.max(least, x));
    this.y = Math.min(0, Math.max(least, y));
    this.content.style.transform = `translate(${100 * this.x}%, ${100 * this.y}%) scale(${this.scale})`;
    if (notify) this.dispatchEvent(new Event("change"));
  }

  by(factor, x = 0.5, y = 0.5) {
    const scale = Math.min(MAX_SCALE, Math.max(1, this.scale * factor));
    const grown = scale / this.scale;
    this.set({ scale, x: x - (x - this.x) * grown, y: y - (y - this.y) * grown });
  }

  move(x, y) { this.set({ scale: this.scale, x: this.x + x, y: this.y + y }); }
  fit() { this.set({ scale: 1, x: 0, y: 0 }); }

  at(event) {
    const box = this.stage.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  onWheel(event) {
    event.preventDefault();
    this.by(Math.exp(-event.deltaY / 400), ...this.at(event));
  }

  onDown(event) {
    if (event.target.closest("a, button")) return;
    this.stage.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, this.at(event));
  }

  onMove(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const now = this.at(event);
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.fingers.set(event.pointerId, now);
    if (other) {
      const far = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]);
      this.by(far(now) / Math.max(0.01, far(before)), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else {
      this.move(now[0] - before[0], now[1] - before[1]);
    }
  }

  onKey(event) {
    const step = 0.08;
    const keys = {
      "+": () => this.by(1.25), "=": () => this.by(1.25), "-": () => this.by(0.8), "0": () => this.fit(),
      ArrowLeft: () => this.move(step, 0), ArrowRight: () => this.move(-step, 0),
      ArrowUp: () => this.move(0, step), ArrowDown: () => this.move(0, -step),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  }
}

export function wire(tools, ...zooms) {
  const actions = { in: (zoom) => zoom.by(1.5), out: (zoom) => zoom.by(1 / 1.5), fit: (zoom) => zoom.fit() };
  for (const button of tools.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => actions[button.dataset.zoom](zooms[0]));
  }
}
