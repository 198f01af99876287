// One picture as large as the window, with the same zoom; keys go from one to the next, which shows small differences.

const large = $('.cp-large'), largeCanvas = large.querySelector('canvas');
let largeKey = null, opener = null;

newPane(largeCanvas, () => largeKey === null ? [] : [largeKey], view => {
  if (largeKey === null) return;
  paintPicture(view, largeCanvas, largeKey);
  paintRim(view, largeCanvas);
});
function openLarge(key) {
  if (!shown().includes(key)) return;
  opener = document.activeElement;
  large.showModal();
  turnTo(key);
  largeCanvas.focus();
}
function turnTo(key) {
  largeKey = key;
  large.querySelector('h3').textContent = titleOf(key);
  largeCanvas.setAttribute('aria-label', `${titleOf(key)}. Arrow keys go on to others; + and - zoom.`);
  redraw();
  sharpenSoon();
}
function turn(by) {
  const keys = shown();
  if (keys.length) turnTo(keys[(keys.indexOf(largeKey) + by + keys.length) % keys.length]);
}
large.addEventListener('close', () => {
  largeKey = null;
  opener?.focus({preventScroll: true});
});
large.addEventListener('click', event => { if (event.target === large) large.close(); });  // beside the picture
large.addEventListener('keydown', event => {
  event.stopPropagation();              // the painting surface has keys of its own
  const by = {PageUp: -1, PageDown: 1, ...(lens.zoom === 1 ? {ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1} : {})}[event.key];
  if (by === undefined) return;
  event.preventDefault();
  turn(by);
});
