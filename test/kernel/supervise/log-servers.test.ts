/** Log servers: what journald and syslog get, and that a server that is slow, gone or never there does what the options say. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { CLONE, LAUNCHERS, openWorkshop, startContainer, type Workshop } from '../launcher/probe-container.ts';
import { logTo } from './a-log.ts';

const specOf = (options: Record<string, string>) => logTo('syslog', { tag: 'shop', ...options });

describe.each(LAUNCHERS)('a log server %s', (_which, binary) => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());

  test('gets datagrams with facility, severity, time and tag, also from a container with a network of its own', async () => {
    const server = createSocket('udp4');
    const messages: string[] = [];
    server.on('message', (bytes) => messages.push(bytes.toString()));
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    const log = await specOf({
      'syslog-address': `udp://127.0.0.1:${server.address().port}`,
      'syslog-format': 'rfc5424micro',
    });
    const container = await startContainer(
      workshop,
      [
        ['echo', 'good'],
        ['error', 'bad'],
        ['exit', '0'],
      ],
      {
        log,
        setup: [{ op: 'unshare', flags: CLONE.NEWNET }],
      },
    );
    await container.ended();
    await eventually(() => expect(messages).toHaveLength(2));
    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`;
    expect(messages.sort()[1]).toMatch(new RegExp(`^<30>1 ${time} north shop \\d+ shop - good\n$`));
    expect(messages[0]).toMatch(new RegExp(`^<27>1 ${time} north shop \\d+ shop - bad\n$`));
    server.close();
  });

  test('a slow one keeps the container waiting, and gets all; with mode non-blocking lines are lost instead', async () => {
    for (const mode of ['blocking', 'non-blocking']) {
      let received = 0;
      let read = () => {};
      const server = createServer((socket) => {
        socket.pause();
        socket.on('data', (bytes) => {
          received += bytes.toString('latin1').split('\n').length - 1;
        });
        read = () => void socket.resume();
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const log = await specOf({ 'syslog-address': `tcp://127.0.0.1:${port}`, mode });
      const container = await startContainer(
        workshop,
        [
          ['lines', '300000', '0'],
          ['exit', '0'],
        ],
        { log },
      );
      // Nobody reads: who waits for that waits for as long as one likes, who does not is done in its own time.
      const ended = container.ended();
      if (mode === 'blocking')
        expect(await Promise.race([ended.then(() => 'ended'), delay(1500, 'waits')])).toBe('waits');
      else await ended;
      read();
      await ended;
      if (mode === 'blocking') await eventually(() => expect(received).toBe(300_000));
      else expect(received).toBeLessThan(300_000);
      server.close();
    }
  });

  test('one that is not there fails the start', async () => {
    const log = await specOf({ 'syslog-address': 'tcp://127.0.0.1:1' });
    await expect(startContainer(workshop, [['exit', '0']], { log })).rejects.toMatchObject({
      section: 'supervisor',
      index: 2,
    });
  });
});
