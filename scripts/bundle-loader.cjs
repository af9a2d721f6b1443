'use strict';
// dist/main.cjs: loads the pieces that build.mjs packed. V8's compiled form of each is kept in dist/cache by the first run that
// may write there: parsing is half of the start-up time that is ours. (Node 22 has module.enableCompileCache; Node 20 has not.)
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  const help = 'help: install a newer one and run scripts/setup with it';
  console.error(`error: tcompose needs Node.js 20.19 or newer, this is ${process.version}\n  ${help}`);
  process.exit(1);
}
const fs = require('node:fs');
const vm = require('node:vm');

// One compiled form a command: what `up` uses and what `ps` uses are different parts of the same pieces.
const commands = [] /* commands */;
const command = process.argv.find((word) => commands.includes(word)) ?? 'other';
const places = {} /* places */;
const table = {};
const modules = {};

// Loading one of these costs milliseconds, and few commands use them all. (What fs and path cost, Node has spent already.)
const heavy = ['child_process', 'crypto', 'fs/promises', 'net', 'stream', 'stream/promises', 'zlib'];
const late = new Set(heavy.map((name) => `node:${name}`));

/** Stands for a module of Node's, which is loaded when something of it is first used. */
function later(name) {
  let module;
  const get = () => (module ??= require(name));
  const describe = (key) => ({ ...Reflect.getOwnPropertyDescriptor(get(), key), configurable: true });
  return new Proxy(
    {},
    {
      get: (_, key) => get()[key],
      ownKeys: () => Reflect.ownKeys(get()),
      getOwnPropertyDescriptor: (_, key) => describe(key),
    },
  );
}

/** The names within the pieces are known here; all others are Node's and the packages'. */
const load = (name) => {
  if (modules[name]) return modules[name].exports;
  if (!places[name]) return late.has(name) ? later(name) : require(name);
  if (!table[name]) Object.assign(table, run(places[name]));
  const module = { exports: {} };
  modules[name] = module;
  table[name](module, module.exports, load);
  return module.exports;
};

function run(file) {
  const filename = `${__dirname}/${file}`;
  const cache = `${__dirname}/cache/${file}.${command}.${process.version}-${process.arch}`;
  let cachedData;
  try {
    cachedData = fs.readFileSync(cache);
  } catch {}
  // esbuild writes ASCII only; V8 keeps such a string in half the memory.
  const script = new vm.Script(fs.readFileSync(filename, 'latin1'), { filename, cachedData });
  // At exit, so that the functions that were used are in it.
  if (!cachedData || script.cachedDataRejected) process.on('exit', () => keep(cache, script.createCachedData()));
  return script.runInThisContext()(load, filename, __dirname);
}

/** Not being allowed to is no error: the next one may be. */
function keep(path, data) {
  try {
    fs.mkdirSync(`${__dirname}/cache`, { recursive: true });
    fs.writeFileSync(`${path}.${process.pid}`, data);
    fs.renameSync(`${path}.${process.pid}`, path);
  } catch {}
}

load('./main.cjs');
