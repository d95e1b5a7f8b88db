// The arithmetic of refnn's conformance spec 1.0 in JavaScript, exact to the bit: random numbers, elementary functions,
// layers, losses, networks, training. A plain script, for the page of `refnn explain --html` and for Node 20 or later.
// The sections are those of SPEC.md.

"use strict";

// Doubles and their bits (section 1)

const view = new DataView(new ArrayBuffer(8));
const fromBits = (b) => (view.setBigUint64(0, b), view.getFloat64(0));
const exponent = (x) => (view.setFloat64(0, x), ((view.getUint32(0) >>> 20) & 2047) - 1023);
const top = (x) => (view.setFloat64(0, x), view.setUint32(4, 0), view.getFloat64(0));

// Random numbers (section 3)

class Random {
  constructor(seed) {
    this.state = seed;
  }
  next() {
    this.state = BigInt.asUintN(64, this.state + 0x9e3779b97f4a7c15n);
    let z = this.state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  }
  uniform() {
    return Number(this.next() >> 11n) / 2 ** 53;
  }
  below(n) {
    return Math.floor(this.uniform() * n);
  }
  normal() {
    const u = this.uniform();
    return Math.sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * this.uniform());
  }
  permutation(n) {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}

function draw(count, what, seed, ...of) {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random[what](...of));
}
const stream = (seed, k) => draw(k, "next", seed).at(-1);
const epochOrder = (seed, epoch, n) => new Random(stream(stream(seed, 2), epoch)).permutation(n);

// exp, log, tanh, sin, cos (section 4)

const LN2_HIGH = 6.93147180369123816490e-1, LN2_LOW = 1.90821492927058770002e-10, INV_LN2 = 1.44269504088896338700;

function multiple(x) {
  const size = Math.abs(x);
  if (size < 0x162e43 / 2 ** 22) return 0;
  return size < 0x10a2b2 / 2 ** 20 ? Math.sign(x) : Math.trunc(INV_LN2 * x + 0.5 * Math.sign(x));
}

const POWERS = Float64Array.from({ length: 2046 }, (_, i) => fromBits(BigInt(i + 1) << 52n)); // 2^-1022 to 2^1023
const power = (k) => POWERS[k + 1022];

function scale(y, k) {
  if (k > 1023) return y * 2 * power(k - 1);
  return k < -1022 ? y * power(k + 1000) * power(-1000) : y * power(k);
}

function exp(x) {
  if (x > 709.782712893383973096) return Infinity;
  if (x < -745.133219101941108420) return 0;
  if (Number.isNaN(x) || Math.abs(x) < 2 ** -28) return 1 + x;
  const k = multiple(x), high = x - k * LN2_HIGH, low = k * LN2_LOW, r = high - low, t = r * r;
  const c = r - t * (1.66666666666666019037e-1 + t * (-2.77777777770155933842e-3 + t * (6.61375632143793436117e-5
    + t * (-1.65339022054652515390e-6 + t * 4.13813679705723846039e-8))));
  return k === 0 ? 1 - ((r * c) / (c - 2) - r) : scale(1 - ((low - (r * c) / (2 - c)) - high), k);
}

function expm1(x) {
  if (Math.abs(x) < 2 ** -54) return x;
  const k = multiple(x), high = x - k * LN2_HIGH, low = k * LN2_LOW;
  x = high - low;
  const c = (high - x) - low, h = 0.5 * x, t = x * h;
  const r = 1 + t * (-3.33333333333331316428e-2 + t * (1.58730158725481460165e-3 + t * (-7.93650757867487942473e-5
    + t * (4.00821782732936239552e-6 + t * -2.01099218183624371326e-7))));
  const s = 3 - r * h;
  let e = t * ((r - s) / (6 - x * s));
  if (k === 0) return x - (x * e - t);
  e = (x * (e - c) - c) - t;
  if (k === -1) return 0.5 * (x - e) - 0.5;
  if (k === 1) return x < -0.25 ? -2 * (e - (x + 0.5)) : 1 + 2 * (x - e);
  if (k <= -2 || k > 56) return scale(1 - (e - x), k) - 1;
  return k < 20 ? scale((1 - power(-k)) - (e - x), k) : scale((x - (e + power(-k))) + 1, k);
}

