/** The control socket: watchers, attached clients, resizes, and clients that behave badly. */
import { mkdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as control from '../../../engine/supervise/control.ts';
import { eventually } from '../../helpers/eventually.ts';
import { slowness } from '../../helpers/slowness.ts';
import {
  CLONE,
  LAUNCHERS,
  MS,
  O,
  openWorkshop,
  probe,
  startContainer,
  type Workshop,
} from '../launcher/probe-container.ts';

/** Collects the frames of an attached client. */
const collect = (socket: Socket) => {
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
  });
  return () => {
    const texts = { 1: '', 2: '' } as Record<number, string>;
    for (let at = 0; at + 8 <= bytes.length; at += 8 + bytes.readUInt32BE(at + 4)) {
      texts[bytes[at]!] += bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at + 4)).toString();
    }
    return texts;
  };
};

const raw = (runDir: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ path: join(runDir, 'control') }, () => resolve(socket));
    socket.on('error', reject);
  });

describe.each(LAUNCHERS)('the control socket %s', (_which, binary) => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());

  test('a watcher gets the present state first, then every change, then the end', async () => {
    const container = await startContainer(workshop, [
      ['sleep', `${150 * slowness}`],
      ['exit', '3'],
    ]);
    const seen: string[] = [];
    for await (const state of control.watch(container.runDir)) seen.push(`${state.status} ${state.exitCode}`);
    expect(seen).toEqual(['running 0', 'exited 3']);
  });

  test('a container has one supervisor: another one is turned away, and the first does not notice', async () => {
    const container = await startContainer(workshop, [['sleep', '100000']]);
    const before = container.state();
    await expect(container.start()).rejects.toThrow('another supervisor does: it is in use (EBUSY)');
    expect(container.state()).toEqual(before);
    await container.stop();
    await container.start();
    expect(container.state().supervisor.pid).not.toBe(before.supervisor.pid);
    await container.stop();
  });

  test('a watch ends with its signal, and the container goes on', async () => {
    const container = await startContainer(workshop, [['sleep', '100000']]);
    const abort = new AbortController();
    for await (const state of control.watch(container.runDir, abort.signal)) {
      expect(state.status).toBe('running');
      abort.abort();
    }
    expect(container.state().status).toBe('running');
    await container.stop();
  });

  test('an attached client gets both streams, and its input is the container’s', async () => {
    const container = await startContainer(workshop, [['input'], ['error', 'bad'], ['input'], ['exit', '0']], {
      stdinOpen: true,
    });
    const socket = await control.attach(container.runDir);
    const read = collect(socket);
    socket.write('first\n');
    await eventually(() => expect(read()[2]).toBe('bad\n'));
    socket.end('second\n');
    await container.ended();
    await eventually(() => expect(read()[1]).toBe('input: first\ninput: second\n'));
    expect(container.log().map(({ log }) => log)).toContain('input: second\n');
  });

  test('without an open input the container reads the end at once', async () => {
    const container = await startContainer(workshop, [['input'], ['exit', '0']]);
    await container.ended();
    expect(container.log().map(({ log }) => log)).toEqual(['input: end\n']);
  });

  test('a client that never reads is cut off, and nobody waits for it', async () => {
    const container = await startContainer(workshop, [
      ['wait', 'USR1'],
      ['repeat', 'x', '8000000'],
      ['exit', '0'],
    ]);
    await eventually(() => expect(container.log()).toHaveLength(1));
    const idle = await control.attach(container.runDir);
    idle.pause();
    await control.kill(container.runDir, 10, false);
    expect(await container.ended()).toMatchObject({ exitCode: 0 });
    idle.destroy();
  });

  test('nonsense, half requests and sudden ends harm nobody', async () => {
    const container = await startContainer(workshop, [['sleep', '100000']]);
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(7, 1), Buffer.alloc(64, 0xff), Buffer.alloc(100_000, 3)]) {
      const socket = await raw(container.runDir);
      socket.on('error', () => {});
      socket.write(bytes);
      socket.destroy();
    }
    await expect(control.kill(container.runDir, 999, false)).rejects.toMatchObject({ errno: 22 });
    await expect(control.resize(container.runDir, 24, 80)).rejects.toMatchObject({ errno: 25 });
    await eventually(() => expect(container.state().status).toBe('running'));
    await container.stop();
  });

  test('more clients than there are places are turned away, and places become free again', async () => {
    const container = await startContainer(workshop, [['sleep', '100000']]);
    const clients = await Promise.all(Array.from({ length: 80 }, () => raw(container.runDir)));
    for (const client of clients) client.on('error', () => {});
    for (const client of clients) client.destroy();
    await eventually(() => control.kill(container.runDir, 23, false));
    await container.stop();
  });

  test('a terminal is the container’s own: controlling, resizable, in its dev/pts, and its output is logged', async () => {
    const container = await startContainer(workshop, [], (root) => ({
      tty: true,
      stdinOpen: true,
      start: [
        { op: 'clone', flags: CLONE.NEWNS | CLONE.NEWPID | CLONE.NEWUTS },
        { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
        { op: 'mount', source: root, path: root, type: '', flags: MS.BIND },
        { op: 'open', slot: 0, path: root, flags: O.PATH | O.DIRECTORY },
        { op: 'mount-in', root: 0, source: 'proc', inside: '/proc', type: 'proc', flags: 0 },
        { op: 'mkdir-in', root: 0, inside: '/dev/pts', mode: 0o755 },
        {
          op: 'mount-in',
          root: 0,
          source: 'devpts',
          inside: '/dev/pts',
          type: 'devpts',
          flags: 0,
          data: 'newinstance,ptmxmode=0666',
        },
        { op: 'touch-in', root: 0, inside: '/dev/console', mode: 0o600 },
        { op: 'console', root: 0, bind: true },
        { op: 'pivot', root: 0 },
        { op: 'setsid', terminal: true },
        probe(['terminal'], ['wait', 'WINCH'], ['terminal'], ['input'], ['exit', '0']),
      ],
    }));
    await eventually(() => expect(container.log().map(({ log }) => log)).toContain('waiting\r\n'));
    await control.resize(container.runDir, 33, 111);
    const socket = await control.attach(container.runDir);
    const read = collect(socket);
    socket.write('typed\n');
    expect(await container.ended()).toMatchObject({ exitCode: 0 });
    const lines = container.log().map(({ log }) => log);
    expect(lines[0]).toBe('tty=1 name=/dev/pts/0 group=1 size=0x0\r\n');
    expect(lines).toContain('tty=1 name=/dev/pts/0 group=1 size=33x111\r\n');
    expect(lines).toContain('input: typed\r\n');
    expect(container.log().every(({ stream }) => stream === 'stdout')).toBe(true);
    await eventually(() => expect(read()[1]).toContain('input: typed\r\n'));
  });

  test('a run folder longer than a socket address works', async () => {
    const deep = join(workshop.folder, 'deep'.repeat(30));
    mkdirSync(deep);
    const container = await startContainer({ ...workshop, folder: deep }, [['sleep', '100000']]);
    expect(container.runDir.length).toBeGreaterThan(120);
    expect(await control.stop(container.runDir, { graceMs: 0 })).toMatchObject({ exitCode: 137 });
  });
});
