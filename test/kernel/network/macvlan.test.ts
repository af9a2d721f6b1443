/** Containers upon an interface of the host's (driver macvlan): neighbours of other machines, with addresses of their network. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { eventually } from '../../helpers/eventually.ts';
import { askInside } from '../dns/ask.ts';
import { addressesIn, damage, lan, lookUp, pings, routesIn, upon, useLan } from './lan.ts';
import {
  addressOf,
  aNetwork,
  aPort,
  aServer,
  askFrom,
  command,
  HOST,
  inside,
  matrix,
  onHost,
  outside,
  start,
} from './stage.ts';

const stage = useLan();
const server = (name: string, networks: readonly string[], changes: Partial<DesiredContainer> = {}) =>
  aServer(stage, name, networks, changes);

describe('a macvlan network', () => {
  test('puts containers among the machines of the parent: addresses, routes, names, and who reaches whom', async () => {
    await stage.engine.networks.create([upon('lan-net'), aNetwork('front', { ipam: [{ subnet: '10.77.1.0/24' }] })]);
    await start(stage, [server('one', ['lan-net']), server('two', ['lan-net']), server('other', ['front'])]);
    expect(await addressesIn(stage, 'one')).toEqual(['eth0 10.91.0.65/24']);
    expect(await routesIn(stage, 'one')).toEqual([
      'default via 10.91.0.1 dev eth0',
      '10.91.0.0/24 dev eth0 proto kernel scope link src 10.91.0.65',
    ]);
    const askers = {
      lan,
      one: await inside(stage.engine, 'one'),
      two: await inside(stage.engine, 'two'),
      host: onHost,
    };
    const targets = { one: '10.91.0.65', two: '10.91.0.66', other: await addressOf(stage, 'other', 'front') };
    const who = await matrix(askers, targets);
    console.log(who);
    expect(who).toMatchInlineSnapshot(`
      "      one  two  other
      lan   one  two  -
      one   one  two  -
      two   one  two  -
      host  -    -    other"
    `);
    expect(await askFrom(await inside(stage.engine, 'one'), '203.0.113.9:8')).toBe('-');
    expect(await pings(stage, 'one', '203.0.113.9')).toBe(true);
    expect(await lookUp(stage, 'one', 'two')).toBe('10.91.0.66');
    expect(await lookUp(stage, 'two', 'one.lan-net')).toBe('10.91.0.65');
    expect(await lookUp(stage, 'one', 'other')).toBe('-');
    expect(await lookUp(stage, 'other', 'one')).toBe('-');
    const { pid } = (await stage.engine.containers.find('one'))!;
    for (const protocol of ['UDP', 'TCP'])
      expect((await askInside(pid, 'two', protocol)).stdout.trim(), protocol).toBe('10.91.0.66');
    expect(await damage(stage)).toEqual([]);
  });

  test("leaves port 53 to a name server of the container's own, and its supervisor starts the one who passes questions on again", async () => {
    await stage.engine.networks.create([upon('lan-net')]);
    const own = 'nc -ll -p 53 -e cat & dnsd -i 0.0.0.0 -p 53 -c /dev/null & ';
    const one = server('one', ['lan-net']);
    await start(stage, [{ ...one, argv: ['sh', '-c', own + one.argv[2]] }, server('two', ['lan-net'])]);
    const { pid, supervisorPid } = (await stage.engine.containers.find('one'))!;
    const listening = readFileSync(`/proc/${pid}/net/tcp`, 'utf8') + readFileSync(`/proc/${pid}/net/tcp6`, 'utf8');
    expect(listening).toMatch(/:0035 \S+ 0A/);
    expect(await lookUp(stage, 'one', 'two')).toBe('10.91.0.66');
    const names = Number(
      readFileSync(`/proc/${supervisorPid}/task/${supervisorPid}/children`, 'utf8')
        .trim()
        .split(' ')
        .find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(' names ')),
    );
    await new Promise((resolve) => setTimeout(resolve, 1100));
    process.kill(names, 'SIGKILL');
    await eventually(async () => expect(await lookUp(stage, 'one', 'two')).toBe('10.91.0.66'));
  });

  test('gives what is asked for: addresses of both families, a hardware address, a name for the interface, no way out where it is internal', async () => {
    await stage.engine.networks.create([
      upon('six', {
        enableIpv6: true,
        ipam: [
          { subnet: '10.91.0.0/24', gateway: '10.91.0.1' },
          { subnet: '2001:db8:91::/64', gateway: '2001:db8:91::1' },
        ],
      }),
      upon('closed', { internal: true, ipam: [{ subnet: '10.92.0.0/24', gateway: '10.92.0.1' }] }),
    ]);
    const asked = { ipv4: '10.91.0.200', ipv6: '2001:db8:91::200', mac: '02:00:5e:00:53:01', interfaceName: 'lan0' };
    await start(stage, [
      server('one', [], { attachments: [{ network: 'six', aliases: ['one'], ...asked }] }),
      server('shut', ['closed']),
    ]);
    expect(await addressesIn(stage, 'one')).toEqual(['lan0 10.91.0.200/24 2001:db8:91::200/64']);
    const place = await inside(stage.engine, 'one');
    expect(await command(...place, 'ip', 'link', 'show', 'lan0')).toContain('02:00:5e:00:53:01');
    expect(await command(...place, 'ip', '-6', 'route', 'show', 'default')).toContain('via 2001:db8:91::1 dev lan0');
    expect(await askFrom(lan, '[2001:db8:91::200]')).toMatch(/^one \[2001:db8:91::1\]$/);
    expect(await routesIn(stage, 'shut')).toEqual(['10.92.0.0/24 dev eth0 proto kernel scope link src 10.92.0.2']);
    expect(await askFrom(lan, '10.92.0.2')).toMatch(/^shut /);
    expect(await pings(stage, 'shut', '203.0.113.9')).toBe(false);
  });

  test('beside a bridge network: names of both are known, and ports are published where the way out is the bridge', async () => {
    await stage.engine.networks.create([upon('lan-net'), aNetwork('front', { ipam: [{ subnet: '10.77.1.0/24' }] })]);
    await start(stage, [
      server('both', ['front', 'lan-net'], { ports: [aPort('8085:80')] }),
      server('lanfirst', ['lan-net', 'front'], { ports: [aPort('8086:80')] }),
      server('neighbour', ['front']),
      server('machine', ['lan-net']),
    ]);
    expect(await routesIn(stage, 'both')).toContain('default via 10.77.1.1 dev eth0');
    expect(await routesIn(stage, 'lanfirst')).toContain('default via 10.91.0.1 dev eth0');
    expect(await lookUp(stage, 'both', 'neighbour')).toMatch(/^10\.77\.1\./);
    expect(await lookUp(stage, 'both', 'machine')).toMatch(/^10\.91\.0\./);
    expect(await askFrom(outside, `${HOST}:8085`)).toMatch(/^both /);
    expect(await askFrom(outside, `${HOST}:8086`)).toBe('-');
    expect((await stage.engine.containers.find('lanfirst'))!.publishers).toEqual([]);
    expect(await damage(stage)).toEqual([]);
  });
});