function tanh(x) {
  const size = Math.abs(x);
  if (Number.isNaN(x) || size < 2 ** -55) return x * (1 + x);
  let z = 1;
  if (size < 1) {
    const t = expm1(-2 * size);
    z = -t / (t + 2);
  } else if (size < 22) z = 1 - 2 / (expm1(2 * size) + 2);
  return x >= 0 ? z : -z;
}

function log(x) {
  if (Number.isNaN(x) || x === Infinity) return x;
  if (x <= 0) return x === 0 ? -Infinity : NaN;
  const tiny = x < 2 ** -1022, y = tiny ? x * 2 ** 54 : x, m = scale(y, -exponent(y));
  let k = exponent(y) - (tiny ? 54 : 0), f = m - 1;
  if (m >= 1.4142112731933594) {
    f = m / 2 - 1;
    k += 1;
  }
  if (-(2 ** -20) <= f && f < 2 ** -20) {
    if (f === 0) return k === 0 ? 0 : k * LN2_HIGH + k * LN2_LOW;
    const r = f * f * (0.5 - 0.33333333333333333 * f);
    return k === 0 ? f - r : k * LN2_HIGH - ((r - k * LN2_LOW) - f);
  }
  const s = f / (2 + f), z = s * s, w = z * z;
  const even = w * (3.999999999940941908e-1 + w * (2.222219843214978396e-1 + w * 1.531383769920937332e-1));
  const odd = z * (6.666666666666735130e-1 + w * (2.857142874366239149e-1 + w * (1.818357216161805012e-1 + w * 1.479819860511658591e-1)));
  const r = odd + even;
  if (1.3799991607666016 <= m && m < 1.4200000762939453) {
    const h = 0.5 * f * f;
    return k === 0 ? f - (h - s * (h + r)) : k * LN2_HIGH - ((h - (s * (h + r) + k * LN2_LOW)) - f);
  }
  return k === 0 ? f - s * (f - r) : k * LN2_HIGH - ((s * (f - r) - k * LN2_LOW) - f);
}

const TWO_OVER_PI = 6.36619772367581382433e-1, HALF_PI = 1.57079632679489655800;
const H1 = 1.57079632673412561417, T1 = 6.07710050650619224932e-11, H2 = 6.07710050630396597660e-11, T2 = 2.02226624879595063154e-21;
const H3 = 2.02226624871116645580e-21, T3 = 8.47842766036889956997e-32;

function reduce(x) {
  const size = Math.abs(x);
  if (size < 0x1921fc / 2 ** 21) return [0, x, 0];
  let n = 1, a = size - H1, w = T1;
  if (size < 0x12d97c / 2 ** 19) {
    if (top(size) === top(HALF_PI)) [a, w] = [a - H2, T2];
  } else {
    n = Math.trunc(size * TWO_OVER_PI + 0.5);
    [a, w] = [size - n * H1, n * T1];
    const refine = (h, t) => {
      const before = a;
      a = before - n * h;
      w = n * t - ((before - a) - n * h);
    };
    if (n >= 32 || top(size) === top(n * HALF_PI)) {
      if (exponent(size) - exponent(a - w) > 16) {
        refine(H2, T2);
        if (exponent(size) - exponent(a - w) > 49) refine(H3, T3);
      }
    }
  }
  const r = a - w, tail = (a - r) - w;
  return x < 0 ? [-n, -r, -tail] : [n, r, tail];
}

function S(n, r, tail) {
  if (Math.abs(r) < 2 ** -27) return r;
  const z = r * r, v = z * r;
  const p = 8.33333333332248946124e-3 + z * (-1.98412698298579493134e-4 + z * (2.75573137070700676789e-6
    + z * (-2.50507602534068634195e-8 + z * 1.58969099521155010221e-10)));
  const s1 = -1.66666666666666324348e-1;
  return n === 0 ? r + v * (s1 + z * p) : r - ((z * (0.5 * tail - v * p) - tail) - v * s1);
}

