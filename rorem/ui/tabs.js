// The tab bar. Gradio runs this once with: element. The chosen tab stands at <html data-tab>, where the rules in the head
// look, and in the address, so that a link leads to it. Others may choose one with the event `rorem-go-to`.

const page = document.documentElement, buttons = [...element.querySelectorAll('[role=tab]')];
const names = buttons.map(button => button.dataset.tab);
for (const name of names) {
  const panel = document.getElementById(`${name}-panel`);
  panel?.setAttribute('role', 'tabpanel');
  panel?.setAttribute('aria-labelledby', `tab-${name}`);
}
function choose(name, focus = false) {
  if (!names.includes(name)) return;
  page.dataset.tab = name;
  for (const button of buttons) {
    const chosen = button.dataset.tab === name;
    button.setAttribute('aria-selected', chosen);
    button.tabIndex = chosen ? 0 : -1;
    if (chosen && focus) button.focus();
  }
  const address = name === names[0] ? location.pathname + location.search : `#${name}`;
  if (location.hash.slice(1) !== (name === names[0] ? '' : name)) history.replaceState(history.state, '', address);
  window.dispatchEvent(new CustomEvent('rorem-tab', {detail: name}));
}
element.addEventListener('click', event => {
  const button = event.target.closest('[role=tab]');
  if (button) choose(button.dataset.tab);
});
element.addEventListener('keydown', event => {
  const at = names.indexOf(page.dataset.tab), last = names.length - 1;
  const to = {ArrowLeft: at ? at - 1 : last, ArrowRight: at < last ? at + 1 : 0, Home: 0, End: last}[event.key];
  if (to === undefined) return;
  event.preventDefault();
  choose(names[to], true);
});
window.addEventListener('rorem-go-to', event => choose(event.detail));
window.addEventListener('hashchange', () => choose(location.hash.slice(1) || names[0]));
choose(page.dataset.tab ?? names[0]);
