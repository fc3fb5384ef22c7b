// Load and run a LiteRT file with LiteRT.js.

import { Tensor, loadAndCompile, loadLiteRt } from "./litertjs/core/dist/index.js";

// LiteRT logs to standard error, which the browser shows as errors; most of the lines are not
self.Module = { printErr: (line) => console[/^(INFO|WARNING)/.test(line) ? "debug" : "error"](line) };
let runtime;

/** Load a model and run it ten times, so that later calls are fast. */
export async function load(info) {
  runtime ??= loadLiteRt("./litertjs/core/wasm/");
  await runtime;
  const compiled = await loadAndCompile(info.url, { accelerator: "wasm" });
  const shape = [1, ...info.shape];
  const [low, high] = info.range;

  /** Return the probabilities for pixels in [0, 1], and the milliseconds of the call. */
  async function run(pixels) {
    const start = performance.now();
    const input = new Tensor(pixels.map((value) => low + value * (high - low)), shape);
    const [output] = await compiled.run(input);
    const scores = Array.from(await output.data());
    const milliseconds = performance.now() - start;
    input.delete();
    output.delete();
    return { probabilities: info.logits ? softmax(scores) : scores, milliseconds };
  }

  const blank = new Float32Array(shape.reduce((product, size) => product * size));
  for (let i = 0; i < 10; i++) await run(blank);
  return { info, run };
}

function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value);
  return powers.map((value) => value / sum);
}
