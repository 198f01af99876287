// A mask as a 1-bit PNG (PNG specification, second edition: greyscale, bit depth 1, no filter).

const table = Uint32Array.from({length: 256}, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ n >>> 1 : n >>> 1; return n; });
function chunk(name, data) {
  const out = new Uint8Array(12 + data.length), text = new TextEncoder().encode(name), numbers = new DataView(out.buffer);
  numbers.setUint32(0, data.length);
  out.set(text, 4); out.set(data, 8);
  let crc = -1;
  for (let i = 4; i < 8 + data.length; i++) crc = table[(crc ^ out[i]) & 255] ^ crc >>> 8;
  numbers.setUint32(8 + data.length, ~crc);
  return out;
}
async function onebit(bits, width, height) {
  const row = (width + 7 >> 3) + 1, raw = new Uint8Array(row * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (bits[y * width + x]) raw[y * row + 1 + (x >> 3)] |= 128 >> (x & 7);
  const squeezed = new Blob([raw]).stream().pipeThrough(new CompressionStream('deflate'));
  const data = new Uint8Array(await new Response(squeezed).arrayBuffer()), head = new Uint8Array(13), numbers = new DataView(head.buffer);
  numbers.setUint32(0, width); numbers.setUint32(4, height); head[8] = 1;
  const magic = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
  return new Blob([magic, chunk('IHDR', head), chunk('IDAT', data), chunk('IEND', new Uint8Array())], {type: 'image/png'});
}
const asText = blob => new Promise(resolve => { const reader = new FileReader(); reader.onload = () => resolve(reader.result); reader.readAsDataURL(blob); });
