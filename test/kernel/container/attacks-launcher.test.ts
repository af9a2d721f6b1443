/** The launcher runs inside of containers for a moment. What an attacker there can get hold of: its binary, its descriptors, its folders. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import type { DesiredContainer, DesiredMount } from '../../../src/model/desired.ts';
import { buildLauncher, buildProbe } from '../../helpers/build-probe.ts';
import { eventually } from '../../helpers/eventually.ts';
import { aContainer, execIn, outputOf, runContainers } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();
const ATTACKER = '/bin/attacker';
const attacker = (): DesiredMount => ({
  kind: 'bind',
  source: buildProbe('attacker'),
  target: ATTACKER,
  readOnly: true,
  createHostPath: false,
  propagation: '',
  recursive: true,
});
const victim = (name: string, changes: Partial<DesiredContainer> = {}) =>
  aContainer(stage.image, name, { mounts: [attacker()], ...changes });
const digest = () => createHash('sha256').update(readFileSync(buildLauncher())).digest('hex');
const logOf = async (name: string): Promise<string> => {
  const lines: string[] = [];
  for await (const { text } of stage.engine.containers.logs(name, { follow: false })) lines.push(text.toString());
  return lines.join('\n');
};

let before: string;
beforeAll(() => {
  before = digest();
});

// While a supervisor runs it is busy anyway (ETXTBSY); the mount that it is seen through is what holds when none does.
test('an image whose program is /proc/self/exe gets the launcher on a read-only mount, and cannot write to it (CVE-2019-5736)', async () => {
  await runContainers(stage.engine, [victim('self', { argv: ['/proc/self/exe', 'init', 'sleep', '1000'] })]);
  const attack = `${ATTACKER} overwrite /proc/1/exe 5 > /result; mount -o remount,rw /proc/1/exe 2>> /result; readlink /proc/1/exe >> /result`;
  await execIn(stage.engine, 'self', ['sh', '-c', `${attack}; cat /result > /proc/1/fd/1`]);
  expect(await logOf('self')).toMatch(/^mount: read-only\noverwrite: (Read-only file system|Text file busy)\n/);
  expect(digest()).toBe(before);
});

test('a program that an exec is made to run is not the launcher either: #!/proc/self/exe', async () => {
  await runContainers(stage.engine, [victim('script')]);
  await execIn(stage.engine, 'script', ['sh', '-c', 'printf "#!/proc/self/exe\\n" > /bin/evil; chmod 755 /bin/evil']);
  const watch = `while [ ! -e /stop ]; do for p in /proc/[0-9]*; do ${ATTACKER} overwrite $p/exe 1; done; done > /tried`;
  await execIn(stage.engine, 'script', ['sh', '-c', watch], { detach: true });
  for (let i = 0; i < 10; i += 1) await execIn(stage.engine, 'script', ['/bin/evil']).catch(() => undefined);
  await execIn(stage.engine, 'script', ['sh', '-c', 'touch /stop; grep -c possible /tried > /proc/1/fd/1']);
  expect(digest()).toBe(before);
});

test('no descriptor comes in: not to its program, an exec, a health check, a hook, or with an init', async () => {
  const healthcheck = {
    test: [ATTACKER, 'descriptors'],
    intervalMs: 60_000,
    timeoutMs: 20_000,
    retries: 1,
    startPeriodMs: 60_000,
    startIntervalMs: 100,
  };
  await runContainers(stage.engine, [victim('open', { healthcheck })]);
  await execIn(stage.engine, 'open', ['sh', '-c', `${ATTACKER} descriptors > /proc/1/fd/1`]);
  expect(await logOf('open')).toBe('descriptors:');
  const hook = { argv: [ATTACKER, 'descriptors'], privileged: false, env: {} };
  expect(await stage.engine.containers.runHook('open', hook)).toEqual({ exitCode: 0, output: 'descriptors:\n' });
  const probed = async () => (await stage.engine.snapshot()).containers[0]?.healthLog[0]?.output;
  await eventually(async () => expect(await probed()).toBe('descriptors:\n'));
  for (const init of [false, true])
    expect(await outputOf(stage.engine, victim(`program-${init}`, { init, argv: [ATTACKER, 'descriptors'] }))).toBe(
      'descriptors:',
    );
});

test('a working folder among the launcher’s descriptors leads nowhere outside (CVE-2024-21626)', async () => {
  for (const fd of [3, 4, 5, 6, 7, 64, 65, 66, 67, 128, 129]) {
    const name = `cwd-${fd}`;
    const { engine } = stage;
    const script = 'ls ../../../../../.. | tr "\\n" " "; cat ../../../../../../etc/hostname';
    await engine.containers.create([
      {
        container: victim(name, { workingDir: `/proc/self/fd/${fd}`, argv: ['sh', '-c', script], hostname: 'inside' }),
      },
    ]);
    const { failed } = await engine.containers.start([name]);
    expect([...failed.values()].map(({ message }) => message).join(), name).toMatch(/cannot enter|cannot make|working/);
    await engine.containers.remove([name], { anonymousVolumes: true });
  }
});

test('nor does that of an exec, by a link which the container makes', async () => {
  await runContainers(stage.engine, [victim('links', { hostname: 'inside' })]);
  const say = 'cat ../../../../../etc/hostname > /proc/1/fd/1';
  for (const fd of [3, 4, 5, 6, 64, 65, 66, 128, 129, 130]) {
    await execIn(stage.engine, 'links', ['ln', '-sfn', `/proc/self/fd/${fd}`, '/way']);
    await execIn(stage.engine, 'links', ['sh', '-c', say], { workingDir: '/way' }).catch(() => undefined);
  }
  expect((await logOf('links')).replaceAll('\n', '').replaceAll('inside', '')).toBe('');
});
