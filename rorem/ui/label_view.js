// What is on screen of a removal: result, photo before, outline, slider, zoom. Gradio runs the scripts of this component
// once, as one, with: element, trigger, props, watch.

const $ = selector => element.querySelector(selector);
const $$ = selector => [...element.querySelectorAll(selector)];
const root = $('.lb'), stage = $('.lb-stage'), canvas = $('.lb-stage canvas'), split = $('.lb-split');
const base = (window.gradio_config?.root || location.origin + location.pathname).replace(/\/+$/, '');
const MAX_ZOOM = 16;
const PACE = 0.15;                     // of what is in view, for an arrow key

let shown = null;                      // the item on screen, see label_items.js
const look = {before: false, split: false, outline: true, whole: false, zoom: 1, x: 0, y: 0};  // x, y: moved by, in px of the photo
const ratio = () => Math.min(2, window.devicePixelRatio || 1);

new ResizeObserver(() => {
  const {width, height} = stage.getBoundingClientRect();
  if (!width) return;
  canvas.width = Math.round(width * ratio());
  canvas.height = Math.round(height * ratio());
  paint();
}).observe(stage);

// Where the photo lies in the canvas: x on the canvas = left + scale * x in the photo.
function placed() {
  const [wide, high] = shown.size, [l, t, r, b] = look.whole ? [0, 0, wide, high] : shown.focus;
  const scale = Math.min(canvas.width / (r - l), canvas.height / (b - t)) * look.zoom;
  const inside = (middle, size, seen) => seen >= size ? size / 2 : Math.min(size - seen / 2, Math.max(seen / 2, middle));
  const x = inside((l + r) / 2 + look.x, wide, canvas.width / scale), y = inside((t + b) / 2 + look.y, high, canvas.height / scale);
  return {scale, left: canvas.width / 2 - x * scale, top: canvas.height / 2 - y * scale};
}
function paint() {
  const view = canvas.getContext('2d');
  view.setTransform(1, 0, 0, 1, 0, 0);
  view.clearRect(0, 0, canvas.width, canvas.height);
  root.dataset.before = look.before ? 'yes' : 'no';
  $('.lb-tag').textContent = look.split ? 'Before | Result' : look.before ? 'Before' : 'Result';
  canvas.setAttribute('aria-label', look.before ? 'The photo before' : 'The result. Hold Space to see the photo before; plus and minus zoom, arrow keys move.');
  if (!shown) return;
  const {scale, left, top} = placed(), cut = split.value / 1000 * canvas.width;
  const part = (name, from, to) => {
    view.save();
    view.beginPath();
    view.rect(from, 0, to - from, canvas.height);
    view.clip();
    view.setTransform(scale, 0, 0, scale, left, top);
    view.imageSmoothingQuality = 'high';
    view.imageSmoothingEnabled = scale < 4 * ratio();  // closer, one wants to see pixels
    if (shown.whole) view.drawImage(shown.whole[name], 0, 0, ...shown.size);
    const [l, t, r, b] = shown.window;
    view.drawImage(shown.pictures[name], l, t, r - l, b - t);
    view.restore();
  };
  if (look.split) { part('source', 0, cut); part('result', cut, canvas.width); }
  else part(look.before ? 'source' : 'result', 0, canvas.width);
  if (look.outline && shown.pictures.rim) {
    const [l, t, r, b] = shown.window;
    view.setTransform(scale, 0, 0, scale, left, top);
    view.imageSmoothingEnabled = true;
    view.drawImage(shown.pictures.rim, l, t, r - l, b - t);
  }
  if (!look.split) return;
  view.setTransform(1, 0, 0, 1, 0, 0);
  view.fillStyle = '#fff';
  view.fillRect(cut - ratio(), 0, 2 * ratio(), canvas.height);
}

// ---------------------------------------------------------------- changing the view

function resetView() { Object.assign(look, {zoom: 1, x: 0, y: 0}); }
function setBefore(on) {
  if (look.before === on) return;
  look.before = on;
  $('[data-act=before]').setAttribute('aria-pressed', on);
  paint();
}
function toggleView(name) {
  look[name] = !look[name];
  $(`[data-act=${name}]`).setAttribute('aria-pressed', look[name]);
  split.hidden = !look.split;
  if (name === 'whole') { resetView(); loadWhole(shown).then(paint, () => {}); }
  paint();
}
function zoomBy(factor, x = canvas.width / 2, y = canvas.height / 2) {
  if (!shown) return;
  const before = placed(), at = [(x - before.left) / before.scale, (y - before.top) / before.scale];
  look.zoom = Math.min(MAX_ZOOM, Math.max(0.25, look.zoom * factor));
  const after = placed();               // what lies under the pointer stays there
  moveBy(x - (after.left + at[0] * after.scale), y - (after.top + at[1] * after.scale));
}
function moveBy(dx, dy) {               // in px of the canvas
  if (!shown) return;
  const {scale, left, top} = placed(), [l, t, r, b] = look.whole ? [0, 0, ...shown.size] : shown.focus;
  const middle = [(canvas.width / 2 - left) / scale - dx / scale, (canvas.height / 2 - top) / scale - dy / scale];
  [look.x, look.y] = [middle[0] - (l + r) / 2, middle[1] - (t + b) / 2];
  paint();
}

// ---------------------------------------------------------------- mouse and fingers on the picture

const fingers = new Map();
const spot = event => {
  const frame = canvas.getBoundingClientRect();
  return [(event.clientX - frame.left) * canvas.width / frame.width, (event.clientY - frame.top) * canvas.height / frame.height];
};
function pinched() {
  const [a, b] = [...fingers.values()];
  return {x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, spread: Math.max(8, Math.hypot(a[0] - b[0], a[1] - b[1]))};
}
canvas.addEventListener('contextmenu', event => event.preventDefault());  // a long press is for looking
canvas.addEventListener('wheel', event => {
  if (!event.ctrlKey && !canvas.matches(':focus')) return;  // else the page could not be scrolled over the picture
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), ...spot(event));
}, {passive: false});
canvas.addEventListener('pointerdown', event => {
  if (event.button > 0) return;
  fingers.set(event.pointerId, spot(event));
  setBefore(fingers.size === 1);
});
canvas.addEventListener('pointermove', event => {
  if (!fingers.has(event.pointerId)) return;
  const before = fingers.size === 2 && pinched();
  fingers.set(event.pointerId, spot(event));
  if (!before) return;
  const after = pinched();
  moveBy(after.x - before.x, after.y - before.y);
  zoomBy(after.spread / before.spread, after.x, after.y);
});
for (const kind of ['pointerup', 'pointercancel', 'pointerleave']) canvas.addEventListener(kind, event => {
  if (fingers.delete(event.pointerId)) setBefore(false);
});
split.addEventListener('input', paint);
