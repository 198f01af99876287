// The Label tab: entering, the guide, buttons and keys.

let gate = {};                         // how one enters, as the server tells

// ---------------------------------------------------------------- entering and leaving

async function start() {
  const told = await insist('/label/state', null, false, 'GET');
  gate = told;
  if (told.error) {                     // the answers' database is not there now: it is tried again
    troubles.set('state', {kind: 'closed', text: told.error});
    showTrouble();
    setTimeout(start, WAITS[2]);
    return;
  }
  if (troubles.delete('state')) showTrouble();
  $('.lb-phrase').hidden = !told.phrase;
  $('.lb-phrase input').required = told.phrase;
  $('.lb-nickname').hidden = $('.lb-enter [type=submit]').hidden = told.login;
  $('.lb-enter [name=name]').required = !told.login;
  $('.lb-login').hidden = !told.login;
  $('.lb-enter [name=name]').value = store.get(KEYS.name) ?? '';
  if (told.login && !told.signed) return leave();
  if (told.login) return enter({});
  token = store.get(KEYS.token);
  if (token) return begin();
  go('enter');
}
async function enter(told) {
  refuse('');
  try {
    token = null;
    const {token: given} = await insist('/label/enter', told);
    store.set(KEYS.token, given);
    token = given;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    go('enter');
    return refuse(error.message);
  }
  await begin();
}
async function begin() {
  say('');
  go('work');
  veil('One moment…');
  if (!store.get(KEYS.guide)) await showGuide();
  await alone(async () => {
    await deliverKept();
    await next();
  });
}
function leave() {                      // what was not sent yet stays in the browser until the same person is back
  store.drop(KEYS.token);
  token = null;
  for (const item of queue) forget(item);
  [queue, held, shown, working, last, over] = [[], [], null, null, '', new Set()];
  clearTimeout(endTimer);
  clearTimeout(idleTimer);
  closeWhy();
  delete root.dataset.item;
  $('.lb-enter [name=phrase]').value = '';
  go('enter');
}
function refuse(text) {
  $('.lb-refused').textContent = text;
  $('.lb-refused').hidden = !text;
}
$('.lb-enter').addEventListener('submit', event => {
  event.preventDefault();
  const {name, phrase} = Object.fromEntries(new FormData(event.target));
  store.set(KEYS.name, name);
  enter({name, phrase});
});

// ---------------------------------------------------------------- the guide

async function showGuide() {
  const dialog = $('.lb-guide');
  if (dialog.open) return;
  const from = performance.now();
  $('[data-act=guide-close]').textContent = store.get(KEYS.guide) ? 'Go on' : 'Start judging';
  dialog.showModal();
  dialog.scrollTop = 0;
  await new Promise(done => dialog.addEventListener('close', done, {once: true}));
  store.set(KEYS.guide, 'seen');
  away += performance.now() - from;
  canvas.focus({preventScroll: true});
}

// ---------------------------------------------------------------- buttons and keys

const actions = {
  guide: showGuide, leave, report: () => press('report'),
  'guide-close': () => $('.lb-guide').close(),
  'report-close': () => $('.lb-report').close(''), 'report-now': () => $('.lb-report').close('yes'),
  split: () => toggleView('split'), outline: () => toggleView('outline'), whole: () => toggleView('whole'),
};
element.addEventListener('click', event => {
  const button = event.target.closest('button');
  if (!button) return;
  const {key, act} = button.dataset;
  if (act === 'before' && event.detail === 0) setBefore(!look.before);  // by a key: on and off, as one cannot hold it
  if (key) press(key);
  else actions[act]?.();
  // A pointer must not leave the focus on a button: the next Space is for looking, not for answering.
  if (event.detail > 0 && !button.closest('dialog, form')) canvas.focus({preventScroll: true});
});
const hold = $('[data-act=before]');
hold.addEventListener('pointerdown', event => { if (event.button === 0) setBefore(true); });
for (const kind of ['pointerup', 'pointercancel', 'pointerleave']) hold.addEventListener(kind, () => setBefore(false));
hold.addEventListener('contextmenu', event => event.preventDefault());

const here = () => document.documentElement.dataset.tab === 'label' && element.offsetParent !== null;
const typing = target => target?.closest?.('input, textarea, select, [contenteditable=true]');
const onButton = () => document.activeElement?.closest?.('button, a, input, summary, [role=tab]');
const VIEW = {
  c: () => toggleView('split'), o: () => toggleView('outline'), w: () => toggleView('whole'),
  '+': () => zoomBy(1.4), '=': () => zoomBy(1.4), '-': () => zoomBy(1 / 1.4), 0: () => { resetView(); paint(); },
  arrowleft: () => moveBy(PACE * canvas.width, 0), arrowright: () => moveBy(-PACE * canvas.width, 0),
  arrowup: () => moveBy(0, PACE * canvas.height), arrowdown: () => moveBy(0, -PACE * canvas.height),
};
document.addEventListener('keydown', event => {
  if (!here() || event.ctrlKey || event.altKey || event.metaKey || typing(event.target) || element.querySelector('dialog[open]')) return;
  if (!['work', 'end'].includes(root.dataset.stage) || event.isComposing) return;
  const key = event.key.toLowerCase();
  if (key === ' ') {
    if (onButton()) return;
    event.preventDefault();             // the page does not scroll while one looks
    return setBefore(true);
  }
  if (key.startsWith('arrow') && (onButton() || document.activeElement !== canvas)) return;  // they scroll the page
  if (VIEW[key]) { event.preventDefault(); return VIEW[key](); }
  if (event.repeat) return;
  if (key === '?') { event.preventDefault(); return showGuide(); }
  if (key === 'enter' && onButton()) return;
  if (!['y', 'n', 's', 'm', 'u', '1', '2', '3', '4', '5', 'enter', 'escape'].includes(key)) return;
  event.preventDefault();
  press(key);
});
document.addEventListener('keyup', event => { if (event.key === ' ') setBefore(false); });
window.addEventListener('blur', () => setBefore(false));

// ---------------------------------------------------------------- coming back

let hiddenAt = 0;
document.addEventListener('visibilitychange', async () => {
  if (document.hidden) { hiddenAt = performance.now(); return; }
  away += hiddenAt ? performance.now() - hiddenAt : 0;
  if (!shown || troubles.size) return;
  const item = shown, told = await more().catch(() => null);
  // Answered in another window meanwhile: on to the next.
  if (told && shown === item && !told.held.includes(item.handout)) alone(async () => { drop(item); await next(); });
});
setInterval(() => { if (shown && !document.hidden && !troubles.size) more().catch(() => {}); }, REFRESH);
window.addEventListener('storage', event => { if (event.key === KEYS.token && event.newValue !== token) location.reload(); });

let begun = false;
const open = () => { if (!begun && document.documentElement.dataset.tab === 'label') { begun = true; start(); } };
window.addEventListener('rorem-tab', open);
open();
window.roremLabel = {get item() { return shown?.handout ?? null; }, get ready() { return queue.filter(one => one.pictures).length; }, get held() { return held.length; }, waits};
root.dataset.page = 'ready';
