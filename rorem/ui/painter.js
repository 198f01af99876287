// The painting surface. Gradio runs this once with: element, trigger, props, watch.
//
// The browser paints on a proxy of the photo (at most 2048 px long). The untouched file goes to the server once; marks go
// there as 1-bit PNGs of the proxy's size. The photo's own pixels stay on the server.

const $ = selector => element.querySelector(selector);
const $$ = selector => [...element.querySelectorAll(selector)];
const root = $('.rr'), stage = $('.rr-stage'), canvas = $('canvas'), view = canvas.getContext('2d');
const base = (window.gradio_config?.root || location.origin + location.pathname).replace(/\/+$/, '');
const MARK = '#ff2d55', AVOID = '#2d8cff', VEIL = 0.5;
const HISTORY_BYTES = 64e6, MAX_ZOOM = 16, MOST_CHOICES = 4;

let photo = null;          // what the server says of the open photo; null = none
let local = null;          // {file, name}: the visitor's own file, kept for a reload
let pictures = new Map();  // state -> ImageBitmap of the proxy
let early = null;          // {bitmap, size}: the file as the browser shows it, until the server answers
let detail = null;         // {state, box, bitmap}: the part in view at full sharpness
let layers = null;         // {remove, avoid}: marks; see newLayer
let done = [], undone = [];
let lastMarks = null;      // the marks of the last removal, for another try
let tool = 'brush', brush = 40, zoom = 1, left = 0, top = 0;
let running = false, stopping = false, comparing = false, holding = false, spaceDown = false;
let press = 0, heard = 0;  // the number of the last press on Remove, and when the server was last heard of it
let cursor = null, keyCursor = null, stroke = null, fingers = new Map(), pinch = null;

// ---------------------------------------------------------------- talking to the server

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(base + path, options);
  } catch {
    throw new Error('The server does not answer. Check the connection and try again; your marks are still here.');
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  const error = new Error(told.error || 'Something went wrong on the server. Please try again.');
  error.gone = told.gone;
  throw error;
}
const json = async (path, options) => (await ask(path, options)).json();
const here = path => `/photo/${photo.token}${path}`;
const picture = async answer => createImageBitmap(await answer.blob());

async function guarded(work) {          // one plain sentence instead of a silent failure
  complain('');
  try {
    return await work();
  } catch (error) {
    if (error.gone && photo) return reopen();
    complain(error.message);
  }
}
function complain(text) { $('.rr-error').textContent = text; $('.rr-error').hidden = !text; }
function say(text) { $('.rr-status').textContent = text; }

// ---------------------------------------------------------------- opening a photo

async function opening(text, work) {     // shows that something is coming, and never leaves the veil behind
  veil(text);
  await guarded(work);
  veil('');
  early = null;
  root.dataset.view = photo ? 'photo' : 'empty';
  draw();
}
function mayReplace() {
  if (running) return busy();
  if (!photo || !(photo.state || layers.remove.count)) return true;
  return confirm('Open another photo? What you did in this one will be lost.');
}
function busy() {
  complain('A removal is running. Wait for it, or press Stop.');
  return false;
}
function openFile(file) {
  if (file && mayReplace()) return opening('Opening…', () => send(file, null));
}
function openExample(name) {
  if (!mayReplace()) return;
  return opening('Opening…', async () => {
    const facts = json(`/example/${name}`, {method: 'POST'});
    const file = await (await ask(`/example/${name}`)).blob();
    await opened(await facts, new File([file], `${name}.jpg`, {type: file.type}));
  });
}
async function send(file, marks) {
  const answer = json(`/photo?name=${encodeURIComponent(file.name || 'photo')}`, {method: 'POST', body: file});
  if (!photo) showEarly(file);
  await opened(await answer, file, marks);
}
async function showEarly(file) {        // something to look at while the file is on its way
  const options = {imageOrientation: 'from-image', resizeWidth: 1024, resizeQuality: 'low'};
  const bitmap = await createImageBitmap(file, options).catch(() => null);
  if (!bitmap || photo) return;
  early = {bitmap, size: [bitmap.width, bitmap.height]};
  fit();
}
async function opened(facts, file, marks = null) {
  const shown = await picture(await ask(`/photo/${facts.token}/view?state=${facts.state}`));
  if (photo && photo.token !== facts.token) fetch(`${base}/photo/${photo.token}`, {method: 'DELETE'}).catch(() => {});
  forget();
  closeCamera();
  photo = facts;
  local = {file, name: facts.name};
  pictures.set(facts.state, shown);
  layers = {remove: newLayer(MARK), avoid: newLayer(AVOID)};
  brush = Math.max(6, Math.round(Math.max(...facts.proxy) / 40));
  $('.rr-size input').max = Math.max(8, Math.round(Math.max(...facts.proxy) / 5));
  $('.rr-size input').value = brush;
  if (marks) for (const name of ['remove', 'avoid']) if (marks[name]) await layers[name].load(marks[name]);
  $('.rr-hint').hidden = layers.remove.count > 0 || always.getItem('rorem-hint') === 'seen';
  say([`${facts.width} × ${facts.height} pixels.`, ...facts.notes].join(' '));
  root.dataset.view = 'photo';
  toggleCompare(false);
  fit();
  refresh();
  shelf.put('file', file);
  keep(0);
  canvas.focus({preventScroll: true});
}
function forget() {                     // everything that belongs to one photo
  for (const bitmap of pictures.values()) bitmap.close();
  detail?.bitmap.close();
  pictures = new Map();
  photo = local = layers = detail = lastMarks = stroke = keyCursor = null;
  done = []; undone = []; asked = [];
  nextThing();
}
async function reopen() {               // the server put the photo away: bring it back with the marks
  const marks = await packed(), token = photo.token, {file} = local;
  await opening('Opening your photo again…', () => send(file, marks));
  if (photo.token !== token) say(OPENED_AGAIN);
}
const OPENED_AGAIN = 'The photo was opened again. Your marks are kept; earlier removals are not.';
function veil(text) {
  $('.rr-veil').hidden = !text;
  $('.rr-veil p').textContent = text;
  if (text) root.dataset.view = 'photo';
}
function closePhoto() {
  if (!photo || !mayReplace()) return;
  fetch(`${base}/photo/${photo.token}`, {method: 'DELETE'}).catch(() => {});
  forget();
  root.dataset.view = 'empty';
  say(''); complain('');
  shelf.drop('file'); shelf.drop('marks');
  refresh();
}

