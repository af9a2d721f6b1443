/** The life of volumes: anonymous ones over changes of their service, and what removes a volume. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';

const file = (more = '') => `
name: life
services:
  web:
    image: busybox
    command: [sleep, "1000"]
    stop_grace_period: 0s
    volumes: [/anon, "named:/named", "outer:/outer"]
${more}
volumes:
  named: {labels: {kind: named}}
  outer: {external: true, name: outer}
`;
const stack = useStack({ files: { 'compose.yaml': file() } });
interface Row {
  readonly Name: string;
  readonly Labels: string;
  readonly UsedBy: readonly string[];
}
const volumes = async (...words: string[]): Promise<readonly Row[]> =>
  (await stack.must('volume', 'ls', '--format', 'json', ...words))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row);
const names = async (...words: string[]) => (await volumes(...words)).map(({ Name }) => Name);
const anonymous = () => names('--filter', 'label=com.docker.volume.anonymous');
const inside = (...argv: string[]) => stack.must('exec', '-T', 'web', ...argv);

test('an anonymous volume follows its service over changes and a recreation; -V makes a new one and leaves the old', async () => {
  await stack.must('volume', 'create', 'outer');
  await stack.must('up', '-d');
  await inside('sh', '-c', 'echo kept > /anon/file');
  const before = await anonymous();
  expect(before).toHaveLength(1);
  for (const more of ['    environment: {A: b}', '    environment: {A: b}\n    labels: {in: place}', '    scale: 2']) {
    await stack.write('compose.yaml', file(more));
    await stack.must('up', '-d');
    expect(await inside('cat', '/anon/file')).toBe('kept\n');
  }
  expect(await anonymous()).toEqual(expect.arrayContaining(before));
  await stack.write('compose.yaml', file());
  await stack.must('up', '-d');
  await stack.must('up', '-d', '-V', '--force-recreate');
  expect(await inside('ls', '/anon')).toBe('');
  expect(await names('--filter', 'dangling=true')).toEqual(expect.arrayContaining(before));
});

test('rm refuses what is in use and names the containers, also of stopped ones and by force; the others go', async () => {
  await stack.must('volume', 'create', 'spare');
  await stack.must('stop');
  for (const force of [[], ['--force']]) {
    const { code, stdout, stderr } = await stack.run('volume', 'rm', ...force, 'life_named', 'spare');
    expect(code).not.toBe(0);
    expect(stderr).toContain('life-web-1');
    expect(stdout).toBe('spare\n');
  }
  expect((await stack.run('volume', 'rm', 'spare')).stderr).toContain('no such volume: spare');
  expect(await stack.must('volume', 'rm', '-f', 'spare')).toBe('spare\n');
});

test('prune asks, takes anonymous ones only, then named ones with --all, by label, and never what is in use', async () => {
  await stack.must('volume', 'create', 'old', '--label', 'kind=old');
  await stack.must('volume', 'create', 'older', '--label', 'kind=older');
  const refused = await stack.runWith({ input: 'n\n' }, 'volume', 'prune');
  expect(refused.stderr).toMatch(
    /WARNING! This will remove anonymous local volumes not used by at least one container\./,
  );
  const dangling = (await anonymous()).length;
  expect(dangling).toBeGreaterThan(1);
  expect(await stack.must('volume', 'prune', '-f')).toMatch(
    /^Deleted Volumes:\n[0-9a-f]{64}\n[\s\S]*\n\nTotal reclaimed space: /,
  );
  expect(await anonymous()).toHaveLength(1);
  expect(await stack.must('volume', 'prune', '-af', '--filter', 'label=kind=old')).toMatch(
    /^Deleted Volumes:\nold\n\n/,
  );
  expect(await stack.must('volume', 'prune', '-f', '--filter', 'all=true', '--filter', 'label!=kind=older')).toBe(
    'Total reclaimed space: 0B\n',
  );
  expect(await names()).toEqual(expect.arrayContaining(['life_named', 'older', 'outer']));
  expect((await stack.run('volume', 'prune', '-f', '--filter', 'until=1h')).code).toBe(2);
  await stack.must('volume', 'rm', 'older');
});

test('create, ls and inspect speak as docker does', async () => {
  const name = (await stack.must('volume', 'create', '--label', 'a=b', '--label', 'c')).trim();
  expect(name).toMatch(/^[0-9a-f]{64}$/);
  expect(await stack.must('volume', 'create', 'memory', '-o', 'type=tmpfs', '-o', 'device=tmpfs')).toBe('memory\n');
  expect(await stack.must('volume', 'inspect', 'memory', '-f', '{{.Name}} {{.Options}} {{.Driver}}')).toBe(
    'memory map[device:tmpfs type:tmpfs] local\n',
  );
  expect(await stack.must('volume', 'inspect', 'memory', '-f', '{{json .Labels}}')).toBe('null\n');
  const partly = await stack.run('volume', 'inspect', 'memory', 'missing');
  expect(partly.code).toBe(1);
  expect(JSON.parse(partly.stdout)).toMatchObject([{ Name: 'memory', Scope: 'local' }]);
  expect(await stack.must('volume', 'ls', '-q', '--filter', 'label=a=b')).toBe(`${name}\n`);
  expect(await stack.must('volume', 'ls', '--filter', 'name=mem')).toBe('DRIVER    VOLUME NAME\nlocal     memory\n');
  expect(await stack.must('volume', 'ls', '-f', 'label=c', '--format', '{{.Labels}}')).toContain('a=b');
  for (const words of [
    ['--filter', 'bogus=1'],
    ['--filter', 'dangling=maybe'],
    ['--filter', 'dangling'],
  ])
    expect((await stack.run('volume', 'ls', ...words)).code).toBe(2);
  expect((await stack.run('volume', 'create', '-d', 'nosuch', 'x')).stderr).toContain('no volume driver nosuch');
  expect((await stack.run('volume', 'create', '-o', 'foo=bar', 'x')).stderr).toContain('"foo" is unknown');
  await stack.must('volume', 'rm', name, 'memory');
});

test('clone, snapshot, export, import and diff from the command line', async () => {
  await stack.must('up', '-d');
  await inside('sh', '-c', 'echo one > /named/file; mkdir /named/sub');
  const cloned = await stack.run('volume', 'clone', 'life_named', 'copy');
  expect(cloned).toMatchObject({ code: 0, stdout: 'copy\n' });
  expect(cloned.stderr).toMatch(/volume life_named: \S+ in 3 files is copied|shares its blocks/);
  expect(cloned.stderr).toContain('life-web-1 may write to it meanwhile');
  const paused = await stack.run('volume', 'snapshot', '--pause', 'life_named');
  expect(paused.stdout).toMatch(/^life_named-\d{8}T\d{6}Z\n$/);
  expect(paused.stderr).not.toContain('meanwhile');
  // Of no project: `down -v` leaves copies alone.
  expect((await volumes('--filter', 'label=tcompose.volume.from=life_named')).map(({ Labels }) => Labels)).toEqual([
    expect.not.stringContaining('com.docker.compose'),
    expect.not.stringContaining('com.docker.compose'),
  ]);
  await inside('sh', '-c', 'echo two > /named/file; touch /named/new; rmdir /named/sub');
  expect(await stack.must('volume', 'diff', 'copy', 'life_named')).toBe('C file (content)\nA new\nD sub\n');
  const tar = join(stack.folder, 'out.tar');
  await stack.must('volume', 'export', 'copy', '-o', tar);
  expect(await stack.must('volume', 'import', 'back', tar)).toBe('back\n');
  expect(await stack.must('volume', 'diff', 'copy', 'back')).toBe('');
  const again = await stack.run('volume', 'import', 'back', tar);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('volume back is there already and is not empty');
});

test('down keeps volumes; down -v takes named and anonymous ones, says so in its plan, and leaves external ones and copies', async () => {
  await stack.must('down', '-t', '0');
  expect(await names()).toEqual(expect.arrayContaining(['life_named', 'outer']));
  await stack.must('up', '-d');
  const [mine] = (await volumes()).filter(({ UsedBy, Labels }) => UsedBy.length > 0 && Labels.includes('anonymous'));
  await stack.must('down', '-v', '-t', '0');
  const left = await names();
  expect(left).toEqual(expect.arrayContaining(['outer', 'copy', 'back']));
  expect(left).not.toContain('life_named');
  expect(left).not.toContain(mine!.Name);
});

test('rm -v takes anonymous volumes only', async () => {
  await stack.must('up', '-d');
  const [mine] = (await volumes()).filter(({ UsedBy, Labels }) => UsedBy.length > 0 && Labels.includes('anonymous'));
  await stack.must('rm', '-sfv');
  const left = await names();
  expect(left).not.toContain(mine!.Name);
  expect(left).toContain('life_named');
  await stack.must('down', '-v');
});

test('a volume whose driver_opts changed is made anew with consent, under the container that uses it; without it is kept', async () => {
  const own = (opts: string) =>
    `name: anew\nservices:\n  web: {image: busybox, command: [sleep, "1000"], stop_grace_period: 0s, volumes: [v:/v]}\nvolumes: {v: {${opts}}}\n`;
  await stack.write('anew.yaml', own(''));
  const ask = (...argv: string[]) => stack.must('-f', 'anew.yaml', ...argv);
  await ask('up', '-d');
  await ask('exec', '-T', 'web', 'touch', '/v/old');
  await stack.write('anew.yaml', own('driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}'));
  expect(await ask('plan')).toMatch(/volume anew_v +replace[\s\S]*its data is lost/);
  await stack.run('-f', 'anew.yaml', 'up', '-d');
  expect(await ask('exec', '-T', 'web', 'ls', '/v')).toBe('old\n');
  await ask('up', '-d', '--yes');
  expect(await ask('exec', '-T', 'web', 'sh', '-c', 'ls /v; df -k /v | tail -1')).toMatch(/^tmpfs +1024 /);
  expect(JSON.parse(await ask('plan', '--format', 'json')).steps).toEqual([]);
  await ask('down', '-v');
  expect(await names()).not.toContain('anew_v');
});
