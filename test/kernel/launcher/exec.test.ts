/** `exec FILE`: another process in a running container, with the streams, the signals and the exit code of whoever called. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn as spawnInTerminal } from 'node-pty';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LaunchOp } from '../../../engine/launcher/ops.ts';
import { encodeProgram } from '../../../engine/launcher/wire.ts';
import * as control from '../../../engine/supervise/control.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  CLONE,
  enterRoot,
  LAUNCHERS,
  openWorkshop,
  type ProbeContainer,
  probe,
  startContainer,
  type Workshop,
} from './probe-container.ts';

const SIGUSR1 = 10;
const CAP_CHOWN = 1n;

describe.each(LAUNCHERS)('exec %s', (_which, binary) => {
  let workshop: Workshop;
  let container: ProbeContainer;
  let count = 0;
  beforeAll(async () => {
    workshop = openWorkshop(binary());
    container = await startContainer(workshop, [['sleep', '100000']]);
  });
  afterAll(async () => {
    await container.stop();
    await workshop.close();
  });

  /** As the engine does it: the process namespace first, the rest in the child. */
  const joining = (target: ProbeContainer, ...rest: LaunchOp[]): LaunchOp[] => {
    const { pid, startTime } = target.state().init;
    return [
      { op: 'join', pid, startTime, flags: CLONE.NEWPID },
      { op: 'clone', flags: 0 },
      { op: 'join', pid, startTime, flags: CLONE.NEWNS | CLONE.NEWUTS },
      ...rest,
    ];
  };
  const write = (ops: readonly LaunchOp[]) => {
    const file = join(workshop.folder, `exec-${++count}`);
    writeFileSync(file, encodeProgram(ops), { mode: 0o600 });
    return file;
  };
  const begin = (ops: readonly LaunchOp[]) => {
    const file = write(ops);
    const child = spawn(workshop.binary, ['exec', file], { stdio: ['pipe', 'pipe', 'pipe'] });
    return { file, child, finished: finish(child, file) };
  };
  const finish = async (child: ChildProcess, file: string) => {
    let [stdout, stderr] = ['', ''];
    child.stdout!.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr!.on('data', (chunk) => {
      stderr += chunk;
    });
    const [code, signal] = await once(child, 'close');
    const error = existsSync(`${file}.error`) ? readFileSync(`${file}.error`, 'utf8').trim() : undefined;
    return { code, signal, stdout, stderr, error };
  };
  const exec = (...ops: LaunchOp[]) => begin(ops).finished;

  test('the file is gone once it is read: of a detached run nobody else would remove it', async () => {
    const { file, finished } = begin(joining(container, probe(['exit', '0'])));
    expect(await finished).toMatchObject({ code: 0 });
    expect(existsSync(file)).toBe(false);
  });

  test('runs in the container, with all three streams', async () => {
    const { child, finished } = begin(
      joining(container, probe(['identity'], ['input'], ['error', 'bad'], ['descriptors'], ['exit', '0'])),
    );
    child.stdin!.end('typed\n');
    const { code, stdout, stderr, error } = await finished;
    expect(stdout).toMatch(/^uid=0 gid=0 groups=.* pid=\d+ .*cwd=\/\ninput: typed\nopen:\n$/);
    expect(stdout).not.toContain('pid=1 ');
    expect([code, stderr, error]).toEqual([0, 'bad\n', undefined]);
  });

  test.each([0, 1, 42, 125, 126, 127, 255])('the exit code %i is passed on and is no failure of ours', async (code) => {
    expect(await exec(...joining(container, probe(['exit', `${code}`])))).toMatchObject({ code, error: undefined });
  });

  test('the end by a signal is 128 and its number', async () => {
    expect(await exec(...joining(container, probe(['crash'])))).toMatchObject({ code: 132, error: undefined });
  });

  test.each([
    ['missing', 'nowhere', 127, 2],
    ['a folder', '/proc', 126, 21],
    ['not executable', '/proc/version', 126, 13],
  ])('a program that is %s is told in numbers', async (_what, program, code, errno) => {
    const result = await exec(...joining(container, { op: 'exec', argv: [program], env: ['PATH=/bin'] }));
    expect(result).toMatchObject({ code, error: `0 3 ${errno}` });
  });

  test('what fails before is 125, and told in numbers', async () => {
    expect(await exec(...joining(container, { op: 'mkdir', path: '/proc/x/y', mode: 0 }))).toMatchObject({
      code: 125,
      error: '0 3 2',
    });
    expect(await exec({ op: 'join', pid: process.pid, startTime: '1', flags: CLONE.NEWUTS })).toMatchObject({
      code: 125,
      error: '0 0 3',
    });
  });

  test('without clone it becomes the program', async () => {
    expect(await exec({ op: 'exec', argv: ['/bin/sh', '-c', 'echo $A; exit 9'], env: ['A=b'] })).toMatchObject({
      code: 9,
      stdout: 'b\n',
      error: undefined,
    });
  });

  test('signals are passed on', async () => {
    const { child, finished } = begin(joining(container, { op: 'setsid' }, probe(['wait', 'TERM'], ['exit', '33'])));
    await once(child.stdout!, 'data');
    child.kill('SIGTERM');
    expect(await finished).toMatchObject({ code: 33, signal: null });
  });

  test('a file that is missing or malformed is a failure, not a crash', async () => {
    const missing = spawn(workshop.binary, ['exec', join(workshop.folder, 'absent')], { stdio: 'ignore' });
    expect(await once(missing, 'exit')).toEqual([125, null]);
    expect(readFileSync(join(workshop.folder, 'absent.error'), 'utf8')).toBe('4 1 2\n');
    const file = join(workshop.folder, 'garbage');
    writeFileSync(file, Buffer.alloc(100, 0x55));
    const malformed = spawn(workshop.binary, ['exec', file], { stdio: 'ignore' });
    expect(await once(malformed, 'exit')).toEqual([125, null]);
    expect(readFileSync(`${file}.error`, 'utf8')).toBe('0 0 74\n');
  });

  test('a relative file is found, and its failure too, wherever the program went', async () => {
    mkdirSync(join(workshop.folder, 'there'), { recursive: true });
    const file = join(workshop.folder, 'there', 'program');
    writeFileSync(
      file,
      encodeProgram([
        { op: 'unshare', flags: CLONE.NEWNS },
        { op: 'chdir', inside: '/proc' },
        { op: 'close', slot: 3 },
      ]),
    );
    const child = spawn(workshop.binary, ['exec', 'there/program'], { cwd: workshop.folder, stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([125, null]);
    expect(readFileSync(`${file}.error`, 'utf8')).toBe('0 2 9\n');
  });

  test('a terminal of node-pty becomes the controlling one of a session inside, and resizes reach it', async () => {
    const file = write(
      joining(
        container,
        { op: 'setsid', terminal: true },
        probe(['terminal'], ['wait', 'WINCH'], ['terminal'], ['input'], ['exit', '5']),
      ),
    );
    const terminal = spawnInTerminal(workshop.binary, ['exec', file], { cols: 80, rows: 24 });
    let output = '';
    terminal.onData((data) => {
      output += data;
    });
    const ended = new Promise((resolve) => terminal.onExit(resolve));
    await eventually(() => expect(output).toContain('waiting'));
    terminal.resize(132, 50);
    await eventually(() => expect(output).toContain('got WINCH'));
    terminal.write('line\r');
    expect(await ended).toMatchObject({ exitCode: 5 });
    expect(output).toMatch(/tty=1 name=\S* ?group=1 size=24x80/);
    expect(output).toMatch(/tty=1 name=\S* ?group=1 size=50x132/);
    await eventually(() => expect(output).toContain('input: line')); // the rest may come after the end
  });

  test('the keyboard interrupts the program, not the launcher', async () => {
    const file = write(
      joining(container, { op: 'setsid', terminal: true }, probe(['echo', 'ready'], ['sleep', '100000'])),
    );
    const terminal = spawnInTerminal(workshop.binary, ['exec', file], {});
    let output = '';
    terminal.onData((data) => {
      output += data;
    });
    const ended = new Promise((resolve) => terminal.onExit(resolve));
    await eventually(() => expect(output).toContain('ready'));
    terminal.write('\x03');
    expect(await ended).toMatchObject({ exitCode: 130 });
  });

  test('a hostile container sees nothing of a process that joins it, before that is its own', async () => {
    const hostile = await startContainer(workshop, [], (root) => ({
      start: [
        ...enterRoot(root),
        { op: 'bounding', mask: CAP_CHOWN },
        { op: 'capabilities', effective: CAP_CHOWN, permitted: CAP_CHOWN, inheritable: 0n, ambient: 0n },
        probe(['wait', 'USR1'], ['link', '/proc/2/exe'], ['link', '/proc/2/fd/4'], ['overwrite', '2'], ['exit', '0']),
      ],
    }));
    await eventually(() => expect(hostile.log()).toHaveLength(1));
    // It hangs inside, all of its privileges still there, in opening a pipe that nobody writes to.
    const gate = join(hostile.root, 'tmp/gate');
    await workshop.launcher.run([{ op: 'exec', argv: ['mkfifo', gate], env: ['PATH=/bin:/usr/bin'] }]);
    await eventually(() => expect(existsSync(gate)).toBe(true));
    const { finished } = begin(
      joining(hostile, { op: 'open', slot: 0, path: '/tmp/gate', flags: 0 }, probe(['exit', '0'])),
    );
    const inside = join('/proc', `${hostile.state().init.pid}`, 'root/proc/2/stat');
    await eventually(() => expect(existsSync(inside)).toBe(true));
    await control.kill(hostile.runDir, SIGUSR1, false);
    await hostile.ended();
    expect(hostile.log().map(({ log }) => log)).toEqual([
      'waiting\n',
      'got USR1\n',
      '/proc/2/exe -> \n',
      '/proc/2/fd/4 -> \n',
      'overwrite: Permission denied\n',
    ]);
    expect(await finished).toMatchObject({ error: '4 5 10' });
  });
});
