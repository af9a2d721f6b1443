/** Parents that are made for macvlan networks, and go with the last of them: VLANs, and interfaces that lead nowhere. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { ip, lacks, lan, makeLan, PARENT, refusal, removeLan, upon } from './lan.ts';
import { addressOf, aServer, askFrom, inside, openStage, type Stage, start, stopAll } from './stage.ts';

let instance: Instance;
let stage: Stage;
const server = (name: string, networks: readonly string[], changes: Partial<DesiredContainer> = {}) =>
  aServer(stage, name, networks, changes);

beforeAll(async () => {
  makeLan();
  instance = await makeInstance();
  stage = await openStage(instance);
});
afterEach(async () => {
  await stopAll(stage);
});
afterAll(async () => {
  try {
    await stage.engine.close();
    await nothingIsLeft(instance);
    await removeInstance(instance);
  } finally {
    removeLan();
  }
});

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
    await stopAll(stage);
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
