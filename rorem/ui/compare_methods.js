// What is compared: the methods of this server, which of them are ticked, and their settings. Those that lack their weights
// say so, and offer to fetch them where the server does that.

const MOST_TICKED = 4;                 // of those that are ready, at the first visit
let methods = [];
let ticked = null;                     // ids; null = the visitor has not chosen yet
const chosenSettings = {};             // id -> {name: value}, only what is not the default
try { ticked = JSON.parse(localStorage.getItem('rorem-compare')); } catch { /* a page that may keep nothing */ }

const make = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
const ready = () => methods.filter(({state}) => state === 'ready').map(({id}) => id);
const chosen = () => ready().filter(id => (ticked ?? ready().slice(0, MOST_TICKED)).includes(id));

async function loadMethods() {
  ({methods} = await json('/methods'));
  const focused = document.activeElement?.dataset?.for;
  const here = methods.filter(({state}) => state === 'ready'), others = methods.filter(({state}) => state !== 'ready');
  $('.cp-methods .cp-list').replaceChildren(...here.map(methodRow));
  $('.cp-others .cp-list').replaceChildren(...others.map(methodRow));
  $('.cp-others').hidden = !others.length;
  $('.cp-others summary').textContent = `${others.length} more ${others.length === 1 ? 'is' : 'are'} not ready yet`;
  if (focused) $(`[data-for="${focused}"]`)?.focus();
  refresh();
  if (methods.some(({fetching}) => fetching?.running)) setTimeout(() => guarded(loadMethods), 700);
}
function methodRow(method) {
  const {id, title, summary, state, why} = method, on = chosen().includes(id), about = `cp-about-${id}`;
  const box = make('input', {type: 'checkbox', value: id, checked: on, disabled: state !== 'ready'});
  box.dataset.for = `tick-${id}`;
  box.setAttribute('aria-describedby', about);
  const text = make('p', {className: 'rr-quiet', id: about}, [summary, why].filter(Boolean).join(' '));
  const row = make('div', {className: 'cp-method'}, make('label', {}, box, ' ', make('b', {}, title)), text);
  row.dataset.state = state;
  if (method.download) row.append(offer(method));
  else if (method.fetching?.error) row.append(make('p', {className: 'cp-why'}, method.fetching.error));
  if (state === 'ready' && method.settings.length) row.append(settingsOf(method));
  return row;
}
function offer({id, title, download, size, how, fetching}) {
  if (download === 'tell') return make('p', {className: 'cp-how'}, ...(/^rorem /.test(how) ? ['Get them with ', make('code', {}, how)] : [how]));
  const line = make('div', {className: 'rr-row'});
  if (fetching?.running) {
    const stop = make('button', {type: 'button', onclick: () => fetchWeights(id, 'DELETE')}, 'Stop');
    stop.dataset.for = `fetch-${id}`;
    const bar = make('progress', {max: 1, value: fetching.progress});
    bar.setAttribute('aria-label', `Download of ${title}`);
    line.append(bar, make('span', {className: 'rr-quiet'}, fetching.text), stop);
    return line;
  }
  const button = make('button', {type: 'button', onclick: () => fetchWeights(id, 'POST')}, size ? `Download (${size})` : 'Download');
  button.dataset.for = `fetch-${id}`;
  button.setAttribute('aria-label', `${button.textContent}: ${title}`);
  line.append(button);
  if (fetching?.error) line.append(make('p', {className: 'cp-why'}, fetching.error));
  return line;
}
const fetchWeights = (id, method) => guarded(async () => {
  await json(`/methods/${id}/download`, {method});
  await loadMethods();
});
function settingsOf({id, title, settings}) {
  const fields = settings.map(one => {
    const value = chosenSettings[id]?.[one.name] ?? one.default;
    const input = one.choices
      ? make('select', {}, ...one.choices.map(choice => make('option', {value: choice, selected: choice === value}, choice)))
      : make('input', {type: 'number', min: one.least ?? '', max: one.most ?? '', step: one.whole ? 1 : 'any', value});
    input.dataset.setting = `${id} ${one.name}`;
    input.addEventListener('change', () => {
      const now = one.choices ? input.value : +input.value;
      chosenSettings[id] = {...chosenSettings[id], [one.name]: now};
      if (now === one.default || input.value === '') delete chosenSettings[id][one.name];
    });
    return make('label', {className: 'cp-field', title: one.about}, make('span', {}, one.title), input);
  });
  return make('details', {className: 'cp-settings', open: !!openSettings[id], ontoggle: event => { openSettings[id] = event.target.open; }},
    make('summary', {ariaLabel: `Settings of ${title}`}, 'Settings'), make('div', {className: 'rr-row'}, ...fields));
}
const openSettings = {};
$('.cp-methods').addEventListener('change', event => {
  if (event.target.type !== 'checkbox') return;
  ticked = $$('.cp-methods input[type=checkbox]').filter(box => box.checked).map(box => box.value);
  try { localStorage.setItem('rorem-compare', JSON.stringify(ticked)); } catch { /* as above */ }
  refresh();
});
const published = () => $('[name=cp-protocol][value=published]').checked;
$('.cp-switch').addEventListener('change', () => { root.dataset.protocol = published() ? 'published' : 'same'; refresh(); });
