// The page: settings -> a training, the training -> what is seen. The arithmetic is refnn.js, the formulas explain.js.

"use strict";

const $ = (id) => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const draw_svg = (tag, attributes, parent) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent?.append(element);
  return element;
};

const TEXTS = ["seed", "lr", "hidden", "batch_size", "epochs"];
const AREAS = { "truth-table": [-0.5, 1.5, -0.5, 1.5], "alice-bob": [-30, 35, -12, 12], points: [-3, 3, -3, 3], "sin-cos": [-5, 5, -5, 5] };
const CAPTIONS = {
  "truth-table": "Output for x1 (right) and x2 (up), with x3 = 1. Square: 0 is right; circle: 1 is right.",
  "alice-bob": "Output for weight - 135 (right) and height - 66 (up). Circle: a woman; square: a man.",
  points: "Probability of class 1 for x1 (right) and x2 (up). Circle: class 1; square: class 0.",
  "sin-cos": "Output for x1 (right) and x2 (up).",
};
const GRID = 48; // points of a surface along each side

let task, settings, seed, bug, training, losses, before = [];
let items, pinned, hovered = null, row = 0, playing = false, last = 0, problem = ""; // problem: of the settings

// Settings

const LIMIT = 2n ** 64n;
const READ = { // the value of a text, or undefined
  seed: (text) => (/^\d{1,20}$/.test(text) && BigInt(text) < LIMIT ? BigInt(text) : undefined),
  lr: (text) => (/^\d*\.?\d+(e[-+]?\d+)?$/i.test(text) && Number(text) > 0 && Number(text) < Infinity ? Number(text) : undefined),
  hidden(text) {
    const sizes = text === "none" ? [] : text.split(",").map((size) => (/^\s*\d{1,2}\s*$/.test(size) ? Number(size) : 0));
    return sizes.length <= CONFIG.layers && sizes.every((size) => size >= 1 && size <= CONFIG.units) ? sizes : undefined;
  },
  batch_size: (text) => (/^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined),
  epochs: (text) => (/^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined),
};
const WANTED = {
  seed: "The seed is a whole number from 0 to 2^64 - 1.", lr: "The learning rate is a number above 0.",
  hidden: `Hidden layers: up to ${CONFIG.layers}, of 1 to ${CONFIG.units} units each, such as 20,10; or none.`,
  batch_size: "The batch size is a whole number from 1.", epochs: "The epoch is a whole number from 1.",
};

function chooseTask(name) {
  task = name;
  const own = CONFIG.tasks[task];
  $("task").value = task;
  $("lr").value = own.lr;
  $("hidden").value = own.hidden.join(",") || "none";
  $("activation").value = own.activation;
  $("batch_size").value = own.batch_size;
  $("epochs").value = own.epochs;
  $("first").value = "random";
  bug = "";
  before = [];
  start();
}

// The settings in the form; undefined if one is wrong
function read() {
  const values = {};
  problem = "";
  for (const name of TEXTS) {
    values[name] = READ[name]($(name).value.trim());
    $(name).setAttribute("aria-invalid", values[name] === undefined);
    if (values[name] === undefined) problem ||= WANTED[name];
  }
  showProblem();
  return problem ? undefined : values;
}

// Whether a training begins with 1 for each weight and 0 for each bias
const ones = () => $("first").value === "ones";

// Begins anew. Nothing changes if a setting is wrong
function start() {
  const values = read();
  pause();
  if (!values) return;
  ({ seed } = values);
  delete values.seed;
  settings = { ...CONFIG.tasks[task], ...values, activation: $("activation").value };
  offerBugs();
  if (training?.epoch > 0) before = losses;
  training = trainingOf(task, settings, seed, { ...RULES, ...BUGS[bug]?.rules });
  if (ones()) for (const { w, b } of training.network.layers) (w?.fill(1), b?.fill(0));
  losses = [training.loss()];
  training.prepare();
  row = 0;
  drawNetwork();
  show();
}

function offerBugs() {
  const possible = Object.keys(BUGS).filter((name) => BUGS[name].possible(settings));
  if (!possible.includes(bug)) bug = "";
  $("bug").replaceChildren(new Option("none: the network is right", ""), ...possible.map((name) => new Option(CONFIG.bugs[name], name)));
  $("bug").value = bug;
  $("bug-text").textContent = bug && `${CONFIG.bugs[bug]}. On so few samples a loss may fall with a wrong gradient too: compare the weights, another seed, another task.`;
  $("bug-text").hidden = !bug;
}

