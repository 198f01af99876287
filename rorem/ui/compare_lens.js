// One view for all pictures: the same part of the photo at the same size in every canvas. Gradio runs the scripts of this
// component once, as one, with: element, trigger, props, watch.

const $ = selector => element.querySelector(selector);
const $$ = selector => [...element.querySelectorAll(selector)];
const root = $('.cp');
const base = (window.gradio_config?.root || location.origin + location.pathname).replace(/\/+$/, '');
const MAX_ZOOM = 32, SIDE = 1024;      // SIDE: px of a picture as it is first fetched; more when one looks closer
const PACE = 0.1;                      // of what is in view, for an arrow key

const lens = {zoom: 1, x: 0.5, y: 0.5};  // zoom: 1 = all is shown; the middle as a share of the photo's sides
const panes = new Set();               // {canvas, keys(): what it shows, paint(view, pane)}
let pictures = new Map();              // key -> {whole: ImageBitmap, part: {box, bitmap} at full sharpness}
let rim = null;                        // a canvas with the outline of the marks
let outlined = true;

const ratio = () => Math.min(2, window.devicePixelRatio || 1);
const photoSize = () => window.rorem?.photo?.proxy ?? [3, 2];

function newPane(canvas, keys, paint) {
  const pane = {canvas, keys, paint};
  panes.add(pane);
  observer.observe(canvas);
  handle(pane);
  return pane;
}
function dropPane(pane) {
  observer.unobserve(pane.canvas);
  panes.delete(pane);
}
const observer = new ResizeObserver(changes => {
  for (const {target} of changes) {
    const {width, height} = target.getBoundingClientRect();
    if (!width) continue;
    target.width = Math.round(width * ratio());
    target.height = Math.round(height * ratio());
  }
  paintNow();                           // at once: a canvas that has got a new size is empty
});
// Where the photo's proxy lies in a canvas: x on the canvas = left + scale * x on the proxy.
function placed({width, height}) {
  const [wide, high] = photoSize(), scale = Math.min(width / wide, height / high) * lens.zoom;
  return {scale, left: width / 2 - lens.x * wide * scale, top: height / 2 - lens.y * high * scale};
}
function zoomBy(factor, canvas = null, x = 0, y = 0) {
  const before = canvas && placed(canvas);
  lens.zoom = Math.min(MAX_ZOOM, Math.max(1, lens.zoom * factor));
  if (before) {                         // what lies under the pointer stays there
    const [wide, high] = photoSize(), after = placed(canvas).scale;
    const [px, py] = [(x - before.left) / before.scale, (y - before.top) / before.scale];
    lens.x = (px + (canvas.width / 2 - x) / after) / wide;
    lens.y = (py + (canvas.height / 2 - y) / after) / high;
  }
  moved();
}
function moveBy(dx, dy, canvas) {       // in px of the canvas
  const [wide, high] = photoSize(), {scale} = placed(canvas);
  lens.x -= dx / scale / wide;
  lens.y -= dy / scale / high;
  moved();
}
function fitAll() {
  lens.zoom = 1;
  moved();
}
function moved() {
  const most = 0.5 / lens.zoom, inside = value => Math.min(1 - most, Math.max(most, value));
  [lens.x, lens.y] = [inside(lens.x), inside(lens.y)];
  for (const {canvas} of panes) canvas.style.touchAction = lens.zoom > 1 ? 'none' : 'pan-y';  // a finger scrolls the page, or moves the picture
  redraw();
  sharpenSoon();
}

let drawing = false;
function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(paintNow);
}
function paintNow() {
  drawing = false;
  for (const pane of panes) {
    if (!pane.canvas.offsetParent) continue;
    const view = pane.canvas.getContext('2d');
    view.setTransform(1, 0, 0, 1, 0, 0);
    view.clearRect(0, 0, pane.canvas.width, pane.canvas.height);
    pane.paint(view, pane.canvas);
  }
}
function paintPicture(view, canvas, key) {
  const {scale, left, top} = placed(canvas), [wide, high] = photoSize(), one = pictures.get(key);
  if (!one?.whole) return;
  view.setTransform(scale, 0, 0, scale, left, top);
  view.imageSmoothingQuality = 'medium';
  view.imageSmoothingEnabled = scale * wide < 3 * (window.rorem.photo?.width ?? 0);  // closer, one wants to see pixels
  view.drawImage(one.whole, 0, 0, wide, high);
  if (one.part && scale > one.whole.width / wide) view.drawImage(one.part.bitmap, ...one.part.box);
}
function paintRim(view, canvas) {
  if (!outlined || !rim) return;
  const {scale, left, top} = placed(canvas);
  view.setTransform(scale, 0, 0, scale, left, top);
  view.imageSmoothingEnabled = true;
  view.drawImage(rim, 0, 0, ...photoSize());
}

