// The outline of a black and white picture, width x height: red, with white on both sides, to be seen on every ground.
function outlineOf(bitmap, width, height) {
  const make = () => Object.assign(document.createElement('canvas'), {width, height});
  const marks = make(), ink = marks.getContext('2d', {willReadFrequently: true});
  ink.imageSmoothingEnabled = width < bitmap.width;
  ink.drawImage(bitmap, 0, 0, width, height);
  const data = ink.getImageData(0, 0, width, height);
  for (let i = 0; i < data.data.length; i += 4) data.data[i + 3] = data.data[i] > 127 ? 255 : 0;
  ink.putImageData(data, 0, 0);
  const ring = (reach, colour) => {
    const sheet = make(), pen = sheet.getContext('2d');
    for (let i = 0; i < 16; i++) pen.drawImage(marks, reach * Math.cos(i * Math.PI / 8), reach * Math.sin(i * Math.PI / 8));
    pen.globalCompositeOperation = 'source-in';
    pen.fillStyle = colour;
    pen.fillRect(0, 0, width, height);
    return sheet;
  };
  const out = make(), pen = out.getContext('2d'), unit = Math.max(1, Math.max(width, height) / 500);
  pen.drawImage(ring(2 * unit, '#fff'), 0, 0);
  pen.drawImage(ring(1.2 * unit, '#ff2d55'), 0, 0);
  pen.globalCompositeOperation = 'destination-out';
  pen.drawImage(marks, 0, 0);
  return out;
}