// Training

function step() {
  const over = training.step();
  if (over) losses.push(training.loss());
  training.prepare();
  row = Math.min(row, training.n - 1);
  if (!Number.isFinite(losses.at(-1)) || (over && training.epoch === settings.epochs)) pause();
  return over;
}

function frame(now) {
  if (!playing) return;
  const wait = Number($("speed").value), until = performance.now() + 12;
  if (now - last >= wait) {
    last = now;
    do step();
    while (wait === 0 && playing && performance.now() < until);
    show();
  }
  requestAnimationFrame(frame);
}

function play() {
  playing = true;
  $("play").textContent = "Pause";
  $("item").setAttribute("aria-live", "off");
  requestAnimationFrame(frame);
}

function pause() {
  playing = false;
  $("play").textContent = "Play";
  $("item").setAttribute("aria-live", "polite");
}

// What is seen

const colorOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
const short = (v) => String(Number(v.toPrecision(6)));
const mixed = (t) => { // -1 blue, 0 white, 1 orange
  const [r, g, b] = t < 0 ? [11, 108, 184] : [214, 98, 0], part = Math.min(Math.abs(t), 1);
  return [255 + (r - 255) * part, 255 + (g - 255) * part, 255 + (b - 255) * part];
};

function show() {
  const { epoch, start, samples, size, network } = training, steps = Math.ceil(samples / size);
  $("epoch-now").textContent = epoch;
  $("step-now").textContent = `${start / size + 1} of ${steps} in epoch ${epoch + 1}`;
  $("lr-now").textContent = short(training.lr);
  const loss = losses.at(-1);
  $("loss-now").textContent = `${short(loss)} (${settings.reduction} of ${samples} samples)`;
  showProblem();
  showDigest(network.digest());
  showSample();
  showNetwork();
  showItem();
  showCurve();
  showSurface();
}

function showProblem() {
  const diverged = losses && !Number.isFinite(losses.at(-1)) ? "The training has diverged: the loss is not finite any more. Reset begins anew." : "";
  $("problem").textContent = problem || diverged;
  $("problem").hidden = !$("problem").textContent;
}

function showDigest(digest) {
  const { epoch, start } = training;
  $("digest").textContent = digest;
  $("digest-text").textContent = bug ? "With a mistake, these are not the weights of refnn."
    : ones() ? "The first weights are not those of a seed, so refnn train has others."
    : start > 0 ? "The epoch is not over. At its end, refnn train has the same weights."
      : `The same bits in Python and in C: ${epoch ? "final_sha256" : "initial_sha256"} in the record of`;
  const own = CONFIG.defaults[task], words = [`refnn train ${task}`];
  if (seed !== 0n) words.push(`--seed ${seed}`);
  for (const name of ["hidden", "activation", "output", "bias", "loss", "init", "batch_size", "lr", "lr_decay", "lr_decay_every", "shuffle", "reduction"]) {
    const option = name.replaceAll("_", "-"), value = settings[name];
    if (String(value) === String(own[name])) continue;
    words.push(typeof value === "boolean" ? `--${value ? "" : "no-"}${option}` : `--${option} ${String(value) || "none"}`);
  }
  words.push(`--epochs ${epoch || 1}`, "--json -");
  $("command").replaceChildren(...words.flatMap((textContent) => [make("span", { textContent }), " "]));
  $("command").hidden = Boolean(bug) || ones() || start > 0;
}

function explanation() {
  return new Explanation(training, CONFIG.formulas, BUGS[bug], row, $("digits").checked ? 17 : 5);
}

function showSample() {
  const found = explanation(), { n, size, order, start } = training, number = order ? order[start + row] : start + row;
  const y = found.target(), x = found.of(-1);
  $("sample").textContent = `${n > 1 ? `${row + 1} of ${n} in the batch: ` : ""}sample ${number}, x = ${found.list(x)}, y = ${typeof y === "number" ? `class ${y}` : y.length > 1 ? found.list(y) : found.show(y[0])}`;
  $("previous").hidden = $("next").hidden = size === 1;
}

// The width of the drawing in its own units: on a phone it is not shrunk, so that its numbers stay readable
const drawn = () => ($("network").clientWidth < 420 ? 340 : 480);

// The network: a group for each unit, weight and bias

