// Run by Node: a simulated board on MicroPython's WebAssembly port, a VM of 32 bits as boards have it.
//
//     node board.mjs PACKAGE TREE BOARD
//
// PACKAGE: the folder of npm's @micropython/micropython-webassembly-pyscript; TREE: the firmware as .mpy; BOARD: its flash, with the
// network of this folder and steps.json: of each step its name, how often it is done, and Python. Prints what is held after it.
// That VM collects garbage between two calls only, so each is one.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [packageFolder, tree, board] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(path.join(packageFolder, "micropython.mjs")));
const vm = await loadMicroPython({ heapsize: 1 << 20, stdout: (line) => console.log(line), linebuffer: true });

function copy(from, to) {
  vm.FS.mkdir(to);
  for (const one of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, one.name), `${to}/${one.name}`];
    if (one.isDirectory()) copy(source, target);
    else vm.FS.writeFile(target, fs.readFileSync(source));
  }
}

function held(what) {
  vm.runPython("gc.collect()");
  vm.runPython("gc.collect()");
  vm.runPython(`print("held", gc.mem_alloc(), "${what}")`);
}

copy(tree, "/tree");
copy(board, "/board");
vm.runPython("import gc, os, sys\nsys.path[:0] = ['/board', '/tree']\nos.chdir('/board')");
for (const [what, times, code] of JSON.parse(fs.readFileSync(path.join(board, "steps.json")))) {
  for (let time = 0; time < times; time++) vm.runPython(code);
  held(what);
}
