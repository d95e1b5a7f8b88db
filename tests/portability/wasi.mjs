// Runs a WebAssembly program: node wasi.mjs PROGRAM [ARGUMENT ...]. It sees the working folder.
import {readFileSync} from "node:fs";
import {WASI} from "node:wasi";

const wasi = new WASI({version: "preview1", args: process.argv.slice(2), preopens: {".": "."}});
const module = await WebAssembly.compile(readFileSync(process.argv[2]));
process.exit(wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject())));
