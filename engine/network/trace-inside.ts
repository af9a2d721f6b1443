/** Looks around in another network namespace: a small program of Node's, which the launcher puts there, asks, and prints JSON. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import type { LaunchOp } from '../launcher/ops.ts';
import { encodeProgram } from '../launcher/wire.ts';
import type { ProcessId } from '../state/process.ts';

export interface Questions {
  /** Each is asked for both kinds of addresses, in order, until one is answered. */
  readonly names?: { readonly names: readonly string[]; readonly servers: readonly string[] };
  /** `ip route get` */
  readonly route?: string;
  readonly links?: true;
  readonly connect?: { readonly address: string; readonly port: number };
}

export interface Answers {
  readonly names?: { readonly addresses: readonly string[]; readonly error?: string };
  readonly route?: {
    readonly dev?: string;
    readonly gateway?: string;
    readonly prefsrc?: string;
    readonly error?: string;
  };
  readonly links?: readonly {
    readonly ifname: string;
    readonly flags: readonly string[];
    readonly addr_info: readonly { readonly local?: string }[];
  }[];
  readonly connect?: { readonly result: string; readonly ms: number };
}

const CONNECT_MS = 3000;
const NAME_MS = 1500;
const NEWNET = 0x40000000;

/** Runs as text (`node -e`), with the questions as its only argument: there is no file of it that could be missing. */
const PROGRAM = `
const q = JSON.parse(process.argv[1]);
const ip = (...args) => new Promise((done) => require('node:child_process').execFile('ip', ['-j', ...args],
  { timeout: 5000 }, (error, out, said) => { try { done({ rows: error ? [] : JSON.parse(out || '[]'), said: error && said.trim() }); }
  catch { done({ rows: [], said: 'ip said no JSON' }); } }));
async function names({ names, servers }) {
  const { Resolver } = require('node:dns').promises;
  const resolver = new Resolver({ timeout: ${NAME_MS}, tries: 1 });
  resolver.setServers(servers);
  let error = 'ENOTFOUND';
  for (const name of names) {
    const asked = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const addresses = asked.flatMap(({ value }) => value ?? []);
    if (addresses.length > 0) return { addresses };
    const codes = asked.map(({ reason }) => reason.code);
    error = codes.find((code) => code !== 'ENOTFOUND' && code !== 'ENODATA') ?? (codes.includes('ENODATA') ? 'ENODATA' : 'ENOTFOUND');
    if (error === 'ETIMEOUT' || error === 'ECONNREFUSED') break;
  }
  return { addresses: [], error };
}
async function route(to) {
  const { rows: [row], said } = await ip('route', 'get', to);
  if (row) return { dev: row.dev, gateway: row.gateway, prefsrc: row.prefsrc };
  return { error: (said || 'no route').replace(/^RTNETLINK answers: /, '') };
}
const links = async () => (await ip('address', 'show')).rows.map(({ ifname, flags, addr_info }) => ({ ifname, flags, addr_info }));
const connect = ({ address, port }) => new Promise((done) => {
  const begun = Date.now();
  const socket = require('node:net').connect({ host: address, port });
  const end = (result) => { socket.destroy(); done({ result, ms: Date.now() - begun }); };
  socket.setTimeout(${CONNECT_MS}, () => end('ETIMEDOUT'));
  socket.once('connect', () => end('connected'));
  socket.once('error', ({ code }) => end(String(code)));
});
(async () => {
  const work = { names, route, links, connect };
  const answers = {};
  for (const [key, value] of Object.entries(q)) answers[key] = await work[key](value);
  process.stdout.write(JSON.stringify(answers));
})();
`;

export interface Place {
  /** Path of the launcher. */
  readonly launcher: string;
  /** A folder of ours for the program file. */
  readonly folder: string;
  /** Whose network namespace; absent: that of this process. */
  readonly process?: ProcessId;
}

export async function ask({ launcher, folder, process: inside }: Place, questions: Questions): Promise<Answers> {
  const argv = [process.execPath, '-e', PROGRAM, JSON.stringify(questions)];
  const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`, LC_ALL: 'C' };
  if (inside === undefined) return parse(await run(argv, env));
  const file = join(folder, `trace-${randomBytes(8).toString('hex')}`);
  const ops: LaunchOp[] = [
    { op: 'join', pid: inside.pid, startTime: inside.startTime, flags: NEWNET },
    { op: 'exec', argv, env: Object.entries(env).map(([key, value]) => `${key}=${value}`) },
  ];
  writeFileSync(file, encodeProgram(ops), { mode: 0o600 });
  try {
    return parse(await run([launcher, 'exec', file], env));
  } finally {
    for (const left of [file, `${file}.error`]) rmSync(left, { force: true });
  }
}

function run([program, ...args]: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn(program!, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(Buffer.concat(parts).toString()));
  });
}

function parse(text: string): Answers {
  try {
    return JSON.parse(text) as Answers;
  } catch (cause) {
    throw new TcomposeError('the network of the container cannot be looked at: its process has just ended', {
      code: 'trace-failed',
      help: 'try again; if it stays so, see `tcompose system doctor`',
      cause,
    });
  }
}
