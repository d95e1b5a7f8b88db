// The answers of refnn/web/refnn.js to the questions of refnn's conformance spec 1.0, for Node 20 or later. It reads one
// question a line on standard input and writes one answer a line. To check it:
//     python -m refnn.check --cmd "node refnn.mjs"

import { createInterface } from "node:readline";
import refnn from "../../refnn/web/refnn.js";

const {
  Random, draw, stream, epochOrder, exp, log, tanh, sin, cos, fromBits, product, linearForward, linearBackwardInput,
  linearBackwardParameters, forward, backward, sampleLoss, lossGradient, update, initialParameters, Network, Training,
} = refnn;

// Numbers in JSON (section 2)

const hex = (b) => b.toString(16).padStart(16, "0");
const unhex = (text) => BigInt("0x" + text);
const special = { "-0.0": -0, Infinity, "-Infinity": -Infinity, NaN };
const double = (v) => (typeof v === "number" ? v : special[v] ?? fromBits(unhex(v)));
const flat = (list) => Float64Array.from(list.flat(), double);
const rows = (data, n) => Array.from({ length: n }, (_, i) => data.slice((data.length / n) * i, (data.length / n) * (i + 1)));
const encode = (_, v) =>
  ArrayBuffer.isView(v) ? Array.from(v) : Object.is(v, -0) ? "-0.0" : typeof v === "number" && !Number.isFinite(v) ? String(v)
    : typeof v === "bigint" ? hex(v) : v;

function step(q) {
  const n = q.x.length, x = flat(q.x), y = flat(q.y), network = new Network(q, flat(q.parameters), x.length / n, n);
  network.forward(x, n);
  const t = network.addLosses(0, y, n);
  network.backward(x, y, n);
  const { layers, gradients } = network, parameters = update(network.parameters, gradients, double(q.lr));
  const [outputs, deltas] = ["out", "delta"].map((name) => layers.map((layer) => rows(layer[name], n)));
  return { outputs, loss: q.reduction === "mean" ? t / n : t, deltas, gradients, parameters };
}

function train(q) {
  const x = q.pixels ? Float64Array.from(Buffer.from(q.pixels.join(""), "hex"), (byte) => byte / 255) : flat(q.x);
  const seed = unhex(q.seed), parameters = q.parameters ? flat(q.parameters) : initialParameters(q.layers, q.init, seed);
  const settings = { ...q, lr: double(q.lr), lr_decay: double(q.lr_decay) };
  const training = new Training(settings, seed, x, flat(q.y), q.y.length, parameters), losses = [], digests = [];
  const record = () => {
    losses.push(training.loss());
    digests.push(training.network.digest());
  };
  record();
  for (let epoch = 1; epoch <= q.epochs; epoch++) {
    training.trainEpoch();
    record();
  }
  return { losses, digests };
}

// Questions and answers (sections 2 and 11)

const elementary = (f) => ({ x }) => ({ y: flat(x).map((v) => f(v)) });
const zeros = (n, m) => new Float64Array(n * m);

const ops = {
  next: ({ seed, count }) => ({ integers: draw(count, "next", unhex(seed)) }),
  uniform: ({ seed, count }) => ({ numbers: draw(count, "uniform", unhex(seed)) }),
  below: ({ seed, n, count }) => ({ integers: draw(count, "below", unhex(seed), n) }),
  normal: ({ seed, count }) => ({ numbers: draw(count, "normal", unhex(seed)) }),
  permutation: ({ seed, n }) => ({ order: new Random(unhex(seed)).permutation(n) }),
  stream: ({ seed, k }) => ({ seed: stream(unhex(seed), k) }),
  epoch_order: ({ seed, epoch, n }) => ({ order: epochOrder(unhex(seed), epoch, n) }),
  exp: elementary(exp), log: elementary(log), tanh: elementary(tanh), sin: elementary(sin), cos: elementary(cos),
  initial_parameters: ({ layers, init, seed }) => ({ parameters: initialParameters(layers, init, unhex(seed)) }),
  dot: ({ x, w }) => ({ z: ops.matmul({ a: [x], b: w.map((v) => [v]) }).c[0][0] }),
  matmul({ a, b }) {
    const n = a.length, m = b[0].length, c = zeros(n, m);
    product(c, n, b.length, m, flat(a), b.length, 1, flat(b), m, 1);
    return { c: rows(c, n) };
  },
  linear_forward({ x, w, b }) {
    const n = x.length, m = w[0].length, z = zeros(n, m);
    linearForward(z, flat(x), flat(w), b && flat(b), n, w.length, m);
    return { z: rows(z, n) };
  },
  linear_backward_input({ w, dz }) {
    const n = dz.length, dx = zeros(n, w.length);
    linearBackwardInput(dx, flat(w), flat(dz), n, w.length, w[0].length);
    return { dx: rows(dx, n) };
  },
  linear_backward_parameters({ x, dz, bias }) {
    const n = x.length, inputs = x[0].length, m = dz[0].length, dw = zeros(inputs, m), db = bias ? zeros(1, m) : null;
    linearBackwardParameters(dw, db, flat(x), flat(dz), n, inputs, m);
    return { dw: rows(dw, inputs), db };
  },
  activation_forward({ name, z }) {
    const n = z.length, m = z[0].length, a = zeros(n, m);
    forward[name](a, n, m, flat(z));
    return { a: rows(a, n) };
  },
  activation_backward({ name, a, da }) {
    const n = a.length, m = a[0].length, dz = zeros(n, m);
    backward[name](dz, n, m, flat(a), flat(da));
    return { dz: rows(dz, n) };
  },
  loss({ loss, o, y, reduction }) {
    const n = o.length, m = o[0].length, [flatO, flatY] = [flat(o), flat(y)];
    const losses = o.map((_, r) => sampleLoss(loss, flatO, flatY, r, m)), t = losses.reduce((s, v) => s + v, 0);
    return { losses, loss: reduction === "mean" ? t / n : t };
  },
  loss_gradient({ loss, o, y, reduction }) {
    const n = o.length, m = o[0].length;
    return { do: rows(lossGradient(zeros(n, m), loss, flat(o), flat(y), n, m, reduction), n) };
  },
  update: ({ p, dp, lr }) => ({ p: update(flat(p), flat(dp), double(lr)) }),
  step,
  train,
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, op, in: question } = JSON.parse(line);
  process.stdout.write(JSON.stringify({ id, out: ops[op]?.(question) ?? null }, encode) + "\n");
});