// ---------------------------------------------------------------- marks

// One set of marks. `bits` is what was last agreed on; the ink may be ahead of it while a stroke is drawn.
function newLayer(colour) {
  const [width, height] = photo.proxy;
  const make = () => Object.assign(document.createElement('canvas'), {width, height});
  const shown = make(), ink = shown.getContext('2d', {willReadFrequently: true});
  const rgb = parseInt(colour.slice(1), 16), pixel = 0xff000000 | (rgb & 255) << 16 | rgb & 0xff00 | rgb >> 16;
  ink.strokeStyle = ink.fillStyle = colour;
  ink.lineCap = ink.lineJoin = 'round';
  const layer = {
    canvas: shown, ink, rim: make(), bits: new Uint8Array(width * height), count: 0,
    read() {                            // the ink as bits
      const pixels = ink.getImageData(0, 0, width, height).data, bits = new Uint8Array(width * height);
      for (let i = 0; i < bits.length; i++) bits[i] = pixels[4 * i + 3] > 127 ? 1 : 0;
      return bits;
    },
    agree(bits) {
      layer.bits = bits;
      layer.count = bits.reduce((sum, bit) => sum + bit, 0);
      layer.outline();
    },
    outline() {                         // a light rim, or red marks could not be seen on red things
      const rim = layer.rim.getContext('2d'), reach = Math.max(1, Math.max(width, height) / 700);
      rim.globalCompositeOperation = 'source-over';
      rim.clearRect(0, 0, width, height);
      if (!layer.count) return;
      for (let i = 0; i < 8; i++) rim.drawImage(shown, reach * Math.cos(i * Math.PI / 4), reach * Math.sin(i * Math.PI / 4));
      rim.globalCompositeOperation = 'source-in';
      rim.fillStyle = '#fff';
      rim.fillRect(0, 0, width, height);
      rim.globalCompositeOperation = 'destination-out';
      rim.drawImage(shown, 0, 0);
    },
    put(bits) {                         // bits as ink
      const data = ink.createImageData(width, height), out = new Uint32Array(data.data.buffer);
      for (let i = 0; i < bits.length; i++) if (bits[i]) out[i] = pixel;
      ink.putImageData(data, 0, 0);
      layer.agree(bits);
    },
    async load(png, add = false) {
      const bits = await bitsOf(png);
      if (add) for (let i = 0; i < bits.length; i++) bits[i] |= layer.bits[i];
      layer.put(bits);
    },
  };
  return layer;
}
async function bitsOf(png) {            // of a black and white PNG of the proxy's size
  const [width, height] = photo.proxy, bitmap = await createImageBitmap(png);
  const sheet = Object.assign(document.createElement('canvas'), {width, height}).getContext('2d');
  sheet.drawImage(bitmap, 0, 0, width, height);
  const pixels = sheet.getImageData(0, 0, width, height).data, bits = new Uint8Array(width * height);
  for (let i = 0; i < bits.length; i++) bits[i] = pixels[4 * i] > 127 ? 1 : 0;
  return bits;
}
async function packed() {               // both layers as PNGs; null where nothing is marked
  const marks = {};
  for (const name of ['remove', 'avoid']) marks[name] = layers[name].count ? await onebit(layers[name].bits, ...photo.proxy) : null;
  return marks;
}
// The part of `after` that differs from `before` (or is marked, without a before), as a box and its bits; null if none.
function trimmed(after, before = null) {
  const [width, height] = photo.proxy;
  let x0 = width, y0 = height, x1 = -1, y1 = -1;
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i++) if (after[i] !== (before ? before[i] : 0)) {
    if (x < x0) x0 = x;
    if (x > x1) x1 = x;
    if (y < y0) y0 = y;
    y1 = y;
  }
  if (x1 < 0) return null;
  const box = [x0, y0, x1 - x0 + 1, y1 - y0 + 1];
  return {box, after: cropped(after, box), before: before && cropped(before, box)};
}
function cropped(bits, [x, y, wide, high]) {
  const width = photo.proxy[0], out = new Uint8Array(wide * high);
  for (let row = 0; row < high; row++) out.set(bits.subarray((y + row) * width + x, (y + row) * width + x + wide), row * wide);
  return out;
}
function pasted(base, part, [x, y, wide, high]) {
  const width = photo.proxy[0], out = base.slice();
  for (let row = 0; row < high; row++) out.set(part.subarray(row * wide, (row + 1) * wide), (y + row) * width + x);
  return out;
}
// Both layers in small, to be put back later.
const snapshot = () => Object.fromEntries(['remove', 'avoid'].map(name => [name, trimmed(layers[name].bits)]));
const whole = part => part ? pasted(new Uint8Array(photo.proxy[0] * photo.proxy[1]), part.after, part.box) : new Uint8Array(photo.proxy[0] * photo.proxy[1]);
function putBack(marks) { for (const name of ['remove', 'avoid']) layers[name].put(whole(marks[name])); }

