/** Devices that are given to a container: nodes, rules, and descriptions of vendors. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { aContainer, ended, outputOf, runContainers } from '../container/a-container.ts';
import { useEngine } from '../container/use-engine.ts';

const stage = useEngine();
let count = 0;
const CDI = '/var/run/cdi';

/** The kernel's messages are a device that every host has; reading them needs the capability beside the rule. */
const base = { ...aContainer('', '').security, capAdd: ['SYSLOG'] };
const sh = (script: string, changes: Partial<DesiredContainer> = {}) =>
  outputOf(
    stage.engine,
    aContainer(stage.image, `t-${++count}`, { argv: ['sh', '-c', `exec 2>&1; ${script}`], security: base, ...changes }),
  );
const device = (source: string, target = source, permissions = 'rwm') => ({ source, target, permissions });
/** Reading a byte of /dev/kmsg by a node of one's own: opened only where the rules allow it. */
const READ_KMSG = 'rm -f /k; mknod /k c 1 11 && dd if=/k of=/dev/null bs=1k count=1 2>&1 | grep -c "records out"';

describe('devices', () => {
  test('a device is there under its name, may be opened, and is not without being asked for', async () => {
    expect(
      await sh('ls -l /dev/msgs; dd if=/dev/msgs of=/dev/null bs=8k count=1 2>&1', {
        devices: [device('/dev/kmsg', '/dev/msgs')],
      }),
    ).toMatch(/^crw.* 1, +11 .*\/dev\/msgs\n1\+0|0\+1 records in/);
    expect(await sh(READ_KMSG)).toBe('0');
  });

  test('permissions are the rule’s, whatever the node’s are', async () => {
    const readOnly = { devices: [device('/dev/kmsg', '/dev/kmsg', 'r')] };
    expect(await sh('exec 3</dev/kmsg && echo read; (exec 4>/dev/kmsg) && echo wrote', readOnly)).toMatch(
      /^read\n.*(not permitted|Operation)/,
    );
  });

  test('a folder stands for what lies below it, also elsewhere in the container', async () => {
    const output = await sh('find /dev/net /other -type c 2>/dev/null || ls -R /dev/net /other', {
      devices: [device('/dev/net'), device('/dev/net', '/other/place')],
    });
    expect(output).toContain('/dev/net');
    expect(output).toContain('tun');
    expect(output).toContain('/other/place');
  });

  test('what is not there or is no device is named before anything is made', async () => {
    const check = async (source: string) =>
      stage.engine.check(
        { containers: [aContainer(stage.image, 'c', { devices: [device(source)] })], networks: [], volumes: [] },
        new Set(),
      );
    expect((await check('/dev/nothing-here'))[0]?.message).toMatch(
      /the device \/dev\/nothing-here cannot be given to c: it is not there/,
    );
    expect((await check('/etc/hostname'))[0]?.message).toMatch(/it is no device/);
    expect(await check('/dev/null')).toEqual([]);
  });

  test('a restart finds its nodes again', async () => {
    const argv = ['sh', '-c', 'ls /odd/null && test -e /again || { touch /again; exit 1; }'];
    const restart = { policy: 'on-failure', maxRetries: 3 } as const;
    await runContainers(stage.engine, [
      aContainer(stage.image, 'c', { argv, restart, devices: [device('/dev/null', '/odd/null')] }),
    ]);
    expect(await ended(stage.engine, 'c')).toBe(0);
    expect((await stage.engine.containers.find('c'))?.restartCount).toBe(1);
  });

  test('what the image has in the place of a node is neither used nor followed', async () => {
    const argv = ['sh', '-c', 'mkdir -p /odd; rm -f /odd/null; ln -s /etc/passwd /odd/null'];
    await runContainers(stage.engine, [
      aContainer(stage.image, 'c', { argv, devices: [device('/dev/null', '/odd/null')] }),
    ]);
    await ended(stage.engine, 'c');
    const { failed } = await stage.engine.containers.start(['c']);
    expect(failed.get('c')?.message).toMatch(
      /make the device \/odd\/null in the container: something else is in its place/,
    );
  });
});

