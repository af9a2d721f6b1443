/** Networks, addresses, ports and names of a running container are changed under it: its process and its connections stay. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { eventually } from '../../helpers/eventually.ts';
import { useEngine } from '../container/use-engine.ts';
import {
  addressOf,
  aNetwork,
  aPort,
  aServer,
  askFrom,
  command,
  HOST,
  inside,
  onHost,
  outside,
  said,
  start,
} from './stage.ts';

const stage = useEngine({ keeps: true });
let line: Socket;
let identity: string;

const server = (networks: readonly string[], changes: Partial<DesiredContainer> = {}) =>
  aServer(stage, 'web', networks, changes);
/** Beside its web server it repeats what it is told on port 9000, for as long as one connection lasts. */
const argv = (of: DesiredContainer) => ['sh', '-c', `nc -ll -p 9000 -e cat & ${of.argv[2]}`];
const web = (networks: readonly string[], changes: Partial<DesiredContainer> = {}): DesiredContainer => {
  const plain = server(networks, changes);
  return { ...plain, argv: argv(plain) };
};

const startTimeOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]!;
async function identityOf(name: string): Promise<string> {
  const { pid, supervisorPid, startedAt, id } = (await stage.engine.containers.find(name))!;
  return [id, pid, startTimeOf(pid), supervisorPid, startedAt].join(' ');
}

async function update(...wanted: readonly DesiredContainer[]): Promise<void> {
  const { failed } = await stage.engine.containers.update(wanted);
  for (const error of failed.values()) throw error;
}

