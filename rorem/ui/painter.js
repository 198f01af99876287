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
let detail = null;         // {state, box, bitmap}: the part in view at full sharpness
let layers = null;         // {remove, avoid}: marks; see newLayer
let done = [], undone = [];
let lastMarks = null;      // the marks of the last removal, for another try
let tool = 'brush', brush = 40, zoom = 1, left = 0, top = 0;
let running = false, comparing = false, holding = false, spaceDown = false;
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

async function openFile(file, marks = null) {
  if (!file || running) return;
  return guarded(async () => {
    veil('Opening…');
    try {
      await showLocally(file);
      const name = encodeURIComponent(file.name || 'photo');
      await opened(await json(`/photo?name=${name}`, {method: 'POST', body: file}), file, marks);
    } finally {
      if (!photo) root.dataset.view = 'empty';
      veil('');
    }
  });
}
async function openExample(name) {
  return guarded(async () => {
    veil('Opening…');
    const file = await (await ask(`/example/${name}`)).blob();
    await opened(await json(`/example/${name}`, {method: 'POST'}), new File([file], `${name}.jpg`, {type: file.type}));
    veil('');
  });
}
async function showLocally(file) {      // something to look at while the file is on its way
  const bitmap = await createImageBitmap(file, {imageOrientation: 'from-image', resizeWidth: 1024, resizeQuality: 'low'}).catch(() => null);
  if (!bitmap || photo) return;
  root.dataset.view = 'photo';
  pictures = new Map([[0, bitmap]]);
  photo = {proxy: [bitmap.width, bitmap.height], state: 0};
  fit();
  photo = null;
}
async function opened(facts, file, marks = null) {
  const old = photo;
  const shown = await picture(await ask(`/photo/${facts.token}/view?state=${facts.state}`));
  if (old?.token) fetch(`${base}/photo/${old.token}`, {method: 'DELETE'}).catch(() => {});
  photo = facts;
  local = {file, name: facts.name};
  pictures = new Map([[facts.state, shown]]);
  layers = {remove: newLayer(MARK), avoid: newLayer(AVOID)};
  done = []; undone = []; lastMarks = null; detail = null; comparing = false;
  root.dataset.view = 'photo';
  brush = Math.max(6, Math.round(Math.max(...facts.proxy) / 40));
  $('.rr-size input').max = Math.round(Math.max(...facts.proxy) / 5);
  $('.rr-size input').value = brush;
  if (marks) for (const name of ['remove', 'avoid']) if (marks[name]) await layers[name].load(marks[name]);
  fit();
  $('.rr-hint').hidden = localStorage.getItem('rorem-hint') === 'seen';
  say([`${facts.width} × ${facts.height} pixels.`, ...facts.notes].join(' '));
  refresh();
  keep();
}
async function reopen() {               // the server put the photo away: bring it back with the marks
  const marks = await packed();
  photo = null;
  await openFile(local.file, marks);
  if (photo) say('The photo was opened again. Your marks are kept; earlier removals are not.');
}
function veil(text) { $('.rr-veil').hidden = !text; $('.rr-veil p').textContent = text; if (text) root.dataset.view = 'photo'; }
function closePhoto() {
  if (running) return;
  if (photo?.token) fetch(`${base}/photo/${photo.token}`, {method: 'DELETE'}).catch(() => {});
  photo = local = layers = null;
  root.dataset.view = 'empty';
  say(''); complain('');
  store(null);
}

// ---------------------------------------------------------------- marks