describe('rules', () => {
  test('are added to the default ones, and may allow all', async () => {
    expect(await sh(READ_KMSG, { deviceRules: ['c 1:11 r'] })).toBe('1');
    expect(await sh(READ_KMSG, { deviceRules: ['c 1:12 rwm', 'b *:* rwm'] })).toBe('0');
    expect(await sh(READ_KMSG, { deviceRules: ['a *:* rwm'] })).toBe('1');
    expect(await sh(READ_KMSG, { deviceRules: ['c *:* rwm'] })).toBe('1');
  });
});

describe('privileged', () => {
  test('has every device of the host in /dev, and may open them', async () => {
    const names = (await sh('ls /dev', { security: { ...base, privileged: true } })).split('\n');
    const own = ['fd', 'stdin', 'stdout', 'stderr', 'ptmx', 'pts', 'shm', 'mqueue', 'core', 'console'];
    const hosts = readdirSync('/dev', { withFileTypes: true }).filter(
      (entry) => (entry.isCharacterDevice() || entry.isBlockDevice()) && !own.includes(entry.name),
    );
    expect(names).toEqual(expect.arrayContaining(hosts.map(({ name }) => name)));
    const strangers = names.filter((name) => !own.includes(name) && !readdirSync('/dev').includes(name));
    expect(strangers).toEqual([]);
    expect(await sh(READ_KMSG, { security: { ...base, privileged: true } })).toBe('1');
  });
});

describe('devices by name', () => {
  const spec = {
    cdiVersion: '0.7.0',
    kind: 'made.up/thing',
    containerEdits: { env: ['THING=common'] },
    devices: [
      {
        name: 'one',
        containerEdits: {
          deviceNodes: [{ path: '/dev/thing0', hostPath: '/dev/kmsg', permissions: 'r' }],
          mounts: [{ hostPath: '/etc/hostname', containerPath: '/thing/name', options: ['ro', 'nosuid', 'bind'] }],
          env: ['PATH=/thing/bin:/bin', 'ONE=1'],
          additionalGids: [4242],
        },
      },
      { name: 'hooked', containerEdits: { hooks: [{ hookName: 'createContainer', path: '/usr/bin/nvidia-ctk' }] } },
    ],
  };
  const yaml =
    'cdiVersion: "0.6.0"\nkind: other.org/gpu\ndevices:\n- name: all\n  containerEdits:\n    env: [GPU=all]\n';
  beforeAll(() => {
    mkdirSync(CDI, { recursive: true });
    writeFileSync(`${CDI}/thing.json`, JSON.stringify(spec));
    writeFileSync(`${CDI}/gpu.yaml`, yaml);
    writeFileSync(`${CDI}/broken.yaml`, ': : [');
  });
  afterAll(() => rmSync(CDI, { recursive: true }));

  test('bring nodes, mounts, variables and groups, from JSON and YAML', async () => {
    const output = await sh(
      'echo $PATH $THING $ONE $GPU; id -G; ls -l /dev/thing0; cat /thing/name; echo x > /thing/name',
      {
        cdiDevices: ['made.up/thing=one', 'other.org/gpu=all'],
      },
    );
    expect(output).toMatch(/^\/thing\/bin:\/bin common 1 all\n0 4242\ncrw.* 1, +11 .*\n.+\n.*Read-only/);
  });

  test('an unknown one is an error that says which there are; a hook is refused by name', async () => {
    const problems = async (name: string) => {
      const containers = [aContainer(stage.image, 'c', { cdiDevices: [name] })];
      return (await stage.engine.check({ containers, networks: [], volumes: [] }, new Set())) as readonly {
        message: string;
        help?: string;
      }[];
    };
    expect(await problems('nvidia.com/gpu=0')).toMatchObject([
      {
        message: 'there is no device nvidia.com/gpu=0 for container c',
        help: 'there are: made.up/thing=hooked, made.up/thing=one, other.org/gpu=all',
      },
    ]);
    expect((await problems('made.up/thing=hooked'))[0]?.message).toMatch(
      /it runs a hook on the host \(\/usr\/bin\/nvidia-ctk\)/,
    );
  });
});
