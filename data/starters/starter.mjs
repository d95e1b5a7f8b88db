// An implementation of refnn's spec in JavaScript. Fill in the functions in their order. To check it:
//
//     python -m refnn.check --cmd "node mine.mjs"
//
// A function that returns null does not implement its operation. Doubles arrive as numbers, seeds as BigInts, matrices
// as arrays of rows. Return an object with the outputs; BigInts are written as 16 hex digits.

import { createInterface } from "node:readline";

// JSON has no -0, Infinity and NaN: they are strings, here and in questions.
const SPECIAL = { "-0.0": -0, Infinity, "-Infinity": -Infinity, NaN };
const WORDS = ["integers", "digests", "pixels"]; // strings that are no doubles
const view = new DataView(new ArrayBuffer(8));

function decode(value, key) {
  if (Array.isArray(value)) return value.map((item) => decode(item, key));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, decode(item, name)]));
  }
  if (typeof value !== "string") return value;
  if (key === "seed") return BigInt("0x" + value);
  if (value in SPECIAL) return SPECIAL[value];
  if (WORDS.includes(key) || !/^[0-9a-f]{16}$/.test(value)) return value;
  view.setBigUint64(0, BigInt("0x" + value)); // the bits of a double, with --hex
  return view.getFloat64(0);
}

function encode(_, value) {
  if (typeof value === "bigint") return BigInt.asUintN(64, value).toString(16).padStart(16, "0");
  if (ArrayBuffer.isView(value)) return Array.from(value);
  if (Object.is(value, -0)) return "-0.0";
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

// :functions:
const OPERATIONS = {
  // :table:
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  const operation = Object.hasOwn(OPERATIONS, question.op) ? OPERATIONS[question.op] : () => null;
  process.stdout.write(JSON.stringify({ id: question.id, out: operation(decode(question.in)) }, encode) + "\n");
}