function newLayer(colour) {             // one set of marks, with what was there before the stroke under way
  const [width, height] = photo.proxy;
  const make = () => Object.assign(document.createElement('canvas'), {width, height});
  const shown = make(), ink = shown.getContext('2d', {willReadFrequently: true});
  ink.strokeStyle = ink.fillStyle = colour;
  ink.lineCap = ink.lineJoin = 'round';
  const layer = {
    canvas: shown, ink,
    bits(x = 0, y = 0, w = width, h = height) {
      const pixels = ink.getImageData(x, y, w, h).data, bits = new Uint8Array(w * h);
      for (let i = 0; i < bits.length; i++) bits[i] = pixels[4 * i + 3] > 127 ? 1 : 0;
      return bits;
    },
    put(bits, x = 0, y = 0, w = width, h = height) {
      const data = ink.createImageData(w, h), out = new Uint32Array(data.data.buffer);
      const rgb = parseInt(colour.slice(1), 16);
      const value = 0xff000000 | (rgb & 255) << 16 | rgb & 0xff00 | rgb >> 16;
      for (let i = 0; i < bits.length; i++) if (bits[i]) out[i] = value;
      ink.putImageData(data, x, y);
    },
    async load(png, add = false) {      // a black and white PNG of the proxy's size
      const bitmap = await createImageBitmap(png), sheet = make().getContext('2d');
      sheet.drawImage(bitmap, 0, 0, width, height);
      const pixels = sheet.getImageData(0, 0, width, height).data, bits = add ? layer.bits() : new Uint8Array(width * height);
      for (let i = 0; i < bits.length; i++) if (pixels[4 * i] > 127) bits[i] = 1;
      layer.put(bits);
    },
    empty: () => !layer.bits().includes(1),
  };
  return layer;
}
async function packed() {               // both layers as PNGs; null where nothing is marked
  const marks = {};
  for (const name of ['remove', 'avoid']) marks[name] = layers[name].empty() ? null : await onebit(layers[name].bits(), ...photo.proxy);
  return marks;
}
// A step that changes a layer: keeps the changed rectangle before and after, for undo.
function change(name, work) {
  const layer = layers[name], before = layer.bits();
  const finish = () => { record(name, before, layer.bits()); };
  const result = work(layer);
  return result?.then ? result.then(finish) : finish();
}
function record(name, before, after) {
  const [width, height] = photo.proxy;
  let x0 = width, y0 = height, x1 = -1, y1 = -1;
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i++) if (before[i] !== after[i]) {
    if (x < x0) x0 = x; if (x > x1) x1 = x; if (y < y0) y0 = y; y1 = y;
  }
  if (x1 < 0) return;
  const w = x1 - x0 + 1, h = y1 - y0 + 1;
  const cut = bits => { const out = new Uint8Array(w * h); for (let y = 0; y < h; y++) out.set(bits.subarray((y0 + y) * width + x0, (y0 + y) * width + x0 + w), y * w); return out; };
  step({kind: 'paint', name, box: [x0, y0, w, h], before: cut(before), after: cut(after), bytes: 2 * w * h});
  $('.rr-hint').hidden = true;
  localStorage.setItem('rorem-hint', 'seen');
}
function step(one) {
  done.push(one);
  undone = [];
  while (done.reduce((sum, each) => sum + each.bytes, 0) > HISTORY_BYTES && done[0].kind === 'paint') done.shift();
  refresh();
  keep();
}

// ---------------------------------------------------------------- undo and redo: strokes and removals on one stack

async function undo() {
  if (running || !photo) return;
  const one = done.pop() || (photo.undoable ? {kind: 'removal', marks: null, bytes: 0} : null);
  if (!one) return;
  undone.push(one);
  if (one.kind === 'paint') layers[one.name].put(one.before, ...one.box);
  else await guarded(async () => {
    await settle(await json(here('/undo'), {method: 'POST'}));
    if (one.marks) for (const name of ['remove', 'avoid']) layers[name].put(one.marks[name]);
  });
  refresh(); keep();
}
async function redo() {
  if (running || !photo) return;
  const one = undone.pop() || (photo.redoable ? {kind: 'removal', marks: null, bytes: 0} : null);
  if (!one) return;
  done.push(one);
  if (one.kind === 'paint') layers[one.name].put(one.after, ...one.box);
  else await guarded(async () => {
    await settle(await json(here('/redo'), {method: 'POST'}));
    clearMarks();
  });
  refresh(); keep();
}
function clearMarks() {
  for (const name of ['remove', 'avoid']) layers[name].ink.clearRect(0, 0, ...photo.proxy);
  refresh();
}

