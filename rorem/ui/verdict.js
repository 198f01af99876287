// What a visitor says of a result: yes or no, and for a no what is wrong. Nothing is sent before a press. What was said is
// remembered by result, as long as the page is open, so that undo and redo show it again.

const NOTED_AFTER = 700;               // ms without another press until the reasons are sent
const verdictBox = $('.rr-verdict');    // null where nobody is asked
const said = new Map();                // token and state -> {verdict, reasons, saved: the same as the server has it, since, code}
let noting = 0, answering = Promise.resolve();

const NOTHING_SAID = () => ({verdict: '', reasons: new Set()});
const resultNow = () => photo?.state ? `${photo.token} ${photo.state}` : '';
function saidNow() {
  const key = resultNow();
  if (key && !said.has(key)) said.set(key, {...NOTHING_SAID(), saved: NOTHING_SAID(), told: '', since: performance.now(), code: ''});
  return said.get(key);
}
function showVerdict() {
  if (!verdictBox) return;
  const mine = saidNow();
  if (!mine) return;
  for (const button of $$('[data-verdict]')) {
    button.setAttribute('aria-pressed', button.dataset.verdict === mine.verdict);
    button.disabled = running;
  }
  for (const button of $$('[data-reason]')) button.setAttribute('aria-pressed', mine.reasons.has(button.dataset.reason));
  $('.rr-why').hidden = mine.verdict !== 'no';
  const line = $('.rr-verdict-told');
  if (line.textContent !== mine.told) line.textContent = mine.told;
  showShare(mine);
}
// One after the other: a change of mind must not overtake what it changes.
function sendVerdict(mine) {
  const {token, state} = photo, sent = {verdict: mine.verdict, reasons: [...mine.reasons]};
  const body = JSON.stringify({state, ...sent, seconds: (performance.now() - mine.since) / 1000});
  Object.assign(mine, {last: sent, told: 'Saving…'});
  showVerdict();
  answering = answering.then(async () => {
    try {
      await ask(`/photo/${token}/verdict`, {method: 'POST', body});
      mine.saved = {verdict: sent.verdict, reasons: new Set(sent.reasons)};
      if (mine.last === sent) mine.told = 'Thank you, saved.';
    } catch (error) {                   // nothing is claimed that is not so
      const {verdict, reasons} = mine.saved;
      if (mine.last === sent) Object.assign(mine, {verdict, reasons: new Set(reasons), told: error.message});
    }
    showVerdict();
  });
}
function answerVerdict(verdict) {
  const mine = saidNow();
  if (!mine || running || mine.verdict === verdict) return;
  clearTimeout(noting);
  Object.assign(mine, {verdict, reasons: new Set()});
  sendVerdict(mine);
}
function answerReason(reason) {
  const mine = saidNow(), key = resultNow();
  if (mine?.verdict !== 'no') return;
  if (!mine.reasons.delete(reason)) mine.reasons.add(reason);
  clearTimeout(noting);
  noting = setTimeout(() => {
    if (resultNow() === key) sendVerdict(mine);
    else mine.reasons = new Set(mine.saved.reasons);  // the result was undone meanwhile
  }, NOTED_AFTER);
  showVerdict();
}
verdictBox?.addEventListener('click', event => {
  const button = event.target.closest('button');
  if (button?.dataset.verdict) answerVerdict(button.dataset.verdict);
  if (button?.dataset.reason) answerReason(button.dataset.reason);
});
window.addEventListener('rorem-changed', showVerdict);
