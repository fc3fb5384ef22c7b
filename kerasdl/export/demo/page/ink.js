// Extract the ink of a drawing or photograph: white on black, centered and scaled to fill a box.
//
// A style is {side, box: [width, height], pen, stretch}: the side of the square canvas, the box in it that the ink fills,
// the width of the pen, and how much more one direction may be scaled than the other.

import { trace } from "./board.js";

export function surface(width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  return context;
}

export const lightness = ([red, green, blue]) => Math.round(0.2989 * red + 0.587 * green + 0.114 * blue);

/** Return a canvas with the ink of strokes, which are lists of [x, y]. */
export function ofStrokes(strokes, style) {
  const points = strokes.flat();
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [width, height] = [Math.max(...xs) - left, Math.max(...ys) - top];
  // the pen's width is the same fraction of the drawing as of the box
  const line = Math.max(height, width / style.stretch, 40) * (style.pen / (style.box[1] - style.pen));
  const context = placed([left - line / 2, top - line / 2, width + line, height + line], style);
  context.strokeStyle = "#fff";
  trace(context, strokes, line);
  return context.canvas;
}

/** Return a canvas with the ink of an image, which may be dark on light or light on dark. */
export function ofImage(image, style) {
  const scale = Math.min(1, 256 / Math.max(image.width, image.height));
  const [width, height] = [Math.ceil(image.width * scale), Math.ceil(image.height * scale)];
  const context = surface(width, height);
  context.drawImage(image, 0, 0, width, height);
  const picture = context.getImageData(0, 0, width, height);
  const light = Array.from({ length: width * height }, (_, i) => lightness(picture.data.subarray(4 * i, 4 * i + 3)));
  const limit = threshold(light);
  const bright = light.filter((value) => value > limit).length;
  let [left, top, right, bottom] = [width, height, 0, 0];
  light.forEach((value, i) => {
    const isInk = value > limit === bright <= light.length / 2; // ink covers less than half
    picture.data.set(isInk ? [255, 255, 255, 255] : [0, 0, 0, 255], 4 * i);
    if (!isInk) return;
    const [x, y] = [i % width, Math.floor(i / width)];
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
  });
  if (right === 0) [left, top, right, bottom] = [0, 0, width, height]; // no ink
  context.putImageData(picture, 0, 0);
  const result = placed([left, top, right - left, bottom - top], style);
  result.drawImage(context.canvas, 0, 0);
  return result.canvas;
}

/** Return a black square canvas on which the rectangle [left, top, width, height] fills the style's box. */
function placed([left, top, width, height], { side, box, stretch }) {
  const [scaleX, scaleY] = [box[0] / width, box[1] / height];
  const context = surface(side, side);
  context.fillRect(0, 0, side, side);
  context.translate(side / 2, side / 2);
  context.scale(Math.min(scaleX, scaleY * stretch), Math.min(scaleY, scaleX * stretch));
  context.translate(-left - width / 2, -top - height / 2);
  return context;
}

/** Otsu's threshold between dark and light, with the least variance within the two groups. */
function threshold(light) {
  const counts = new Array(256).fill(0);
  for (const value of light) counts[value]++;
  const total = light.reduce((sum, value) => sum + value, 0);
  let [below, sumBelow, best, limit] = [0, 0, -1, 127];
  counts.forEach((count, value) => {
    below += count;
    sumBelow += count * value;
    const above = light.length - below;
    if (!below || !above) return;
    const between = below * above * (sumBelow / below - (total - sumBelow) / above) ** 2;
    if (between > best) [best, limit] = [between, value];
  });
  return limit;
}