function drawNetwork() {
  const svg = $("network"), columns = [settings.inputs, ...settings.hidden, settings.outputs], width = drawn();
  const longest = Math.max(...columns.map((count, c) => count + (settings.bias && c + 1 < columns.length ? 1 : 0)));
  const gap = longest > 12 ? 22 : longest > 6 ? 32 : 54, height = longest * gap + 20, radius = Math.min(20, gap / 2 - 3);
  const x = (c) => 30 + ((width - 60) * c) / (columns.length - 1);
  const y = (c, j) => 10 + height / 2 + (j - (columns[c] + (settings.bias && c + 1 < columns.length ? 1 : 0) - 1) / 2) * gap;
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height + 20}`);
  items = []; // columns of items: units, then the weights behind them, ...
  const wires = draw_svg("g", {}, svg), add = (item, group, element) => {
    Object.assign(item, { element });
    element.item = item;
    element.setAttribute("tabindex", -1);
    element.setAttribute("role", "button");
    (items[group] ??= []).push(item);
  };
  columns.forEach((count, c) => {
    const k = 2 * c - 2;
    for (let j = 0; j < count; j++) {
      const g = draw_svg("g", { class: "unit", "aria-label": c ? `unit ${j} of layer ${k}` : `input ${j}` }, svg);
      draw_svg("circle", { class: "node", cx: x(c), cy: y(c, j), r: radius }, g);
      if (gap > 30) draw_svg("text", { x: x(c), y: y(c, j) + 4 }, g);
      add({ kind: "unit", k, j }, 2 * c, g);
    }
    if (c + 1 === columns.length) return;
    const wire = (item, i, j, name) => {
      const g = draw_svg("g", { class: item.kind === "bias" ? "weight to-bias" : "weight", "aria-label": name }, wires);
      const ends = { x1: x(c), y1: y(c, i), x2: x(c + 1), y2: y(c + 1, j) };
      draw_svg("line", { class: "wire", ...ends }, g);
      draw_svg("line", { class: "hit", ...ends }, g);
      add(item, 2 * c + 1, g);
    };
    for (let j = 0; j < columns[c + 1]; j++) {
      for (let i = 0; i < count; i++) wire({ kind: "weight", k: 2 * c, i, j }, i, j, `weight w${2 * c}[${i}][${j}]`);
      if (settings.bias) wire({ kind: "bias", k: 2 * c, j }, count, j, `bias b${2 * c}[${j}]`);
    }
    if (settings.bias) {
      const [g, half] = [draw_svg("g", { class: "bias" }, svg), radius * 0.6];
      draw_svg("rect", { class: "node", x: x(c) - half, y: y(c, count) - half, width: 2 * half, height: 2 * half }, g);
      if (gap > 30) draw_svg("text", { x: x(c), y: y(c, count) + 4 }, g).textContent = "1";
    }
  });
  const all = items.flat();
  pinned = all.find(({ kind, k, i, j }) => pinned && kind === pinned.kind && k === pinned.k && i === pinned.i && j === pinned.j) ?? items[1][0];
  hovered = null;
}

const weightOf = ({ kind, k, i, j }) => {
  const { w, b, outputs } = training.network.layers[k];
  return kind === "bias" ? b[j] : w[i * outputs + j];
};

function showNetwork() {
  const found = explanation(), shown = hovered ?? pinned;
  for (const item of items.flat()) {
    item.element.classList.toggle("shown", item === shown);
    item.element.setAttribute("tabindex", item === pinned ? 0 : -1);
    const [mark, text] = item.element.children;
    if (item.kind === "unit") {
      const value = item.k < 0 ? found.of(-1)[item.j] : found.of(item.k + 1)[item.j];
      const color = mixed(Math.tanh(value));
      mark.style.fill = `rgb(${color.map(Math.round)})`;
      if (text) Object.assign(text, { textContent: Number(value.toPrecision(2)) }).style.fill = color[0] + color[1] + color[2] < 400 ? "#fff" : "#000";
    } else {
      const value = weightOf(item);
      mark.classList.toggle("plus", value > 0);
      mark.classList.toggle("minus", value < 0);
      mark.style.strokeWidth = item === shown ? "" : Math.min(6, 0.6 + 1.5 * Math.abs(value));
    }
  }
}

function look(item) {
  hovered = null;
  pinned = item;
  showNetwork();
  showItem();
}

function showItem() {
  const item = hovered ?? pinned, found = explanation(), { layers } = training.network;
  $("item-title").textContent = item.kind !== "unit" ? `${item.kind === "bias" ? "Bias" : "Weight"} ${found.parameter(item)}`
    : item.k < 0 ? `Input ${item.j}` : `Unit ${item.j} of layers ${item.k} and ${item.k + 1}`;
  const nodes = found.groups(item).flatMap(([title, lines]) => [make("h3", { textContent: title }), ...lines.map(numberNode)]);
  if (item.kind === "unit") {
    const group = items[item.k < 0 ? 1 : item.k + 1].filter((weight) => (item.k < 0 ? weight.i === item.j : weight.j === item.j));
    const buttons = group.map((weight) => make("button", { type: "button", textContent: found.parameter(weight), onclick: () => look(weight) }));
    nodes.push(make("h3", { textContent: item.k < 0 ? "Its weights" : `Its weights${layers[item.k].b ? " and its bias" : ""}` }), make("div", { className: "weights" }, ...buttons));
  }
  $("item").replaceChildren(...nodes);
}

function numberNode({ name, value, formula, operands, numbers, place, chain, changed }) {
  const texts = [formula, numbers && `= ${numbers}`, operands && `where ${operands}`, ...(chain ?? []).map((text) => `= ${text}`)];
  const whole = (text) => text.split(" ").flatMap((textContent) => [make("span", { textContent }), " "]); // lines break between words only
  return make("div", { className: changed ? "number changed" : "number" }, make("b", { textContent: `${name} = ${value}` }),
    ...texts.filter(Boolean).map((text) => make("div", {}, ...whole(text))),
    ...(place ? [make("div", { className: "place", textContent: changed ? `with the mistake, in place of ${place}` : place })] : []));
}

// Curve and surface

function fitted(canvas) {
  const ratio = devicePixelRatio || 1, { clientWidth, clientHeight } = canvas;
  [canvas.width, canvas.height] = [clientWidth * ratio, clientHeight * ratio];
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return [context, clientWidth, clientHeight];
}

function showCurve() {
  const [context, width, height] = fitted($("curve")), [left, bottom] = [56, 24], runs = [[before, "--dim", [5, 4]], [losses, "--accent", []]];
  const epochs = Math.max(1, ...runs.map(([run]) => run.length - 1)), finite = (run) => run.filter(Number.isFinite);
  const top = Math.max(1e-12, ...runs.map(([run]) => finite(run).reduce((m, v) => Math.max(m, v), 0)));
  const px = (e) => left + ((width - left - 12) * e) / epochs, py = (v) => height - bottom - ((height - bottom - 12) * v) / top;
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = colorOf("--dim");
  context.strokeStyle = colorOf("--line");
  for (const part of [0, 0.5, 1]) {
    context.textAlign = "right";
    context.fillText(Number((top * part).toPrecision(3)), left - 6, py(top * part) + 4);
    context.textAlign = part === 1 ? "right" : "center";
    if (Number.isInteger(epochs * part)) context.fillText(part === 1 ? `epoch ${epochs}` : epochs * part, px(epochs * part), height - 8);
    context.beginPath();
    context.moveTo(left, py(top * part));
    context.lineTo(width - 12, py(top * part));
    context.stroke();
  }
  for (const [run, color, dash] of runs) {
    context.beginPath();
    const every = Math.max(1, Math.floor(run.length / 2000));
    run.forEach((v, e) => Number.isFinite(v) && (e % every === 0 || e + 1 === run.length) && context.lineTo(px(e), py(v)));
    Object.assign(context, { strokeStyle: colorOf(color), lineWidth: 2 });
    context.setLineDash(dash);
    context.stroke();
    context.fillStyle = colorOf(color);
    if (Number.isFinite(run.at(-1))) context.fillRect(px(run.length - 1) - 3, py(run.at(-1)) - 3, 6, 6);
  }
  $("curve").setAttribute("aria-label", `loss ${short(losses[0])} before training, ${short(losses.at(-1))} after epoch ${losses.length - 1}`);
}

// The outputs on a grid, drawn as an image. value: (outputs of the grid, number of the point) -> -1 to 1
function paint(canvas, value, dots) {
  const [context, width, height] = fitted(canvas), image = new ImageData(GRID, GRID), small = make("canvas", { width: GRID, height: GRID });
  for (let p = 0; p < GRID * GRID; p++) image.data.set([...mixed(value(p)), 255], 4 * p);
  small.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(small, 0, 0, width, height);
  const [x0, x1, y0, y1] = AREAS[task];
  for (const [x, y, one] of dots) {
    const [px, py] = [((x - x0) / (x1 - x0)) * width, ((y1 - y) / (y1 - y0)) * height], r = dots.length > 20 ? 3.5 : 7;
    context.beginPath();
    if (one) context.arc(px, py, r, 0, 7);
    else context.rect(px - r, py - r, 2 * r, 2 * r);
    Object.assign(context, { fillStyle: one ? "#d66200" : "#0b6cb8", strokeStyle: "#fff", lineWidth: 1.5 });
    context.fill();
    context.stroke();
  }
}

function gridPoint(p) {
  const [x0, x1, y0, y1] = AREAS[task], [c, r] = [p % GRID, Math.floor(p / GRID)];
  return [x0 + ((x1 - x0) * (c + 0.5)) / GRID, y1 - ((y1 - y0) * (r + 0.5)) / GRID];
}

function showSurface() {
  const { q, network, inputs, targets, x, y, samples } = training, count = GRID * GRID, points = new Float64Array(count * inputs).fill(1);
  for (let p = 0; p < count; p++) points.set(gridPoint(p), p * inputs);
  const grid = new Network(q, network.parameters, inputs, count), wide = task === "sin-cos";
  grid.forward(points, count);
  const { out, outputs } = grid.last;
  if (q.loss === "cross_entropy") forward.softmax(out, count, outputs, out);
  const dots = wide ? [] : Array.from({ length: samples }, (_, s) => [x[s * inputs], x[s * inputs + 1], y[(s + 1) * targets - 1] === 1]);
  const scaled = (v) => (wide ? v / 2 : 2 * v - 1);
  paint($("surface"), (p) => scaled(out[(p + 1) * outputs - 1]), dots);
  $("surface-text").textContent = CAPTIONS[task];
  $("surface").setAttribute("aria-label", CAPTIONS[task]);
  $("true-figure").hidden = !wide;
  if (wide) paint($("true"), (p) => scaled(sin(gridPoint(p)[0]) - cos(gridPoint(p)[1])), []);
  [$("low").textContent, $("high").textContent] = wide ? ["-2", "2"] : ["0", "1"];
}

// Keyboard: up and down within a column of units or of weights, left and right between columns

function move(key) {
  const group = items.findIndex((column) => column.includes(pinned)), at = items[group].indexOf(pinned);
  const [across, along] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  const column = items[Math.min(Math.max(group + across, 0), items.length - 1)];
  const place = across ? Math.floor((at * column.length) / items[group].length) : at + along;
  look(column[Math.min(Math.max(place, 0), column.length - 1)]);
  pinned.element.focus();
}

function listen() {
  const svg = $("network"), itemAt = (event) => event.target.closest("[tabindex]")?.item;
  svg.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse") return;
    hovered = itemAt(event) ?? hovered;
    showNetwork();
    showItem();
  });
  svg.addEventListener("pointerleave", () => {
    hovered = null;
    showNetwork();
    showItem();
  });
  for (const type of ["click", "focusin"]) svg.addEventListener(type, (event) => itemAt(event) && look(itemAt(event)));
  svg.addEventListener("keydown", (event) => {
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    move(event.key);
  });
  $("task").onchange = () => chooseTask($("task").value);
  for (const name of [...TEXTS, "activation", "first"]) if (name !== "epochs") $(name).onchange = start;
  $("epochs").onchange = () => {
    settings.epochs = read()?.epochs ?? settings.epochs;
  };
  $("bug").onchange = () => {
    bug = $("bug").value;
    start();
  };
  $("settings").onsubmit = (event) => event.preventDefault();
  $("play").onclick = () => (playing ? pause() : play());
  $("step").onclick = () => {
    pause();
    step();
    show();
  };
  $("epoch").onclick = () => {
    pause();
    while (!step());
    show();
  };
  $("reset").onclick = start;
  const turn = (by) => {
    row = (row + by + training.n) % training.n;
    show();
  };
  $("previous").onclick = () => turn(-1);
  $("next").onclick = () => turn(1);
  $("digits").onchange = show;
  addEventListener("resize", () => {
    if (svg.viewBox.baseVal.width !== drawn()) drawNetwork();
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
}

for (const name of Object.keys(CONFIG.tasks)) $("task").add(new Option(name));
for (const name of CONFIG.activations) $("activation").add(new Option(name));
document.querySelector(".scale").style.background = `linear-gradient(to right, ${[-1, 0, 1].map((t) => `rgb(${mixed(t).map(Math.round)})`)})`;
$("seed").value = CONFIG.start.seed;
listen();
chooseTask(CONFIG.start.task);