// What was drawn since the last agreement becomes one step that can be undone, on all layers together.
// more: what else belongs to the step, such as {pick}, the clicks before and after it.
function commit(more = {}) {
  const parts = [];
  for (const name of ['remove', 'avoid']) {
    const layer = layers[name], after = layer.read(), part = trimmed(after, layer.bits);
    if (part) parts.push({name, ...part});
    layer.agree(after);
  }
  if (!parts.length) return false;
  step({kind: 'paint', parts, bytes: parts.reduce((sum, part) => sum + 2 * part.after.length, 0), ...more});
  $('.rr-hint').hidden = true;
  always.setItem('rorem-hint', 'seen');
  return true;
}
async function loaded(png, add) {       // a mask from the server, as one step; false if it changed nothing
  const before = layers.remove.bits;
  await layers.remove.load(png, add);
  layers.remove.agree(before);
  return commit();
}
function step(one) {
  if (!('pick' in one)) nextThing();
  done.push(one);
  undone = [];
  while (done.length > 1 && done.reduce((sum, each) => sum + each.bytes, 0) > HISTORY_BYTES) done.shift();
  refresh();
  keep();
}

// ---------------------------------------------------------------- undo and redo: strokes and removals on one stack

let turn = Promise.resolve();           // one after the other, however fast the keys come
const inTurn = work => turn = turn.then(() => photo && !running && guarded(work));
const REMOVAL = () => ({kind: 'removal', marks: null, bytes: 0});  // one that was made before a reload

const undo = () => inTurn(async () => {
  const one = done.at(-1) || (photo.undoable ? REMOVAL() : null);
  if (!one) return;
  if (one.kind === 'paint') replay(one, 'before');
  else {
    await settle(await json(here('/undo'), {method: 'POST'}));
    if (one.marks) putBack(one.marks);
    say('');
  }
  done.pop();
  undone.push(one);
  picks = one.pick?.before ?? nothingPicked();
  refresh(); keep(0);
});
const redo = () => inTurn(async () => {
  const one = undone.at(-1) || (photo.redoable ? REMOVAL() : null);
  if (!one) return;
  if (one.kind === 'paint') replay(one, 'after');
  else {
    await settle(await json(here('/redo'), {method: 'POST'}));
    one.marks = snapshot();
    clearMarks();
    say('');
  }
  undone.pop();
  done.push(one);
  picks = one.pick?.after ?? nothingPicked();
  refresh(); keep(0);
});
function replay(one, side) {
  for (const part of one.parts) layers[part.name].put(pasted(layers[part.name].bits, part[side], part.box));
}
function clearMarks() {                 // what must not be copied from still must not
  layers.remove.put(new Uint8Array(photo.proxy[0] * photo.proxy[1]));
  refresh();
}

// Shows the state that the server tells, fetching its picture if it was not seen yet.
async function settle(facts) {
  if (!pictures.has(facts.state)) pictures.set(facts.state, await picture(await ask(`/photo/${facts.token}/view?state=${facts.state}`)));
  photo = facts;
  for (const [state, bitmap] of pictures) if (pictures.size > 6 && state && state !== facts.state) {
    pictures.delete(state);
    bitmap.close();
  }
  refresh();
}

// ---------------------------------------------------------------- drawing

