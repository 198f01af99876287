// Talking to the server, and the items that are here already: each with its pictures decoded before it is shown.

const WANTED = 5;                      // items on this page: the one on screen and those that follow
const PATIENCE = 20000;                // ms until a request counts as lost
const RIM = 900;                       // px of the drawn outline's longer side
const WAITS = [1000, 2000, 4000, 8000, 15000];  // ms between tries
const KEYS = {token: 'rorem-label-token', name: 'rorem-label-name', guide: 'rorem-label-guide', pending: 'rorem-label-pending:'};
const memory = new Map();              // where the browser keeps nothing
const store = {
  get: key => { try { return localStorage.getItem(key) ?? memory.get(key) ?? null; } catch { return memory.get(key) ?? null; } },
  set: (key, value) => { memory.set(key, value); try { localStorage.setItem(key, value); } catch { /* full, or not allowed */ } },
  drop: key => { memory.delete(key); try { localStorage.removeItem(key); } catch { /* not allowed */ } },
  keys: () => { try { return [...new Set([...memory.keys(), ...Object.keys(localStorage)])]; } catch { return [...memory.keys()]; } },
};

let token = null;                      // proves who this is; the name itself stays in this browser
let queue = [];                        // {handout, size, window, focus, pictures, ready}; the first is on screen, or next
let over = new Set();                  // hand-outs that are answered or gone, so that an older list does not bring them back
let last = '';                         // the hand-out of the last answer, which an undo takes back
let counts = {done: 0, left: 0, pace: null};
let given = 0;                         // answers and undos that the server has confirmed to this page
const waits = [];                      // ms from the server's word to the next item on screen, for whoever measures
const me = () => (token ?? '').split('.')[0];

class Refused extends Error {}         // the server understood and said no
class Stopped extends Error {}         // somebody else goes on, or has to enter again

async function send(path, told, method = 'POST') {
  const headers = {'Content-Type': 'application/json', ...(token ? {'X-RORem-Annotator': token} : {})};
  const options = method === 'GET' ? {headers} : {method, headers, body: JSON.stringify(told)};
  let answer, said;
  try {
    answer = await fetch(base + path, {...options, signal: AbortSignal.timeout(PATIENCE)});
    said = await answer.json();
  } catch {
    throw Object.assign(new Error('offline'), {kind: 'offline'});
  }
  if (answer.ok) return said;
  if (answer.status === 507) throw Object.assign(new Error(said.error), {kind: 'unsaved'});
  if (answer.status >= 500) throw Object.assign(new Error('down'), {kind: 'down'});  // on its way up or down
  throw Object.assign(new Refused(said.error || 'The request was not understood.'), {unknown: said.unknown});
}

// Sends until there is an answer. Meanwhile a banner tells why, and no key is taken.
async function insist(path, told, pending = false, method = 'POST') {
  const mine = token, id = Symbol();
  try {
    for (let tries = 0; ; tries++) {
      try {
        const said = await send(path, told, method);
        if (mine !== token) throw new Stopped();
        return said;
      } catch (error) {
        if (mine !== token) throw new Stopped();
        if (error.unknown) { leave(); throw new Stopped(); }
        if (!error.kind) throw error;
        troubles.set(id, {kind: error.kind, pending, text: error.message});
        showTrouble();
        await pause(WAITS[Math.min(tries, WAITS.length - 1)]);
        if (mine !== token) throw new Stopped();
      }
    }
  } finally {
    if (troubles.delete(id)) showTrouble();
  }
}
const pause = time => new Promise(done => {
  const end = () => { clearTimeout(timer); window.removeEventListener('online', end); done(); };
  const timer = setTimeout(end, time);
  window.addEventListener('online', end);
});

// ---------------------------------------------------------------- pictures

async function picture(handout, part, query = '') {
  const answer = await fetch(`${base}/label/picture/${handout}/${part}${query}`, {signal: AbortSignal.timeout(2 * PATIENCE)});
  if (!answer.ok) throw Object.assign(new Error('gone'), {gone: answer.status < 500});
  return createImageBitmap(await answer.blob());
}
function rimOf(mask) {
  const scale = Math.min(6, RIM / Math.max(mask.width, mask.height));  // a small one is enlarged: it shall be thin there, too
  return outlineOf(mask, ...[mask.width, mask.height].map(side => Math.max(1, Math.round(side * scale))));
}
async function load(item) {             // true once its pictures are decoded; false if they are gone
  for (let tries = 0; !over.has(item.handout); tries++) {
    try {
      const [result, source, mask] = await Promise.all(['result', 'source', 'mask'].map(part => picture(item.handout, part)));
      item.pictures = {result, source, rim: rimOf(mask)};
      mask.close();
      return true;
    } catch (error) {
      if (error.gone) break;
      await pause(WAITS[Math.min(tries, WAITS.length - 1)]);
    }
  }
  return false;
}
async function loadWhole(item) {        // the whole photo, smaller, where only a part of it was sent
  if (!item || !look.whole || item.whole || item.window.join() === [0, 0, ...item.size].join()) return;
  const [result, source] = await Promise.all(['result', 'source'].map(part => picture(item.handout, part, '?whole=1')));
  item.whole = {result, source};
}
function forget(item) {
  for (const some of [item.pictures, item.whole]) for (const one of Object.values(some ?? {})) one.close?.();
}
function put(item, first = false) {
  queue = queue.filter(({handout}) => handout !== item.handout);
  item.ready = load(item);
  if (first) queue.unshift(item);
  else queue.push(item);
}

// ---------------------------------------------------------------- which items

let asking = null;                     // the request that is on its way; one at a time
function more(most = WANTED) {
  asking ??= askMore(most).finally(() => { asking = null; });
  return asking;
}
async function askMore(most) {
  const before = given, told = await insist('/label/items', {have: queue.map(({handout}) => handout), most});
  const order = told.held.filter(handout => !over.has(handout));
  for (const item of told.items) {
    if (!over.has(item.handout) && !queue.some(({handout}) => handout === item.handout)) put(item);
  }
  if (before === given) {               // else the list is older than what this page knows by now
    const kept = item => item === shown || order.includes(item.handout);
    for (const item of queue.filter(item => !kept(item))) forget(item);
    queue = queue.filter(kept);
    const rank = item => item === shown ? -1 : order.indexOf(item.handout);
    queue.sort((a, b) => rank(a) - rank(b));
    counts = {done: told.done, left: told.left, pace: told.pace};
    last = told.last;
  }
  showCounts(told);
  return told;
}
