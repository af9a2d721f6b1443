/** AppArmor profiles, where the kernel has AppArmor and its parser is installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { aContainer, execIn, outputOf } from '../container/a-container.ts';
import { useEngine } from '../container/use-engine.ts';

const SECURITY = '/sys/kernel/security';
const ENABLED = '/sys/module/apparmor/parameters/enabled';
const lacks = (): string | undefined => {
  if (!existsSync(ENABLED) || !readFileSync(ENABLED, 'utf8').startsWith('Y')) return 'needs a kernel with AppArmor';
  const places = `${process.env['PATH']}:/usr/sbin:/sbin`.split(':');
  return places.some((place) => existsSync(`${place}/apparmor_parser`)) ? undefined : 'needs apparmor_parser';
};
const missing = lacks();

// The private host's /sys is its own, without it.
const mounts = missing === undefined && !existsSync(`${SECURITY}/apparmor`);
let count = 0;
beforeAll(() => {
  if (mounts) execFileSync('mount', ['-t', 'securityfs', 'securityfs', SECURITY]);
});
afterAll(() => {
  if (mounts) execFileSync('umount', [SECURITY]);
});
const stage = useEngine({ missing });
beforeEach((context) => {
  if (missing !== undefined) context.skip(missing);
});
const base = { ...aContainer('', '').security, capAdd: ['SYS_ADMIN'] };
const seen = (security: Partial<DesiredContainer['security']> = {}) =>
  outputOf(
    stage.engine,
    aContainer(stage.image, `t-${++count}`, {
      argv: ['sh', '-c', 'cat /proc/self/attr/current; mount -t tmpfs x /tmp 2>/dev/null && echo mounted'],
      security: { ...base, ...security },
    }),
  );

test('the default profile is loaded when it is needed, and denies what capabilities would allow', async () => {
  expect(await seen()).toBe('tcompose-default (enforce)');
  expect(await seen({ noNewPrivileges: true })).toBe('tcompose-default (enforce)');
  expect(await seen({ apparmor: 'docker-default' })).toMatch(/-default \(enforce\)$/);
});

test('unconfined and privileged have none', async () => {
  expect(await seen({ apparmor: 'unconfined' })).toBe('unconfined\nmounted');
  expect(await seen({ privileged: true })).toBe('unconfined\nmounted');
});

test('a loaded profile is applied by its name, one that is not is named', async () => {
  const text = 'profile tcompose-test flags=(attach_disconnected) { file, capability, mount, }';
  execFileSync('apparmor_parser', ['-Kr'], { input: text });
  try {
    expect(await seen({ apparmor: 'tcompose-test' })).toBe('tcompose-test (enforce)\nmounted');
  } finally {
    execFileSync('apparmor_parser', ['-R'], { input: text });
  }
  await expect(seen({ apparmor: 'tcompose-test' })).rejects.toThrow(/AppArmor profile tcompose-test .* is not loaded/);
});

test('an exec is under the container’s profile', async () => {
  await stage.engine.containers.create([{ container: aContainer(stage.image, 'long', { security: base }) }]);
  await stage.engine.containers.start(['long']);
  const code = await execIn(stage.engine, 'long', ['sh', '-c', 'grep -q tcompose-default /proc/self/attr/current']);
  expect(code).toBe(0);
});