function C(r, tail) {
  const size = Math.abs(r);
  if (size < 2 ** -27) return 1;
  const z = r * r;
  const p = z * (4.16666666666666019037e-2 + z * (-1.38888888888741095749e-3 + z * (2.48015872894767294178e-5
    + z * (-2.75573143513906633035e-7 + z * (2.08757232129817482790e-9 + z * -1.13596475577881948265e-11)))));
  if (size < 0x133333 / 2 ** 22) return 1 - (0.5 * z - (z * p - r * tail));
  const q = size >= 0x190001 / 2 ** 21 ? 0.28125 : top(0.25 * size), h = 0.5 * z - q, a = 1 - q;
  return a - (h - (z * p - r * tail));
}

function circular(x, quarter) { // quarter: 0 for sin, 1 for cos
  if (!(Math.abs(x) <= 2 ** 19 * HALF_PI)) return NaN;
  const [n, r, tail] = reduce(x), turn = (n + quarter) & 3, y = turn & 1 ? C(r, tail) : S(n, r, tail);
  return turn & 2 ? -y : y;
}
const sin = (x) => circular(x, 0);
const cos = (x) => circular(x, 1);

// Layers (sections 5, 6 and 8), on flat arrays

// c[r][j] += a[r][i] * b[i][j], i ascending, where the strides say how far apart the rows and columns of a and b are.
// A sum of one product (a batch of one) goes along the rows; else eight sums at a time stay in registers.
function product(c, height, depth, width, a, aRow, aColumn, b, bRow, bColumn) {
  const wide = depth === 1 ? 0 : width - (width % 8);
  for (let r = 0; r < height; r++) {
    const start = r * width, end = start + width;
    for (let j = 0, k = start; j < wide; j += 8, k += 8) {
      let c0 = c[k], c1 = c[k + 1], c2 = c[k + 2], c3 = c[k + 3], c4 = c[k + 4], c5 = c[k + 5], c6 = c[k + 6], c7 = c[k + 7];
      for (let i = 0, p = r * aRow, q = j * bColumn; i < depth; i++, p += aColumn, q += bRow) {
        const x = a[p];
        c0 += x * b[q], c1 += x * b[q + bColumn], c2 += x * b[q + 2 * bColumn], c3 += x * b[q + 3 * bColumn];
        c4 += x * b[q + 4 * bColumn], c5 += x * b[q + 5 * bColumn], c6 += x * b[q + 6 * bColumn], c7 += x * b[q + 7 * bColumn];
      }
      c[k] = c0, c[k + 1] = c1, c[k + 2] = c2, c[k + 3] = c3, c[k + 4] = c4, c[k + 5] = c5, c[k + 6] = c6, c[k + 7] = c7;
    }
    for (let i = 0; i < depth; i++) {
      const x = a[r * aRow + i * aColumn];
      for (let k = start + wide, q = i * bRow + wide * bColumn; k < end; k++, q += bColumn) c[k] += x * b[q];
    }
  }
}

const ONE = Float64Array.of(1);

function linearForward(z, x, w, b, n, inputs, outputs) {
  if (b) for (let r = 0; r < n; r++) z.set(b, r * outputs);
  else z.fill(0);
  product(z, n, inputs, outputs, x, inputs, 1, w, outputs, 1);
}

function linearBackwardInput(dx, w, dz, n, inputs, outputs) {
  product(dx.fill(0), n, outputs, inputs, dz, outputs, 1, w, 1, outputs);
}

function linearBackwardParameters(dw, db, x, dz, n, inputs, outputs) {
  product(dw.fill(0), inputs, n, outputs, x, 1, inputs, dz, outputs, 1);
  if (db) product(db.fill(0), 1, n, outputs, ONE, 0, 0, dz, outputs, 1);
}

const each = (f) => (y, n, width, u, v) => {
  for (let j = 0; j < n * width; j++) y[j] = f(u[j], v ? v[j] : 0);
};

const eachRow = (f) => (y, n, width, u, v) => {
  for (let j = 0; j < n * width; j += width) f(y, j, j + width, u, v);
};

