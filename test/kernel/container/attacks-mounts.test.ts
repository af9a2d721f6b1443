/** Where mounts go is decided by names in an image and in volumes, and those may be hostile, also while a container starts. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DesiredContainer, DesiredMount } from '../../../src/model/desired.ts';
import { buildProbe } from '../../helpers/build-probe.ts';
import { aContainer, execIn, outputOf, runContainers } from './a-container.ts';
import { anImage } from './an-image.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();
let outside: string;
let shared: string;
beforeAll(() => {
  outside = join(dirname(stage.instance.root), 'outside');
  shared = join(dirname(stage.instance.root), 'shared');
  for (const folder of [outside, shared, join(outside, 'folder')]) mkdirSync(folder);
  writeFileSync(join(outside, 'secret'), 'secret');
  chmodSync(join(outside, 'secret'), 0o600);
  chmodSync(join(outside, 'folder'), 0o700);
});
afterAll(() => {
  for (const folder of [outside, shared]) rmSync(folder, { recursive: true, force: true });
});

const bind = (source: string, target: string, changes: object = {}): DesiredMount => ({
  kind: 'bind',
  source,
  target,
  readOnly: false,
  createHostPath: false,
  propagation: '',
  recursive: true,
  ...changes,
});
const attackerMount = () => bind(buildProbe('attacker'), '/bin/attacker', { readOnly: true });
/** The host's files are as they were. */
const expectUntouched = () => {
  expect(readdirSync(outside).sort()).toEqual(['folder', 'secret']);
  expect(readdirSync(join(outside, 'folder'))).toEqual([]);
  expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
  const mode = (name: string) => (statSync(join(outside, name)).mode & 0o7777).toString(8);
  expect([mode('secret'), mode('folder')]).toEqual(['600', '700']);
};
/** What a container of an image with these changes prints, or why it does not start. */
const trial = async (change: (root: string) => void, changes: Partial<DesiredContainer>): Promise<string> => {
  const image = await anImage(stage.engine, stage.instance, change);
  return outputOf(stage.engine, aContainer(image, 'trial', changes)).catch((error: Error) => error.message);
};
const linkInPlace = (path: string, target: string) => (root: string) => {
  rmSync(join(root, path), { recursive: true, force: true });
  symlinkSync(target, join(root, path));
};

test.each(['/proc', '/sys'])(
  '%s that is a link is refused, as by runc: what is masked could be reached by another way',
  async (path) => {
    const change = (root: string) => {
      mkdirSync(join(root, 'other'));
      linkInPlace(path, '/other')(root);
    };
    expect(await trial(change, { argv: ['cat', '/proc/mounts'] })).toMatch(/cannot mount (?:proc|sysfs) on/);
  },
);

const FILES = ['/etc/hosts', '/etc/resolv.conf', '/etc/hostname', '/etc/passwd'];
test.each([
  ['/dev', () => [['/dev', outside]]],
  ['the files of /etc, absolute', () => FILES.map((path) => [path, join(outside, 'secret')])],
  ['the files of /etc, upwards', () => FILES.map((path) => [path, `../../../../../../..${outside}/secret`])],
] as const)('links to the host in the place of %s lead nowhere outside', async (_what, links) => {
  const all = links();
  await trial(
    (root) => {
      for (const [path, target] of all) linkInPlace(path!, target!)(root);
    },
    { argv: ['true'] },
  );
  expectUntouched();
});

test('nor do those at the target of a volume, with folders above it that are missing, or by way of dots', async () => {
  const image = await anImage(stage.engine, stage.instance, (root) => {
    symlinkSync(join(outside, 'folder'), join(root, 'a'));
    symlinkSync(`../../../../..${outside}`, join(root, 'b'));
  });
  for (const target of ['/a', '/a/made', '/b/made', `/x/../../../../..${join(outside, 'folder')}`]) {
    const argv = ['sh', '-c', 'touch /a/mine; true'];
    const victim = aContainer(image, 'trial', { argv, mounts: [bind(shared, target)] });
    await outputOf(stage.engine, victim).catch(() => undefined);
    await stage.engine.containers.remove(['trial'], { anonymousVolumes: true });
    expectUntouched();
  }
});

test('what is masked or read-only is so by every way to it, and not written to either', async () => {
  const files = [
    '/p/sysrq-trigger',
    '/p/sys/kernel/core_pattern',
    '/sys/kernel/uevent_helper',
    '/p/sys/kernel/modprobe',
  ];
  const script = `ln -s /proc /p; wc -c < /p/keys; for f in ${files.join(' ')}; do [ -e $f ] && (cat < /dev/null >> $f) 2>/dev/null && echo $f; done; echo end`;
  const argv = ['sh', '-c', script];
  expect(await outputOf(stage.engine, aContainer(stage.image, 'masked', { argv }))).toBe('0\nend');
});

/** Starts containers whose mounts lie in a folder that another container holds and changes all the time. */
async function race(
  attack: (stop: string) => readonly string[],
  mounts: (round: number) => readonly DesiredMount[],
  rounds: number,
): Promise<string[]> {
  await runContainers(stage.engine, [
    aContainer(stage.image, 'attacker', {
      mounts: [bind(shared, '/data'), bind(outside, '/out', { readOnly: true }), attackerMount()],
    }),
  ]);
  const said: string[] = [];
  await execIn(stage.engine, 'attacker', [...attack('/data/stop')], { detach: true });
  try {
    for (let round = 0; round < rounds; round += 1) {
      const script = 'cat /data/d/secret /in/secret 2>/dev/null; touch /in/mine; true';
      const victim = aContainer(stage.image, 'victim', { argv: ['sh', '-c', script], mounts: mounts(round) });
      said.push(await outputOf(stage.engine, victim).catch((error: Error) => error.message));
      await stage.engine.containers.remove(['victim'], { anonymousVolumes: true });
    }
  } finally {
    writeFileSync(join(shared, 'stop'), '');
    await stage.engine.containers.remove(['attacker'], { anonymousVolumes: true });
    execFileSync('find', [shared, '-mindepth', '1', '-delete']);
  }
  return said;
}

test('a folder that is exchanged with a link to the host, as fast as it goes, while another container mounts below it', async () => {
  mkdirSync(join(shared, 'd/sub'), { recursive: true });
  symlinkSync(outside, join(shared, 'link'));
  const inner = join(dirname(shared), 'inner');
  mkdirSync(inner);
  const swap = (stop: string) => ['/bin/attacker', 'swap', '/data/d', '/data/link', stop];
  const said = await race(swap, (round) => [bind(shared, '/data'), bind(inner, `/data/d/made-${round}`)], 25);
  rmSync(inner, { recursive: true });
  expect(said.join()).not.toContain('secret\n');
  expectUntouched();
});

test('a folder made for a mount, and replaced by a link to a file of the host at once, gives that file no other mode', async () => {
  const inner = join(dirname(shared), 'inner');
  mkdirSync(inner);
  const plant = (stop: string) => ['/bin/attacker', 'plant', '/data/sub', join(outside, 'secret'), stop];
  await race(plant, () => [bind(shared, '/data'), bind(inner, '/data/sub')], 10);
  rmSync(inner, { recursive: true });
  expect(lstatSync(join(outside, 'secret')).mode & 0o7777).toBe(0o600);
  expectUntouched();
});