const ratio = () => Math.min(2, window.devicePixelRatio || 1);
function resize() {
  const {width, height} = stage.getBoundingClientRect();
  const w = Math.max(1, Math.round(width * ratio())), h = Math.max(1, Math.round(height * ratio()));
  if (canvas.width === w && canvas.height === h) return;
  canvas.width = w; canvas.height = h;
  fit();
}
const size = () => photo?.proxy ?? early?.size;
function fitting() { return Math.min(canvas.width / size()[0], canvas.height / size()[1]); }
function fit() {
  if (!size()) return;
  const [width, height] = size();
  stage.style.setProperty('--rr-aspect', width / height);
  if (!canvas.width || canvas.clientWidth * ratio() - canvas.width > 1) resize();
  zoom = fitting();
  left = (canvas.width - width * zoom) / 2;
  top = (canvas.height - height * zoom) / 2;
  draw();
}
function zoomAt(factor, x = canvas.width / 2, y = canvas.height / 2) {
  const next = Math.min(MAX_ZOOM, Math.max(fitting() * 0.5, zoom * factor));
  left = x - (x - left) * next / zoom;
  top = y - (y - top) * next / zoom;
  zoom = next;
  draw();
  sharpenSoon();
}
const checks = (() => {               // shows through where a photo is transparent
  const sheet = Object.assign(document.createElement('canvas'), {width: 24, height: 24}), ink = sheet.getContext('2d');
  ink.fillStyle = '#fff'; ink.fillRect(0, 0, 24, 24);
  ink.fillStyle = '#ccc'; ink.fillRect(0, 0, 12, 12); ink.fillRect(12, 12, 12, 12);
  return view.createPattern(sheet, 'repeat');
})();
let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; paint(); });
}
function paint() {
  view.setTransform(1, 0, 0, 1, 0, 0);
  view.clearRect(0, 0, canvas.width, canvas.height);
  if (root.dataset.view !== 'photo' || !size()) return;
  view.imageSmoothingEnabled = true;
  view.imageSmoothingQuality = 'medium';
  view.setTransform(zoom, 0, 0, zoom, left, top);
  view.fillStyle = checks;
  view.fillRect(0, 0, ...size());
  if (!photo) return view.drawImage(early.bitmap, 0, 0);
  const {state} = photo;
  show(holding && pictures.has(0) ? 0 : state);
  if (comparing && pictures.has(0) && !holding) {
    const split = $('.rr-split').value / 1000 * canvas.width;
    view.save();
    view.setTransform(1, 0, 0, 1, 0, 0);
    view.beginPath(); view.rect(0, 0, split, canvas.height); view.clip();
    view.setTransform(zoom, 0, 0, zoom, left, top);
    show(0);
    view.restore();
    view.setTransform(1, 0, 0, 1, 0, 0);
    view.fillStyle = '#fff'; view.fillRect(split - 1.5, 0, 3, canvas.height);
    return;
  }
  if (!layers || holding) return;
  view.globalAlpha = VEIL;
  view.drawImage(layers.remove.canvas, 0, 0);
  view.drawImage(layers.avoid.canvas, 0, 0);
  view.globalAlpha = 1;
  if (!stroke) for (const {rim} of Object.values(layers)) view.drawImage(rim, 0, 0);
  if (tool === 'thing') drawPicks();
  if (stroke?.outline) outline(stroke.outline, stroke.tool === 'lasso');
  const spot = keyCursor || cursor;
  if (spot && ['brush', 'eraser', 'avoid'].includes(tool) && !running) ring(spot);
  else if (keyCursor) ring(keyCursor);
}
function show(state) {
  const bitmap = pictures.get(state) || [...pictures.values()][0];
  if (!bitmap) return;
  view.drawImage(bitmap, 0, 0, ...photo.proxy);
  if (detail?.state === state && zoom > 1.02) view.drawImage(detail.bitmap, ...detail.box);
}
function ring([x, y]) {
  for (const [width, colour] of [[3, '#000a'], [1.4, '#fff']]) {
    view.beginPath();
    view.lineWidth = width * ratio() / zoom; view.strokeStyle = colour;
    view.arc(x, y, brush / 2, 0, 7); view.stroke();
  }
}
function outline(points, closed) {
  view.lineWidth = 2 * ratio() / zoom; view.strokeStyle = '#fff'; view.setLineDash([6 / zoom, 5 / zoom]);
  view.beginPath();
  points.forEach(([x, y], i) => i ? view.lineTo(x, y) : view.moveTo(x, y));
  if (closed) view.closePath();
  view.stroke(); view.setLineDash([]);
}
let sharpenTimer = 0;
function sharpenSoon() {                // when zoomed in beyond the proxy, fetch what is in view at full sharpness
  clearTimeout(sharpenTimer);
  sharpenTimer = setTimeout(sharpen, 250);
}
async function sharpen() {
  if (!photo || zoom <= 1.02 || photo.width <= photo.proxy[0]) return;
  const full = photo.width / photo.proxy[0], state = photo.state;
  const x0 = Math.max(0, Math.floor(-left / zoom)), y0 = Math.max(0, Math.floor(-top / zoom));
  const x1 = Math.min(photo.proxy[0], Math.ceil((canvas.width - left) / zoom)), y1 = Math.min(photo.proxy[1], Math.ceil((canvas.height - top) / zoom));
  if (x1 <= x0 || y1 <= y0) return;
  const box = [x0, y0, x1, y1].map(edge => Math.round(edge * full)).join(',');
  const bitmap = await ask(here(`/view?state=${state}&box=${box}&side=${Math.max(canvas.width, canvas.height)}`)).then(picture).catch(() => null);
  if (!bitmap || photo?.state !== state) return;
  detail?.bitmap.close();
  detail = {state, box: [x0, y0, x1 - x0, y1 - y0], bitmap};
  draw();
}

// ---------------------------------------------------------------- painting with mouse, finger and pen

function spot(event) {                  // where the event is, in proxy pixels
  const frame = canvas.getBoundingClientRect();
  const x = (event.clientX - frame.left) * canvas.width / frame.width, y = (event.clientY - frame.top) * canvas.height / frame.height;
  return [(x - left) / zoom, (y - top) / zoom];
}
const screen = event => { const frame = canvas.getBoundingClientRect(); return [(event.clientX - frame.left) * canvas.width / frame.width, (event.clientY - frame.top) * canvas.height / frame.height]; };

