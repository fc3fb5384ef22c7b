// Show a model's description and its predictions.

const get = (id) => document.getElementById(id);
const ROWS = 10;
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(bytes < 1e4 ? 1 : 0)} kB`;
const percent = (fraction) => `${(100 * fraction).toFixed(fraction > 0.9995 || fraction < 0.0005 ? 0 : 1)} %`;
let runtime = "";
let timer;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Show a switch between the models if there are several. */
export function showModels(models, version, choose) {
  runtime = `LiteRT.js ${version}, WebAssembly`;
  get("models").hidden = models.length < 2;
  models.forEach((info, i) => {
    const input = element("input", { type: "radio", name: "model", checked: i === 0 });
    input.addEventListener("change", () => choose(info));
    const name = element("b", {}, info.name.replace(/^model-/, ""));
    get("models").append(element("label", {}, input, element("span", {}, name, ` ${kilobytes(info.size)}`)));
  });
}

export function showInfo(info) {
  const [height, width, channels] = info.shape;
  get("what").textContent = info.description;
  const facts = {
    Input: `${width} × ${height}, ${channels === 1 ? "gray" : "RGB"}, ${info.range.join(" to ")}`,
    Classes: info.labels.length,
    Precision: info.quantize ?? "float32",
    File: `${kilobytes(info.size)}, ${kilobytes(info.zipped_size)} zipped`,
    Runtime: runtime,
    Latency: element("span", { id: "latency" }, "–"),
  };
  get("facts").replaceChildren(
    ...Object.entries(facts).map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value)),
    ),
  );
  Object.assign(get("seen"), { width, height });
  get("hint").textContent = info.digits ? "Draw a digit" : "Draw or open an image";
  showWaiting(info);
}

export function showWaiting(info) {
  get("answer").hidden = true;
  get("sure").textContent = "Predictions appear while you draw";
  get("from").textContent = `Input: ${info.shape[1]} × ${info.shape[0]} pixels`;
  get("seen").getContext("2d").clearRect(0, 0, get("seen").width, get("seen").height);
  showBars(info, info.labels.map(() => 0));
  clearTimeout(timer);
  get("spoken").textContent = "";
}

export function showResult(info, pixels, probabilities) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  get("answer").hidden = false;
  get("answer").textContent = info.labels[best];
  get("answer").classList.toggle("word", info.labels[best].length > 2);
  get("sure").textContent = `Probability ${percent(probabilities[best])}`;
  showBars(info, probabilities, best);
  showSeen(info, pixels);
  // spoken when drawing pauses, not at every move
  clearTimeout(timer);
  const sentence = `${info.labels[best]}, probability ${percent(probabilities[best])}`;
  timer = setTimeout(() => (get("spoken").textContent = sentence), 700);
}

export function showLatency({ shape: [height, width] }, times) {
  const sorted = [...times].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const show = (time) => `${time < 10 ? time.toFixed(2) : time.toFixed(0)} ms`;
  get("from").textContent = `${width} × ${height} pixels, ${show(times.at(-1))}`;
  get("latency").textContent = `${show(median)}, median of ${times.length}`;
}

/** Show an error message and announce it to screen readers. */
export function showError(message) {
  get("answer").hidden = true;
  get("from").textContent = "";
  get("sure").textContent = get("spoken").textContent = message;
}

/** Show all classes in order, or the ten most probable ones. */
function showBars(info, probabilities, best) {
  let rows = info.labels.map((name, i) => ({ name, fraction: probabilities[i], isBest: i === best }));
  if (rows.length > ROWS) rows = rows.sort((a, b) => b.fraction - a.fraction).slice(0, ROWS);
  const list = get("bars");
  while (list.children.length < rows.length) {
    list.append(element("li", {}, element("b"), element("i"), element("span")));
  }
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach(({ name, fraction, isBest }, i) => {
    const row = list.children[i];
    const [label, bar, number] = row.children;
    label.textContent = name;
    number.textContent = best === undefined ? "" : percent(fraction);
    bar.style.setProperty("--fraction", fraction);
    row.classList.toggle("best", isBest);
  });
}

/** Show the network's input pixels. */
function showSeen({ shape: [height, width, channels] }, pixels) {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++) {
      image.data[4 * i + channel] = 255 * pixels[i * channels + (channels === 3 ? channel : 0)];
    }
    image.data[4 * i + 3] = 255;
  }
  get("seen").getContext("2d").putImageData(image, 0, 0);
}
