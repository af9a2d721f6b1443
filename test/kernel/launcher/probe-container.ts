/** A container without the engine: a folder with the probe in it, a supervisor, and no more namespaces than a test needs. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Launcher, openLauncher } from '../../../engine/launcher/launcher.ts';
import type { LaunchOp } from '../../../engine/launcher/ops.ts';
import * as control from '../../../engine/supervise/control.ts';
import { encodeSpec } from '../../../engine/supervise/encode-spec.ts';
import type { SupervisorSpec } from '../../../engine/supervise/spec.ts';
import { parseState, type SupervisorState } from '../../../engine/supervise/state-file.ts';
import { buildLauncher, makeProbeRoot } from '../../helpers/build-probe.ts';
import { eventually } from '../../helpers/eventually.ts';

export const CLONE = {
  NEWNS: 0x20000,
  NEWCGROUP: 0x2000000,
  NEWUTS: 0x4000000,
  NEWIPC: 0x8000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
} as const;
export const MS = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8, BIND: 4096, REC: 16384, PRIVATE: 1 << 18 } as const;
export const O = { RDONLY: 0, WRONLY: 1, RDWR: 2, CREAT: 0o100, DIRECTORY: 0o200000, PATH: 0o10000000 } as const;

/** Both binaries: what is shipped, and the one that watches itself. */
export const LAUNCHERS = [
  ['as shipped', () => buildLauncher()],
  ['with sanitizers', () => buildLauncher({ sanitized: true })],
] as const;

/** A folder to work in, a session, and at the end the proof that no sanitizer complained. */
export interface Workshop {
  readonly folder: string;
  readonly binary: string;
  readonly launcher: Launcher;
  close(): Promise<void>;
}

export const openWorkshop = (binary: string): Workshop => {
  const folder = mkdtempSync(join(tmpdir(), 'tcompose-kernel-'));
  const complaints = join(folder, 'complaints');
  mkdirSync(complaints);
  process.env['ASAN_OPTIONS'] = `log_path=${complaints}/log:abort_on_error=0`;
  const launcher = openLauncher({ binary });
  return {
    folder,
    binary,
    launcher,
    close: async () => {
      await launcher.close();
      const reports = readdirSync(complaints).map((name) => readFileSync(join(complaints, name), 'utf8'));
      rmSync(folder, { recursive: true, force: true });
      if (reports.length) throw new Error(`the sanitizers complained:\n${reports.join('\n')}`);
    },
  };
};

/** What stands before the exec in a container of its own namespaces whose root is `root`. */
export const enterRoot = (root: string, flags: number = CLONE.NEWNS | CLONE.NEWPID | CLONE.NEWUTS): LaunchOp[] => [
  { op: 'clone', flags },
  { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
  { op: 'mount', source: root, path: root, type: '', flags: MS.BIND },
  { op: 'open', slot: 0, path: root, flags: O.PATH | O.DIRECTORY },
  { op: 'mount-in', root: 0, source: 'proc', inside: '/proc', type: 'proc', flags: MS.NOSUID | MS.NODEV | MS.NOEXEC },
  { op: 'pivot', root: 0 },
  { op: 'setsid' },
];

/** Probe commands, one after the other: [['echo', 'a'], ['exit', '3']]. */
export const probe = (...commands: readonly string[][]): LaunchOp => ({
  op: 'exec',
  argv: ['probe', ...commands.flatMap((command, i) => (i ? ['then', ...command] : command))],
  env: ['PATH=/bin'],
});

export interface ProbeContainer {
  readonly root: string;
  readonly runDir: string;
  readonly logPath: string;
  readonly exitPath: string;
  readonly spec: SupervisorSpec;
  /** Puts the program in place and starts the supervisor. */
  start(): Promise<void>;
  state(): SupervisorState;
  /** Lines of the log file, parsed. */
  log(): { log: string; stream: string; time: string }[];
  /** Resolves with the first state that passes. */
  until(passes: (state: SupervisorState) => boolean): Promise<SupervisorState>;
  /** Resolves when the supervisor is gone. */
  ended(): Promise<SupervisorState>;
  stop(): Promise<void>;
}

let count = 0;

export const makeContainer = (
  workshop: Workshop,
  commands: readonly string[][],
  changes: Partial<SupervisorSpec> | ((root: string) => Partial<SupervisorSpec>) = {},
): ProbeContainer => {
  const id = `c${++count}`;
  const folder = join(workshop.folder, id);
  const [runDir, logPath, exitPath] = [join(folder, 'run'), join(folder, 'log/json.log'), join(folder, 'exit')];
  const root = makeProbeRoot(join(folder, 'root'));
  for (const part of [runDir, join(folder, 'log')]) mkdirSync(part, { recursive: true });
  const spec: SupervisorSpec = {
    id,
    setup: [],
    start: [...enterRoot(root), probe(...commands)],
    probe: [],
    restart: { policy: 'no', maxRetries: 0 },
    stop: { signal: 15, graceMs: 5000 },
    log: { file: { path: logPath, maxBytes: 10_000_000, maxFiles: 3, compress: false, attributes: '' } },
    tty: false,
    stdinOpen: false,
    cgroups: [],
    oomCounter: '',
    freezer: [],
    exitPath,
    ...(typeof changes === 'function' ? changes(root) : changes),
  };
  const state = () => {
    const parsed = parseState(readFileSync(join(runDir, 'state'), 'utf8'));
    if (!parsed) throw new Error('no whole state file');
    return parsed;
  };
  const until = async (passes: (state: SupervisorState) => boolean) => {
    try {
      for await (const seen of control.watch(runDir)) if (passes(seen)) return seen;
    } catch (error) {
      if (!(error instanceof control.SupervisorGone)) throw error;
    }
    const last = state();
    if (!passes(last)) throw new Error(`never came about; the last state was ${JSON.stringify(last)}`);
    return last;
  };
  return {
    root,
    runDir,
    logPath,
    exitPath,
    spec,
    start: async () => {
      writeFileSync(join(runDir, 'program'), encodeSpec(spec), { mode: 0o600 });
      await workshop.launcher.supervise(runDir, { setup: spec.setup, start: spec.start });
    },
    state,
    until,
    log: () =>
      readFileSync(logPath, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    ended: async () => {
      await until((seen) => seen.supervisor.pid === 0);
      return eventually(state);
    },
    stop: async () => {
      await control.stop(runDir, { graceMs: 0 });
    },
  };
};

export const startContainer = async (
  workshop: Workshop,
  commands: readonly string[][],
  changes: Partial<SupervisorSpec> | ((root: string) => Partial<SupervisorSpec>) = {},
): Promise<ProbeContainer> => {
  const container = makeContainer(workshop, commands, changes);
  await container.start();
  return container;
};
