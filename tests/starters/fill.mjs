// The functions of the JavaScript starter up to the rung update; random numbers, exp ... cos are those of refnn.mjs.
const rowsOf = (rows, f) => rows.map((row, n) => f(row, n));
const zeros = (n) => new Array(n).fill(0);

function sum(terms) {
  let s = 0;
  for (const term of terms) s += term;
  return s;
}

function product(x, w, b) {
  return rowsOf(x, (row) => w[0].map((_, j) => row.reduce((z, v, i) => z + v * w[i][j], b ? b[j] : 0)));
}

function softmax(z) {
  const m = z.reduce((m, v) => (v > m ? v : m)), e = z.map((v) => exp(v - m)), s = sum(e);
  return e.map((v) => v / s);
}

const FORWARD = {
  identity: (z) => z, sigmoid: (z) => 1 / (1 + exp(-z)), tanh, relu: (z) => (z > 0 ? z : 0),
  leaky_relu: (z) => (z > 0 ? z : 0.01 * z),
};
const BACKWARD = {
  identity: (a, da) => da, sigmoid: (a, da) => da * (a * (1 - a)), tanh: (a, da) => da * (1 - a * a),
  relu: (a, da) => (a > 0 ? da : 0), leaky_relu: (a, da) => (a > 0 ? da : 0.01 * da),
};
const FACTORS = {
  "normal_0.1": () => 0.1, fan_in: ({ inputs }) => 1 / Math.sqrt(inputs),
  fan_out: ({ outputs }) => 1 / Math.sqrt(outputs),
};

function lossOf(loss, o, y) {
  if (loss === "cross_entropy") {
    const m = o.reduce((m, v) => (v > m ? v : m));
    return (m + log(sum(o.map((v) => exp(v - m))))) - o[y];
  }
  const s = sum(o.map((v, j) => (v - y[j]) * (v - y[j])));
  return loss === "mse" ? s / o.length : s;
}

function answerNext({ seed, count }) {
  return { integers: draw(count, "next", seed) };
}
function answerUniform({ seed, count }) {
  return { numbers: draw(count, "uniform", seed) };
}
function answerBelow({ seed, n, count }) {
  return { integers: draw(count, "below", seed, n) };
}
function answerPermutation({ seed, n }) {
  return { order: new Random(seed).permutation(n) };
}
function answerStream({ seed, k }) {
  return { seed: stream(seed, k) };
}
function answerEpochOrder({ seed, epoch, n }) {
  return { order: epochOrder(seed, epoch, n) };
}
function answerExp({ x }) {
  return { y: x.map(exp) };
}
function answerLog({ x }) {
  return { y: x.map(log) };
}
function answerTanh({ x }) {
  return { y: x.map(tanh) };
}
function answerSin({ x }) {
  return { y: x.map(sin) };
}
function answerCos({ x }) {
  return { y: x.map(cos) };
}
function answerNormal({ seed, count }) {
  return { numbers: draw(count, "normal", seed) };
}
function answerInitialParameters({ layers, init, seed, input_shape }) {
  if (input_shape || init === "he") return null;
  const random = new Random(stream(seed, 1)), parameters = [];
  for (const layer of layers.filter(({ type }) => type === "linear")) {
    const factor = FACTORS[init] ? FACTORS[init](layer) : 1;
    for (let i = 0; i < (layer.inputs + layer.bias) * layer.outputs; i++)
      parameters.push(factor * (init === "uniform" ? random.uniform() : random.normal()) + 0);
  }
  return { parameters };
}
function answerDot({ x, w }) {
  return { z: x.reduce((z, v, i) => z + v * w[i], 0) };
}
function answerMatmul({ a, b }) {
  return { c: product(a, b) };
}
function answerLinearForward({ x, w, b }) {
  return { z: product(x, w, b) };
}
function answerActivationForward({ name, z }) {
  return { a: rowsOf(z, (row) => (name === "softmax" ? softmax(row) : row.map((v) => FORWARD[name](v)))) };
}
function answerLoss({ loss, o, y, reduction }) {
  const losses = rowsOf(o, (row, n) => lossOf(loss, row, y[n])), total = sum(losses);
  return { losses, loss: reduction === "mean" ? total / o.length : total };
}
function answerLossGradient({ loss, o, y, reduction }) {
  const gradient = (row, target) => loss === "cross_entropy" ? softmax(row).map((a, j) => (j === target ? a - 1 : a))
    : row.map((v, j) => (loss === "mse" ? (2 * (v - target[j])) / row.length : 2 * (v - target[j])));
  return { do: rowsOf(o, (row, n) => gradient(row, y[n]).map((v) => (reduction === "mean" ? v / o.length : v))) };
}
function answerActivationBackward({ name, a, da }) {
  return { dz: rowsOf(a, (row, n) => {
    if (name !== "softmax") return row.map((v, j) => BACKWARD[name](v, da[n][j]));
    const s = sum(row.map((v, j) => da[n][j] * v));
    return row.map((v, j) => v * (da[n][j] - s));
  }) };
}
function answerLinearBackwardInput({ w, dz }) {
  return { dx: rowsOf(dz, (row) => w.map((weights) => sum(weights.map((v, j) => row[j] * v)))) };
}
function answerLinearBackwardParameters({ x, dz, bias }) {
  const dw = x[0].map((_, i) => dz[0].map((_, j) => sum(x.map((row, n) => row[i] * dz[n][j]))));
  return { dw, db: bias ? dz[0].map((_, j) => sum(dz.map((row) => row[j]))) : null };
}
function answerUpdate({ p, dp, lr }) {
  return { p: p.map((v, i) => v - lr * dp[i]) };
}
