// One answer for each item, in order. Keys that come too early are held until the server has confirmed the answer before
// and the next item is on screen; then the next of them counts, for that item alone.

const REASONS = ['left_over', 'new_object', 'blur_or_seam', 'colour', 'shadow'];
const ANSWERS = {y: 'yes', s: 'skip', m: 'mask_wrong'};
const TOLD = {yes: 'Saved: Yes.', no: 'Saved: No.', skip: 'Skipped.', mask_wrong: 'Saved: mask wrong.'};
const LOOK_AGAIN = 20000, SOON = 3000, REFRESH = 60000, IDLE = 2500;  // ms: at the end of the queue; where more is on its way; while one looks; after an answer
const BANNERS = {offline: 'No connection', down: 'The server does not answer now', unsaved: 'Answers cannot be saved now'};
const AGAIN = 'your last answer is kept and sent again.', BY_ITSELF = 'it goes on by itself as soon as it can.';

const troubles = new Map();            // what keeps answers from being taken at the moment
let held = [];                         // keys that were pressed and not used yet
let working = null;                    // who changes what is on screen at the moment
let why = null;                        // the chosen reasons while the strip is open
let since = 0, away = 0;               // when the item came on screen; ms that nobody looked at it
let endTimer = 0;

const say = text => { for (const line of $$('.lb-status')) line.textContent = text; };
const go = name => { root.dataset.stage = name; };
const frame = () => new Promise(done => { const timer = setTimeout(done, 60); requestAnimationFrame(() => { clearTimeout(timer); done(); }); });
function showTrouble() {
  const some = [...troubles.values()], worst = some.find(({pending}) => pending) ?? some[0];
  if (worst) held = [];                 // they were meant for items that nobody has seen
  root.dataset.paused = worst ? 'yes' : 'no';
  const banner = $('.lb-banner');
  const text = !worst ? '' : BANNERS[worst.kind] ? `${BANNERS[worst.kind]}: ${worst.pending ? AGAIN : BY_ITSELF}` : worst.text;
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = !text;
}
function showCounts(told) {
  const left = counts.left >= 1000 ? '1000+' : counts.left;
  const pace = counts.pace === null ? '' : ` · ${counts.pace < 10 ? counts.pace.toFixed(1) : Math.round(counts.pace)} s each`;
  $('.lb-progress').textContent = `${counts.done} done · ${left} left${pace}`;
  if (told) for (const line of $$('.lb-kept')) line.textContent = told.kept;
}

// ---------------------------------------------------------------- one answer for each item

