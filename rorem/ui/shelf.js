// What the browser keeps: a photo and its marks for a reload, and small memories. Every use works without it, because a
// page inside another site's frame may be allowed nothing.

function remembering(storage) {
  try {
    storage().getItem('rorem');
    return storage();
  } catch {
    return {getItem: () => null, setItem() {}};
  }
}
const always = remembering(() => localStorage), thisTab = remembering(() => sessionStorage);

// Each tab has its own place (the session storage outlives a reload, not the tab); places of closed tabs go after a day.
const place = thisTab.getItem('rorem-tab') || crypto.randomUUID?.() || String(Math.random());
thisTab.setItem('rorem-tab', place);
const DAY = 864e5;

const database = new Promise(resolve => {
  const request = indexedDB.open('rorem', 2);
  request.onupgradeneeded = () => {
    for (const name of request.result.objectStoreNames) request.result.deleteObjectStore(name);
    request.result.createObjectStore('kept');
  };
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => resolve(null);
}).catch(() => null);
async function shelved(mode, work) {    // one request to the shelf; null where the browser keeps nothing
  const open = await database;
  return open && new Promise(resolve => {
    const request = work(open.transaction('kept', mode).objectStore('kept'));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(null);
  }).catch(() => null);
}
const shelf = {
  put: (name, value) => shelved('readwrite', kept => kept.put({value, at: Date.now()}, `${place} ${name}`)),
  get: async name => (await shelved('readonly', kept => kept.get(`${place} ${name}`)))?.value,
  drop: name => shelved('readwrite', kept => kept.delete(`${place} ${name}`)),
  async tidy() {
    for (const key of await shelved('readonly', kept => kept.getAllKeys()) || []) {
      const one = await shelved('readonly', kept => kept.get(key));
      if (!key.startsWith(place) && !(Date.now() - one?.at < DAY)) await shelved('readwrite', kept => kept.delete(key));
    }
  },
};