/** Throws when the connection that was opened before all changes does not answer. */
async function echo(text: string): Promise<void> {
  const answer = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer to ${text}`)), 20_000);
    line.once('data', (data) => {
      clearTimeout(timer);
      resolve(data.toString());
    });
  });
  line.write(`${text}\n`);
  expect(await answer).toBe(`${text}\n`);
}

const linksOf = async (name: string): Promise<string> => {
  const links = JSON.parse(await command(...(await inside(stage.engine, name)), 'ip', '-j', '-4', 'address')) as {
    ifname: string;
    addr_info: { local: string }[];
  }[];
  return links.map(({ ifname, addr_info }) => `${ifname} ${addr_info.map(({ local }) => local).join(' ')}`).join(', ');
};

const fileOf = async (name: string, path: string) =>
  readFileSync(`/proc/${(await stage.engine.containers.find(name))!.pid}/root${path}`, 'utf8');

const damage = async () => {
  const { containers, networks } = await stage.engine.snapshot();
  return [...containers, ...networks].flatMap((one) => one.damage);
};

const asMade = () => web(['front'], { ports: [aPort('8080:80'), aPort('8090:9000')] });
const others = () => [aServer(stage, 'peer', ['back']), aServer(stage, 'neighbour', ['front'])];

beforeAll(async () => {
  await stage.engine.networks.create([
    aNetwork('front', { ipam: [{ subnet: '10.77.1.0/24' }] }),
    aNetwork('back', { ipam: [{ subnet: '10.77.2.0/24' }] }),
    aNetwork('closed', { internal: true }),
  ]);
  await start(stage, [asMade(), ...others()]);
  const address = await addressOf(stage, 'web', 'front');
  line = await eventually(async () => await opened(connect(9000, address)));
  await echo('begin');
  identity = await identityOf('web');
});
afterAll(() => {
  line?.destroy();
});
beforeEach(async () => await update(asMade(), ...others()));
afterEach(async () => {
  // Whatever was done: it is the same process still, the connection was never lost, and the kernel has what the records say.
  expect(await identityOf('web')).toBe(identity);
  await echo('end');
  expect(await damage()).toEqual([]);
});

const opened = (socket: Socket): Promise<Socket> =>
  new Promise((resolve, reject) => socket.once('connect', () => resolve(socket)).once('error', reject));

describe('a running container', () => {
  test('is put on another network, by which it reaches others and is reached, and taken off again', async () => {
    const asked = async () => askFrom(await inside(stage.engine, 'peer'), 'web');
    expect(await asked()).toBe('-');
    await update(web(['front', 'back'], { ports: asMade().ports }));
    await echo('more');
    const address = await addressOf(stage, 'web', 'back');
    expect(await linksOf('web')).toMatch(new RegExp(`^lo 127.0.0.1, eth0 10.77.1.\\d+, eth1 ${address}$`));
    expect(await askFrom(await inside(stage.engine, 'peer'), address)).toMatch(/^web /);
    expect(await command(...(await execIn('peer')), 'wget', '-qO-', 'http://web/cgi-bin/who')).toMatch(/^web /);
    expect(await command(...(await execIn('web')), 'wget', '-qO-', 'http://peer/cgi-bin/who')).toMatch(/^peer /);
    await update(asMade());
    expect(await linksOf('web')).toMatch(/^lo 127.0.0.1, eth0 10.77.1.\d+$/);
    expect(await askFrom(await inside(stage.engine, 'peer'), address)).toBe('-');
    await expect(command(...(await execIn('peer')), 'nslookup', 'web')).rejects.toThrow();
  });

  test('changes its first network: another one leads outside, and published ports lead there', async () => {
    await update(web(['back', 'front'], { ports: asMade().ports }));
    const route = await command(...(await inside(stage.engine, 'web')), 'ip', 'route', 'show', 'default');
    expect(route).toContain('via 10.77.2.1 dev eth1');
    expect(await askFrom(outside, `${HOST}:8080`)).toMatch(/^web /);
    await update(asMade());
    expect(await command(...(await inside(stage.engine, 'web')), 'ip', 'route', 'show', 'default')).toContain(
      'dev eth0',
    );
    expect(await askFrom(outside, `${HOST}:8080`)).toMatch(/^web /);
  });

  test('keeps its connections with the outside while another network comes to lead there, and goes again', async () => {
    const neighbour = spawn(outside[0]!, [...outside.slice(1), 'busybox', 'nc', '-ll', '-p', '9000', '-e', 'cat']);
    // A client that comes before its server has ended for good.
    await eventually(async () => expect(await command(...outside, 'ss', '-ltnH', 'sport = :9000')).not.toBe(''));
    const place = await inside(stage.engine, 'web');
    const argv = [...place, 'busybox', 'nc', '198.51.100.1', '9000'];
    const out = spawn(argv[0]!, argv.slice(1));
    const into = spawn(outside[0]!, [...outside.slice(1), 'busybox', 'nc', HOST, '8090']);
    try {
      for (const one of [out, into]) await said(one, 'begin');
      await update(web(['back', 'front'], { ports: asMade().ports }));
      expect(await command(...place, 'ip', 'route', 'show', 'default')).toContain('via 10.77.2.1');
      for (const one of [out, into]) await said(one, 'led elsewhere');
      expect(await askFrom(outside, `${HOST}:8080`)).toMatch(/^web /);
      const peer = await addressOf(stage, 'peer', 'back');
      expect(await askFrom(place, peer)).toMatch(/^peer /);
      await update(asMade());
      for (const one of [out, into]) await said(one, 'led back');
    } finally {
      for (const one of [out, into, neighbour]) one.kill('SIGKILL');
    }
  });

  test('is on no network that leads outside once only an internal one is left beside its first', async () => {
    await update(web(['front', 'closed', 'back']));
    await update(web(['front', 'closed']));
    expect(await linksOf('web')).toMatch(/eth0 10.77.1.\d+, eth1 /);
  });

  test('publishes nothing while all of its networks are internal, and does with the first that is not, and no more without it', async () => {
    const shut = (...networks: string[]) => aServer(stage, 'shut', networks, { ports: [aPort('8097:80')] });
    await start(stage, [shut('closed')]);
    const published = async () => (await stage.engine.containers.find('shut'))!.publishers.length;
    expect(await published()).toBe(0);
    await update(shut('closed', 'back'));
    expect(await askFrom(outside, `${HOST}:8097`)).toMatch(/^shut /);
    const { warnings } = await stage.engine.containers.update([shut('closed')]);
    expect(warnings.get('shut')).toEqual([
      expect.stringMatching(/ports of shut are not published: .*internal: closed/),
    ]);
    expect(await published()).toBe(0);
    await stage.engine.containers.remove(['shut'], { anonymousVolumes: true });
  });

  test('gets and loses published ports, while the connections through the others go on', async () => {
    await update(web(['front'], { ports: [aPort('8090:9000'), aPort('8081:80'), aPort('127.0.0.1:8082:80')] }));
    await echo('more');
    expect(await askFrom(outside, `${HOST}:8081`)).toMatch(/^web /);
    expect(await askFrom(onHost, '127.0.0.1:8082')).toMatch(/^web /);
    expect(await askFrom(outside, `${HOST}:8080`)).toBe('-');
  });

  test('keeps the host ports that were chosen for it while others come and go', async () => {
    const [one, other] = [aPort('0:80'), { ...aPort('0:80'), target: 9000 }];
    const chosen = async () =>
      (await stage.engine.containers.find('web'))!.publishers.map(({ published }) => published);
    await update(web(['front'], { ports: [one] }));
    const [first] = await chosen();
    await update(web(['front'], { ports: [other, one] }));
    const [second, kept] = await chosen();
    expect(kept).toBe(first);
    expect(second).not.toBe(first);
    expect(await askFrom(outside, `${HOST}:${first}`)).toMatch(/^web /);
  });

  test('is refused a port that somebody has, and stays as it is', async () => {
    await update(aServer(stage, 'neighbour', ['front'], { ports: [aPort('8088:80')] }));
    const asking = web(['front', 'back'], { ports: [aPort('8088:80')] });
    await expect(update(asking)).rejects.toThrow('8088/tcp is held by container neighbour');
    expect(await askFrom(outside, `${HOST}:8080`)).toMatch(/^web /);
    expect((await stage.engine.containers.find('web'))!.madeFrom).toEqual(asMade());
  });

  test('swaps a port with another one', async () => {
    await update(aServer(stage, 'neighbour', ['front'], { ports: [aPort('8088:80')] }));
    const swapped = web(['front'], { ports: [aPort('8088:80'), aPort('8090:9000')] });
    await update(swapped, aServer(stage, 'neighbour', ['front'], { ports: [aPort('8080:80')] }));
    expect(await askFrom(outside, `${HOST}:8088`)).toMatch(/^web /);
    expect(await askFrom(outside, `${HOST}:8080`)).toMatch(/^neighbour /);
  });

  test('gets another address on a network, and gives it back, while its connection on the other goes on', async () => {
    const fixed = (ipv4?: string) =>
      web([], {
        attachments: [
          { network: 'front', aliases: ['web'] },
          { network: 'back', aliases: ['web'], ...(ipv4 ? { ipv4 } : {}) },
        ],
      });
    await update(fixed());
    await update(fixed('10.77.2.99'));
    expect(await linksOf('web')).toContain('eth1 10.77.2.99');
    expect(await askFrom(await inside(stage.engine, 'peer'), '10.77.2.99')).toMatch(/^web /);
    // No longer asked for by number: there is no reason to give it another one.
    await update(fixed());
    expect(await addressOf(stage, 'web', 'back')).toBe('10.77.2.99');
    // Who gets its old address now is not mistaken for it.
    await update(aServer(stage, 'neighbour', ['front', 'back']));
    expect(await askFrom(await inside(stage.engine, 'peer'), await addressOf(stage, 'neighbour', 'back'))).toMatch(
      /^neigh/,
    );
    expect(await askFrom(await inside(stage.engine, 'peer'), '10.77.2.99')).toMatch(/^web /);
  });

  test('swaps addresses with another one', async () => {
    const at = (name: string, ipv4: string) =>
      aServer(stage, name, [], { attachments: [{ network: 'back', aliases: [name], ipv4 }] });
    await update(at('peer', '10.77.2.50'), at('neighbour', '10.77.2.51'));
    await update(at('peer', '10.77.2.51'), at('neighbour', '10.77.2.50'));
    expect(await askFrom(onHost, '10.77.2.50')).toMatch(/^neighbour /);
    expect(await askFrom(onHost, '10.77.2.51')).toMatch(/^peer /);
  });

  test('gets and loses an alias, a link and a line of extra_hosts', async () => {
    const other = (aliases: readonly string[]) =>
      aServer(stage, 'neighbour', [], { attachments: [{ network: 'front', aliases: ['neighbour', ...aliases] }] });
    const ask = async (name: string) => command(...(await execIn('web')), 'wget', '-qO-', `http://${name}/cgi-bin/who`);
    await update(other(['second']));
    expect(await ask('second')).toMatch(/^neighbour /);
    await update(other([]));
    await expect(ask('second')).rejects.toThrow();
    await update(
      web(['front'], {
        ports: asMade().ports,
        links: [{ container: 'neighbour', aliases: ['friend'] }],
        extraHosts: [{ host: 'far.example', address: '192.0.2.7' }],
      }),
    );
    expect(await ask('friend')).toMatch(/^neighbour /);
    expect(await fileOf('web', '/etc/hosts')).toMatch(/^192\.0\.2\.7\s+far\.example$/m);
    // It moves: who links to it learns that too.
    await update(
      aServer(stage, 'neighbour', [], { attachments: [{ network: 'front', aliases: [], ipv4: '10.77.1.200' }] }),
    );
    expect(await ask('friend')).toMatch(/^neighbour /);
    await update(asMade());
    expect(await fileOf('web', '/etc/hosts')).not.toMatch(/friend|far\.example/);
  });

  test('keeps what it wrote into its /etc/hosts itself', async () => {
    await command(...(await execIn('web')), 'sh', '-c', 'echo 192.0.2.9 mine >> /etc/hosts');
    await update(web(['front', 'back'], { extraHosts: [{ host: 'far.example', address: '192.0.2.7' }] }));
    const hosts = await fileOf('web', '/etc/hosts');
    expect(hosts).toContain('192.0.2.9 mine');
    expect(hosts).toContain('far.example');
    expect(hosts).toContain(await addressOf(stage, 'web', 'back'));
  });

  test('starts again as it was changed', async () => {
    await update(aServer(stage, 'peer', ['back', 'front'], { ports: [aPort('8083:80')] }));
    const address = await addressOf(stage, 'peer', 'front');
    await stage.engine.containers.stop(['peer']);
    await update(aServer(stage, 'peer', ['front'], { ports: [aPort('8084:80')] }));
    expect([...(await stage.engine.containers.start(['peer'])).failed.values()]).toEqual([]);
    expect(await addressOf(stage, 'peer', 'front')).toBe(address);
    await eventually(async () => expect(await askFrom(outside, `${HOST}:8084`)).toMatch(/^peer /));
    expect(await linksOf('peer')).toBe(`lo 127.0.0.1, eth0 ${address}`);
  });
});

async function execIn(name: string): Promise<readonly string[]> {
  const { pid } = (await stage.engine.containers.find(name))!;
  return ['nsenter', '-t', String(pid), '-n', '-m', '-p'];
}
