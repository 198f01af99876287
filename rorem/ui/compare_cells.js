// The results: a cell for each method, with its own canvas, what is known of it, and what can be done with it.

const cells = new Map();               // index -> {node, pane, ...parts}
let board = null;                      // what the server tells of the comparison
const NAMES = {source: 'Photo', truth: 'Truth'};

const titleOf = key => NAMES[key] ?? `${board.cells[key].letter ? `${board.cells[key].letter}: ` : ''}${board.cells[key].title}`;
// Everything that can be looked at: the photo, the truth, the results.
const shown = () => board ? ['source', ...(board.truth ? ['truth'] : []), ...board.cells.filter(({phase}) => phase === 'done').map(({index}) => index)] : [];

const megabytes = count => count >= 1e9 ? `${(count / 1e9).toFixed(1)} GB` : `${Math.round(count / 1e6)} MB`;
function factsOf({seconds, calls, working, memory, score, drift}) {
  if (seconds === undefined) return [];
  return [
    ['Time', `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`],
    ['Network calls', calls],
    ['Worked at', [...new Set(working.map(size => size.join(' × ')))].join(', ')],
    ...(memory === null ? [] : [['Peak memory', megabytes(memory)]]),
    ...(score === null ? [] : [['Judge', score.toFixed(2)]]),
    ...(drift === null ? [] : [['Drift outside', `${drift.toFixed(2)} levels`]]),
  ];
}
function buildCells() {
  for (const {pane} of cells.values()) dropPane(pane);
  cells.clear();
  const keys = ['source', ...(board.truth ? ['truth'] : []), ...board.cells.map(({index}) => index)];
  $('.cp-grid').replaceChildren(...keys.map(buildCell));
}
function buildCell(key) {
  const canvas = make('canvas', {tabIndex: 0});
  canvas.setAttribute('role', 'img');
  const bar = make('progress', {max: 1, value: 0}), veil = make('div', {className: 'cp-veil'}, make('p'), bar);
  const name = make('h3', {}), large = make('button', {type: 'button', className: 'cp-icon', title: 'Large view (Enter)'}, '⤢');
  large.dataset.act = 'large';
  const facts = make('dl'), notes = make('p', {className: 'rr-quiet cp-notes'}), tools = make('div', {className: 'rr-row cp-tools'});
  const node = make('article', {className: 'cp-cell'},
    make('header', {}, name, large), make('div', {className: 'cp-shot'}, canvas, veil), facts, notes, tools);
  node.dataset.key = key;
  const pane = newPane(canvas, () => [key], view => { paintPicture(view, canvas, key); paintRim(view, canvas); });
  canvas.addEventListener('keydown', event => { if (event.key === 'Enter') openLarge(key); });
  canvas.addEventListener('dblclick', () => openLarge(key));
  cells.set(key, {node, pane, canvas, bar, veil, name, large, facts, notes, tools});
  return node;
}
function showCells() {
  for (const [key, cell] of cells) {
    const told = board.cells[key], title = titleOf(key), good = !told || told.phase === 'done';
    cell.node.dataset.phase = told?.phase ?? 'done';
    cell.name.textContent = title;
    cell.node.setAttribute('aria-label', title);
    cell.canvas.setAttribute('aria-label', `${title}. Arrow keys move, + and - zoom, 0 shows all, Enter shows it large.`);
    cell.canvas.tabIndex = good ? 0 : -1;
    cell.large.setAttribute('aria-label', `Large view of ${title}`);
    cell.large.hidden = !good;
    cell.veil.hidden = good && !pictures.get(key)?.error;
    cell.veil.querySelector('p').textContent = pictures.get(key)?.error ?? told?.text ?? '';
    cell.bar.hidden = told?.phase !== 'working';
    cell.bar.value = told?.progress ?? 0;
    cell.bar.setAttribute('aria-label', `Progress of ${title}`);
    if (told) showFacts(cell, told, good);
  }
  $('.cp-what').textContent = `${board.published ? 'As published' : 'Same pipeline'}, seed ${board.seed}. Wheel or pinch zooms all of them.`;
  const why = Object.assign({}, ...board.cells.map(({left_out}) => left_out));
  $('.cp-unmeasured').hidden = !Object.keys(why).length;
  $('.cp-unmeasured ul').replaceChildren(...Object.entries(why).map(([id, sentence]) => make('li', {}, make('b', {}, id), `: ${sentence}`)));
}
function showFacts(cell, told, good) {
  const rows = [...factsOf(told).map(([name, value]) => [name, value, '']), ...(told.metrics ?? []).map(({title, value, about}) => [title, value, about])];
  const text = JSON.stringify([rows, told.notes, good, board.hidden, board.fits, board.running]);
  if (cell.text === text) return;       // nothing is rebuilt under the visitor's hands
  cell.text = text;
  cell.facts.replaceChildren(...rows.map(([name, value, about]) => make('div', {title: about}, make('dt', {}, name), make('dd', {}, value))));
  cell.notes.textContent = [...(told.notes ?? []), told.why_not].filter(Boolean).join(' ');
  cell.tools.replaceChildren();
  if (!good) return;
  const keep = make('button', {type: 'button', title: 'Make this the photo and go on from there'}, 'Go on from here');
  keep.dataset.act = 'keep';
  const fits = board.fits && !board.running;
  keep.disabled = !fits;
  if (!board.fits) keep.title = 'The photo has changed since. Undo until it is as it was, or compare again.';
  const file = make('a', {className: 'rr-button', href: `${base}${there(told.index, '/file')}`, download: ''}, 'PNG');
  file.setAttribute('aria-label', `Download ${titleOf(told.index)} as a file without loss`);
  if (!board.hidden && !told.why_not) cell.tools.append(keep);
  cell.tools.append(file);
}

// ---------------------------------------------------------------- pictures

const there = (key, path) => here(`/comparison/${board.id}${key === null ? '' : `/${key}`}${path}`);
const fetchPicture = async (key, query) => createImageBitmap(await (await ask(there(key, `/view${query}`))).blob());
function forgetPictures() {
  for (const {whole, part} of pictures.values()) { whole?.close(); part?.bitmap.close(); }
  pictures = new Map();
  rim = null;
}
async function loadPictures() {         // those that can be shown and are not here yet
  const {id} = board;
  if (!rim) {
    rim = document.createElement('canvas');
    ask(there(null, '/mask')).then(answer => answer.blob()).then(createImageBitmap).then(bitmap => {
      if (board?.id === id) rim = outlineOf(bitmap, ...photoSize());
      bitmap.close();
      redraw();
    }).catch(() => { if (board?.id === id) rim = null; });
  }
  await Promise.all(shown().filter(key => !pictures.has(key)).map(async key => {
    const one = {whole: null, part: null, error: 'Loading…'}, {hidden} = board;
    pictures.set(key, one);
    try {
      const whole = await fetchPicture(key, `?side=${SIDE}`);
      if (pictures.get(key) !== one) return whole.close();
      Object.assign(one, {whole, error: null});
      sharpenSoon();
    } catch (error) {
      one.error = error.message;
      if (error.gone) throw error;
    }
    if (board?.id === id && board.hidden === hidden) showCells();
    redraw();
  }));
}
