/** Containers that say who they are and who asked, and ways to ask them from anywhere. */
import { type ChildProcessWithoutNullStreams, execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { DesiredContainer, DesiredNetwork, DesiredPort } from '../../../src/model/desired.ts';
import type { Engine } from '../../../src/model/engine.ts';
import { plainNetwork } from '../../../src/model/plain-network.ts';
import { eventually } from '../../helpers/eventually.ts';
import { slowness } from '../../helpers/slowness.ts';
import { aContainer, runContainers } from '../container/a-container.ts';
import type { Stage } from '../container/use-engine.ts';

export type { Stage } from '../container/use-engine.ts';

const run = promisify(execFile);
export const HOST = '198.51.100.2';

export const aNetwork = (name: string, changes: Partial<DesiredNetwork> = {}): DesiredNetwork => ({
  ...plainNetwork(name, { 'com.docker.compose.project': 'test' }),
  ...changes,
});

/** `8080`, `127.0.0.1:8081`, `8443:443/udp` */
export function aPort(text: string): DesiredPort {
  const [, hostIp = '', published, target = '80', protocol = 'tcp'] =
    /^(?:(\d+(?:\.\d+){3}):)?(\d+)(?::(\d+))?(?:\/(\w+))?$/.exec(text)!;
  return {
    hostIp,
    published: Number(published),
    target: Number(target),
    protocol: protocol as DesiredPort['protocol'],
  };
}

/** Its web server answers `name source-address`. */
export function aServer(
  stage: Stage,
  name: string,
  networks: readonly string[],
  changes: Partial<DesiredContainer> = {},
): DesiredContainer {
  const who = `#!/bin/sh\\nprintf "Content-Type: text/plain\\\\r\\\\n\\\\r\\\\n${name} $REMOTE_ADDR"`;
  const script = `mkdir -p /tmp/cgi-bin; printf '${who}' > /tmp/cgi-bin/who; chmod 755 /tmp/cgi-bin/who; exec httpd -f -p 80 -h /tmp`;
  return aContainer(stage.image, name, {
    networkMode: { kind: 'bridge' },
    attachments: networks.map((network) => ({ network, aliases: [name] })),
    argv: ['sh', '-c', script],
    ...changes,
  });
}

export async function start({ engine }: Stage, containers: readonly DesiredContainer[]): Promise<void> {
  await runContainers(engine, containers);
  // Its own loopback: no rule of ours is on the way.
  await Promise.all(
    containers.map(({ name }) =>
      eventually(async () => {
        if ((await askFrom(await inside(engine, name), '127.0.0.1')) === '-') throw new Error(`${name} does not serve`);
      }),
    ),
  );
}

/** A prefix of commands: run there. */
export type Place = readonly string[];
export const onHost: Place = [];
export const outside: Place = ['ip', 'netns', 'exec', 'outside'];

export async function inside(engine: Engine, container: string): Promise<Place> {
  const { pid } = (await engine.containers.find(container))!;
  return ['nsenter', '-t', String(pid), '-n'];
}

/** The answer, or `-` when there is none within a second, longer on a slow machine. */
export async function askFrom(place: Place, address: string): Promise<string> {
  const url = `http://${address}/cgi-bin/who`;
  const argv = [...place, 'curl', '--silent', '--noproxy', '*', '--max-time', String(slowness), url];
  return await run(argv[0]!, argv.slice(1)).then(
    ({ stdout }) => stdout.trim().replace(/\[::ffff:(.*)\]/, '$1'),
    () => '-',
  );
}

export const addressOf = async ({ engine }: Stage, container: string, network: string): Promise<string> =>
  (await engine.containers.find(container))!.endpoints.find((endpoint) => endpoint.network === network)!.ipv4!;

export const command = async (...argv: readonly string[]): Promise<string> =>
  (await run(argv[0]!, argv.slice(1), { maxBuffer: 64 << 20 })).stdout;

/** Who gets an answer from where: one line an asker, one column a target. */
export async function matrix(
  askers: Readonly<Record<string, Place>>,
  targets: Readonly<Record<string, string>>,
): Promise<string> {
  const ask = async ([name, place]: [string, Place]) => {
    const answers = await Promise.all(Object.values(targets).map((address) => askFrom(place, address)));
    return [name, ...answers.map((answer) => answer.split(' ')[0]!)];
  };
  // A hundred programs at once keep a slow machine from answering in time: there it is one asker after the other.
  const rows: string[][] = [];
  if (slowness > 1) for (const asker of Object.entries(askers)) rows.push(await ask(asker));
  else rows.push(...(await Promise.all(Object.entries(askers).map(ask))));
  return table([['', ...Object.keys(targets)], ...rows]);
}

/** In columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Both ways of a connection that repeats what it is told. */
export const said = (client: ChildProcessWithoutNullStreams, words: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`nothing came back of ${words}`)), 20_000);
    const hear = (data: Buffer) => {
      if (!data.toString().includes(words)) return;
      clearTimeout(timer);
      client.stdout.off('data', hear);
      resolve();
    };
    client.stdout.on('data', hear);
    client.stdin.write(`${words}\n`);
  });