// Shows the state that the server tells, fetching its picture if it was not seen yet.
async function settle(facts) {
  if (!pictures.has(facts.state)) pictures.set(facts.state, await picture(await ask(`/photo/${facts.token}/view?state=${facts.state}`)));
  photo = facts;
  for (const state of [...pictures.keys()]) if (pictures.size > 6 && state && state !== facts.state) pictures.delete(state);
  refresh();
}

// ---------------------------------------------------------------- drawing

const ratio = () => Math.min(2, window.devicePixelRatio || 1);
function resize() {
  const {width, height} = stage.getBoundingClientRect();
  const w = Math.max(1, Math.round(width * ratio())), h = Math.max(1, Math.round(height * ratio()));
  if (canvas.width === w && canvas.height === h) return;
  canvas.width = w; canvas.height = h;
  if (photo) fit();
}
function fitting() { return Math.min(canvas.width / photo.proxy[0], canvas.height / photo.proxy[1]); }
function fit() {
  if (!photo) return;
  stage.style.setProperty('--rr-aspect', photo.proxy[0] / photo.proxy[1]);
  if (!canvas.width || canvas.clientWidth * ratio() - canvas.width > 1) resize();
  zoom = fitting();
  left = (canvas.width - photo.proxy[0] * zoom) / 2;
  top = (canvas.height - photo.proxy[1] * zoom) / 2;
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
  if (root.dataset.view !== 'photo') return;
  const size = photo ? photo.proxy : [1, 1];
  view.imageSmoothingEnabled = true;
  view.imageSmoothingQuality = 'medium';
  view.setTransform(zoom, 0, 0, zoom, left, top);
  view.fillStyle = checks;
  view.fillRect(0, 0, ...size);
  const state = photo?.state ?? 0;
  show(holding && pictures.has(0) ? 0 : state, size);
  if (comparing && pictures.has(0) && !holding) {
    const split = $('.rr-split').value / 1000 * canvas.width;
    view.save();
    view.setTransform(1, 0, 0, 1, 0, 0);
    view.beginPath(); view.rect(0, 0, split, canvas.height); view.clip();
    view.setTransform(zoom, 0, 0, zoom, left, top);
    show(0, size);
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
  if (stroke?.outline) outline(stroke.outline, stroke.tool === 'lasso');
  const spot = keyCursor || cursor;
  if (spot && ['brush', 'eraser', 'avoid'].includes(tool) && !running) ring(spot);
  else if (keyCursor) ring(keyCursor);
}
function show(state, size) {
  const bitmap = pictures.get(state) || [...pictures.values()][0];
  if (!bitmap) return;
  view.drawImage(bitmap, 0, 0, ...size);
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
  if (!photo?.token || zoom <= 1.02 || photo.width <= photo.proxy[0]) return;
  const full = photo.width / photo.proxy[0], state = photo.state;
  const x0 = Math.max(0, Math.floor(-left / zoom)), y0 = Math.max(0, Math.floor(-top / zoom));
  const x1 = Math.min(photo.proxy[0], Math.ceil((canvas.width - left) / zoom)), y1 = Math.min(photo.proxy[1], Math.ceil((canvas.height - top) / zoom));
  if (x1 <= x0 || y1 <= y0) return;
  const box = [x0, y0, x1, y1].map(edge => Math.round(edge * full)).join(',');
  const bitmap = await ask(here(`/view?state=${state}&box=${box}&side=${Math.max(canvas.width, canvas.height)}`)).then(picture).catch(() => null);
  if (bitmap && photo?.state === state) { detail = {state, box: [x0, y0, x1 - x0, y1 - y0], bitmap}; draw(); }
}

// ---------------------------------------------------------------- painting with mouse, finger and pen

function spot(event) {                  // where the event is, in proxy pixels
  const frame = canvas.getBoundingClientRect();
  const x = (event.clientX - frame.left) * canvas.width / frame.width, y = (event.clientY - frame.top) * canvas.height / frame.height;
  return [(x - left) / zoom, (y - top) / zoom];
}
const screen = event => { const frame = canvas.getBoundingClientRect(); return [(event.clientX - frame.left) * canvas.width / frame.width, (event.clientY - frame.top) * canvas.height / frame.height]; };

canvas.addEventListener('pointerdown', event => {
  if (!photo?.token || running) return;
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
  if (!photo?.token) return;
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
  if (!photo?.token) return;
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
  if (kind === 'box' || kind === 'thing') { stroke.outline = [at]; return; }
  if (kind === 'lasso') { stroke.outline = [at]; return; }
  stroke.layers = kind === 'eraser' ? ['remove', 'avoid'] : [kind === 'avoid' ? 'avoid' : 'remove'];
  stroke.before = Object.fromEntries(stroke.layers.map(name => [name, layers[name].bits()]));
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
  const one = stroke;
  stroke = null;
  if (one.before) for (const name of one.layers) record(name, one.before[name], layers[name].bits());
  if (one.tool === 'lasso' && one.outline.length > 2) change('remove', ({ink}) => {
    ink.beginPath(); one.outline.forEach(([x, y], i) => i ? ink.lineTo(x, y) : ink.moveTo(x, y)); ink.closePath(); ink.fill();
  });
  const [x0, y0] = one.first, [x1, y1] = one.last, wide = Math.abs(x1 - x0), high = Math.abs(y1 - y0);
  if (one.tool === 'box' && wide > 1 && high > 1) change('remove', ({ink}) => ink.fillRect(Math.min(x0, x1), Math.min(y0, y1), wide, high));
  if (one.tool === 'thing') pick(wide * zoom > 8 && high * zoom > 8
    ? `box=${Math.min(x0, x1)},${Math.min(y0, y1)},${Math.max(x0, x1)},${Math.max(y0, y1)}` : `point=${x0},${y0}`);
  draw();
}
function abandon() {                    // a second finger came down, or the system took the pointer away
  if (stroke?.before) for (const name of stroke.layers) layers[name].put(stroke.before[name]);
  stroke = null;
  draw();
}

// ---------------------------------------------------------------- marks that the server helps with

async function pick(query) {
  say('Looking for it…');
  await guarded(async () => {
    const png = await (await ask(here(`/select?${query}`), {method: 'POST'})).blob();
    const before = layers.remove.bits();
    await change('remove', layer => layer.load(png, true));
    const after = layers.remove.bits();
    say(after.every((bit, i) => bit === before[i]) ? 'Nothing stood out there. Try a box around it, or the brush.' : 'Marked. Touch it up with brush and eraser.');
  });
  draw();
}
async function reshape(path, add, nothing) {
  if (layers.remove.empty()) return say('Mark something first.');
  await guarded(async () => {
    const body = await onebit(layers.remove.bits(), ...photo.proxy), before = done.length;
    const png = await (await ask(here(path), {method: 'POST', body})).blob();
    await change('remove', layer => layer.load(png, add));
    say(done.length > before ? '' : nothing);
  });
  draw();
}
const grow = sign => reshape(`/grow?pixels=${sign * Math.max(1, Math.round(Math.max(...photo.proxy) / 250))}`, false, 'It cannot get narrower.');
async function openMask(file) {
  await guarded(async () => {
    const answer = await ask(here('/mask'), {method: 'POST', body: file});
    const notes = decodeURIComponent(answer.headers.get('X-Notes') || ''), png = await answer.blob();
    await change('remove', layer => layer.load(png));
    say(notes || 'The mask was opened. Check that the red part is what should go.');
  });
  draw();
}
async function saveMask() {
  if (layers.remove.empty()) return say('Mark something first.');
  await guarded(async () => {
    const body = await onebit(layers.remove.bits(), ...photo.proxy);
    const file = await (await ask(here('/mask-file'), {method: 'POST', body})).blob();
    const link = Object.assign(document.createElement('a'), {href: URL.createObjectURL(file), download: `${photo.name.replace(/\.[^.]*$/, '')}-mask.png`});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

// ---------------------------------------------------------------- removing

async function remove(again) {
  if (running || !photo?.token) return;
  if (!again && layers.remove.empty()) return say('Paint over what should go first.');
  const marks = again ? lastMarks : {remove: layers.remove.bits(), avoid: layers.avoid.bits()};
  if (!marks) return;
  lastMarks = marks;
  complain('');
  setRunning(true);
  say('Starting…');
  const url = async bits => bits.includes(1) ? asText(await onebit(bits, ...photo.proxy)) : null;
  trigger('remove_marked', {token: photo.token, again, mask: await url(marks.remove), avoid: await url(marks.avoid)});
}
watch('value', async () => {
  const told = props.value;
  if (!told?.phase || told.token !== photo?.token) return;
  $('progress').value = told.progress;
  if (told.phase === 'waiting' || told.phase === 'working') return say(told.text);
  if (!running) return;
  setRunning(false);
  if (told.phase !== 'done') {
    if (told.gone) return guarded(reopen);
    told.phase === 'failed' ? (complain(told.text), say('')) : say(told.text);
    return;
  }
  await guarded(async () => {
    const again = told.again;
    await settle(told.facts);
    if (!again) step({kind: 'removal', marks: lastMarks, bytes: lastMarks.remove.length * 2});
    clearMarks();
    detail = null;
    say(told.text);
    sharpenSoon();
    keep();
    draw();
  });
});
async function stop() {
  await guarded(() => ask(here('/cancel'), {method: 'POST'}));
}
async function choose(version) {
  if (running) return;
  await guarded(async () => settle(await json(here(`/choose?version=${version}`), {method: 'POST'})));
  draw();
}
function setRunning(on) {
  running = on;
  $('progress').hidden = $('[data-do=stop]').hidden = !on;
  $('progress').value = 0;
  if (on) toggleCompare(false);
  refresh();
}

// ---------------------------------------------------------------- comparing

async function original() {
  if (!pictures.has(0)) pictures.set(0, await picture(await ask(here('/view?state=0'))));
}
async function toggleCompare(on = !comparing) {
  if (on) await guarded(original);
  comparing = on;
  $('.rr-split').hidden = $('.rr-tag-before').hidden = $('.rr-tag-after').hidden = !on;
  $('[data-do=compare]').setAttribute('aria-pressed', on);
  if (on) { zoom <= fitting() * 1.01 && fit(); $('.rr-split').focus({preventScroll: true}); }
  draw();
}
async function hold(on) {
  if (on && photo?.state) await guarded(original);
  holding = on && !!photo?.state;
  draw();
}

// ---------------------------------------------------------------- what the buttons show

function refresh() {
  if (!photo?.token) return;
  const marked = layers && !layers.remove.empty(), changed = photo.state > 0;
  $('[data-do=remove]').disabled = running || !marked;
  $('[data-do=undo]').disabled = running || !(done.length || photo.undoable);
  $('[data-do=redo]').disabled = running || !(undone.length || photo.redoable);
  $('[data-do=clear]').disabled = running || !(marked || !layers.avoid.empty());
  $('.rr-result').hidden = !changed;
  $('[data-do=again]').disabled = running || !lastMarks || !photo.choices.length || photo.choices.length >= MOST_CHOICES;
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
  draw();
}
let offered = '';
function offerFiles() {
  const options = $$('[data-option]').map(box => `${box.dataset.option}=${box.checked ? 1 : 0}`).join('&');
  const key = `${photo.token} ${photo.state} ${options}`;
  if (key === offered) return;
  offered = key;
  const lossless = ['PNG', 'TIFF', 'BMP', 'GIF'].includes(photo.format);
  $('[data-file=png]').hidden = photo.format === 'PNG';
  $('.rr-exact').hidden = lossless;
  $('.rr-place').hidden = !photo.place;
  for (const link of $$('[data-file]')) link.href = `${base}${here(`/file?format=${link.dataset.file}&state=${photo.state}&${options}`)}`;
  const link = $('[data-file=source]'), kind = photo.format === 'MPO' ? 'JPEG' : photo.format;
  link.textContent = `Download ${kind}`;
  fetch(link.href, {method: 'HEAD'}).then(answer => {
    const size = +answer.headers.get('X-Size');
    if (size && key === offered) link.textContent = `Download ${kind} (${bytes(size)})`;
  }).catch(() => {});
}
const bytes = size => size >= 1e6 ? `${(size / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(size / 1e3))} kB`;
const TOLD = {
  thing: 'Click a thing, or drag a box around it.',
  avoid: 'Paint over what must not be copied from, such as other people. It stays as it is.',
  lasso: 'Draw around what should go.',
  box: 'Drag a box over what should go.',
};
function setTool(name) {
  tool = name;
  for (const button of $$('[data-tool]')) button.setAttribute('aria-pressed', button.dataset.tool === name);
  stage.dataset.cursor = name === 'hand' ? 'hand' : ['brush', 'eraser', 'avoid'].includes(name) ? 'none' : 'cross';
  if (photo?.token) say(TOLD[name] || '');
  draw();
}
function setBrush(size) {
  brush = Math.max(2, Math.min(+$('.rr-size input').max, Math.round(size)));
  $('.rr-size input').value = brush;
  draw();
}

// ---------------------------------------------------------------- buttons, keys, drop, paste, camera

const actions = {
  pick: () => $('.rr-file').click(), undo, redo, remove: () => remove(false), again: () => remove(true), stop,
  clear: () => { for (const name of ['remove', 'avoid']) change(name, ({ink}) => ink.clearRect(0, 0, ...photo.proxy)); draw(); },
  'zoom-in': () => zoomAt(1.4), 'zoom-out': () => zoomAt(1 / 1.4), fit, compare: () => toggleCompare(),
  shadow: () => reshape('/shadow', true, 'No shadow was found. Paint over it if there is one.'), wider: () => grow(1), narrower: () => grow(-1),
  'mask-in': () => $('.rr-mask-file').click(), 'mask-out': saveMask, close: closePhoto,
  camera: openCamera, snap: takePhoto, 'camera-off': closeCamera, hold: () => {},
};
root.addEventListener('click', event => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.tool) setTool(button.dataset.tool);
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
for (const box of $$('[data-option]')) box.addEventListener('change', offerFiles);

const typing = target => target?.closest?.('input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable=true]');
const away = () => !element.offsetParent || (document.activeElement !== document.body && !root.contains(document.activeElement));
const tools = {b: 'brush', e: 'eraser', r: 'box', l: 'lasso', p: 'thing', k: 'avoid', h: 'hand'};
document.addEventListener('keydown', event => {
  if (away() || typing(event.target) || !photo?.token) return;
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
  if (key === ' ') return act(() => { spaceDown = true; stage.dataset.cursor = 'hand'; });
  if (key.startsWith('arrow') || key === 'enter') act(() => byKey(key, event.shiftKey));
});
document.addEventListener('keyup', event => {
  if (event.key === ' ' && spaceDown) { spaceDown = false; setTool(tool); }
  if (event.key.toLowerCase() === 'o') hold(false);
});
function byKey(key, painting) {         // the brush moved by arrow keys, for those without a pointer
  if (running) return;
  const pace = brush / 3, from = keyCursor || cursor || photo.proxy.map(side => side / 2);
  const [dx, dy] = {arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1]}[key] || [0, 0];
  keyCursor = [from[0] + dx * pace, from[1] + dy * pace].map((value, axis) => Math.max(0, Math.min(photo.proxy[axis], value)));
  if ((key === 'enter' || painting) && ['brush', 'eraser', 'avoid'].includes(tool)) { begin(tool, from); extend(keyCursor); finish(); }
  else if (key === 'enter' && tool === 'thing') pick(`point=${keyCursor[0]},${keyCursor[1]}`);
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
  const video = $('video'), sheet = Object.assign(document.createElement('canvas'), {width: video.videoWidth, height: video.videoHeight});
  sheet.getContext('2d').drawImage(video, 0, 0);
  closeCamera();
  sheet.toBlob(blob => openFile(new File([blob], 'camera.jpg', {type: 'image/jpeg'})), 'image/jpeg', 0.96);
}

// ---------------------------------------------------------------- 1-bit PNG (PNG specification, greyscale, bit depth 1)

const table = Uint32Array.from({length: 256}, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ n >>> 1 : n >>> 1; return n; });
function chunk(name, data) {
  const out = new Uint8Array(12 + data.length), text = new TextEncoder().encode(name), numbers = new DataView(out.buffer);
  numbers.setUint32(0, data.length);
  out.set(text, 4); out.set(data, 8);
  let crc = -1;
  for (let i = 4; i < 8 + data.length; i++) crc = table[(crc ^ out[i]) & 255] ^ crc >>> 8;
  numbers.setUint32(8 + data.length, ~crc);
  return out;
}
async function onebit(bits, width, height) {
  const row = (width + 7 >> 3) + 1, raw = new Uint8Array(row * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (bits[y * width + x]) raw[y * row + 1 + (x >> 3)] |= 128 >> (x & 7);
  const squeezed = new Blob([raw]).stream().pipeThrough(new CompressionStream('deflate'));
  const data = new Uint8Array(await new Response(squeezed).arrayBuffer()), head = new Uint8Array(13), numbers = new DataView(head.buffer);
  numbers.setUint32(0, width); numbers.setUint32(4, height); head[8] = 1;
  const magic = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
  return new Blob([magic, chunk('IHDR', head), chunk('IDAT', data), chunk('IEND', new Uint8Array())], {type: 'image/png'});
}
const asText = blob => new Promise(resolve => { const reader = new FileReader(); reader.onload = () => resolve(reader.result); reader.readAsDataURL(blob); });

// ---------------------------------------------------------------- surviving a reload: the browser keeps file and marks

// Each tab has its own place (the session storage outlives a reload, not the tab); places of closed tabs go after a day.
const place = sessionStorage.getItem('rorem-tab') || crypto.randomUUID?.() || String(Math.random());
sessionStorage.setItem('rorem-tab', place);
const shelf = new Promise(resolve => {
  const request = indexedDB.open('rorem', 1);
  request.onupgradeneeded = () => request.result.createObjectStore('kept');
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => resolve(null);
}).catch(() => null);
async function shelved(mode, work) {    // one request to the shelf; null where the browser keeps nothing
  const database = await shelf;
  return database && new Promise(resolve => {
    const request = work(database.transaction('kept', mode).objectStore('kept'));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(null);
  });
}
const store = value => shelved('readwrite', shelf => value ? shelf.put({...value, at: Date.now()}, place) : shelf.delete(place));
const stored = () => shelved('readonly', shelf => shelf.get(place));
async function tidy() {
  for (const key of await shelved('readonly', shelf => shelf.getAllKeys()) || []) {
    const kept = await shelved('readonly', shelf => shelf.get(key));
    if (key !== place && !(Date.now() - kept?.at < 864e5)) await shelved('readwrite', shelf => shelf.delete(key));
  }
}
let keepTimer = 0;
function keep() {
  clearTimeout(keepTimer);
  keepTimer = setTimeout(async () => { if (photo?.token) store({token: photo.token, file: local.file, marks: await packed()}); }, 300);
}
async function restore() {
  const kept = await stored().catch(() => null);
  if (!kept?.file || photo) return;
  await guarded(async () => {
    veil('Opening your photo again…');
    const facts = await json(`/photo/${kept.token}`).catch(() => null);
    if (facts) await opened(facts, kept.file, kept.marks);
    else await openFile(kept.file, kept.marks);
    veil('');
    if (!photo) root.dataset.view = 'empty';
  });
}

new ResizeObserver(resize).observe(stage);
setTool('brush');
restore().then(tidy);
root.dataset.ready = 'yes';
window.rorem = {                        // for people who script the page, and for the tests
  get photo() { return photo; }, get running() { return running; }, get tool() { return tool; },
  toPage: (x, y) => { const frame = canvas.getBoundingClientRect(); return [frame.left + (x * zoom + left) * frame.width / canvas.width, frame.top + (y * zoom + top) * frame.height / canvas.height]; },
  marked: () => layers ? layers.remove.bits().reduce((sum, bit) => sum + bit, 0) : 0,
  avoided: () => layers ? layers.avoid.bits().reduce((sum, bit) => sum + bit, 0) : 0,
};
