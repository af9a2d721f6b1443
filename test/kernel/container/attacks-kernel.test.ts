/** Doors of the kernel that lead to the host: programs it runs by itself, raw devices, handles, terminals. Tried as the container's root. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DesiredContainer, DesiredMount } from '../../../src/model/desired.ts';
import { buildProbe } from '../../helpers/build-probe.ts';
import { aContainer, execIn, outputOf, runContainers } from './a-container.ts';
import { anImage } from './an-image.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();
const attacker = (): DesiredMount => ({
  kind: 'bind',
  source: buildProbe('attacker'),
  target: '/bin/attacker',
  readOnly: true,
  createHostPath: false,
  propagation: '',
  recursive: true,
});
const sayOf = (script: string, changes: Partial<DesiredContainer> = {}) =>
  outputOf(
    stage.engine,
    aContainer(stage.image, 'trial', { argv: ['sh', '-c', script], mounts: [attacker()], ...changes }),
  );
/** Opened for writing, nothing written: an attack that succeeds must not harm who runs the tests. */
const opens = (paths: string) =>
  `for f in ${paths}; do [ -e "$f" ] && ( : >> "$f" ) 2> /dev/null && echo "open: $f"; done; echo end`;

test.each([{}, { user: 'web' }])(
  'no file through which the kernel runs programs, or obeys, can be written: as %j',
  async (who) => {
    const files = [
      ...['core_pattern', 'modprobe', 'hotplug', 'usermodehelper/bset', 'poweroff_cmd'].map(
        (f) => `/proc/sys/kernel/${f}`,
      ),
      '/proc/sys/fs/binfmt_misc/register',
      '/proc/sys/vm/panic_on_oom',
      '/proc/sysrq-trigger',
      '/sys/kernel/uevent_helper',
      '/sys/kernel/mm/hugepages/*/nr_hugepages',
      '/sys/class/net/lo/uevent',
      '/sys/power/state',
    ];
    expect(await sayOf(opens(files.join(' ')), who)).toBe('end');
  },
);

test('nor mounted anew with writing, with what a container’s root may do', async () => {
  const tries = [
    'mount -t binfmt_misc none /tmp',
    'mount -o remount,rw /proc/sys',
    'mount -o remount,bind,rw /proc/sys',
    'mount -t proc proc /tmp',
    'mount -t sysfs sys /tmp',
    'umount /proc/sys',
    'umount /proc/kcore',
  ];
  const script = tries.map((line) => `${line} 2> /dev/null && echo "possible: ${line}"`).join('; ');
  expect(await sayOf(`${script}; ${opens('/proc/sys/kernel/core_pattern')}`)).toBe('end');
});

test('a cgroup’s release_agent and notify_on_release cannot be written, and no hierarchy mounted', async () => {
  const files = ['release_agent', 'notify_on_release', 'cgroup.procs', 'devices.allow', 'cgroup.subtree_control'];
  const all = files.flatMap((file) => [`/sys/fs/cgroup/*/${file}`, `/sys/fs/cgroup/${file}`]).join(' ');
  const mounts = ['-o rdma', '-o memory', '-o none,name=mine']
    .map((options) => `mount -t cgroup ${options} mine /tmp 2> /dev/null && echo "mounted: ${options}"`)
    .join('; ');
  expect(await sayOf(`${mounts}; mount -t cgroup2 mine /tmp 2> /dev/null && echo mounted: 2; ${opens(all)}`)).toBe(
    'end',
  );
});

test('the memory, the disks and the ports of the host are no files here, and none that mknod makes is opened', async () => {
  const nodes = [
    'mem c 1 1',
    'port c 1 4',
    'kmsg c 1 11',
    'vda b 254 0',
    'sda b 8 0',
    'loop0 b 7 0',
    'tty1 c 4 1',
    'fuse c 10 229',
  ];
  const made = nodes
    .map(
      (node) =>
        `busybox mknod /tmp/${node} 2> /dev/null; ( : < /tmp/${node.split(' ')[0]} ) 2> /dev/null && echo "opened: ${node}"`,
    )
    .join('; ');
  const there =
    'for f in mem kmem port kmsg sda vda nvme0n1 loop-control mapper/control; do [ -e /dev/$f ] && echo $f; done';
  const script = `busybox mknod /tmp/null c 1 3 && : < /tmp/null && echo null; ${made}; ${there}; echo end`;
  expect(await sayOf(script)).toBe('null\nend');
});

test('no file of the host is opened by a handle, from a mount that lies on its file system ("shocker")', async () => {
  const denied = 'open_by_handle_at: Operation not permitted';
  const output = await sayOf('for f in / /etc /bin; do attacker handles $f; done');
  expect(output).toBe([denied, denied, denied].join('\n'));
});

test('who execs on a terminal has one of the container’s own, so nothing can be typed into the caller’s', async () => {
  await runContainers(stage.engine, [aContainer(stage.image, 'typing', { mounts: [attacker()] })]);
  const run = (argv: readonly string[], changes = {}) =>
    execIn(
      stage.engine,
      'typing',
      ['sh', '-c', `${argv.join(' ')} > /said 2>&1; ls /dev/pts >> /said; cat /said > /proc/1/fd/1`],
      changes,
    );
  await run(['attacker', 'inject'], { tty: true });
  const said: string[] = [];
  for await (const { text } of stage.engine.containers.logs('typing', { follow: false })) said.push(text.toString());
  expect(said[0]).toMatch(/^terminal \/dev\/pts\/\d+, inject: /);
  // Its pty is the only one that it sees: none of the host's.
  expect(said.slice(1).filter((name) => name !== 'ptmx')).toEqual([
    said[0]!.replace(/^terminal \/dev\/pts\/(\d+),.*/, '$1'),
  ]);
});

test('without a terminal there is none to type into, whatever the caller has', async () => {
  await runContainers(stage.engine, [aContainer(stage.image, 'typing', { mounts: [attacker()] })]);
  await execIn(stage.engine, 'typing', ['sh', '-c', 'attacker inject > /proc/1/fd/1']);
  const said: string[] = [];
  for await (const { text } of stage.engine.containers.logs('typing', { follow: false })) said.push(text.toString());
  expect(said.join()).toMatch(/^terminal none, inject: (?!possible)/);
});

test('links in the image do not lead a mask elsewhere, nor take it away', async () => {
  const image = await anImage(stage.engine, stage.instance, (root) => {
    symlinkSync('/proc/self/root/tmp', join(root, 'proc', 'kcore'));
    mkdirSync(join(root, 'proc', 'sys'));
    symlinkSync('/tmp', join(root, 'sys', 'firmware'));
  });
  const script = `cat /proc/kcore /proc/timer_list /proc/keys 2> /dev/null | wc -c; ls /sys/firmware | wc -l; ${opens('/proc/sys/kernel/core_pattern')}`;
  expect(await sayOf(script, { image: { ref: '', id: image } })).toBe('0\n0\nend');
});
