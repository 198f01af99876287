// The Pick tool: clicks, or a box and clicks, that together mean one thing. The server is asked with all of them, so each
// answer takes the place of the one before; marks that were there before the thing was begun stay.

const PLUS = '#12a150', MINUS = '#20242c', MOST_PICKS = 64, LOOKING = 'Looking for it…';
const byFinger = matchMedia('(pointer: coarse)');
let things = 0;
let picks = nothingPicked();
let asked = [];            // clicks that the server has not answered yet
let aim = 'plus';          // what a click without Shift says

// clicks: {at: [x, y], minus} or {box: [left, top, right, bottom]}. base: the marks under the thing, as `trimmed` gives them.
function nothingPicked() { return {thing: ++things, clicks: [], base: null}; }
function nextThing() {                  // the next click begins another thing
  picks = nothingPicked();
  setAim('plus');
}
function setAim(kind) {
  aim = kind;
  for (const button of $$('[data-aim]')) button.setAttribute('aria-pressed', button.dataset.aim === kind);
  showPicks();
}
function showPicks() {
  $('.rr-pick').hidden = tool !== 'thing';
  $('[data-do=next]').hidden = !picks.clicks.length;
  draw();
}
const pickHint = () => byFinger.matches
  ? ['Tap the thing. With −, tap what is not part of it.', 'Marked. With −, tap what is not part of it.']
  : ['Click the thing. Shift-click what is not part of it.', 'Marked. Shift-click what is not part of it.'];

function pick(click) {
  if (click.box) nextThing();
  const {thing} = picks, {token} = photo, [width, height] = photo.proxy, [x, y] = click.at ?? click.box;
  if (click.at && !(x >= 0 && y >= 0 && x < width && y < height)) return;
  if (!click.box && click.minus && !picks.clicks.length && !asked.length) return say('Click the thing first.');
  if (picks.clicks.length + asked.length >= MOST_PICKS) return say('Those are enough clicks for one thing. Go on with the brush.');
  asked.push(click);
  say(LOOKING);
  draw();
  return inTurn(() => photo.token === token && answerPick(click, thing)).finally(() => {
    asked = asked.filter(one => one !== click);
    if (!asked.length && $('.rr-status').textContent === LOOKING) say('');   // there was no answer
    showPicks();
  });
}
async function answerPick(click, thing) {
  const {token} = photo, before = picks.thing === thing ? picks : {thing, clicks: [], base: null}, clicks = [...before.clicks, click];
  if (click.minus && clicks.length === 1) return say('');   // its thing is gone
  const query = clicks.map(({at, box, minus}) => box ? `box=${box}` : `${minus ? 'minus' : 'plus'}=${at}`).join('&');
  const png = await (await ask(here(`/select?${query}`), {method: 'POST'})).blob();
  if (photo?.token !== token) return;
  const found = await bitsOf(png);
  while (stroke?.layers) await new Promise(requestAnimationFrame);  // a stroke is being drawn
  if (photo?.token !== token) return;
  const current = layers.remove.bits, going = picks === before;     // or the tool was left meanwhile
  const base = before.clicks.length ? before.base : trimmed(current), marks = going ? whole(base) : current.slice();
  for (let i = 0; i < marks.length; i++) marks[i] |= found[i];
  layers.remove.put(marks);
  layers.remove.agree(current);
  const after = going ? {...before, clicks, base} : null;
  const changed = commit({pick: after && {before, after}});
  if (changed && after) picks = after;
  if (!changed) say(nothingFound(clicks));
  else if (!found.includes(1)) say('Nothing is left of it. Undo brings it back.');
  else say(going ? pickHint()[1] : 'Marked.');
}
function nothingFound([first, ...more]) {
  if (more.length) return 'That changed nothing. Go on with brush and eraser.';
  return `Nothing stood out there. Try ${first.box ? 'a click on it' : 'a box around it'}, or the brush.`;
}

function drawPicks() {
  const size = ratio() / zoom;
  for (const {at, box, minus} of [...picks.clicks, ...asked]) {
    if (box) { const [l, t, r, b] = box; outline([[l, t], [r, t], [r, b], [l, b]], true); continue; }
    const [x, y] = at;
    view.beginPath(); view.arc(x, y, 8 * size, 0, 7);
    view.fillStyle = minus ? MINUS : PLUS; view.fill();
    view.lineWidth = 2 * size; view.strokeStyle = '#fff'; view.stroke();
    view.beginPath(); view.moveTo(x - 4 * size, y); view.lineTo(x + 4 * size, y);
    if (!minus) { view.moveTo(x, y - 4 * size); view.lineTo(x, y + 4 * size); }
    view.stroke();
  }
}
// Enter: picks where the arrow keys have led (with Shift: not part of it); in the place picked last, it ends the thing.
function pickByKey(at, moved, minus) {
  const last = [...picks.clicks, ...asked].at(-1);
  if (!last || (moved && String(last.at) !== String(at))) return pick({at, minus});
  if (!moved) keyCursor = null;
  actions.next();
}
