/** What a session does for Node that Node cannot, or only at the cost of a process each: flock(2), and the host's own programs. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capturing } from '../../../engine/launcher/capture.ts';
import { openLauncher } from '../../../engine/launcher/launcher.ts';
import { encodeProgram } from '../../../engine/launcher/wire.ts';
import { eventually } from '../../helpers/eventually.ts';
import { LAUNCHERS, openWorkshop, type Workshop } from './probe-container.ts';

/** By flock(1), as everybody else on the machine would see it. */
const isFree = (path: string): boolean => {
  try {
    execFileSync('flock', ['-n', path, 'true']);
    return true;
  } catch {
    return false;
  }
};

/** As launcher.ts frames it: length, id, kind, payload. */
const request = (id: number, kind: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(12);
  [payload.length + 8, id, kind].forEach((number, i) => void head.writeUInt32LE(number, 4 * i));
  return Buffer.concat([head, payload]);
};

describe.each(LAUNCHERS)('a session %s', (_which, binary) => {
  let workshop: Workshop;
  let folder: string;
  beforeAll(() => {
    workshop = openWorkshop(binary());
    folder = join(workshop.folder, 'locked');
    mkdirSync(folder);
  });
  afterAll(() => workshop.close());

  test('a file is locked once, gone after the release, and free for others then', async () => {
    const path = join(workshop.folder, 'project.lock');
    const other = openLauncher({ binary: binary() });
    const held = await workshop.launcher.lock('file', path);
    expect(isFree(path)).toBe(false);
    expect(await other.lock('file', path)).toBeUndefined();
    expect(await workshop.launcher.lock('file', path)).toBeUndefined();
    held?.release();
    expect(existsSync(path)).toBe(false);
    const next = await eventually(async () => {
      const got = await other.lock('file', path);
      expect(got).toBeDefined();
      return got;
    });
    next?.release();
    await other.close();
  });

  test('a folder is waited for, while the session does other things', async () => {
    const other = openLauncher({ binary: binary() });
    const order: string[] = [];
    const first = await workshop.launcher.lock('folder', folder);
    const waiting = other.lock('folder', folder).then((held) => {
      order.push('locked');
      return held;
    });
    const { output } = await capturing(async () => other)('echo', ['meanwhile']);
    order.push(output.trim());
    first.release();
    const second = await waiting;
    expect(order).toEqual(['meanwhile', 'locked']);
    expect(isFree(folder)).toBe(false);
    second.release();
    await eventually(() => expect(isFree(folder)).toBe(true));
    await other.close();
  });

  test('one session’s own requests take turns, too', async () => {
    let inside = 0;
    const work = async () => {
      const held = await workshop.launcher.lock('folder', folder);
      inside += 1;
      expect(inside).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
      held.release();
    };
    await Promise.all(Array.from({ length: 20 }, work));
  });

  test('a folder that is not there is said to be not there', async () => {
    await expect(workshop.launcher.lock('folder', join(folder, 'no'))).rejects.toThrow(/cannot lock .*ENOENT/);
  });

  test('a lock ends with its session, but not before what was asked of it is done', async () => {
    const path = join(workshop.folder, 'killed.lock');
    const done = join(workshop.folder, 'done');
    const session = spawn(binary(), ['serve'], { stdio: ['pipe', 'ignore', 'inherit'] });
    const argv = ['sh', '-c', `echo > ${done}.begun; sleep 1; echo > ${done}`];
    const capture = { op: 'capture', argv, env: [`PATH=${process.env['PATH']}`], input: Buffer.alloc(0) } as const;
    session.stdin.write(Buffer.concat([request(1, 3, Buffer.from(path)), request(2, 1, encodeProgram([capture]))]));
    await eventually(() => expect(existsSync(`${done}.begun`)).toBe(true));
    // What a Node that is killed leaves: the end of the pipe.
    session.stdin.end();
    expect([isFree(path), existsSync(done)]).toEqual([false, false]);
    await once(spawn('flock', [path, 'true'], { stdio: 'ignore' }), 'exit');
    expect(existsSync(done)).toBe(true);
  });

  test('nobody is waited for who waits for a lock when the session’s input ends', async () => {
    const held = await workshop.launcher.lock('folder', folder);
    const session = spawn(binary(), ['serve'], { stdio: ['pipe', 'ignore', 'inherit'] });
    session.stdin.end(request(1, 4, Buffer.from(folder)));
    expect(await once(session, 'exit')).toEqual([0, null]);
    held.release();
    await eventually(() => expect(isFree(folder)).toBe(true));
  });

  test('a child that stays has none of the locks', async () => {
    const mine = openLauncher({ binary: binary() });
    const path = join(workshop.folder, 'stays.lock');
    await mine.lock('file', path);
    await mine.run([{ op: 'exec', argv: ['sleep', '2'], env: ['PATH=/bin:/usr/bin'] }]);
    await mine.close();
    expect(isFree(path)).toBe(true);
  });

  describe('a program of the host', () => {
    const run = capturing(async () => workshop.launcher);

    test('is given its input, and its output, errors and status come back', async () => {
      const said = await run('sh', ['-c', 'cat; echo oops >&2; exit 3'], 'ünd');
      expect(said).toEqual({ status: 3, output: 'ünd', errors: 'oops\n' });
    });

    test('may say megabytes while it is given megabytes', async () => {
      const text = 'x'.repeat(3 << 20);
      const { output } = await run('cat', [], text);
      expect(output === text).toBe(true);
    });

    test('that a signal ends has the status that shells give', async () => {
      expect(await run('sh', ['-c', 'kill -9 $$'])).toMatchObject({ status: 137 });
    });

    test('that says too much is a failure, not a part of it', async () => {
      await expect(run('head', ['-c', '17M', '/dev/zero'])).rejects.toMatchObject({ errno: 27 });
    });

    test('that is not there is said to be missing, with the package it is in', async () => {
      await expect(run('ip6tables-no-such', [])).rejects.toMatchObject({ code: 'program-missing' });
    });

    test('has no descriptor but its streams, and none of the signals that a session ignores', async () => {
      // The fourth is the folder itself.
      expect((await run('ls', ['/proc/self/fd'])).output).toBe('0\n1\n2\n3\n');
      expect((await run('grep', ['SigIgn', '/proc/self/status'])).output).toBe('SigIgn:\t0000000000000000\n');
    });

    test('that goes to the background is not waited for', async () => {
      const begin = performance.now();
      await run('sh', ['-c', 'sleep 5 & echo $! >&2']).then(({ errors }) => process.kill(Number(errors)));
      expect(performance.now() - begin).toBeLessThan(4_000);
    });
  });
});
