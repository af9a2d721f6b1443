/** Parents that are made for macvlan networks, and go with the last of them: VLANs, and interfaces that lead nowhere. */
import { describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { removeAll } from '../container/use-engine.ts';
import { ip, lacks, lan, PARENT, refusal, upon, useLan } from './lan.ts';
import { addressOf, aServer, askFrom, inside, start } from './stage.ts';

const stage = useLan();
const server = (name: string, networks: readonly string[], changes: Partial<DesiredContainer> = {}) =>
  aServer(stage, name, networks, changes);

describe('a macvlan network', () => {
  test('with a VLAN as its parent makes that, shares it, and removes it with the last network', async (context) => {
    const lacking = lacks('vlan');
    if (lacking) return context.skip(lacking);

    const tagged = `${PARENT}.50`;
    ip('-n', 'lan', 'link', 'add', 'eth0.50', 'link', 'eth0', 'type', 'vlan', 'id', '50');
    ip('-n', 'lan', 'address', 'add', '10.95.0.1/24', 'dev', 'eth0.50');
    ip('-n', 'lan', 'link', 'set', 'eth0.50', 'up');
    const both = ['10.95.0.0/24', '10.96.0.0/24'].map((subnet, i) =>
      upon(`tag${i}`, { ipam: [{ subnet }] }, { parent: tagged }),
    );
    await stage.engine.networks.create(both);
    await start(stage, [server('one', ['tag0'])]);
    expect(await askFrom(lan, await addressOf(stage, 'one', 'tag0'))).toMatch(/^one /);
    await stage.engine.networks.remove(['tag1']);
    expect(ip('link', 'show', tagged)).toContain('UP');
    await removeAll(stage.engine);
    expect(() => ip('link', 'show', tagged)).toThrow();
  });

  test('without a parent leads nowhere, and its containers reach each other', async (context) => {
    const lacking = lacks('dummy');
    if (lacking) return context.skip(lacking);

    await stage.engine.networks.create([upon('island', { ipam: [] }, { parent: '' })]);
    await start(stage, [server('one', ['island']), server('two', ['island'])]);
    expect(await askFrom(await inside(stage.engine, 'one'), await addressOf(stage, 'two', 'island'))).toMatch(/^two /);
  });

  test('without a parent is refused where the kernel has no dummy interfaces', async (context) => {
    if (lacks('dummy') === undefined) return context.skip('this kernel has links of type dummy');

    expect(await refusal(stage, upon('island', { ipam: [] }, { parent: '' }))).toBe(
      'parent-unusable: the network island asks for no parent, for which one that leads nowhere is made, and this kernel has no dummy',
    );
  });
});