function largest(z, start, end) {
  let m = z[start];
  for (let j = start + 1; j < end; j++) if (z[j] > m) m = z[j];
  return m;
}

function softmax(a, start, end, z) {
  const m = largest(z, start, end);
  let s = 0;
  for (let j = start; j < end; j++) s += a[j] = exp(z[j] - m);
  for (let j = start; j < end; j++) a[j] /= s;
}

function softmaxBackward(dz, start, end, a, da) {
  let s = 0;
  for (let j = start; j < end; j++) s += da[j] * a[j];
  for (let j = start; j < end; j++) dz[j] = a[j] * (da[j] - s);
}

const forward = { // (a, n, width, z)
  identity: each((z) => z),
  sigmoid: each((z) => 1 / (1 + exp(-z))),
  tanh: each(tanh),
  relu: each((z) => (z > 0 ? z : 0)),
  leaky_relu: each((z) => (z > 0 ? z : 0.01 * z)),
  softmax: eachRow(softmax),
};

const backward = { // (dz, n, width, a, da)
  identity: each((a, da) => da),
  sigmoid: each((a, da) => da * (a * (1 - a))),
  tanh: each((a, da) => da * (1 - a * a)),
  relu: each((a, da) => (a > 0 ? da : 0)),
  leaky_relu: each((a, da) => (a > 0 ? da : 0.01 * da)),
  softmax: eachRow(softmaxBackward),
};

// Losses (sections 7 and 8): of sample r, with y a flat list of targets or of classes

function sampleLoss(loss, o, y, r, m) {
  let s = 0;
  const start = r * m, end = start + m;
  if (loss === "cross_entropy") {
    const M = largest(o, start, end);
    for (let j = start; j < end; j++) s += exp(o[j] - M);
    return (M + log(s)) - o[start + y[r]];
  }
  for (let j = start; j < end; j++) s += (o[j] - y[j]) * (o[j] - y[j]);
  return loss === "mse" ? s / m : s;
}

function lossGradient(gradient, loss, o, y, n, m, reduction) {
  if (loss === "cross_entropy") {
    forward.softmax(gradient, n, m, o);
    for (let r = 0; r < n; r++) gradient[r * m + y[r]] -= 1;
  } else for (let j = 0; j < n * m; j++) gradient[j] = loss === "mse" ? (2 * (o[j] - y[j])) / m : 2 * (o[j] - y[j]);
  if (reduction === "mean") for (let j = 0; j < n * m; j++) gradient[j] /= n;
  return gradient;
}

function update(p, dp, lr) {
  for (let i = 0, n = p.length; i < n; i++) p[i] -= lr * dp[i];
  return p;
}

// SHA-256 (FIPS 180-4): a page that is opened as a file may not have the browser's own

const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((p) => n % p > 0)) PRIMES.push(n);
const fraction = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32); // its first 32 bits
const CUBES = Uint32Array.from(PRIMES, (n) => fraction(Math.cbrt(n))), SQUARES = Uint32Array.from(PRIMES.slice(0, 8), (n) => fraction(Math.sqrt(n)));
const rotate = (v, n) => (v >>> n) | (v << (32 - n));