canvas.addEventListener('pointerdown', event => {
  if (!photo || running || event.button > 1) return;
  canvas.setPointerCapture(event.pointerId);
  canvas.focus({preventScroll: true});
  keyCursor = null;
  fingers.set(event.pointerId, screen(event));
  if (fingers.size === 2) { abandon(); pinch = pinchOf(); return; }
  if (fingers.size > 2) return;
  if (comparing) toggleCompare(false);
  const moving = tool === 'hand' || spaceDown || event.button === 1;
  begin(moving ? 'hand' : tool, spot(event), event);
});
canvas.addEventListener('pointermove', event => {
  if (!photo) return;
  cursor = spot(event);
  if (fingers.has(event.pointerId)) fingers.set(event.pointerId, screen(event));
  if (pinch && fingers.size >= 2) {
    const next = pinchOf();
    left += next.x - pinch.x; top += next.y - pinch.y;
    zoomAt(next.spread / pinch.spread, next.x, next.y);
    pinch = next;
  } else if (stroke) {
    for (const each of event.getCoalescedEvents?.() ?? [event]) extend(spot(each), each);
    if (!event.getCoalescedEvents?.().length) extend(cursor, event);
  }
  draw();
});
for (const kind of ['pointerup', 'pointercancel']) canvas.addEventListener(kind, event => {
  fingers.delete(event.pointerId);
  if (fingers.size < 2) pinch = null;
  if (stroke) kind === 'pointerup' ? finish() : abandon();
});
canvas.addEventListener('pointerleave', () => { cursor = null; draw(); });
canvas.addEventListener('wheel', event => {
  if (!photo) return;
  event.preventDefault();
  if (event.altKey) return setBrush(brush * (event.deltaY < 0 ? 1.1 : 0.9));
  zoomAt(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), ...screen(event));
}, {passive: false});
function pinchOf() {
  const [a, b] = [...fingers.values()];
  return {x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, spread: Math.max(8, Math.hypot(a[0] - b[0], a[1] - b[1]))};
}

function begin(kind, at, event) {
  stroke = {tool: kind, last: at, first: at, outline: null};
  if (kind === 'hand') { stroke.from = screen(event); return; }
  stroke.minus = event?.shiftKey || aim === 'minus';
  if (kind === 'box' || kind === 'thing') { stroke.outline = [at]; return; }
  if (kind === 'lasso') { stroke.outline = [at]; return; }
  stroke.layers = kind === 'eraser' ? ['remove', 'avoid'] : [kind === 'avoid' ? 'avoid' : 'remove'];
  extend(at, event);
}
function extend(at, event) {
  if (stroke.tool === 'hand') {
    const [x, y] = screen(event);
    left += x - stroke.from[0]; top += y - stroke.from[1];
    stroke.from = [x, y];
    sharpenSoon();
  } else if (stroke.tool === 'box' || stroke.tool === 'thing') {
    const [x0, y0] = stroke.first, [x1, y1] = at;
    stroke.outline = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]];
  } else if (stroke.tool === 'lasso') {
    stroke.outline.push(at);
  } else for (const name of stroke.layers) {
    const {ink} = layers[name];
    ink.globalCompositeOperation = stroke.tool === 'eraser' ? 'destination-out' : 'source-over';
    ink.lineWidth = brush;
    ink.beginPath(); ink.moveTo(...stroke.last); ink.lineTo(at[0] + 0.01, at[1]); ink.stroke();
    ink.globalCompositeOperation = 'source-over';
  }
  stroke.last = at;
  draw();
}
function finish() {
  const one = stroke, {ink} = layers.remove, [x0, y0] = one.first, [x1, y1] = one.last;
  const wide = Math.abs(x1 - x0), high = Math.abs(y1 - y0), corner = [Math.min(x0, x1), Math.min(y0, y1)];
  stroke = null;
  if (one.tool === 'thing') {
    const dragged = wide * zoom > 8 && high * zoom > 8;
    pick(dragged ? {box: [...corner, corner[0] + wide, corner[1] + high]} : {at: one.first, minus: one.minus});
  } else if (one.tool !== 'hand') {
    if (one.tool === 'box') ink.fillRect(...corner, wide, high);
    if (one.tool === 'lasso') {
      ink.beginPath();
      for (const point of one.outline) ink.lineTo(...point);
      ink.fill();
    }
    commit();
  }
  draw();
}
function abandon() {                    // a second finger came down, or the system took the pointer away
  for (const name of stroke?.layers ?? []) layers[name].put(layers[name].bits);
  stroke = null;
  draw();
}

// ---------------------------------------------------------------- marks that the server helps with

