'use strict';
// dist/main.cjs: loads the pieces that build.mjs packed. What a command uses of them is kept in dist/cache by the first run that
// may write there (its pack), and V8's compiled form of that by the second: reading and parsing is half of the start-up time that
// is ours. (Node 22 has module.enableCompileCache; Node 20 has not.)
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  const help = 'help: install a newer one and run scripts/setup with it';
  console.error(`error: tcompose needs Node.js 20.19 or newer, this is ${process.version}\n  ${help}`);
  process.exit(1);
}
const fs = require('node:fs');
const vm = require('node:vm');

// One pack a command: what `up` uses and what `ps` uses are different parts of the same pieces.
const commands = [] /* commands */;
const command = nameCommand(process.argv);
const places = {} /* places */;
const build = '' /* build */;
const pack = `${__dirname}/cache/pack-${build}.${command}`;
const table = {};
const modules = {};

/** `network connect` is one of its own. */
function nameCommand(words) {
  const at = words.findIndex((word) => commands.includes(word));
  const both = `${words[at]}-${words[at + 1]}`;
  return at < 0 ? 'other' : commands.includes(both) ? both : words[at];
}

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

/** The modules of a piece, for the table. */
function run(file) {
  return evaluate(fs.readFileSync(`${__dirname}/${file}`, 'latin1'), file);
}

/** `compiled`: where V8's form of it is kept; absent: it is used this once. */
function evaluate(text, file, compiled) {
  const cache = compiled && `${compiled}.${process.version}-${process.arch}`;
  let cachedData;
  try {
    if (cache) cachedData = fs.readFileSync(cache);
  } catch {}
  // esbuild writes ASCII only; V8 keeps such a string in half the memory.
  const script = new vm.Script(text, { filename: `${__dirname}/${file}`, cachedData });
  // At exit, so that the functions that were used are in it.
  if (cache && (!cachedData || script.cachedDataRejected))
    process.on('exit', () => keep(cache, script.createCachedData()));
  return script.runInThisContext()(load, __filename, __dirname);
}

/**
 * V8 knows compiled code by the length of its text alone, so each pack bears a name of its own, and its compiled form has that in its
 * name. Whoever uses more than is in the pack makes a larger one.
 */
function usePack() {
  let text = '';
  try {
    text = fs.readFileSync(pack, 'latin1');
  } catch {}
  const id = /^\/\*([\w-]+)\*\//.exec(text)?.[1];
  if (id !== undefined) Object.assign(table, evaluate(text, `pack-${command}.cjs`, `${pack}.${id}`));
  const packed = new Set(Object.keys(table));
  process.on('exit', () => {
    const used = Object.keys(modules);
    if (used.every((name) => packed.has(name))) return;
    const names = [...new Set([...packed, ...used])].sort();
    const members = names.map((name) => `${JSON.stringify(name)}:${table[name]}`);
    const head = `/*${Date.now()}-${process.pid}*/(function(require,__filename,__dirname){return {`;
    keep(pack, Buffer.from(`${head}\n${members.join(',\n')}}})`, 'latin1'));
    if (id !== undefined) forget(`${pack}.${id}.${process.version}-${process.arch}`);
  });
}

/** Here and below: not being allowed to is no error, the next one may be. */
function keep(path, data) {
  try {
    fs.mkdirSync(`${__dirname}/cache`, { recursive: true });
    // Not the process's number: two that share the file but not their numbers may write at once.
    const unfinished = `${path}.${Math.random().toString(36).slice(2)}`;
    fs.writeFileSync(unfinished, data);
    fs.renameSync(unfinished, path);
  } catch {}
}

function forget(path) {
  try {
    fs.rmSync(path, { force: true });
  } catch {}
}

usePack();
load('./main.cjs');
