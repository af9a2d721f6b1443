/** A session: many requests at once, failures told apart, nothing left over, whatever becomes of Node or of a child. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLauncher } from '../../../engine/launcher/launcher.ts';
import { eventually } from '../../helpers/eventually.ts';
import { slowness } from '../../helpers/slowness.ts';
import { CLONE, LAUNCHERS, O, openWorkshop, probe, type Workshop } from './probe-container.ts';

const commandOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // It ended meanwhile.
  }
};
const parentOf = (pid: string) => /PPid:\t(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';

describe.each(LAUNCHERS)('a session %s', (_which, binary) => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());

  test('two hundred requests at once are each answered with their own', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        workshop.launcher
          .run([
            { op: 'open', slot: i % 64, path: '/etc', flags: O.PATH },
            ...(i % 3 ? [] : [{ op: 'mkdir', path: `/proc/${i}/x`, mode: 0 } as const]),
            { op: 'read-in', root: i % 64, inside: 'hostname', maxBytes: i },
          ])
          .then(
            ({ data }) => data.get(1)?.length,
            (error) => error.op.path,
          ),
      ),
    );
    const length = readFileSync('/etc/hostname').length;
    expect(answers).toEqual(Array.from({ length: 200 }, (_, i) => (i % 3 ? Math.min(i, length) : `/proc/${i}/x`)));
  });

  test('a megabyte comes back whole', async () => {
    writeFileSync(join(workshop.folder, 'big'), 'é'.repeat(500_000));
    const { data } = await workshop.launcher.run([
      { op: 'open', slot: 0, path: '/', flags: O.PATH },
      { op: 'open-in', slot: 1, root: 0, inside: workshop.folder, flags: O.PATH },
      { op: 'read-in', root: 1, inside: 'big', maxBytes: 1_000_000 },
    ]);
    expect(data.get(2)?.toString()).toBe('é'.repeat(500_000));
  });

  test('a request leaves no trace in the next: namespaces, slots, working folder', async () => {
    await workshop.launcher.run([
      { op: 'unshare', flags: CLONE.NEWUTS | CLONE.NEWNS },
      { op: 'hostname', name: 'changed' },
      { op: 'open', slot: 7, path: '/', flags: O.PATH },
    ]);
    expect(readFileSync('/proc/sys/kernel/hostname', 'utf8').trim()).not.toBe('changed');
    await expect(workshop.launcher.run([{ op: 'mkdir-in', root: 7, inside: 'x', mode: 0 }])).rejects.toMatchObject({
      errno: 9,
    });
  });

  test('a program with an exec is answered when the exec succeeded', async () => {
    const begin = performance.now();
    await workshop.launcher.run([{ op: 'exec', argv: ['sleep', '31.415'], env: ['PATH=/bin:/usr/bin'] }]);
    expect(performance.now() - begin).toBeLessThan(20_000 * slowness);
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (commandOf(pid) === 'sleep\x0031.415\0') process.kill(Number(pid));
    }
    await expect(workshop.launcher.run([probe(['exit', '0'])])).rejects.toMatchObject({ errno: 2, op: { op: 'exec' } });
  });

  test('a child that is killed is a failure, and the session goes on', async () => {
    const own = openLauncher({ binary: workshop.binary });
    const gate = `${workshop.folder}/gate`;
    await own.run([{ op: 'exec', argv: ['mkfifo', gate], env: ['PATH=/bin:/usr/bin'] }]);
    await eventually(() => expect(readdirSync(workshop.folder)).toContain('gate'));
    const hanging = expect(own.run([{ op: 'open', slot: 0, path: gate, flags: 0 }])).rejects.toMatchObject({
      section: 'supervisor',
      message: expect.stringContaining('it was killed'),
    });
    const isOurs = isSessionOf(workshop.binary);
    const child = await eventually(() => {
      const found = readdirSync('/proc').find((pid) => isOurs(pid) && isOurs(parentOf(pid)));
      if (!found) throw new Error('no child of a session');
      return Number(found);
    });
    process.kill(child, 'SIGKILL');
    await hanging;
    await expect(own.run([])).resolves.toMatchObject({ warnings: [] });
    await own.close();
  });

  test('a session ends when its input does, and after what is under way', async () => {
    const child = spawn(workshop.binary, ['serve'], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test.each([
    ['a length too small', Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    ['a length too large', Buffer.alloc(64, 0xff)],
  ])('a session that is out of step (%s) ends instead of guessing', async (_what, bytes) => {
    const child = spawn(workshop.binary, ['serve'], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.write(bytes);
    expect(await once(child, 'exit')).toEqual([1, null]);
  });

  test('a malformed program has no effect at all', async () => {
    const child = spawn(workshop.binary, ['serve'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const request = Buffer.alloc(12 + 6);
    request.writeUInt32LE(8 + 6, 0);
    request.writeUInt32LE(77, 4);
    request.writeUInt32LE(1, 8);
    request.writeUInt32LE(1000, 12);
    child.stdin.end(request);
    const [reply] = (await once(child.stdout, 'data')) as [Buffer];
    // length, id, then the report: failed, program, operation 0, EBADMSG
    expect([0, 4, 8, 12, 16, 20].map((at) => reply.readUInt32LE(at))).toEqual([20, 77, 2, 0, 0, 74]);
    await once(child, 'exit');
  });

  test('who has no more to ask waits for what is under way, then ends', async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: `import { openLauncher } from './engine/launcher/launcher.ts';
          const launcher = openLauncher({ binary: process.argv[2] });
          const asked = launcher.run([{ op: 'unshare', flags: ${CLONE.NEWNET} }]);
          await launcher.close();
          await asked;
          console.log('closed');`,
        resolveDir: new URL('../../..', import.meta.url).pathname,
        loader: 'ts',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      write: false,
    });
    const argv = ['--input-type=module', '--eval', outputFiles[0]!.text, '--', 'launcher', workshop.binary];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [[code], [said]] = await Promise.all([once(child, 'exit'), once(child.stdout, 'data')]);
    expect([code, String(said)]).toEqual([0, 'closed\n']);
  });

  test('a binary that cannot be run is an error that says so', async () => {
    const broken = openLauncher({ binary: '/nowhere/launcher' });
    await expect(broken.run([])).rejects.toMatchObject({ code: 'launcher-broken' });
  });

  test('two hundred network namespaces in parallel, and each is let go', async () => {
    const before = readlinkSync('/proc/self/ns/net');
    await Promise.all(
      Array.from({ length: 200 }, () => workshop.launcher.run([{ op: 'unshare', flags: CLONE.NEWNET }])),
    );
    expect(readlinkSync('/proc/self/ns/net')).toBe(before);
  });
});

const isSessionOf = (binary: string) => (pid: string) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`${binary}\0serve`);
  } catch {
    return false;
  }
};
