// Mistakes to switch on: those of refnn/conformance/mutants.py, by their names there. They replace some of RULES.
// possible: whether they change a training with these settings; formulas: of what they change, by the book's functions

"use strict";

const meanGradient = (gradient, n, m, reduction) => {
  if (reduction === "mean") for (let j = 0; j < n * m; j++) gradient[j] /= n;
};

const BUGS = {
  "sigmoid-twice": {
    possible: (q) => (q.hidden.length > 0 && q.activation === "sigmoid") || q.output === "sigmoid",
    rules: {
      backward: { ...backward, sigmoid: each((a, da) => {
        const s = 1 / (1 + exp(-a));
        return da * (s * (1 - s));
      }) },
    },
    formulas: { sigmoid_backward: "dz = da * (s * (1 - s)), where s = 1 / (1 + e^-a)" },
  },
  "softmax-twice": {
    possible: (q) => q.loss === "cross_entropy",
    rules: {
      sampleLoss(loss, o, y, r, m) {
        const p = new Float64Array(m);
        forward.softmax(p, 1, m, o.subarray(r * m, (r + 1) * m));
        return sampleLoss(loss, p, y.subarray(r, r + 1), 0, m);
      },
      lossGradient(gradient, loss, o, y, n, m, reduction) {
        const p = new Float64Array(n * m);
        forward.softmax(p, n, m, o);
        lossGradient(gradient, loss, p, y, n, m, "sum");
        backward.softmax(gradient, n, m, p, gradient);
        meanGradient(gradient, n, m, reduction);
      },
    },
    formulas: {
      cross_entropy: "L = -ln softmax(p)[y], where p = softmax(o)",
      cross_entropy_gradient: "do = softmax's derivative at o, times (softmax(p) - 1 at y), where p = softmax(o)",
    },
  },
  "one-hot": {
    possible: (q) => q.loss === "cross_entropy",
    rules: {
      lossGradient(gradient, loss, o, y, n, m, reduction) {
        forward.softmax(gradient, n, m, o);
        meanGradient(gradient, n, m, reduction);
      },
    },
    formulas: { cross_entropy_gradient: "do[j] = p[j], where p = softmax(o)" },
  },
  "factor-2": {
    possible: (q) => q.loss === "sse",
    rules: {
      lossGradient(gradient, loss, o, y, n, m, reduction) {
        for (let j = 0; j < n * m; j++) gradient[j] = o[j] - y[j];
        meanGradient(gradient, n, m, reduction);
      },
    },
    formulas: { sse_gradient: "do[j] = o[j] - y[j]" },
  },
  "sum-for-mean": {
    possible: (q) => q.reduction === "mean" && q.batch_size > 1,
    rules: { lossGradient: (gradient, loss, o, y, n, m) => lossGradient(gradient, loss, o, y, n, m, "sum") },
    reduction: "sum",
  },
  "mean-for-sum": {
    possible: (q) => q.reduction === "sum" && q.batch_size > 1,
    rules: { lossGradient: (gradient, loss, o, y, n, m) => lossGradient(gradient, loss, o, y, n, m, "mean") },
    reduction: "mean",
  },
  sign: {
    possible: () => true,
    rules: { update: (p, dp, lr) => update(p, dp, -lr) },
    formulas: { update: "p - -lr * dp" },
  },
  "no-rate": {
    possible: (q) => q.lr !== 1,
    rules: { update: (p, dp) => update(p, dp, 1) },
    formulas: { update: "p - 1 * dp" },
  },
  "no-bias-gradient": {
    possible: (q) => q.bias,
    rules: {
      linearBackwardParameters(dw, db, x, dz, n, inputs, outputs) {
        linearBackwardParameters(dw, null, x, dz, n, inputs, outputs);
        if (db) db.fill(0);
      },
    },
    formulas: { db: "db[j] = 0.0" },
  },
  "same-order": {
    possible: (q) => q.shuffle,
    rules: { epochOrder: (seed, epoch, n) => epochOrder(seed, 1, n) },
  },
};
