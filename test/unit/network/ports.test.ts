import { describe, expect, test } from 'vitest';
import { parseSctp, parseSockets } from '../../../engine/network/listening.ts';
import { allotPorts, type HeldPort, portError } from '../../../engine/network/ports.ts';
import type { DesiredPort } from '../../../src/model/desired.ts';

const EPHEMERAL = { first: 32768, last: 32770 };
const port = (published: number, changes: Partial<DesiredPort> = {}): DesiredPort => ({
  protocol: 'tcp',
  target: 80,
  hostIp: '',
  published,
  ...changes,
});
const held = (published: number, hostIp = '', protocol = 'tcp'): HeldPort => ({
  published,
  hostIp,
  protocol,
  holder: { container: 'other' },
});
const ask = (ports: DesiredPort[], holders: HeldPort[] = [], before: { published: number }[] = []) => {
  const request = {
    container: 'web',
    ports,
    before: before.map((had) => ({ protocol: 'tcp', target: 80, hostIp: '', ...had })),
  };
  const { publishers, collisions } = allotPorts([request], holders, EPHEMERAL);
  return { given: publishers.get('web')!.map(({ published }) => published), collisions };
};

describe('host ports', () => {
  test('the one that was asked for is given, or the collision is told', () => {
    expect(ask([port(8080)])).toMatchObject({ given: [8080], collisions: [] });
    expect(ask([port(8080), port(8081)], [held(8080), held(8081)]).collisions).toHaveLength(2);
  });

  test.each([
    ['', '127.0.0.1', true],
    ['127.0.0.1', '', true],
    ['0.0.0.0', '192.0.2.1', true],
    ['0.0.0.0', '::1', false],
    ['::', '192.0.2.1', false],
    ['0.0.0.0', '::', false],
    ['127.0.0.1', '192.0.2.1', false],
    ['::1', '127.0.0.1', false],
  ])('held on "%s", asked for on "%s": in the way is %s', (holder, asked, isInTheWay) => {
    expect(ask([port(8080, { hostIp: asked })], [held(8080, holder)]).collisions.length > 0).toBe(isInTheWay);
  });

  test('another protocol is another port', () => {
    expect(ask([port(53, { protocol: 'udp' })], [held(53)]).collisions).toEqual([]);
  });

  test('a range gives the first that is free, and collides when none is', () => {
    const range = port(0, { range: { first: 9000, last: 9002 } });
    expect(ask([range, range], [held(9000)]).given).toEqual([9001, 9002]);
    expect(ask([range, range, range], [held(9000)]).collisions).toHaveLength(1);
  });

  test('each of several chosen for the same port of a container is kept, and leaves others where they were', () => {
    expect(ask([port(0), port(0)], [], [{ published: 32770 }, { published: 32769 }]).given).toEqual([32770, 32769]);
    expect(ask([port(0), port(0)], [], [{ published: 32770 }]).given).toEqual([32770, 32768]);
  });

  test('10,000 of them are chosen at once', () => {
    const many = Array.from({ length: 10_000 }, (_, i) =>
      port(0, { target: i + 1, range: { first: 20_000, last: 60_000 } }),
    );
    const begun = process.cpuUsage();
    expect(ask(many).given).toEqual(many.map((_, i) => 20_000 + i));
    // Looking at each port from the first one on would take several seconds of a processor; what others do on this machine does not count.
    expect(process.cpuUsage(begun).user).toBeLessThan(2_000_000);
  });

  test('a chosen port is kept, unless somebody has it now', () => {
    expect(ask([port(0)], [], [{ published: 32770 }]).given).toEqual([32770]);
    expect(ask([port(0)], [held(32770)], [{ published: 32770 }]).given).toEqual([32768]);
  });

  test('containers of one start do not get the same port', () => {
    const requests = ['a', 'b'].map((container) => ({ container, ports: [port(0), port(7000)], before: [] }));
    const { publishers, collisions } = allotPorts(requests, [], EPHEMERAL);
    expect([...publishers.values()].flat().map(({ published }) => published)).toEqual([32768, 7000, 32769, 7000]);
    expect(collisions).toMatchObject([{ container: 'b', held: [{ holder: { container: 'a' } }] }]);
  });

  test('the error names every port and who holds it', () => {
    const conflict = (published: number, heldBy: string) => ({
      container: 'web',
      port: { protocol: 'tcp', target: 80, hostIp: '', published },
      heldBy,
    });
    expect(portError([conflict(80, 'nginx (pid 7)'), conflict(81, 'container db')])).toMatchObject({
      code: 'port-in-use',
      message:
        'cannot publish ports of web: 0.0.0.0:80/tcp is held by nginx (pid 7), 0.0.0.0:81/tcp is held by container db',
    });
  });
});

test('sockets that receive are read from /proc/net, those that are connected are not', () => {
  const text = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000 100 0 0 10 0',
    '   1: 0200A8C0:1F91 0100A8C0:C350 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0000 100 0 0 10 0',
    '   2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4244 1',
    '   3: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4245 1',
  ].join('\n');
  expect(parseSockets(text, 'tcp').map(({ hostIp, published, holder }) => [hostIp, published, holder])).toEqual([
    ['127.0.0.1', 8080, { inode: '4242' }],
    ['::', 80, { inode: '4244' }],
    ['127.0.0.1', 81, { inode: '4245' }],
  ]);
});

test('endpoints of SCTP have each of their addresses, those of IPv6 in the form that ports are published with', () => {
  const zeros = Array(8).fill('0000').join(':');
  const text = ` ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS
ffff8880 ffff8881 2   10  5    5000      0 4711 127.0.0.1 10.0.0.1
ffff8882 ffff8883 2   10  6    5001      0 4712 ${zeros}
`;
  expect(parseSctp(text).map(({ hostIp, port, inode }) => `${hostIp} ${port} ${inode}`)).toEqual([
    '127.0.0.1 5000 4711',
    '10.0.0.1 5000 4711',
    ':: 5001 4712',
  ]);
});
