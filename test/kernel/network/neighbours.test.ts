/** Host and containers know each other's hardware addresses without asking: hundreds would fill the kernel's table of those that asked. */
import { expect, test } from 'vitest';
import { useEngine } from '../container/use-engine.ts';
import { addressOf, aNetwork, aServer, command, inside, start } from './stage.ts';

const stage = useEngine();

interface Neighbour {
  readonly dst: string;
  readonly lladdr: string;
  readonly state: readonly string[];
}
const neighbours = async (...place: readonly string[]) =>
  (JSON.parse(await command(...place, 'ip', '-j', 'neigh', 'show')) as Neighbour[])
    .filter(({ state }) => state.includes('PERMANENT'))
    .map(({ dst, lladdr }) => `${dst} ${lladdr}`)
    .sort();
const macOf = async (link: string) =>
  (JSON.parse(await command('ip', '-j', 'link', 'show', link)) as { address: string }[])[0]!.address;

test('both sides have entries that stay, of both families, and a new one when the address changes', async () => {
  await stage.engine.networks.create([aNetwork('front', { enableIpv6: true })]);
  await start(stage, [aServer(stage, 'web', ['front'])]);
  const network = (await stage.engine.networks.find('front'))!;
  const { endpoints } = (await stage.engine.containers.find('web'))!;
  const { ipv4, ipv6, mac } = endpoints[0]!;
  expect(await neighbours()).toEqual([`${ipv4} ${mac}`, `${ipv6} ${mac}`].sort());
  const bridge = await macOf(network.bridge);
  expect(await neighbours(...(await inside(stage.engine, 'web')))).toEqual(
    network.subnets.map(({ gateway }) => `${gateway} ${bridge}`).sort(),
  );
  const moved = ipv4!.replace(/\d+$/, '77');
  const attachments = [{ network: 'front', aliases: ['web'], ipv4: moved }];
  await stage.engine.containers.update([aServer(stage, 'web', [], { attachments })]);
  expect(await addressOf(stage, 'web', 'front')).toBe(moved);
  const now = (await stage.engine.containers.find('web'))!.endpoints[0]!.mac;
  expect(await neighbours()).toContain(`${moved} ${now}`);
});
