// Votes: which of the two under the slider is better, as long as names are hidden; and what came out of all votes. Without
// the store of answers neither is on the page.

const VERDICTS = {left: '1', right: '2', tie: '3', both_bad: '4'};
const ballot = $('.cp-vote'), leaders = $('.cp-leaders');
let voting = false, seen = {pair: '', at: 0};  // which pair is shown, and since when
let thanks = '';                       // after the last pair, which method was which

const pairNow = () => pairKeys().map(Number);
const isOpen = ([left, right]) => !!board?.pairs?.some(([one, other]) => one === Math.min(left, right) && other === Math.max(left, right));
const canVote = () => !!ballot && !voting && paired && isOpen(pairNow());
function offerPair([left, right]) {         // puts a pair under the slider
  wanted = [String(left), String(right)];
  for (const [index, list] of [$('.cp-left'), $('.cp-right')].entries()) list.value = wanted[index];
  split.value = 500;
  redraw();
  sharpenSoon();
}
function showVote(anew) {               // anew: it is another comparison than before
  if (!ballot) return;
  if (anew) { seen = {pair: '', at: 0}; thanks = ''; }
  const open = !!board.hidden && !board.running && board.pairs.length > 0;
  if (open && !seen.pair) {             // results have just come: the first pair is shown by itself
    offerPair(board.pairs[0]);
    if (!paired) togglePair(true, false);
  }
  ballot.hidden = !open && !thanks;
  $('.cp-vote-buttons').hidden = $('.cp-vote-note').hidden = !open;
  if (!open) { $('.cp-vote-ask').textContent = thanks; return; }
  const now = pairNow(), mine = isOpen(now), [left, right] = now.map(key => board.cells[key]?.title ?? '');
  if (seen.pair !== String(now)) seen = {pair: String(now), at: performance.now()};
  const count = board.pairs.length, more = count > 1 ? ` ${count} pairs are left.` : '';
  $('.cp-vote-ask').textContent = mine ? `Which is better, ${left} or ${right}?${more}` : `Choose two results that you have not voted on.${more}`;
  const names = {left: `${left} is better`, right: `${right} is better`};
  for (const verdict in VERDICTS) {
    const button = $(`[data-act=vote-${verdict}]`);
    if (names[verdict]) button.textContent = mine ? names[verdict] : verdict === 'left' ? 'Left is better' : 'Right is better';
    button.disabled = !mine || !paired;
  }
}
async function castVote(verdict) {
  if (!canVote()) return;
  const [left, right] = pairNow(), {id} = board, seconds = (performance.now() - seen.at) / 1000;
  voting = true;
  say('Saving your vote…');
  await guarded(async () => {
    const body = JSON.stringify({left, right, verdict, seconds});
    const told = await json(there(null, '/vote'), {method: 'POST', body});
    voting = false;
    if (board?.id !== id) return;
    take(told);
    if (board.pairs.length) offerPair(board.pairs[0]);
    if (!board.hidden) thanks = `Thank you, your vote is saved. ${board.cells.map(({index}) => titleOf(index)).join(', ')}.`;
    showVote(false);
    say('Your vote is saved.');
    if (leaders.open) showLeaders();
  });
  voting = false;
  if (board) showVote(false);
  if (!board?.pairs.length && document.activeElement === document.body) split.focus({preventScroll: true});
}
const votes = Object.fromEntries(Object.keys(VERDICTS).map(verdict => [`vote-${verdict}`, () => castVote(verdict)]));

if (ballot) {
  for (const list of [$('.cp-left'), $('.cp-right')]) list.addEventListener('change', () => board && showVote(false));
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || large.open || !ballot.offsetParent) return;
    if (event.target?.closest?.('input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select')) return;
    const verdict = Object.keys(VERDICTS).find(name => VERDICTS[name] === event.key);
    if (!verdict || !canVote()) return;
    event.preventDefault();
    castVote(verdict);
  });
}

// ---------------------------------------------------------------- the leaderboard

async function showLeaders() {
  const line = $('.cp-leaders-told');
  let told;
  try {
    told = await json('/leaderboard');
  } catch (error) {
    line.textContent = error.message;
    return;
  }
  $('.cp-leaders-table').hidden = !told.standings.length;
  $('.cp-leaders tbody').replaceChildren(...told.standings.map(one => {
    const row = make('tr', {className: one.few ? 'cp-few' : ''}, make('th', {scope: 'row'}, one.title),
      make('td', {}, one.score), make('td', {}, one.low === one.high ? '–' : `${one.low} to ${one.high}`), make('td', {}, one.votes),
      make('td', {}, one.seconds === null ? '–' : one.seconds.toFixed(one.seconds < 10 ? 2 : 1)));
    return row;
  }));
  line.textContent = told.notes.join(' ');
}
leaders?.addEventListener('toggle', () => { if (leaders.open) showLeaders(); });