function press(key) {
  if (troubles.size || !['work', 'end'].includes(root.dataset.stage)) return;
  held.push(key);
  work();
}
const work = () => alone(async () => {
  while (held.length && !troubles.size) {
    if (!shown && root.dataset.stage !== 'end') break;  // what is next is still on its way
    await act(held.shift());
  }
});
// One thing at a time may change what is on screen. Then the keys have their turn that came meanwhile.
async function alone(change) {
  if (working) return;
  const mine = working = Symbol();
  try {
    await change();
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    if (working === mine) working = null;
  }
  if (held.length && !troubles.size && shown && !working) await work();
}
async function act(key) {
  if (key === 'u') return undo();
  if (!shown) return;
  const reason = REASONS[+key - 1];
  if (key === 'n') return why ? answer('no', why) : openWhy();
  if (key === 'enter') return why && answer('no', why);
  if (key === 'escape') { closeWhy(); return say(''); }
  if (key === 'report') return report();
  if (reason && why) return toggleReason(reason);
  if (reason) return answer('no', [reason]);
  return answer(ANSWERS[key], []);
}
async function answer(verdict, reasons) {
  const item = shown, seconds = Math.max(0, (performance.now() - since - away) / 1000);
  const told = {handout: item.handout, verdict, reasons: [...reasons], seconds};
  closeWhy();
  say('');
  keep(told);
  over.add(item.handout);
  const saved = await deliver(told);
  const confirmed = performance.now();
  if (saved) {
    [last, given] = [item.handout, given + 1];
    counts = {...counts, done: counts.done + 1, left: Math.max(0, counts.left - 1)};
    say(TOLD[verdict]);
  }
  drop(item);
  await next(confirmed);
}
// Sends an answer until it is saved; false if the server does not want it. Until then the browser keeps it, so that a page
// that was closed or loaded anew sends it again.
async function deliver(told) {
  root.dataset.busy = 'yes';
  try {
    await insist('/label/answer', told, true);
    store.drop(slot(told));
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    store.drop(slot(told));
    held = [];
    say(error.message);
    return false;
  } finally {
    root.dataset.busy = 'no';
  }
}
const slot = ({handout}) => KEYS.pending + handout;
const keep = told => store.set(slot(told), JSON.stringify({...told, who: me()}));
async function deliverKept() {          // what an earlier page did not get through
  for (const key of store.keys().filter(key => key.startsWith(KEYS.pending))) {
    let told = null;
    try { told = JSON.parse(store.get(key)); } catch { /* not ours */ }
    if (!told?.handout) { store.drop(key); continue; }
    const {who, ...answer} = told;
    if (who === me() && await deliver(answer)) say('Your answer from before is saved.');
  }
}
async function undo() {
  closeWhy();
  if (!last) return say('There is nothing to take back.');
  try {
    const told = await insist('/label/undo', {last});
    given += 1;
    if (told.item) {
      counts = {...counts, done: Math.max(0, counts.done - 1), left: counts.left + 1};
      shown = null;
      put(told.item, true);
      last = told.last;
    } else {                            // it cannot be shown any more
      shown = null;
      last = told.last;
    }
    say('Taken back. Judge it again.');
    await next();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(error.message);
    await more();                       // in another window it went on: from now on, its last answer is meant
  }
}
async function report() {
  const item = shown, dialog = $('.lb-report');
  dialog.returnValue = '';
  dialog.showModal();
  await new Promise(done => dialog.addEventListener('close', done, {once: true}));
  if (dialog.returnValue !== 'yes' || shown !== item) return;
  over.add(item.handout);
  try {
    await insist('/label/report', {handout: item.handout});
    say('Reported. Thank you.');
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(error.message);
  }
  drop(item);
  await next();
}
function drop(item) {
  queue = queue.filter(one => one !== item);
  if (shown === item) shown = null;
  forget(item);
}
// Puts the first of the queue on screen, once its pictures are here. confirmed: when the server said that it may.
async function next(confirmed) {
  const mine = token;
  clearTimeout(endTimer);
  for (;;) {
    if (!queue.length) {
      veil('One moment…');
      const told = await more(1);
      if (mine !== token) throw new Stopped();
      if (!queue.length && !told.held.some(handout => !over.has(handout))) return ended(told);
      if (!queue.length) await frame();  // the list was made before the last answer was saved
      continue;
    }
    const item = queue[0];
    if (!item.pictures) veil('One moment…');
    const good = await item.ready;
    if (mine !== token) throw new Stopped();
    if (queue[0] !== item) continue;
    if (good) { shown = item; break; }
    over.add(item.handout);
    queue.shift();
  }
  resetView();
  veil('');
  go('work');
  paint();
  showCounts();
  if (look.whole) loadWhole(shown).then(paint, () => {});
  await frame();
  since = performance.now();
  away = 0;
  if (confirmed) waits.push(since - confirmed);
  root.dataset.item = shown.handout;
  refill();
}
let idleTimer = 0;
function refill() {                     // in the background; held keys go on meanwhile
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => { if (shown && !troubles.size) more().catch(() => {}); }, IDLE);  // the counts of others, too
  if (queue.length >= WANTED) return;
  more().catch(error => { if (!(error instanceof Stopped)) say(error.message); });
}
function ended(told) {
  shown = null;
  held = [];
  const thanks = counts.done > 0 && !told.nothing;
  $('.lb-end h2').textContent = thanks ? 'That was the last one. Thank you!' : told.nothing ? 'Nothing to judge yet' : 'Nothing is left to judge';
  const judged = `You looked at ${counts.done} ${counts.done === 1 ? 'removal' : 'removals'}. When there are more, they show up here.`;
  $('.lb-end-told').textContent = told.nothing || (thanks ? judged : 'All of it is judged, or others are at it. When there is more, it shows up here.');
  go('end');
  delete root.dataset.item;
  showCounts(told);
  endTimer = setTimeout(() => alone(next), told.nothing ? SOON : LOOK_AGAIN);
}
function veil(text) {
  $('.lb-veil').textContent = text;
  $('.lb-veil').hidden = !text;
}

// ---------------------------------------------------------------- why not

function openWhy() {
  why = new Set();
  $('.lb-why').hidden = false;
  root.dataset.why = 'yes';
  $('[data-key=n]').setAttribute('aria-expanded', 'true');
  for (const button of $$('.lb-reasons button')) button.setAttribute('aria-pressed', 'false');
  say('Why not? 1 to 5, then Enter.');
  $('.lb-why').scrollIntoView({block: 'nearest'});
}
function closeWhy() {
  why = null;
  $('.lb-why').hidden = true;
  root.dataset.why = 'no';
  $('[data-key=n]').setAttribute('aria-expanded', 'false');
}
function toggleReason(reason) {
  if (!why.delete(reason)) why.add(reason);
  $(`.lb-reasons [data-key="${REASONS.indexOf(reason) + 1}"]`).setAttribute('aria-pressed', why.has(reason));
}
