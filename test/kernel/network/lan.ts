/**
 * A network of other machines: one end of a pair, PARENT, is the host's; the other is in a namespace `lan`, which stands for those machines.
 * 10.91.0.1 there is the router, and 203.0.113.9 is behind it.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';
import type { DesiredContainer, DesiredNetwork } from '../../../src/model/desired.ts';
import { eventually } from '../../helpers/eventually.ts';
import { useEngine } from '../container/use-engine.ts';
import { resolvedIn } from '../dns/ask.ts';
import { aNetwork, command, inside, type Place, type Stage } from './stage.ts';

export const lan: Place = ['ip', 'netns', 'exec', 'lan'];
export const PARENT = 'lanport';

export const ip = (...args: readonly string[]): string =>
  execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();

/** Why not; undefined: this kernel has links of that type. */
export function lacks(type: 'vlan' | 'dummy' | 'ipvlan'): string | undefined {
  const argv = { vlan: ['link', PARENT, 'type', 'vlan', 'id', '5'], dummy: ['type', 'dummy'], ipvlan: [] }[type];
  try {
    // Not upon the parent, which may be taken.
    if (type === 'ipvlan') ip('link', 'add', 'knows1', 'type', 'veth', 'peer', 'name', 'knows2');
    ip('link', 'add', 'knows0', ...(type === 'ipvlan' ? ['link', 'knows1', 'type', 'ipvlan'] : argv));
    ip('link', 'delete', 'knows0');
    return undefined;
  } catch {
    return `this kernel has no links of type ${type}`;
  } finally {
    if (type === 'ipvlan') ip('link', 'delete', 'knows1');
  }
}

export function makeLan(): void {
  ip('netns', 'add', 'lan');
  // With a low number, as the first interfaces of a host have.
  ip('link', 'add', PARENT, 'index', '16', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'lan');
  ip('link', 'set', PARENT, 'addrgenmode', 'none', 'up');
  ip('-n', 'lan', 'link', 'set', 'lo', 'up');
  ip('-n', 'lan', 'link', 'set', 'eth0', 'up');
  for (const address of ['10.91.0.1/24', '10.92.0.1/24', '2001:db8:91::1/64'])
    ip('-n', 'lan', 'address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
  ip('-n', 'lan', 'address', 'add', '203.0.113.9/32', 'dev', 'lo');
}
export const removeLan = (): string => ip('netns', 'delete', 'lan');

/** An engine whose host has the LAN beside it; what is left of either is a failure. Filled in by the time that tests run. */
export function useLan(): Stage {
  beforeAll(makeLan);
  // Hooks after the tests run in reverse order: the engine's first.
  afterAll(removeLan);
  return useEngine();
}

export const upon = (
  name: string,
  changes: Partial<DesiredNetwork> = {},
  options: Readonly<Record<string, string>> = {},
): DesiredNetwork =>
  aNetwork(name, {
    driver: 'macvlan',
    ipam: [
      {
        subnet: '10.91.0.0/24',
        gateway: '10.91.0.1',
        ipRange: '10.91.0.64/27',
        auxAddresses: { printer: '10.91.0.64' },
      },
    ],
    driverOpts: { parent: PARENT, ...options },
    ...changes,
  });

export async function update({ engine }: Stage, ...wanted: readonly DesiredContainer[]): Promise<void> {
  const { failed } = await engine.containers.update(wanted);
  for (const error of failed.values()) throw error;
}

export async function damage({ engine }: Stage): Promise<readonly string[]> {
  const { containers, networks } = await engine.snapshot();
  return [...containers, ...networks].flatMap((one) => one.damage.map(({ kind, what }) => `${kind}: ${what}`));
}

/** The kernel takes what was on a parent away when the parent is gone, some time later. */
export const eventualDamage = async (stage: Stage, count: number): Promise<readonly string[]> =>
  await eventually(async () => {
    const found = await damage(stage);
    expect(found).toHaveLength(count);
    return [...found].sort();
  });

export const refusal = async ({ engine }: Stage, network: DesiredNetwork): Promise<string> =>
  await engine.networks.create([network]).then(
    () => 'made',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

/** `eth0 10.91.0.65/24`, a line an interface. */
export const addressesIn = async ({ engine }: Stage, name: string): Promise<readonly string[]> =>
  (await command(...(await inside(engine, name)), 'ip', '-brief', 'address', 'show', 'scope', 'global'))
    .trim()
    .split('\n')
    .map((line) =>
      line
        .replace(/@\S+/, '')
        .replace(/ (UP|UNKNOWN) /, ' ')
        .trim()
        .split(/\s+/)
        .join(' '),
    );

export const routesIn = async ({ engine }: Stage, name: string): Promise<readonly string[]> =>
  (await command(...(await inside(engine, name)), 'ip', 'route'))
    .trim()
    .split('\n')
    .map((line) => line.trim());

/** The first address of the answer, as a program inside asks. */
export const lookUp = async (stage: Stage, name: string, asked: string): Promise<string> =>
  /Name:.*\nAddress\D*?(?:1:)? *(\d+(?:\.\d+){3})/.exec(await resolvedIn(stage, name, asked))?.[1] ?? '-';

export async function identityOf({ engine }: Stage, name: string): Promise<string> {
  const { pid, supervisorPid, startedAt } = (await engine.containers.find(name))!;
  const startTime = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19];
  return [pid, supervisorPid, startedAt, startTime].join(' ');
}

export async function pings({ engine }: Stage, name: string, address: string): Promise<boolean> {
  const { pid } = (await engine.containers.find(name))!;
  const argv = ['/bin/busybox', 'ping', '-c', '1', '-W', '2', address];
  return await command('nsenter', '-t', String(pid), '-n', '-m', ...argv).then(
    () => true,
    () => false,
  );
}
