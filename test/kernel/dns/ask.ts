/** Ways to ask name servers: those of a network, and the one that a container has. */

import { Resolver } from 'node:dns/promises';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { killAll } from '../../helpers/kill-all.ts';
import { command, type Stage } from '../network/stage.ts';

/** A name server of somebody else's, in the foreground. */
export const UPSTREAM = [
  '--keep-in-foreground',
  '--conf-file=/dev/null',
  '--no-resolv',
  '--no-hosts',
  '--bind-interfaces',
  '--user=root',
  '--pid-file=',
  '--log-facility=/dev/null',
];

export const gatewayOf = async ({ engine }: Stage, network: string) =>
  (await engine.networks.find(network))!.subnets[0]!.gateway;

export type Ask = (network: string, name: string, type?: 'A' | 'AAAA' | 'PTR') => Promise<readonly string[] | string>;

/** Asks the server of a network; the code of the failure where there is no answer. */
export async function askServer(stage: Stage, network: string, name: string, type: 'A' | 'AAAA' | 'PTR' = 'A') {
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([await gatewayOf(stage, network)]);
  return await resolver.resolve(name, type).then(
    (answer) => answer as string[],
    (error: NodeJS.ErrnoException) => error.code!,
  );
}

/** As the program in the container sees it, with its own resolv.conf and hosts. */
export async function resolvedIn({ engine }: Stage, container: string, name: string): Promise<string> {
  const { pid } = (await engine.containers.find(container))!;
  return (await command('nsenter', '-t', String(pid), '-n', '-m', '/bin/busybox', 'nslookup', name).catch(
    (error) => error.stdout,
  )) as string;
}

/** Asked by Node in the container's network namespace; TCP by its first bytes. */
export async function askInside(pid: number, name: string, protocol: string) {
  const script = protocol === 'UDP' ? ASK_UDP : ASK_TCP;
  const stdout = await command('nsenter', '-t', String(pid), '-n', process.execPath, '-e', script, name);
  return { stdout };
}
const ASK_UDP = `const r = new (require('dns').promises.Resolver)({ timeout: 2000, tries: 1 });
r.setServers(['127.0.0.11']); r.resolve4(process.argv[1]).then((a) => console.log(a.join()), (e) => console.log(e.code));`;
const ASK_TCP = `const name = process.argv[1];
const q = Buffer.concat([
  Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.length]), Buffer.from(name), Buffer.from([0, 0, 1, 0, 1])]);
const s = require('net').connect(53, '127.0.0.11', () => s.write(Buffer.concat([Buffer.from([0, q.length]), q])));
s.setTimeout(3000, () => s.destroy());
s.once('data', (d) => { console.log([...d.subarray(-4)].join('.')); s.destroy(); });
s.on('error', (e) => console.log(e.code));`;

export async function killServers({ run }: { readonly run: string }): Promise<readonly string[]> {
  const folder = `${run}/dns`;
  const views = readdirSync(folder).filter((name) => existsSync(`${folder}/${name}/pid`));
  const pids = views.map((name) => readFileSync(`${folder}/${name}/pid`, 'utf8').trim());
  killAll(pids.map(Number));
  return pids;
}