// Work that ends in marks; dropped when the visitor has meanwhile opened another photo.
const forThisPhoto = work => running ? busy() : guarded(async () => {
  const {token} = photo;
  await work(() => photo?.token === token);
  draw();
});
function reshape(path, add, nothing, something = '') {
  if (!layers.remove.count) return say('Mark something first.');
  return forThisPhoto(async still => {
    const body = await onebit(layers.remove.bits, ...photo.proxy);
    const png = await (await ask(here(path), {method: 'POST', body})).blob();
    if (still()) say(await loaded(png, add) ? something : nothing);
  });
}
const grow = sign => reshape(`/grow?pixels=${sign * Math.max(1, Math.round(Math.max(...photo.proxy) / 250))}`, false, 'It cannot get narrower.');
function openMask(file) {
  return forThisPhoto(async still => {
    const answer = await ask(here('/mask'), {method: 'POST', body: file});
    const notes = decodeURIComponent(answer.headers.get('X-Notes') || ''), png = await answer.blob();
    if (!still()) return;
    await loaded(png, false);
    say(notes || 'The mask was opened. Check that the red part is what should go.');
  });
}
async function saveMask() {
  if (!layers.remove.count) return say('Mark something first.');
  await guarded(async () => {
    const body = await onebit(layers.remove.bits, ...photo.proxy);
    const file = await (await ask(here('/mask-file'), {method: 'POST', body})).blob();
    const link = Object.assign(document.createElement('a'), {href: URL.createObjectURL(file), download: `${photo.name.replace(/\.[^.]*$/, '')}-mask.png`});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

// ---------------------------------------------------------------- removing

async function remove(again) {
  if (running || !photo) return;
  if (!again && !layers.remove.count) return say('Paint over what should go first.');
  if (again && !lastMarks) return;
  if (!again) lastMarks = snapshot();
  complain('');
  setRunning(true);
  say('Starting…');
  press += 1;
  heard = Date.now();
  const url = async part => part && asText(await onebit(whole(part), ...photo.proxy));
  trigger('remove_marked', {token: photo.token, press, again, mask: await url(lastMarks.remove), avoid: await url(lastMarks.avoid)});
}
watch('value', () => {
  const told = props.value;
  if (!running || !told?.phase || told.token !== photo?.token || told.press !== press) return;
  heard = Date.now();
  $('progress').value = told.progress;
  if (told.phase === 'waiting' || told.phase === 'working') {
    if (stopping) stop();               // it was pressed before the server had begun
    return say(told.text);
  }
  setRunning(false);
  if (told.gone) return guarded(reopen);
  if (told.phase === 'done') return arrived(told.facts, told.again, told.text);
  complain(told.phase === 'failed' ? told.text : '');
  say(told.phase === 'failed' ? '' : told.text);
});
const arrived = (facts, again, text) => guarded(async () => {
  await settle(facts);
  if (!again) {
    step({kind: 'removal', marks: lastMarks, bytes: Object.values(lastMarks).reduce((sum, part) => sum + (part?.after.length ?? 0), 0)});
    clearMarks();
  }
  say(text);
  sharpenSoon();
  keep(0);
  $('[data-do=compare]').focus({preventScroll: true});
});
// Gradio tells nothing when its connection or its queue fails: after some silence, the server is asked how it stands.
setInterval(async () => {
  if (!running || Date.now() - heard < 5000) return;
  const asked = press, facts = await json(here('')).catch(error => ({gone: error.gone, lost: true}));
  if (!running || asked !== press) return;
  if (facts.busy) { heard = Date.now(); return; }
  setRunning(false);
  if (facts.gone) return guarded(reopen);
  if (!facts.lost && facts.state !== photo.state) return arrived(facts, false, 'Done.');
  say('');
  complain('The server gave no answer. Your photo and your marks are as they were; please try again.');
}, 1000);
async function stop() {
  stopping = true;
  await guarded(() => ask(here('/cancel'), {method: 'POST'}));
}
const choose = version => inTurn(async () => {
  await settle(await json(here(`/choose?version=${version}`), {method: 'POST'}));
  say(`Version ${photo.choices.indexOf(photo.state) + 1} is kept (seed ${photo.version.seed}).`);
  keep(0);
});
function setRunning(on) {
  running = on;
  stopping = false;
  $('progress').hidden = $('[data-do=stop]').hidden = !on;
  $('progress').value = 0;
  if (on) toggleCompare(false);
  refresh();
}

// ---------------------------------------------------------------- comparing

async function original() {
  const {token} = photo, bitmap = pictures.get(0) || await picture(await ask(here('/view?state=0')));
  if (photo?.token === token) pictures.set(0, bitmap);
  draw();
}
function toggleCompare(on = !comparing) {
  comparing = on;
  $('.rr-split').hidden = $('.rr-tag-before').hidden = $('.rr-tag-after').hidden = !on;
  $('[data-do=compare]').setAttribute('aria-pressed', on);
  if (on) {
    guarded(original);
    if (zoom <= fitting() * 1.01) fit();
    const [l, , r] = photo.version?.boxes[0] ?? [0, 0, photo.width, 0], middle = (l + r) / 2 * photo.proxy[0] / photo.width;
    $('.rr-split').value = 1000 * Math.max(0.05, Math.min(0.95, (middle * zoom + left) / canvas.width));
    $('.rr-split').focus({preventScroll: true});
  }
  draw();
}
function hold(on) {
  holding = on && !!photo?.state;
  if (holding) guarded(original);
  draw();
}
window.addEventListener('blur', () => { hold(false); spaceDown = false; });

// ---------------------------------------------------------------- what the buttons show

function refresh() {
  window.dispatchEvent(new Event('rorem-changed'));
  if (!photo) return;
  const marked = layers.remove.count > 0, changed = photo.state > 0;
  $('[data-do=remove]').disabled = running || !marked;
  $('[data-do=undo]').disabled = running || !(done.length || photo.undoable);
  $('[data-do=redo]').disabled = running || !(undone.length || photo.redoable);
  $('[data-do=clear]').disabled = running || !(marked || layers.avoid.count);
  $('.rr-result').hidden = !changed;
  $('[data-do=again]').disabled = running || !lastMarks || photo.version?.seeded === false || !photo.choices.length || photo.choices.length >= MOST_CHOICES;
  const shown = photo.choices.length > 1 ? photo.choices : [];
  const strip = $('.rr-choices');
  if (strip.dataset.shown !== shown.join()) {
    strip.dataset.shown = shown.join();
    const [l, t, r, b] = photo.version?.boxes[0] ?? [0, 0, photo.width, photo.height];
    strip.replaceChildren(...shown.map((version, i) => {
      const button = Object.assign(document.createElement('button'), {type: 'button', title: `Version ${i + 1}`});
      button.dataset.version = version;
      button.setAttribute('aria-label', `Version ${i + 1}`);
      button.append(Object.assign(document.createElement('img'), {alt: '', src: `${base}${here(`/view?state=${version}&box=${l},${t},${r},${b}&side=128`)}`}));
      return button;
    }));
  }
  for (const button of strip.children) button.setAttribute('aria-pressed', +button.dataset.version === photo.state);
  if (changed) offerFiles();
  showPicks();
}
let offered = '';
function offerFiles() {
  const options = $$('[data-option]').map(box => `${box.dataset.option}=${box.checked ? 1 : 0}`).join('&');
  const key = `${photo.token} ${photo.state} ${options}`;
  if (key === offered) return;
  offered = key;
  $('[data-file=png]').hidden = photo.format === 'PNG' || !photo.png_exact;
  $('.rr-exact').hidden = photo.lossless;
  $('.rr-exact').textContent = `A ${photo.format} is compressed once more when it is saved.${photo.png_exact ? ' The PNG is exact.' : ''}`;
  $('.rr-place').hidden = !photo.place;
  for (const link of $$('[data-file]')) link.href = `${base}${here(`/file?format=${link.dataset.file}&state=${photo.state}&${options}`)}`;
  const link = $('[data-file=source]'), kind = photo.format;
  link.textContent = `Download ${kind}`;
  fetch(link.href, {method: 'HEAD'}).then(answer => {
    const size = +answer.headers.get('X-Size');
    if (size && key === offered) link.textContent = `Download ${kind} (${bytes(size)})`;
  }).catch(() => {});
}
const bytes = size => size >= 1e6 ? `${(size / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(size / 1e3))} kB`;
const TOLD = {
  avoid: 'Paint over what must not be copied from, such as other people.',
  lasso: 'Draw around what should go.',
  box: 'Drag a box over what should go.',
};
function setTool(name) {
  tool = name;
  for (const button of $$('[data-tool]')) button.setAttribute('aria-pressed', button.dataset.tool === name);
  nextThing();
  setCursor();
  if (photo && !running) say(name === 'thing' ? pickHint()[0] : TOLD[name] || '');
}
function setCursor() {
  stage.dataset.cursor = tool === 'hand' || spaceDown ? 'hand' : ['brush', 'eraser', 'avoid'].includes(tool) ? 'none' : 'cross';
}
function setBrush(size) {
  const step = Math.sign(size - brush), next = Math.round(size) === brush ? brush + step : Math.round(size);
  brush = Math.max(2, Math.min(+$('.rr-size input').max, next));
  $('.rr-size input').value = brush;
  draw();
}

// ---------------------------------------------------------------- buttons, keys, drop, paste, camera

const actions = {
  pick: () => $('.rr-file').click(), undo, redo, remove: () => remove(false), again: () => remove(true), stop,
  clear: () => { for (const {ink} of Object.values(layers)) ink.clearRect(0, 0, ...photo.proxy); commit(); },
  'zoom-in': () => zoomAt(1.4), 'zoom-out': () => zoomAt(1 / 1.4), fit, compare: () => toggleCompare(),
  shadow: () => reshape('/shadow', true, 'No shadow was found. Paint over it if there is one.', 'A shadow was marked. Undo takes it away.'), wider: () => grow(1), narrower: () => grow(-1),
  'mask-in': () => $('.rr-mask-file').click(), 'mask-out': saveMask, close: closePhoto,
  next: () => { nextThing(); say(pickHint()[0]); }, camera: openCamera, snap: takePhoto, 'camera-off': closeCamera, hold: () => {},
};
root.addEventListener('click', event => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.tool) setTool(button.dataset.tool);
  else if (button.dataset.aim) setAim(button.dataset.aim);
  else if (button.dataset.version) choose(+button.dataset.version);
  else if (button.dataset.example) openExample(button.dataset.example);
  else actions[button.dataset.do]?.();
});
for (const [kind, on] of [['pointerdown', true], ['pointerup', false], ['pointerleave', false], ['pointercancel', false]])
  $('[data-do=hold]').addEventListener(kind, () => hold(on));
$('.rr-size input').addEventListener('input', event => setBrush(+event.target.value));
$('.rr-split').addEventListener('input', draw);
$('.rr-file').addEventListener('change', event => { openFile(event.target.files[0]); event.target.value = ''; });
$('.rr-mask-file').addEventListener('change', event => { if (event.target.files[0]) openMask(event.target.files[0]); event.target.value = ''; });
for (const box of $$('[data-option]')) {
  box.checked = always.getItem(`rorem-${box.dataset.option}`) !== 'no';
  box.addEventListener('change', () => { always.setItem(`rorem-${box.dataset.option}`, box.checked ? 'yes' : 'no'); offerFiles(); });
}

const typing = target => target?.closest?.('input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable=true]');
const away = () => !element.offsetParent || (document.activeElement !== document.body && !root.contains(document.activeElement));
const tools = {b: 'brush', e: 'eraser', r: 'box', l: 'lasso', p: 'thing', k: 'avoid', h: 'hand'};
document.addEventListener('keydown', event => {
  if (away() || typing(event.target) || !photo) return;
  const key = event.key.toLowerCase(), command = event.ctrlKey || event.metaKey;
  const act = work => { event.preventDefault(); work(); };
  if (command && key === 'z') return act(event.shiftKey ? redo : undo);
  if (command && key === 'y') return act(redo);
  if (command || event.altKey) return;
  if (key === '[' || key === ']') return act(() => setBrush(brush * (key === ']' ? 1.2 : 1 / 1.2)));
  if (key === '+' || key === '=') return act(() => zoomAt(1.4));
  if (key === '-') return act(() => zoomAt(1 / 1.4));
  if (key === '0') return act(fit);
  if (key === 'o' && !event.repeat) return act(() => hold(true));
  if (key === 'escape') return act(running ? stop : abandon);
  if (tools[key] && !event.shiftKey) return act(() => setTool(tools[key]));
  if (document.activeElement !== canvas) return;
  if (key === ' ') return act(() => { spaceDown = true; setCursor(); });
  if (key.startsWith('arrow') || key === 'enter') act(() => byKey(key, event.shiftKey));
});
document.addEventListener('keyup', event => {
  if (event.key === ' ' && spaceDown) { spaceDown = false; setCursor(); }
  if (event.key.toLowerCase() === 'o') hold(false);
});
function byKey(key, painting) {         // the brush moved by arrow keys, for those without a pointer
  if (running) return;
  const moved = !!keyCursor, pace = brush / 3, from = keyCursor || cursor || photo.proxy.map(side => side / 2);
  const [dx, dy] = {arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1]}[key] || [0, 0];
  keyCursor = [from[0] + dx * pace, from[1] + dy * pace].map((value, axis) => Math.max(0, Math.min(photo.proxy[axis], value)));
  if ((key === 'enter' || painting) && ['brush', 'eraser', 'avoid'].includes(tool)) { begin(tool, from); extend(keyCursor); finish(); }
  else if (key === 'enter' && tool !== 'thing') say('With the keyboard, use Brush, Eraser, Keep out or Pick.');
  else if (key === 'enter') pickByKey(keyCursor, moved, painting);
  draw();
}

