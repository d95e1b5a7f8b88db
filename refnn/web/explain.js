// The numbers of a prepared step, each with its formula, the numbers in it and its place in the book, as `refnn explain`
// prints them. An item is what the reader points at: { kind: "unit", k, j }, { kind: "weight", k, i, j } or
// { kind: "bias", k, j }, where k is the place of a linear layer; k = -1 for the inputs.

"use strict";

class Explanation {
  // formulas: key -> [place, formula]; bug: of BUGS, or undefined; row: which sample of the batch; digits: of operands
  constructor(training, formulas, bug, row, digits) {
    const { network, n, batchX, batchY } = training;
    Object.assign(this, { training, network, layers: network.layers, n, x: batchX, y: batchY, formulas, bug, row, digits });
  }

  show(v) {
    if (!Number.isFinite(v) || v === 0 || this.digits === 17) return String(v);
    return Math.abs(v) < 1e-4 ? v.toExponential(this.digits - 1) : String(Number(v.toPrecision(this.digits)));
  }

  list(values) {
    return `[${this.shortened(Array.from(values, (v) => this.show(v))).join(", ")}]`;
  }

  shortened(parts) {
    return parts.length > 6 ? [...parts.slice(0, 4), `... ${parts.length - 5} more ...`, parts.at(-1)] : parts;
  }

  sum(start, pairs) {
    return [this.show(start), ...this.shortened(pairs.map((pair) => pair.map((v) => this.show(v)).join(" * ")))].join(" + ");
  }

  name(k, j) {
    const letter = k < 0 ? "x" : this.layers[k].type === "linear" ? "z" : "a";
    return `${letter}${k < 0 ? "" : k}${this.n > 1 ? `[${this.row}]` : ""}[${j}]`;
  }

  parameter({ kind, k, i, j }) {
    return kind === "bias" ? `b${k}[${j}]` : `w${k}[${i}][${j}]`;
  }

  // The numbers of a layer for sample `row`; layer -1 is the inputs
  of(k, key = "out", row = this.row) {
    const width = k < 0 ? this.training.inputs : this.layers[k].outputs;
    return (k < 0 ? this.x : this.layers[k][key]).subarray(row * width, (row + 1) * width);
  }

  // numbers: a sum, as text; or the operands, by name
  line(name, value, key, numbers, more = "") {
    const changed = this.bug?.formulas?.[key], [place, text] = this.formulas[key], formula = (changed ?? text) + more;
    const filled = typeof numbers === "string" ? (changed ? "" : numbers) : this.substituted(formula, numbers);
    const operands = typeof numbers === "string" ? "" : Object.entries(numbers)
      .map(([operand, v]) => `${operand} = ${ArrayBuffer.isView(v) ? this.list(v) : this.show(v)}`).join(", ");
    return { name, value, formula, operands: filled ? "" : operands, numbers: filled, place, changed: Boolean(changed) };
  }

  // A formula of one number, with the numbers in it: dz = da * a -> 0.5 * 2; "" if it is not arithmetic only
  substituted(formula, operands) {
    let text = formula.replace(/^\S+ = /, "").replace(/, where.*/, "");
    for (const [name, v] of Object.entries(operands)) {
      if (ArrayBuffer.isView(v)) text = text.replaceAll(`${name}[j]`, this.show(v[operands.j ?? 0]));
      else text = text.replace(new RegExp(`(?<![\\w.])${name}\\b(?!\\[)`, "g"), this.show(v));
    }
    text = text.replaceAll("2 (", "2 * (").replace(/ \/ m\b/, ` / ${operands.o?.length}`).replaceAll("--", "");
    text = text.replace(/^(.*), then \/ (\d+) for the mean over the batch$/, (_, sum, n) => (n === "1" ? sum : `(${sum}) / ${n}`));
    return /^[-+*/() .\de^]+$/.test(text) ? text : "";
  }

  forwardOf(k, j) {
    const before = this.of(k - 1), { w, b, outputs } = this.layers[k], type = this.layers[k + 1].type, z = this.of(k), a = this.of(k + 1);
    const pairs = Array.from(before, (v, i) => [v, w[i * outputs + j]]);
    const lines = [this.line(this.name(k, j), z[j], "linear_forward", this.sum(b ? b[j] : 0, pairs))];
    if (type !== "identity") lines.push(this.line(this.name(k + 1, j), a[j], `${type}_forward`, type === "softmax" ? { j, z } : { z: z[j] }));
    return lines;
  }

  lossLines() {
    const { q, batchY } = this.training, { last } = this.network, o = this.of(this.layers.length - 1), m = last.outputs;
    const value = this.network.rules.sampleLoss(q.loss, last.out, batchY, this.row, m);
    return [this.line(`L[${this.row}]`, value, q.loss, { o, y: this.target() })];
  }

  target() {
    const { targets, q } = this.training, y = this.y.subarray(this.row * targets, (this.row + 1) * targets);
    return q.loss === "cross_entropy" ? y[0] : y;
  }

