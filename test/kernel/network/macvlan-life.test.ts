/** What becomes of macvlan networks: changes under running containers, what is lost and mended, what cannot be. */
import { describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { removeAll } from '../container/use-engine.ts';
import { askInside } from '../dns/ask.ts';
import {
  addressesIn,
  damage,
  eventualDamage,
  identityOf,
  ip,
  lan,
  lookUp,
  makeLan,
  PARENT,
  refusal,
  removeLan,
  routesIn,
  update,
  upon,
  useLan,
} from './lan.ts';
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
  outside,
  start,
} from './stage.ts';

const stage = useLan();
const server = (name: string, networks: readonly string[], changes: Partial<DesiredContainer> = {}) =>
  aServer(stage, name, networks, changes);

describe('a macvlan network', () => {
  test('is joined and left by a running container, whose process stays, and whose names follow', async () => {
    await stage.engine.networks.create([
      upon('lan-net'),
      upon('second', { ipam: [{ subnet: '10.92.0.0/24', gateway: '10.92.0.1' }] }),
      aNetwork('front', { ipam: [{ subnet: '10.77.1.0/24' }] }),
    ]);
    const web = (...networks: readonly string[]) => server('web', networks);
    await start(stage, [web('front'), server('machine', ['lan-net']), server('neighbour', ['front'])]);
    const identity = await identityOf(stage, 'web');
    await update(stage, web('front', 'lan-net'));
    expect(await addressesIn(stage, 'web')).toHaveLength(2);
    expect([await lookUp(stage, 'web', 'machine'), await lookUp(stage, 'web', 'neighbour')]).not.toContain('-');
    expect(await askFrom(lan, await addressOf(stage, 'web', 'lan-net'))).toMatch(/^web /);
    await update(stage, web('lan-net', 'second'));
    // In whichever order the kernel numbers what is made in a namespace of its own.
    const words = (await addressesIn(stage, 'web')).map((line) => line.split(' ')[1]).sort();
    expect(words).toEqual([expect.stringMatching(/^10\.91\.0\./), expect.stringMatching(/^10\.92\.0\./)]);
    expect(await routesIn(stage, 'web')).toContain('default via 10.91.0.1 dev eth1');
    expect([await lookUp(stage, 'web', 'machine'), await lookUp(stage, 'web', 'neighbour')]).toEqual([
      expect.stringMatching(/^10\.91/),
      '-',
    ]);
    await update(stage, web('front'));
    expect(await addressesIn(stage, 'web')).toEqual([expect.stringContaining(' 10.77.1.')]);
    expect([await lookUp(stage, 'web', 'machine'), await lookUp(stage, 'web', 'neighbour')]).toEqual([
      '-',
      expect.stringMatching(/^10\.77/),
    ]);
    await update(
      stage,
      server('web', [], { attachments: [{ network: 'lan-net', aliases: ['web'], ipv4: '10.91.0.210' }] }),
    );
    await update(
      stage,
      server('web', [], { attachments: [{ network: 'lan-net', aliases: ['web'], ipv4: '10.91.0.211' }] }),
    );
    expect(await addressesIn(stage, 'web')).toEqual([expect.stringContaining(' 10.91.0.211/24')]);
    expect(await askFrom(lan, '10.91.0.211')).toMatch(/^web /);
    expect(await lookUp(stage, 'machine', 'web')).toBe('10.91.0.211');
    expect(await identityOf(stage, 'web')).toBe(identity);
    expect(await damage(stage)).toEqual([]);
  });

  test('takes the published ports of a container that moves to it, and gives them back when that returns', async () => {
    await stage.engine.networks.create([
      upon('lan-net'),
      aNetwork('front', { ipam: [{ subnet: '10.77.1.0/24' }] }),
      aNetwork('back', { ipam: [{ subnet: '10.77.2.0/24' }] }),
    ]);
    const web = (...networks: readonly string[]) => server('web', networks, { ports: [aPort('8087:80')] });
    await start(stage, [web('front')]);
    expect(await askFrom(outside, `${HOST}:8087`)).toMatch(/^web /);
    const { failed, warnings } = await stage.engine.containers.update([web('lan-net')]);
    expect([...failed]).toEqual([]);
    expect(warnings.get('web')).toEqual([expect.stringContaining('the ports of web are not published')]);
    expect((await stage.engine.containers.find('web'))!.publishers).toEqual([]);
    // The host's port is free for somebody else.
    await start(stage, [server('other', ['back'], { ports: [aPort('8087:80')] })]);
    expect(await askFrom(outside, `${HOST}:8087`)).toMatch(/^other /);
    await stage.engine.containers.remove(['other'], { anonymousVolumes: true });
    await update(stage, web('front'));
    expect(await askFrom(outside, `${HOST}:8087`)).toMatch(/^web /);
    expect(await damage(stage)).toEqual([]);
  });

  test('of which the kernel lost an interface, or the parent, is said to be damaged, and mended when that can be', async () => {
    await stage.engine.networks.create([upon('lan-net')]);
    await start(stage, [server('one', ['lan-net']), server('two', ['lan-net'])]);
    await command(...(await inside(stage.engine, 'one')), 'ip', 'link', 'delete', 'eth0');
    expect(await damage(stage)).toEqual(['interface: interface eth0 of network lan-net']);
    await stage.engine.containers.repair(['one']);
    expect(await damage(stage)).toEqual([]);
    expect(await askFrom(lan, '10.91.0.65')).toMatch(/^one /);
    expect(await lookUp(stage, 'one', 'two')).toBe('10.91.0.66');
    removeLan();
    expect(await eventualDamage(stage, 3)).toEqual([
      'interface: interface eth0 of network lan-net',
      'interface: interface eth0 of network lan-net',
      `parent: the parent interface ${PARENT} of network lan-net`,
    ]);
    await expect(stage.engine.networks.repair(['lan-net'])).rejects.toThrow(
      `the parent ${PARENT} of the network lan-net is gone`,
    );
    makeLan();
    await stage.engine.networks.repair(['lan-net']);
    await stage.engine.containers.repair(['one', 'two']);
    expect(await damage(stage)).toEqual([]);
    expect(await askFrom(lan, '10.91.0.66')).toMatch(/^two /);
  });

  test('keeps its containers from each other in mode private, and takes one container in mode passthru', async () => {
    await stage.engine.networks.create([upon('apart', {}, { macvlan_mode: 'private' })]);
    await start(stage, [server('one', ['apart']), server('two', ['apart'])]);
    const askers = { lan, one: await inside(stage.engine, 'one') };
    expect(await matrix(askers, { two: '10.91.0.66' })).toBe('     two\nlan  two\none  -');
    await removeAll(stage.engine);
    await stage.engine.networks.create([upon('whole', {}, { macvlan_mode: 'passthru' })]);
    await start(stage, [server('one', ['whole'])]);
    expect(await askFrom(lan, '10.91.0.65')).toMatch(/^one /);
    await expect(start(stage, [server('two', ['whole'])])).rejects.toThrow(
      'macvlan_mode passthru is for one container',
    );
  });

  test('serves a container with a user namespace', async () => {
    await stage.engine.networks.create([upon('lan-net')]);
    await start(stage, [
      server('mapped', ['lan-net'], { namespaces: { user: { kind: 'private' } } }),
      server('two', ['lan-net']),
    ]);
    expect(await askFrom(lan, '10.91.0.65')).toMatch(/^mapped /);
    expect((await askInside((await stage.engine.containers.find('mapped'))!.pid, 'two', 'UDP')).stdout.trim()).toBe(
      '10.91.0.66',
    );
  });

  test('that cannot be is refused before anything is made', async () => {
    ip('link', 'add', 'brtest', 'type', 'bridge');
    ip('link', 'add', 'taken0', 'type', 'veth', 'peer', 'name', 'taken1');
    ip('link', 'set', 'taken0', 'master', 'brtest');
    try {
      await stage.engine.networks.create([upon('there')]);
      const elsewhere = { ipam: [{ subnet: '10.93.0.0/24' }] };
      const lines = [
        await refusal(stage, upon('bad', elsewhere, { parent: 'nope0' })),
        await refusal(stage, upon('bad', elsewhere, { parent: 'nope0.7' })),
        await refusal(stage, upon('bad', elsewhere, { parent: 'taken0' })),
        await refusal(stage, upon('bad', elsewhere, { parent: 'lo' })),
        await refusal(stage, upon('bad', elsewhere, { parent: '../x' })),
        await refusal(stage, upon('bad', elsewhere, { macvlan_mode: 'source' })),
        await refusal(stage, upon('bad', elsewhere, { macvlan_mode: 'passthru' })),
        await refusal(stage, { ...upon('bad', elsewhere), driver: 'ipvlan' }),
        await refusal(stage, upon('bad')),
      ];
      expect(`\n${lines.join('\n')}\n`).toMatchInlineSnapshot(`
        "
        parent-unusable: the network bad asks for the parent nope0: this host has no such interface
        parent-unusable: the network bad asks for the parent nope0.7: neither has this host nope0 to make it on
        parent-unusable: the network bad asks for the parent taken0, which is a port of a bridge
        network-unusable: the network bad asks for parent: lo
        network-unusable: the network bad asks for parent: ../x
        network-unusable: the network bad asks for macvlan_mode: source
        parent-unusable: the network bad asks for the parent lanport as macvlan (passthru), and the network there uses it as macvlan (bridge)
        parent-unusable: the network bad asks for the parent lanport as ipvlan (l2), and the network there uses it as macvlan (bridge)
        subnet-unusable: the network bad asks for the subnet 10.91.0.0/24, which overlaps with that of there
        "
      `);
      expect((await stage.engine.snapshot()).networks.map(({ name }) => name)).toEqual(['there']);
    } finally {
      ip('link', 'delete', 'taken0');
      ip('link', 'delete', 'brtest');
    }
  });
});
