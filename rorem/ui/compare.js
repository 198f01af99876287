// The Compare tab. Photo and marks belong to the painting surface, which window.rorem speaks for.

const EVERY = 400;                     // ms between two questions while a comparison runs
const ASK_AGAIN = 1500;                // ms between two looks whether a start that was not answered has begun
const LOST = 60000;                    // ms until it counts as lost; a first start may load large packages
let token = null;                      // of the photo that the board is about
let truth = null;                      // the name of the file
let starting = false, press = 0, timer = 0;
let marksThen = null;                  // how much was marked when the comparison was started

// ---------------------------------------------------------------- talking to the server

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(base + path, options);
  } catch {
    throw new Error('The server does not answer. Check the connection and try again.');
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(told.error || 'Something went wrong on the server. Please try again.'), {gone: told.gone});
}
const json = async (path, options) => (await ask(path, options)).json();
const here = path => `/photo/${token}${path}`;
function complain(text) { $('.cp-error').textContent = text; $('.cp-error').hidden = !text; }
function say(text) { if ($('.cp-status').textContent !== text) $('.cp-status').textContent = text; }
async function guarded(work) {
  complain('');
  try {
    return await work();
  } catch (error) {
    if (error.gone && token && window.rorem?.photo?.token === token) return window.rorem.reopen();
    complain(error.message);
  }
}

// ---------------------------------------------------------------- how the comparison stands

function take(told) {                   // what /photo/TOKEN/comparison says
  truth = told.truth;
  const next = told.comparison, same = board && next && board.id === next.id;
  if (!same) forgetPictures();
  const again = !same || board.hidden !== next?.hidden;
  board = next;
  $('.cp-results').hidden = !board;
  root.style.setProperty('--cp-aspect', Math.min(3, Math.max(0.5, photoSize()[0] / photoSize()[1])));
  if (board && again) { if (!same) { wanted = ['', '']; togglePair(false); fitAll(); } buildCells(); }
  if (board) {
    showCells();
    showPair();
    showVote(!same);
    loadPictures().catch(() => guarded(look));
  }
  refresh();
}
async function look() {
  const asked = token;
  clearTimeout(timer);
  if (!asked) return;
  try {
    const told = await json(here('/comparison'));
    if (asked !== token) return;
    take(told);
  } catch (error) {
    if (asked !== token) return;
    if (error.gone) return window.rorem.photo?.token === asked && window.rorem.reopen();
    complain(error.message);
  }
  if (board?.running) timer = setTimeout(look, EVERY);
}
let state = null;
window.addEventListener('rorem-changed', () => {
  const photo = window.rorem?.photo;
  if ((photo?.token ?? null) !== token) {
    token = photo?.token ?? null;
    starting = false;
    marksThen = null;
    complain('');
    say('');
    state = photo?.state;
    take({truth: null, comparison: null});
    look();
  } else if (photo && photo.state !== state) {
    state = photo.state;
    look();                             // whether results still fit
  }
  refresh();
});

function refresh() {
  const marked = (window.rorem?.marked?.() ?? 0) > 0, running = starting || !!board?.running, count = chosen().length;
  root.dataset.photo = token ? 'yes' : 'no';
  $('[data-act=compare]').disabled = running || !token || !marked || !count;
  const stop = $('[data-act=stop]'), wasOnStop = document.activeElement === stop;
  stop.hidden = !running || starting;
  if (stop.hidden && wasOnStop) $('[data-act=compare]').focus({preventScroll: true});
  $('.cp-told progress').hidden = !running;
  $('.cp-told progress').value = board?.running ? board.progress : 0;
  $('[data-act=truth]').hidden = !!truth;
  $('[data-act=truth]').disabled = !token || running;
  $('[data-act=no-truth]').hidden = !truth;
  $('[data-act=no-truth]').disabled = running;
  $('.cp-truth-name').textContent = truth ? `Truth: ${truth}` : '';
  $('[data-act=reveal]').hidden = !board?.hidden || running;
  $('[data-act=zip]').hidden = !board || running || board.hidden;
  if (board) $('[data-act=zip]').href = `${base}${there(null, '/zip')}`;
  if (starting) say('Starting…');
  else if (board?.running) say(board.text);
  else if (!token) say('Open a photo first.');
  else if (!marked) say(board ? 'Paint over what should go to compare again.' : 'Paint over what should go.');
  else if (!count) say('Tick the methods you want to compare.');
  else say(board ? board.text : `${count} ${count === 1 ? 'method is' : 'methods are'} chosen.`);
  $('.cp-older').hidden = !board || running || marksThen === null || marksThen === window.rorem.marked();
}

