/** Ports of `ps`, in the words that Docker has for them. */
import { expect, test } from 'vitest';
import type { LivePort } from '../../../src/model/live.ts';
import { portsWords, publishersOf } from '../../../src/operations/port-words.ts';

const port = (published: number, target: number, hostIp = '', protocol = 'tcp'): LivePort => ({
  protocol,
  hostIp,
  published,
  target,
});
const words = (ports: readonly LivePort[], exposed: readonly string[] = []) => portsWords(publishersOf(ports, exposed));

test('a port of all addresses has its twin of IPv6, one of an address has none', () => {
  expect(words([port(8080, 80), port(8081, 81, '127.0.0.1'), port(8082, 82, '::1'), port(8083, 83, '::')])).toBe(
    '0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 127.0.0.1:8081->81/tcp, [::1]:8082->82/tcp, [::]:8083->83/tcp',
  );
});

test('those that keep their numbers are ranges, the others are told one by one behind them', () => {
  const kept = [8000, 8001, 8002, 8003, 8005].map((number) => port(number, number));
  expect(words([...kept, port(9000, 8004), port(53, 53, '', 'udp')])).toBe(
    '0.0.0.0:8000-8003->8000-8003/tcp, [::]:8000-8003->8000-8003/tcp, 0.0.0.0:53->53/udp, [::]:53->53/udp, ' +
      '0.0.0.0:8005->8005/tcp, [::]:8005->8005/tcp, 0.0.0.0:9000->8004/tcp, [::]:9000->8004/tcp',
  );
});

test('what is exposed and not published is listed by its number', () => {
  expect(words([port(8080, 80)], ['80/tcp', '9000/tcp', '9001/tcp', '70/udp'])).toBe(
    '70/udp, 9000-9001/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp',
  );
  expect(publishersOf([], ['70/udp'])).toEqual([{ URL: '', TargetPort: 70, PublishedPort: 0, Protocol: 'udp' }]);
});

/** What docker compose 2.40 with Docker 28.5 prints of the same file. */
test('a mixed list is in the order of Docker’s', () => {
  const ports = [
    port(18080, 80),
    ...[0, 1, 2, 3].map((i) => port(18000 + i, 8000 + i)),
    port(18090, 8090, '127.0.0.1'),
    port(18053, 53, '', 'udp'),
    port(18100, 80),
    port(18200, 200, '::1'),
    port(18302, 301),
    port(18301, 302),
  ];
  expect(words(ports, ['9000/tcp', '70/tcp'])).toBe(
    [
      '70/tcp, 9000/tcp, 0.0.0.0:18053->53/udp, [::]:18053->53/udp, 0.0.0.0:18080->80/tcp, 0.0.0.0:18100->80/tcp',
      '[::]:18080->80/tcp, [::]:18100->80/tcp, [::1]:18200->200/tcp, 0.0.0.0:18302->301/tcp, [::]:18302->301/tcp',
      '0.0.0.0:18301->302/tcp, [::]:18301->302/tcp, 0.0.0.0:18000->8000/tcp, [::]:18000->8000/tcp',
      '0.0.0.0:18001->8001/tcp, [::]:18001->8001/tcp, 0.0.0.0:18002->8002/tcp, [::]:18002->8002/tcp',
      '0.0.0.0:18003->8003/tcp, [::]:18003->8003/tcp, 127.0.0.1:18090->8090/tcp',
    ].join(', '),
  );
});