  backwardOf(k, j) {
    const next = this.layers[k + 2], type = this.layers[k + 1].type, da = this.of(k + 1, "delta"), lines = [], { q } = this.training;
    const d = (at) => `dL/d${this.name(at, j)}`, average = (this.bug?.reduction ?? q.reduction) === "mean";
    if (next) {
      const dz = this.of(k + 2, "delta"), pairs = Array.from(dz, (v, i) => [v, next.w[j * next.outputs + i]]);
      lines.push(this.line(d(k + 1), da[j], "linear_backward_input", this.sum(0, pairs)));
    } else {
      const mean = average ? `, then / ${this.n} for the mean over the batch` : "";
      lines.push(this.line(d(k + 1), da[j], `${q.loss}_gradient`, { j, o: this.of(k + 1), y: this.target() }, mean));
      lines[0].changed ||= Boolean(this.bug?.reduction);
    }
    if (type === "identity") return lines;
    const a = this.of(k + 1), dz = this.of(k, "delta")[j];
    lines.push(this.line(d(k), dz, `${type}_backward`, type === "softmax" ? { j, a, da } : { a: a[j], da: da[j] }));
    return lines;
  }

  // dL/dz of unit j of layer k as a product along the chain rule: [symbols, factors]
  path(k, j) {
    const at = this.name(k, j), layer = this.layers[k + 1];
    let after = null, factor;
    if (layer?.type === "linear") {
      if (layer.outputs === 1) [after, factor] = [0, layer.w[j]];
    } else if (layer && layer.type !== "softmax") {
      const one = Float64Array.of(0);
      this.network.rules.backward[layer.type](one, 1, 1, this.of(k + 1).subarray(j, j + 1), Float64Array.of(1));
      [after, factor] = [j, one[0]];
    }
    if (after === null) return [[`dL/d${at}`], [this.of(k, "delta")[j]]];
    const [symbols, factors] = this.path(k + 1, after);
    return [[...symbols, `d${this.name(k + 1, after)}/d${at}`], [...factors, factor]];
  }

  // Whether the mistake changes a derivative behind layer k
  mistaken(k) {
    const keys = [`${this.training.q.loss}_gradient`, ...this.layers.slice(k + 1).map(({ type }) => `${type}_backward`)];
    return keys.some((key) => this.bug?.formulas?.[key]);
  }

  gradientOf(item) {
    const { kind, k, i, j } = item, layer = this.layers[k], name = this.parameter(item), rows = Array.from({ length: this.n }, (_, r) => r);
    const value = kind === "bias" ? layer.db[j] : layer.dw[i * layer.outputs + j];
    const pairs = rows.map((r) => [...(kind === "bias" ? [] : [this.of(k - 1, "out", r)[i]]), this.of(k, "delta", r)[j]]);
    const line = this.line(`dL/d${name}`, value, kind === "bias" ? "db" : "dw", this.sum(0, pairs));
    if (this.n === 1) {
      const [symbols, factors] = this.path(k, j);
      symbols.push(`d${this.name(k, j)}/d${name}`);
      factors.push(kind === "bias" ? 1 : this.of(k - 1)[i]);
      if (factors.reduce((product, v) => product * v) === value)
        line.chain = [symbols.join(" * "), factors.map((v) => this.show(v)).join(" * ") + (this.mistaken(k) ? " (with the mistake)" : "")];
    }
    return line;
  }

  // The parameter's value, and the line of its update
  updateOf(item) {
    const { kind, k, i, j } = item, layer = this.layers[k], at = kind === "bias" ? j : i * layer.outputs + j, { lr } = this.training;
    const [p, dp] = kind === "bias" ? [layer.b[at], layer.db[at]] : [layer.w[at], layer.dw[at]], after = Float64Array.of(p);
    this.network.rules.update(after, Float64Array.of(dp), lr);
    return this.line(`${this.parameter(item)} after the step`, after[0], "update", { p, lr, dp });
  }

  // [title of a group, its lines] of an item
  groups(item) {
    const { kind, k, i, j } = item, layer = this.layers[k];
    if (kind === "unit" && k < 0) return [["Input", [{ name: this.name(-1, j), value: this.of(-1)[j] }]]];
    if (kind === "unit") {
      const found = [["Forward", this.forwardOf(k, j)], ["Backward", this.backwardOf(k, j)]];
      if (k + 2 === this.layers.length) found.splice(1, 0, ["The loss of the sample", this.lossLines()]);
      return found;
    }
    const now = { name: this.parameter(item), value: kind === "bias" ? layer.b[j] : layer.w[i * layer.outputs + j] };
    return [["Now", [now]], ["Forward: where it is used", this.forwardOf(k, j).slice(0, 1)],
      ["Backward", [this.gradientOf(item)]], ["Update", [this.updateOf(item)]]];
  }
}