for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) root.addEventListener(kind, event => {
  event.preventDefault();
  root.classList.toggle('rr-over', kind === 'dragenter' || kind === 'dragover');
  if (kind === 'drop') openFile(event.dataTransfer.files[0]);
});
document.addEventListener('paste', event => {
  const file = [...event.clipboardData.files][0];
  if (file && !typing(event.target) && element.offsetParent) openFile(file);
});
let film = null;
async function openCamera() {
  if (!navigator.mediaDevices?.getUserMedia) return complain('This browser gives no access to a camera here. Choose a photo instead.');
  try {
    film = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'environment', width: {ideal: 4096}, height: {ideal: 4096}}});
    $('video').srcObject = film;
    $('.rr-camera').hidden = false;
  } catch {
    complain('The camera could not be used. Allow it in the browser, or choose a photo instead.');
  }
}
function closeCamera() {
  film?.getTracks().forEach(track => track.stop());
  film = null;
  $('.rr-camera').hidden = true;
}
function takePhoto() {
  const video = $('video');
  if (!video.videoWidth) return complain('The camera shows nothing yet. Wait a moment.');
  const sheet = Object.assign(document.createElement('canvas'), {width: video.videoWidth, height: video.videoHeight});
  sheet.getContext('2d').drawImage(video, 0, 0);
  closeCamera();
  sheet.toBlob(blob => openFile(new File([blob], 'camera.jpg', {type: 'image/jpeg'})), 'image/jpeg', 0.96);
}

