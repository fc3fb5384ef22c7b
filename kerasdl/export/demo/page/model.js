// One LiteRT file, compiled for this browser.

import { Tensor, loadAndCompile, loadLiteRt } from "./litertjs/core/dist/index.js";

// LiteRT's log goes to standard error, and from there to the console as errors, which most of it is not
self.Module = { printErr: (line) => console[/^(INFO|WARNING)/.test(line) ? "debug" : "error"](line) };
let runtime;

/** Load the model that a card describes, and run it until it is warm. */
export async function load(card) {
  runtime ??= loadLiteRt("./litertjs/core/wasm/");
  await runtime;
  const compiled = await loadAndCompile(card.url, { accelerator: "wasm" });
  const shape = [1, ...card.shape];
  const [low, high] = card.range;

  /** Probabilities for an image of values in [0, 1], and the milliseconds of the call. */
  async function run(pixels) {
    const start = performance.now();
    const input = new Tensor(pixels.map((value) => low + value * (high - low)), shape);
    const [output] = await compiled.run(input);
    const scores = Array.from(await output.data());
    const milliseconds = performance.now() - start;
    input.delete();
    output.delete();
    return { probabilities: card.logits ? softmax(scores) : scores, milliseconds };
  }

  const blank = new Float32Array(shape.reduce((product, size) => product * size));
  for (let i = 0; i < 10; i++) await run(blank);
  return { card, run };
}

function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value);
  return powers.map((value) => value / sum);
}
