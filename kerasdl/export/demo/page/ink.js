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

/**
 * Return a canvas with the ink of an image, which may be dark on light or light on dark.
 *
 * Its strokes, which in print may be bold or fine, get the width of the style's pen.
 */
export function ofImage(image, style) {
  const [ink, width, height] = bitmap(image);
  const lines = middles(ink, width, height);
  return ofStrokes(lines.length ? lines : [[[width / 2, height / 2]]], style);
}

/** Return which pixels of an image are ink, with a blank margin of a pixel: [0 or 1 each, width, height]. */
function bitmap(image) {
  const scale = Math.min(1, 256 / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((size) => Math.ceil(size * scale) + 2);
  const context = surface(width, height);
  context.drawImage(image, 1, 1, width - 2, height - 2);
  const { data } = context.getImageData(1, 1, width - 2, height - 2);
  const light = Array.from({ length: data.length / 4 }, (_, i) => lightness(data.subarray(4 * i, 4 * i + 3)));
  const limit = threshold(light);
  const bright = light.filter((value) => value > limit).length;
  const ink = new Uint8Array(width * height);
  light.forEach((value, i) => {
    const [x, y] = [i % (width - 2), Math.floor(i / (width - 2))];
    ink[(y + 1) * width + x + 1] = value > limit === bright <= light.length / 2; // ink covers less than half
  });
  return [ink, width, height];
}

/** Return the middle lines of strokes in a bitmap, as short lines from [x, y] to [x, y]. */
function middles(ink, width, height) {
  thin(ink, width);
  const lines = [];
  for (let i = 0; i < width * height; i++) {
    if (!ink[i]) continue;
    const place = (at) => [at % width, Math.floor(at / width)];
    const next = [i + 1, i + width, i + width + 1, i + width - 1].filter((at) => ink[at]);
    lines.push(...(next.length ? next.map((at) => [place(i), place(at)]) : [[place(i)]]));
  }
  return lines;
}

/** Thin the ink of a bitmap to lines of one pixel (Zhang and Suen, 1984). */
function thin(ink, width) {
  const around = [-width, 1 - width, 1, width + 1, width, width - 1, -1, -width - 1]; // clockwise from above
  const sides = [
    [[0, 2, 4], [2, 4, 6]],
    [[0, 2, 6], [0, 4, 6]],
  ];
  for (let changed = true; changed; ) {
    changed = false;
    for (const [first, second] of sides) {
      const edge = [];
      ink.forEach((value, i) => {
        if (!value) return;
        const near = around.map((step) => ink[i + step]);
        const count = near.reduce((sum, each) => sum + each);
        const parts = near.filter((each, k) => !each && near[(k + 1) % 8]).length;
        const isEdge = !first.every((k) => near[k]) && !second.every((k) => near[k]);
        if (count >= 2 && count <= 6 && parts === 1 && isEdge) edge.push(i);
      });
      for (const i of edge) ink[i] = 0;
      changed ||= edge.length > 0;
    }
  }
}

/** Return the ink moved by whole pixels, so that its center of mass is in the middle. */
export function balanced(canvas) {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let i = 0; i < width * height; i++) {
    mass += data[4 * i];
    sumX += data[4 * i] * ((i % width) + 0.5);
    sumY += data[4 * i] * (Math.floor(i / width) + 0.5);
  }
  const context = surface(width, height);
  context.fillRect(0, 0, width, height);
  context.drawImage(canvas, Math.round(width / 2 - sumX / mass), Math.round(height / 2 - sumY / mass));
  return context.canvas;
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