// ---------------------------------------------------------------- surviving a reload: the browser keeps file and marks

let keepTimer = 0;
function keep(wait = 300) {
  clearTimeout(keepTimer);
  const {token, state} = photo;
  keepTimer = setTimeout(async () => { if (photo?.token === token) shelf.put('marks', {token, state, marks: await packed()}); }, wait);
}
async function restore() {
  const [file, kept] = [await shelf.get('file'), await shelf.get('marks')];
  if (!file || photo) return;
  await opening('Opening your photo again…', async () => {
    const facts = kept && await json(`/photo/${kept.token}`).catch(() => null);
    if (facts) await opened(facts, file, kept.marks);
    else {
      await send(file, kept?.marks);
      if (kept?.state) say(OPENED_AGAIN);
    }
  });
}

new ResizeObserver(resize).observe(stage);
setTool('brush');
restore().then(shelf.tidy);
root.dataset.ready = 'yes';
window.rorem = {                        // for the other tabs, for people who script the page, and for the tests
  get photo() { return photo; }, get running() { return running; }, get tool() { return tool; },
  toPage: (x, y) => { const frame = canvas.getBoundingClientRect(); return [frame.left + (x * zoom + left) * frame.width / canvas.width, frame.top + (y * zoom + top) * frame.height / canvas.height]; },
  marked: () => layers?.remove.count ?? 0,
  avoided: () => layers?.avoid.count ?? 0,
  picked: () => picks.clicks.length,
  keeps: always,
  async marks() {                       // as data URLs of 1-bit PNGs; null where nothing is marked
    const {remove, avoid} = await packed();
    return {token: photo.token, mask: remove && await asText(remove), avoid: avoid && await asText(avoid)};
  },
  // A photo that the server has opened already (`load` gives {facts, file, marks}), unless the visitor says no.
  open: load => mayReplace() && opening('Opening…', async () => { const {facts, file, marks} = await load(); await opened(facts, file, marks); }),
  // The server has made a removal of the photo, with the marks as they are. again: beside the one before it.
  took(facts, again, text) { lastMarks = snapshot(); return arrived(facts, again, text); },
  reopen,                               // the server has put the photo away
};
window.dispatchEvent(new Event('rorem-changed'));
