// Convert a drawing or an image to pixels like those a network was trained on, with values in [0, 1].

import * as ink from "./ink.js";

// scikit-learn's digits were bitmaps of 32 x 32, in which nine digits in ten are stretched to 20 x 32. Each of the 8 x 8
// pixels is the fraction of ink in a block of 4 x 4. With this pen width, drawings have as much ink as the dataset.
const DIGITS = { side: 32, box: [20, 32], pen: 5.2, stretch: 1.4 };
// Print has the proportions of a digit already; with this pen width, its ink is that of the dataset.
const PRINTED = { ...DIGITS, pen: 4.8, stretch: 1 };
// MNIST's digits fill a box of 20 x 20 without being stretched, and their center of mass is in the middle of 28 x 28
// pixels. With this pen width, drawings have as much ink as the dataset.
const MNIST = { side: 28, box: [20, 20], pen: 2.4, stretch: 1 };
const BLOCK = 4;
const LARGEST = 1024; // pixels a side of an opened image, so that each prediction does not scale megapixels
const SIDE = DIGITS.side / BLOCK;

/** Return a drawing's pixels for a network. */
export function fromStrokes(strokes, info) {
  if (info.digits) return fromBitmap(ink.ofStrokes(strokes, DIGITS), info);
  if (info.mnist) return fromMnist(ink.ofStrokes(strokes, MNIST), info);
  // as in most datasets of drawings: centered, not stretched, with a margin
  const [height, width] = info.shape;
  const side = Math.min(height, width);
  const style = { side, box: [0.75 * side, 0.75 * side], pen: 0.08 * side, stretch: 1 };
  return values(resized(ink.ofStrokes(strokes, style), width, height), info.shape);
}

/** Return an image on white, like paper behind a transparent one, and at most 1024 pixels wide and high. */
export function onWhite(image) {
  const scale = Math.min(1, LARGEST / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((size) => Math.max(1, Math.round(size * scale)));
  const context = ink.surface(width, height);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(image, 0, 0, width, height);
  image.close(); // a photograph of 16 megapixels takes 64 MB
  return context.canvas;
}

/** Return an image's pixels: cropped and scaled, or, for a printed or photographed digit, its ink. */
export function fromImage(image, info) {
  const [height, width] = info.shape;
  const has = (w, h) => image.width === w && image.height === h;
  const ofInk = info.digits || info.mnist;
  if (!ofInk || has(width, height)) return values(resized(image, width, height), info.shape);
  if (info.mnist) return fromMnist(ink.ofImage(image, MNIST), info);
  if (has(SIDE, SIDE)) return enlarged(values(resized(image, SIDE, SIDE), [SIDE, SIDE, 1]), info.shape);
  return fromBitmap(ink.ofImage(image, PRINTED), info);
}

/** Crop the center to the given aspect ratio, and scale. */
function resized(image, width, height) {
  const scale = Math.min(image.width / width, image.height / height);
  const [w, h] = [scale * width, scale * height];
  const context = ink.surface(width, height);
  context.drawImage(image, (image.width - w) / 2, (image.height - h) / 2, w, h, 0, 0, width, height);
  return context.canvas;
}

/** Return the network's channels: red, green and blue, or the lightness. */
function values(canvas, [height, width, channels]) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const result = new Float32Array(height * width * channels);
  for (let i = 0; i < height * width; i++) {
    const rgb = data.subarray(4 * i, 4 * i + 3);
    result.set(channels === 3 ? rgb : [ink.lightness(rgb)], channels * i);
  }
  return result.map((value) => value / 255);
}

function fromMnist(canvas, { shape }) {
  return values(resized(ink.balanced(canvas), shape[1], shape[0]), shape);
}

/** Return the fraction of ink in each block of a bitmap, at the size of the network's input. */
function fromBitmap(canvas, info) {
  const grey = new Float32Array(SIDE * SIDE);
  values(canvas, [DIGITS.side, DIGITS.side, 1]).forEach((value, i) => {
    const [row, column] = [Math.floor(i / DIGITS.side), i % DIGITS.side];
    grey[Math.floor(row / BLOCK) * SIDE + Math.floor(column / BLOCK)] += Math.round(value) / BLOCK ** 2;
  });
  return enlarged(grey, info.shape);
}

/** Enlarge bilinearly, as the dataset is enlarged for networks whose input is larger than 8 x 8. */
export function enlarged(grey, [height, width]) {
  const result = new Float32Array(height * width);
  const place = (i, size) => {
    const exact = Math.min(Math.max(((i + 0.5) * SIDE) / size - 0.5, 0), SIDE - 1);
    const low = Math.min(Math.floor(exact), SIDE - 2);
    return [low, exact - low];
  };
  for (let i = 0; i < result.length; i++) {
    const [y, down] = place(Math.floor(i / width), height);
    const [x, along] = place(i % width, width);
    const row = (start) => grey[start] * (1 - along) + grey[start + 1] * along;
    result[i] = row(y * SIDE + x) * (1 - down) + row((y + 1) * SIDE + x) * down;
  }
  return result;
}