function sha256(bytes) {
  const length = 64 * Math.ceil((bytes.length + 9) / 64), data = new DataView(new ArrayBuffer(length)), w = new Uint32Array(64);
  new Uint8Array(data.buffer).set(bytes);
  data.setUint8(bytes.length, 0x80);
  data.setBigUint64(length - 8, 8n * BigInt(bytes.length));
  const state = SQUARES.slice();
  for (let start = 0; start < length; start += 64) {
    for (let i = 0; i < 16; i++) w[i] = data.getUint32(start + 4 * i);
    for (let i = 16; i < 64; i++) {
      const u = w[i - 15], v = w[i - 2];
      w[i] = w[i - 16] + (rotate(u, 7) ^ rotate(u, 18) ^ (u >>> 3)) + w[i - 7] + (rotate(v, 17) ^ rotate(v, 19) ^ (v >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + CUBES[i] + w[i];
      const t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((v, i) => (state[i] += v));
  }
  return Array.from(state, (v) => v.toString(16).padStart(8, "0")).join("");
}

// Networks (sections 5, 9 and 10)

// What a network computes with; a page replaces one of them to show what a mistake does
const RULES = { sampleLoss, lossGradient, linearBackwardParameters, backward, update, epochOrder };

function initialParameters(layers, init, seed) {
  const random = new Random(stream(seed, 1)), parameters = [];
  for (const { type, inputs, outputs, bias } of layers) {
    if (type !== "linear") continue;
    const factor = { "normal_0.1": 0.1, fan_in: 1 / Math.sqrt(inputs), fan_out: 1 / Math.sqrt(outputs), he: Math.sqrt(2 / inputs) }[init] ?? 1;
    for (let i = 0; i < (inputs + (bias ? 1 : 0)) * outputs; i++)
      parameters.push(factor * (init === "uniform" ? random.uniform() : random.normal()) + 0);
  }
  return Float64Array.from(parameters);
}

class Network {
  constructor({ layers, loss, reduction }, parameters, inputs, batch, rules = RULES) {
    Object.assign(this, { loss, reduction, parameters, gradients: new Float64Array(parameters.length) });
    this.rules = rules;
    let width = inputs, at = 0;
    this.layers = layers.map(({ type, outputs, bias }) => {
      const layer = { type, inputs: width, outputs: outputs ?? width };
      const take = (name, size) => {
        layer[name] = this.parameters.subarray(at, at + size);
        layer["d" + name] = this.gradients.subarray(at, (at += size));
      };
      width = layer.outputs;
      if (type === "linear") take("w", layer.inputs * width);
      if (bias) take("b", width);
      return Object.assign(layer, { out: new Float64Array(batch * width), delta: new Float64Array(batch * width) });
    });
    this.last = this.layers.at(-1);
  }

  forward(x, n) {
    for (const { type, inputs, outputs, w, b, out } of this.layers) {
      if (type === "linear") linearForward(out, x, w, b, n, inputs, outputs);
      else forward[type](out, n, outputs, x);
      x = out;
    }
  }

  addLosses(t, y, n) {
    const { sampleLoss } = this.rules;
    for (let r = 0; r < n; r++) t += sampleLoss(this.loss, this.last.out, y, r, this.last.outputs);
    return t;
  }

  backward(x, y, n) {
    const { lossGradient, linearBackwardParameters, backward } = this.rules;
    lossGradient(this.last.delta, this.loss, this.last.out, y, n, this.last.outputs, this.reduction);
    for (let l = this.layers.length - 1; l >= 0; l--) {
      const { type, inputs, outputs, w, dw, db, out, delta } = this.layers[l], before = this.layers[l - 1];
      if (type === "linear") {
        linearBackwardParameters(dw, db, before?.out ?? x, delta, n, inputs, outputs);
        if (before) linearBackwardInput(before.delta, w, delta, n, inputs, outputs);
      } else if (before) backward[type](before.delta, n, outputs, out, delta);
    }
  }

  update(lr) {
    this.rules.update(this.parameters, this.gradients, lr);
  }

  digest() {
    const bytes = new DataView(new ArrayBuffer(8 * this.parameters.length));
    this.parameters.forEach((p, i) => bytes.setFloat64(8 * i, p, true));
    return sha256(new Uint8Array(bytes.buffer));
  }
}

// Layer list of a perceptron, as the command line makes it
const perceptron = ({ inputs, hidden, outputs, activation, output, bias }) => [...hidden, outputs].flatMap((width, k) => [
  { type: "linear", inputs: k ? hidden[k - 1] : inputs, outputs: width, bias },
  { type: k < hidden.length ? activation : output }]);

// A training, a step at a time. x, y: flat samples; q: the network, and the settings of the operation `train`
class Training {
  constructor(q, seed, x, y, samples, parameters, rules = RULES) {
    const size = Math.min(q.batch_size, samples), inputs = x.length / samples, targets = y.length / samples;
    Object.assign(this, { q, seed, x, y, samples, size, inputs, targets, rules, epoch: 0, start: 0, lr: q.lr });
    this.batchX = new Float64Array(size * inputs);
    this.batchY = new Float64Array(size * targets);
    this.network = new Network(q, parameters, inputs, size, rules);
  }

  // Forward through the samples from `start` on, as many as a batch has; returns how many
  batch(order, start) {
    const { x, y, batchX, batchY, inputs, targets } = this, n = Math.min(this.size, this.samples - start);
    for (let r = 0; r < n; r++) {
      const s = order ? order[start + r] : start + r;
      batchX.set(x.subarray(s * inputs, (s + 1) * inputs), r * inputs);
      batchY.set(y.subarray(s * targets, (s + 1) * targets), r * targets);
    }
    this.network.forward(batchX, n);
    return n;
  }

  // Of all samples as they lie
  loss() {
    let t = 0;
    for (let start = 0; start < this.samples; start += this.size) {
      const n = this.batch(null, start);
      t = this.network.addLosses(t, this.batchY, n);
    }
    return this.q.loss === "sse" ? t : t / this.samples;
  }

  // Forward and backward of the next step
  prepare() {
    if (this.start === 0) this.order = this.q.shuffle ? this.rules.epochOrder(this.seed, this.epoch + 1, this.samples) : null;
    this.n = this.batch(this.order, this.start);
    this.network.backward(this.batchX, this.batchY, this.n);
  }

  // The update of the step that is prepared; returns whether the epoch is over
  step() {
    this.network.update(this.lr);
    this.start += this.n;
    if (this.start < this.samples) return false;
    this.start = 0;
    this.epoch += 1;
    if (this.epoch % this.q.lr_decay_every === 0) this.lr *= this.q.lr_decay;
    return true;
  }

  trainEpoch() {
    do this.prepare();
    while (!this.step());
  }
}

// The samples of tasks: a sample's numbers in a row of x, its target in y

const SAMPLES = {
  "truth-table": () => ({ x: [[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], y: [0, 1, 1, 0] }),
  "alice-bob": () => ({ x: [[-2, -1], [25, 6], [17, 4], [-15, -6]], y: [1, 0, 0, 1] }),
  points(seed) {
    const random = new Random(stream(seed, 3)), noise = () => 0.1 * random.normal(), x = [];
    for (let i = 0; i < 100; i++) {
      const angle = 6.283185307179586 * random.uniform();
      x.push([2 * cos(angle) + noise(), 2 * sin(angle) + noise()]);
    }
    for (let i = 0; i < 100; i++) x.push([noise(), noise()]);
    return { x, y: x.map((_, i) => (i < 100 ? 0 : 1)) };
  },
  "sin-cos"() {
    const axis = Array.from({ length: 100 }, (_, i) => -5 + 0.1 * i), x = axis.flatMap((v) => axis.map((w) => [v, w]));
    return { x, y: x.map(([v, w]) => sin(v) - cos(w)) };
  },
};

// The training of a task before its first step. settings: as in refnn/tasks.py; reduction null: the loss's own
function trainingOf(task, settings, seed, rules) {
  const { x, y } = SAMPLES[task](seed), reduction = settings.reduction ?? (settings.loss === "sse" ? "sum" : "mean");
  const q = { ...settings, reduction, layers: perceptron(settings) };
  const oneHot = settings.loss !== "cross_entropy" && settings.outputs > 1; // classes as targets of a squared error
  const targets = oneHot ? y.flatMap((c) => Array.from({ length: settings.outputs }, (_, j) => (j === c ? 1 : 0))) : y;
  const flat = [Float64Array.from(x.flat()), Float64Array.from(targets)];
  return new Training(q, seed, ...flat, y.length, initialParameters(q.layers, q.init, seed), rules);
}

if (typeof module !== "undefined") {
  module.exports = {
    Random, draw, stream, epochOrder, exp, log, tanh, sin, cos, fromBits, product, linearForward, linearBackwardInput,
    linearBackwardParameters, forward, backward, sampleLoss, lossGradient, update, initialParameters, sha256, RULES, Network,
    Training, trainingOf,
  };
}
