/** What journald gets, read from its socket: Docker's fields, whole and in pieces, whatever a container prints. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildProbe } from '../../helpers/build-probe.ts';
import { eventually } from '../../helpers/eventually.ts';
import { CLONE, LAUNCHERS, openWorkshop, startContainer, type Workshop } from '../launcher/probe-container.ts';
import { logTo } from './a-log.ts';

const FOLDER = '/run/systemd/journal';
let reader: ChildProcess;
let messages: ReadonlyMap<string, Buffer>[] = [];

beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  reader = spawn(buildProbe('journal-reader'), [`${FOLDER}/socket`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(reader.stdout!);
  await new Promise((resolve) => lines.once('line', resolve));
  lines.on('line', (line) => messages.push(fieldsOf(Buffer.from(line, 'base64'))));
});
afterAll(() => {
  reader.kill();
  rmSync(FOLDER, { recursive: true, force: true });
});
beforeEach(() => {
  messages = [];
});

/** The native protocol: `KEY=value`, or the key alone, the length in eight bytes and the value; each ends with a newline. */
function fieldsOf(message: Buffer): ReadonlyMap<string, Buffer> {
  const fields = new Map<string, Buffer>();
  for (let at = 0; at < message.length; ) {
    const end = message.indexOf('\n', at);
    const line = message.subarray(at, end);
    const equals = line.indexOf('=');
    if (equals >= 0) {
      fields.set(line.toString('utf8', 0, equals), line.subarray(equals + 1));
      at = end + 1;
      continue;
    }
    const length = Number(message.readBigUInt64LE(end + 1));
    fields.set(line.toString(), message.subarray(end + 9, end + 9 + length));
    expect(message[end + 9 + length], 'a newline ends it').toBe(0x0a);
    at = end + 10 + length;
  }
  return fields;
}

const text = (message: ReadonlyMap<string, Buffer>) =>
  Object.fromEntries([...message].map(([key, value]) => [key, value.toString()]));

const planned = () =>
  logTo(
    'journald',
    { labels: 'a.b', env: 'FOO,_x-y', tag: '{{.Name}}/{{truncate .FullID 3}}' },
    { labels: { 'a.b': 'c' }, env: { FOO: '1', '_x-y': '2' }, image: { ref: 'busybox:2', id: 'sha256:0123456789' } },
  );

describe.each(LAUNCHERS)('journald %s', (_which, binary) => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());

  const printed = async (...program: string[][]) => {
    const setup = [{ op: 'unshare', flags: CLONE.NEWNET } as const];
    const container = await startContainer(workshop, [...program, ['exit', '0']], { log: await planned(), setup });
    await container.ended();
  };

  test('gets the fields that Docker sends, numbered', async () => {
    await printed(['echo', 'hello'], ['sleep', '50'], ['error', 'bad']);
    await eventually(() => expect(messages).toHaveLength(2));
    const [first, second] = messages.map(text);
    expect(first).toEqual({
      PRIORITY: '6',
      CONTAINER_ID: 'f'.repeat(12),
      CONTAINER_ID_FULL: 'f'.repeat(64),
      CONTAINER_NAME: 'one',
      CONTAINER_TAG: 'one/fff',
      SYSLOG_IDENTIFIER: 'one/fff',
      IMAGE_NAME: 'busybox:2',
      A_B: 'c',
      FOO: '1',
      X_Y: '2',
      SYSLOG_TIMESTAMP: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/),
      CONTAINER_LOG_EPOCH: expect.stringMatching(/^[0-9a-f]{64}$/),
      CONTAINER_LOG_ORDINAL: '1',
      MESSAGE: 'hello',
    });
    expect(second).toMatchObject({ PRIORITY: '3', MESSAGE: 'bad', CONTAINER_LOG_ORDINAL: '2' });
    expect(second!['CONTAINER_LOG_EPOCH']).toBe(first!['CONTAINER_LOG_EPOCH']);
  });

  test('a long line comes in pieces that tell whose they are; together they are the line', async () => {
    await printed(['repeat', 'z', '40000'], ['echo', '']);
    await eventually(() => expect(messages).toHaveLength(3));
    const pieces = messages.map(text);
    expect(new Set(pieces.map(({ CONTAINER_PARTIAL_ID: id }) => id)).size).toBe(1);
    expect(
      pieces.map((piece) => [
        piece['CONTAINER_PARTIAL_ORDINAL'],
        piece['CONTAINER_PARTIAL_LAST'],
        piece['CONTAINER_PARTIAL_MESSAGE'],
      ]),
    ).toEqual([
      ['1', 'false', 'true'],
      ['2', 'false', 'true'],
      ['3', 'true', undefined],
    ]);
    expect(pieces.map(({ MESSAGE }) => MESSAGE!.length).reduce((a, b) => a + b)).toBeGreaterThanOrEqual(40_000);
  });
});