// ---------------------------------------------------------------- what buttons do

async function compare() {
  starting = true;
  press += 1;
  complain('');
  refresh();
  const sent = press, before = board?.id, began = Date.now(), marks = await window.rorem.marks();
  marksThen = window.rorem.marked();
  trigger('compare_marked', {
    ...marks, press, methods: chosen(), seed: +$('.cp-seed').value, published: published(), blind: $('.cp-blind').checked,
    settings: Object.fromEntries(Object.entries(chosenSettings).filter(([, values]) => Object.keys(values).length)),
  });
  // Gradio tells nothing when its connection or its queue fails.
  while (Date.now() - began < LOST) {
    await new Promise(done => setTimeout(done, ASK_AGAIN));
    if (!starting || sent !== press) return;
    await look();
    if (board && board.id !== before) return begun();
  }
  starting = false;
  complain('The server gave no answer. Please try again.');
  refresh();
}
function begun() {
  starting = false;
  refresh();
  if (document.activeElement === document.body) $('[data-act=stop]').focus({preventScroll: true});  // the button is grey now
  $('.cp-results').scrollIntoView({behavior: 'smooth', block: 'nearest'});
}
watch('value', async () => {
  const told = props.value;
  if (!starting || told?.press !== press) return;
  if (told.gone || told.error) {
    starting = false;
    refresh();
    return told.gone ? window.rorem.reopen() : complain(told.error);
  }
  await look();
  begun();
});
const keep = key => guarded(async () => {
  const told = await json(there(key, '/keep'), {method: 'POST'});
  await window.rorem.took(told.facts, told.again, `${titleOf(key)} is now your photo. Undo takes it back.`);
  window.dispatchEvent(new CustomEvent('rorem-go-to', {detail: 'remove'}));
  await look();
});
const openSample = name => window.rorem.open(async () => {
  const facts = await json(`/sample/${name}`, {method: 'POST'});
  const [photo, mask] = await Promise.all(['photo', 'mask'].map(async part => (await ask(`/sample/${name}/${part}`)).blob()));
  return {facts, file: new File([photo], facts.name, {type: photo.type}), marks: {remove: mask, avoid: null}};
});
const giveTruth = file => guarded(async () => {
  take(await json(here(`/truth?name=${encodeURIComponent(file.name)}`), {method: 'POST', body: file}));
});
const actions = {
  compare, outline: toggleOutline, pair: () => togglePair(), fit: fitAll,
  'zoom-in': () => zoomBy(1.4), 'zoom-out': () => zoomBy(1 / 1.4),
  stop: () => guarded(() => ask(here('/cancel'), {method: 'POST'})),
  truth: () => $('.cp-truth-file').click(),
  'no-truth': () => guarded(async () => take(await json(here('/truth'), {method: 'DELETE'}))),
  reveal: () => guarded(async () => { take(await json(there(null, '/reveal'), {method: 'POST'})); say('Names are shown.'); }),
  ...votes, earlier: () => turn(-1), later: () => turn(1), close: () => large.close(),
};
element.addEventListener('click', event => {
  const button = event.target.closest('button');
  if (!button) return;
  const key = button.closest('[data-key]')?.dataset.key, one = key in NAMES ? key : +key;
  if (button.dataset.sample) openSample(button.dataset.sample);
  else if (button.dataset.act === 'keep') keep(one);
  else if (button.dataset.act === 'large') openLarge(one);
  else actions[button.dataset.act]?.();
});
$('.cp-truth-file').addEventListener('change', event => { if (event.target.files[0]) giveTruth(event.target.files[0]); event.target.value = ''; });
window.addEventListener('rorem-tab', event => { if (event.detail === 'compare') { guarded(loadMethods); redraw(); } });

root.dataset.protocol = 'same';
if (document.documentElement.dataset.tab === 'compare') guarded(loadMethods);
else refresh();
if (window.rorem) window.dispatchEvent(new Event('rorem-changed'));
root.dataset.board = 'ready';
