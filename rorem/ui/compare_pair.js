// Two pictures under one slider: any two of the photo, the truth and the results.

const KNOB = 40;                       // px of the slider's handle, which stays inside
const pairCanvas = $('.cp-pair canvas'), split = $('.cp-split');
const pairKeys = () => [$('.cp-left').value, $('.cp-right').value].filter(Boolean).map(key => key in NAMES ? key : +key);
let paired = false, wanted = ['', ''];  // what the visitor chose, by side

newPane(pairCanvas, pairKeys, view => {
  const [first, second] = pairKeys(), knob = KNOB * ratio(), edge = knob / 2 + split.value / 1000 * (pairCanvas.width - knob);
  if (second === undefined) return;
  paintPicture(view, pairCanvas, second);
  view.save();
  view.setTransform(1, 0, 0, 1, 0, 0);
  view.clearRect(0, 0, edge, pairCanvas.height);
  view.beginPath(); view.rect(0, 0, edge, pairCanvas.height); view.clip();
  paintPicture(view, pairCanvas, first);
  view.restore();
  paintRim(view, pairCanvas);
  view.setTransform(1, 0, 0, 1, 0, 0);
  view.fillStyle = '#000a'; view.fillRect(edge - 3, 0, 6, pairCanvas.height);
  view.fillStyle = '#fff'; view.fillRect(edge - 1.5, 0, 3, pairCanvas.height);
});
function showPair() {
  const keys = shown();
  for (const [index, list] of [$('.cp-left'), $('.cp-right')].entries()) {
    const options = keys.map(key => make('option', {value: key}, titleOf(key)));
    const text = options.map(option => option.textContent).join('|');
    if (list.dataset.text === text) continue;
    list.dataset.text = text;
    list.replaceChildren(...options);
    const kept = keys.some(key => String(key) === wanted[index]);
    list.value = kept ? wanted[index] : keys[index ? keys.length - 1 : 0] ?? '';
  }
}
function togglePair(on = !paired, focus = on) {
  paired = on;
  $('.cp-pair').hidden = !on;
  $('[data-act=pair]').setAttribute('aria-pressed', on);
  if (focus) split.focus({preventScroll: true});
  redraw();
  sharpenSoon();
}
split.addEventListener('input', redraw);
for (const [index, list] of [$('.cp-left'), $('.cp-right')].entries()) list.addEventListener('change', () => {
  wanted[index] = list.value;
  redraw();
  sharpenSoon();
});
