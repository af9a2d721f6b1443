/** Containers upon an interface of the host's (driver ipvlan): addresses of their own, the hardware address of the parent. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { DesiredContainer, DesiredNetwork } from '../../../src/model/desired.ts';
import { addressesIn, damage, ip, lacks, lan, lookUp, PARENT, refusal, routesIn, update, upon, useLan } from './lan.ts';
import { addressOf, aNetwork, aServer, askFrom, command, inside, matrix, onHost, start } from './stage.ts';

const stage = useLan();
const server = (name: string, networks: readonly string[], changes: Partial<DesiredContainer> = {}) =>
  aServer(stage, name, networks, changes);
const over = (name: string, options: Record<string, string> = {}, changes: Partial<DesiredNetwork> = {}) =>
  upon(name, { driver: 'ipvlan', ...changes }, options);

beforeEach((context) => {
  const lacking = lacks('ipvlan');
  if (lacking) context.skip(lacking);
});

describe('an ipvlan network', () => {
  test('of mode l2: neighbours of the machines there, by the hardware address of the parent, with names', async () => {
    await stage.engine.networks.create([over('lan-net')]);
    await start(stage, [server('one', ['lan-net']), server('two', ['lan-net'])]);
    expect(await addressesIn(stage, 'one')).toEqual(['eth0 10.91.0.65/24']);
    expect(await routesIn(stage, 'one')).toContain('default via 10.91.0.1 dev eth0');
    const mac = /link\/ether (\S+)/.exec(ip('link', 'show', PARENT))![1]!;
    expect(await command(...(await inside(stage.engine, 'one')), 'ip', 'link', 'show', 'eth0')).toContain(mac);
    const askers = { lan, one: await inside(stage.engine, 'one'), host: onHost };
    expect(await matrix(askers, { one: '10.91.0.65', two: '10.91.0.66' })).toBe(
      '      one  two\nlan   one  two\none   one  two\nhost  -    -',
    );
    expect(await lookUp(stage, 'one', 'two')).toBe('10.91.0.66');
    expect(await damage(stage)).toEqual([]);
  });

  test('of mode l3: routed, with a way out that needs no gateway, and reached by who has a route to it', async () => {
    await stage.engine.networks.create([over('routed', { ipvlan_mode: 'l3' }, { ipam: [{ subnet: '10.94.0.0/24' }] })]);
    await start(stage, [server('one', ['routed'])]);
    expect(await routesIn(stage, 'one')).toContain('default dev eth0 scope link');
    // This host is the router: nobody answers for the containers by ARP.
    ip('address', 'add', '10.91.0.2/24', 'dev', PARENT);
    ip('-n', 'lan', 'route', 'add', '10.94.0.0/24', 'via', '10.91.0.2');
    expect(await askFrom(lan, await addressOf(stage, 'one', 'routed'))).toMatch(/^one /);
    ip('-n', 'lan', 'route', 'delete', '10.94.0.0/24');
    ip('address', 'delete', '10.91.0.2/24', 'dev', PARENT);
  });

  test('with the flag private keeps its containers from each other', async () => {
    await stage.engine.networks.create([over('apart', { ipvlan_flag: 'private' })]);
    await start(stage, [server('one', ['apart']), server('two', ['apart'])]);
    expect(await matrix({ lan, one: await inside(stage.engine, 'one') }, { two: '10.91.0.66' })).toBe(
      '     two\nlan  two\none  -',
    );
  });

  test('is joined and left by a running container', async () => {
    await stage.engine.networks.create([over('lan-net'), aNetwork('front', { ipam: [{ subnet: '10.77.1.0/24' }] })]);
    await start(stage, [server('web', ['front']), server('machine', ['lan-net'])]);
    await update(stage, server('web', ['front', 'lan-net']));
    expect(await askFrom(lan, await addressOf(stage, 'web', 'lan-net'))).toMatch(/^web /);
    expect(await lookUp(stage, 'web', 'machine')).not.toBe('-');
    await update(stage, server('web', ['front']));
    expect(await addressesIn(stage, 'web')).toEqual([expect.stringContaining(' 10.77.1.')]);
    expect(await lookUp(stage, 'web', 'machine')).toBe('-');
    expect(await damage(stage)).toEqual([]);
  });

  test('that cannot be is refused: a hardware address of its own, another mode or driver on the same parent', async () => {
    await stage.engine.networks.create([over('lan-net')]);
    const elsewhere = { ipam: [{ subnet: '10.93.0.0/24' }] };
    expect(await refusal(stage, over('other', { ipvlan_mode: 'l3' }, elsewhere))).toContain(
      'the network lan-net uses it as ipvlan (l2)',
    );
    expect(await refusal(stage, upon('other', elsewhere))).toContain('the network lan-net uses it as ipvlan (l2)');
    const attachments = [{ network: 'lan-net', aliases: [], mac: '02:00:5e:00:53:01' }];
    await expect(start(stage, [server('one', [], { attachments })])).rejects.toThrow(
      'where all have that of the parent',
    );
  });
});