// ---------------------------------------------------------------- looking closer: full sharpness for what is in view

let sharpenTimer = 0;
function sharpenSoon() {
  clearTimeout(sharpenTimer);
  sharpenTimer = setTimeout(sharpen, 250);
}
function sharpen() {
  const {photo} = window.rorem, wanted = new Map();  // key -> the largest canvas that shows it
  if (!photo || !panes.size) return;
  for (const {canvas, keys} of panes) {
    const frame = canvas.getBoundingClientRect();
    if (!canvas.offsetParent || frame.bottom < 0 || frame.top > innerHeight) continue;
    for (const key of keys()) if (!(wanted.get(key)?.width >= canvas.width)) wanted.set(key, canvas);
  }
  for (const [key, canvas] of wanted) sharpenOne(key, canvas, photo);
}
async function sharpenOne(key, canvas, photo) {
  const one = pictures.get(key), [wide, high] = photo.proxy, {scale, left, top} = placed(canvas);
  if (!one?.whole || scale * wide <= one.whole.width * 1.02 || one.whole.width >= photo.width) return;
  const x0 = Math.max(0, Math.floor(-left / scale)), y0 = Math.max(0, Math.floor(-top / scale));
  const x1 = Math.min(wide, Math.ceil((canvas.width - left) / scale)), y1 = Math.min(high, Math.ceil((canvas.height - top) / scale));
  if (x1 <= x0 || y1 <= y0) return;
  const full = photo.width / wide, box = [x0, y0, x1, y1].map(edge => Math.round(edge * full)).join(',');
  const side = Math.min(2048, Math.max(canvas.width, canvas.height));
  const bitmap = await fetchPicture(key, `?box=${box}&side=${side}`).catch(() => null);
  if (!bitmap || pictures.get(key) !== one) return bitmap?.close();
  one.part?.bitmap.close();
  one.part = {box: [x0, y0, x1 - x0, y1 - y0], bitmap};
  redraw();
}

// ---------------------------------------------------------------- mouse, fingers and keys on every canvas

function handle(pane) {
  const {canvas} = pane, fingers = new Map();
  const at = event => {
    const frame = canvas.getBoundingClientRect();
    return [(event.clientX - frame.left) * canvas.width / frame.width, (event.clientY - frame.top) * canvas.height / frame.height];
  };
  canvas.style.touchAction = lens.zoom > 1 ? 'none' : 'pan-y';
  canvas.addEventListener('wheel', event => {
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), canvas, ...at(event));
  }, {passive: false});
  canvas.addEventListener('pointerdown', event => {
    if (event.button > 1) return;
    fingers.set(event.pointerId, at(event));
    if (event.pointerType !== 'touch' || lens.zoom > 1) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', event => {
    if (!fingers.has(event.pointerId)) return;
    const before = pinched(fingers), last = fingers.get(event.pointerId), now = at(event);
    fingers.set(event.pointerId, now);
    if (fingers.size === 2) {
      const after = pinched(fingers);
      moveBy(after.x - before.x, after.y - before.y, canvas);
      zoomBy(after.spread / before.spread, canvas, after.x, after.y);
    } else if (fingers.size === 1) moveBy(now[0] - last[0], now[1] - last[1], canvas);
  });
  for (const kind of ['pointerup', 'pointercancel']) canvas.addEventListener(kind, event => fingers.delete(event.pointerId));
  canvas.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = [canvas.width * PACE, canvas.height * PACE];
    const work = {
      '+': () => zoomBy(1.4), '=': () => zoomBy(1.4), '-': () => zoomBy(1 / 1.4), 0: fitAll, m: toggleOutline, M: toggleOutline,
      ArrowLeft: () => moveBy(step[0], 0, canvas), ArrowRight: () => moveBy(-step[0], 0, canvas),
      ArrowUp: () => moveBy(0, step[1], canvas), ArrowDown: () => moveBy(0, -step[1], canvas),
    }[event.key];
    if (!work || (event.key.startsWith('Arrow') && lens.zoom === 1)) return;
    event.preventDefault();
    event.stopPropagation();
    work();
  });
}
function pinched(fingers) {
  if (fingers.size < 2) return null;
  const [a, b] = [...fingers.values()];
  return {x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, spread: Math.max(8, Math.hypot(a[0] - b[0], a[1] - b[1]))};
}
function toggleOutline() {
  outlined = !outlined;
  $('[data-act=outline]').setAttribute('aria-pressed', outlined);
  redraw();
}
