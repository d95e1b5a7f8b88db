// Reads lines "NAME X" (X: the 16 hex digits of a double), writes "NAME X Y" with Y = Math.NAME(X).

import { readFileSync } from "node:fs";

const view = new DataView(new ArrayBuffer(8));
for (const line of readFileSync(0, "utf8").trim().split("\n")) {
  const [name, x] = line.split(" ");
  view.setBigUint64(0, BigInt("0x" + x));
  view.setFloat64(0, Math[name](view.getFloat64(0)));
  console.log(`${line} ${view.getBigUint64(0).toString(16).padStart(16, "0")}`);
}
