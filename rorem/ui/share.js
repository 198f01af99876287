// Sharing a photo, and taking one back. The tick is off for every result; nothing leaves before the button below it.

const tick = $('.rr-share-tick'), withdrawal = $('.rr-withdraw');  // null where nothing can be shared
let sharing = false;

function showShare(mine) {              // mine: what was said of the result that is shown
  if (!tick) return;
  if (mine !== showShare.last) tick.checked = false;
  showShare.last = mine;
  $('.rr-share').hidden = !mine.verdict || !!mine.code;
  $('.rr-terms').hidden = !tick.checked;
  $('.rr-share-it').disabled = sharing || running;
  $('.rr-shared').hidden = !mine.code;
  if ($('.rr-code').textContent !== mine.code) $('.rr-code').textContent = mine.code;
}
async function sharePhoto() {
  const mine = saidNow(), {token, state} = photo;
  if (sharing || running || !tick.checked) return;
  sharing = true;
  mine.told = 'Sharing…';
  showVerdict();
  await answering;                      // the answer goes with it
  try {
    const answer = await ask(`/photo/${token}/share`, {method: 'POST', body: JSON.stringify({state})});
    Object.assign(mine, {code: (await answer.json()).code, told: ''});
  } catch (error) {
    mine.told = error.message;
  }
  sharing = false;
  showVerdict();
  if (mine.code && saidNow() === mine) $('.rr-copy').focus({preventScroll: true});
}
async function copyCode() {
  const button = $('.rr-copy');
  try {
    await navigator.clipboard.writeText($('.rr-code').textContent);
    button.textContent = 'Copied';
  } catch {                             // not allowed here: it is marked, so that Ctrl+C copies it
    getSelection().selectAllChildren($('.rr-code'));
    button.textContent = 'Press Ctrl+C';
  }
  setTimeout(() => { button.textContent = 'Copy'; }, 3000);
}
async function withdrawPhoto(event) {
  event.preventDefault();
  const field = $('.rr-withdraw-code'), line = $('.rr-withdraw-told'), code = field.value.trim();
  if (!code) return;
  line.textContent = 'Withdrawing…';
  try {
    const answer = await ask('/label/withdraw', {method: 'POST', body: JSON.stringify({code})});
    line.textContent = (await answer.json()).text;
    field.value = '';
  } catch (error) {
    line.textContent = error.message;
  }
}
tick?.addEventListener('change', showVerdict);
$('.rr-share-it')?.addEventListener('click', sharePhoto);
$('.rr-copy')?.addEventListener('click', copyCode);
withdrawal?.querySelector('form').addEventListener('submit', withdrawPhoto);
showVerdict();
