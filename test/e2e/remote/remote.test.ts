/** Files and digests from afar, as a user of the command line sees them: no root needed, nothing in the project's folder changed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scratchFolder } from '../../helpers/instance.ts';
import { hasRegistry, putImage, putProject, startRegistry, type TestRegistry } from '../../helpers/registry.ts';
import { runProgram } from '../../helpers/run-program.ts';
import { TCOMPOSE } from '../../helpers/tcompose.ts';

let folder: string;
let project: string;
beforeAll(() => {
  folder = mkdtempSync(join(scratchFolder(), 'afar-'));
  project = join(folder, 'shop');
  write('shop/.env', 'TAG=here\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const run = (...argv: string[]) =>
  runProgram([TCOMPOSE, ...argv], {
    cwd: project,
    env: { PATH: process.env['PATH'], HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') },
  });
async function must(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...argv);
  expect([code, stderr.replace(/warning\[not-yet\](.|\n)*/, '')]).toEqual([0, '']);
  return stdout;
}
const json = async (...argv: string[]) => JSON.parse(await must(...argv, 'config', '--format', 'json'));

describe('git', () => {
  let address: string;
  let checkout: string;
  beforeAll(() => {
    write('stack/.env', 'TAG=theirs\nMORE=more\n');
    write('stack/web.env', 'A=1\n');
    write(
      'stack/compose.yaml',
      `services:\n  web:\n    image: "web:\${TAG}\${MORE:-}"\n    env_file: web.env\n    volumes: ["./html:/html"]\n`,
    );
    write(
      'stack/sub/compose.yaml',
      'include: [more.yaml]\nservices:\n  api:\n    image: api\n    extends: {file: ../compose.yaml, service: web}\n',
    );
    write('stack/sub/more.yaml', 'services:\n  more: {image: more, env_file: missing.env}\n');
    write('stack/sub/wrong.yaml', 'services:\n  wrong:\n    imag: x\n    image: x\n    env_file: /etc/hostname\n');
    const git = (...words: string[]) =>
      execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.org', ...words], {
        cwd: join(folder, 'stack'),
        encoding: 'utf8',
        stdio: 'pipe',
      }).trim();
    git('init', '--quiet', '-b', 'main');
    git('add', '-A');
    git('commit', '--quiet', '-m', 'one');
    address = `file://${folder}/stack`;
    checkout = join(folder, 'cache/tcompose/git', git('rev-parse', 'HEAD'));
  });

  test('-f: paths are those of the checkout, name and .env those of where one stands', async () => {
    const { name, services } = await json('-f', address);
    expect(name).toBe('shop');
    expect(services.web).toMatchObject({ image: 'web:here', environment: { A: '1' } });
    expect(services.web.volumes[0].source).toBe(`${checkout}/html`);
  });

  test('include: its folder has an .env of its own; extends: paths belong to the file that wrote them', async () => {
    write(
      'shop/compose.yaml',
      `include: ["${address}"]\nservices:\n  mine:\n    image: mine\n    extends: {file: "${address}#main:sub", service: api}\n`,
    );
    const { services } = await json();
    expect(services.web.image).toBe('web:heremore');
    expect(services.mine).toMatchObject({ image: 'mine', environment: { A: '1' } });
    expect(services.mine.volumes[0].source).toBe(`${checkout}/html`);
  });

  test('mistakes in it are shown with its address, its line and its text', async () => {
    const { code, stderr } = await run('-f', `${address}#main:sub/wrong.yaml`, 'config');
    expect(code).toBe(2);
    expect(stderr).toContain(`  ${address}#main:sub/wrong.yaml:3:5\n  3 |     imag: x\n`);
    const more = await run('-f', `${address}#main:sub`, 'config');
    expect(more.stderr).toContain(
      `cannot read env file ${checkout}/sub/missing.env: it does not exist\n  ${address}#main:sub/more.yaml:2:`,
    );
  });

  test('where a value was written is told by its address', async () => {
    const { stdout } = await run('-f', address, 'config', '--explain', 'services.web.env_file');
    const { stdout: image } = await run('-f', address, 'config', '--explain', 'services.web.image');
    expect(`${stdout}${image}`).toContain(`${address}#HEAD:compose.yaml:3:`);
  });

  test('what it wants of this machine is named, and what it may not read it does not get', async () => {
    write(
      'stack2/compose.yaml',
      'services:\n  a: {image: a, volumes: ["/etc:/host"]}\n  b: {image: b, env_file: /etc/hostname}\n',
    );
    execFileSync('sh', ['-ec', 'git init -q; git add -A; git -c user.name=x -c user.email=x@x commit -qm x'], {
      cwd: join(folder, 'stack2'),
    });
    const { code, stdout, stderr } = await run('-f', `file://${folder}/stack2`, 'config');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('warning[outside-remote]: a fetched file mounts /etc of this machine');
    expect(stderr).toContain('cannot read env file /etc/hostname: it lies outside of');
  });
});

describe.skipIf(!hasRegistry())('a registry', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry(join(folder, 'registry'));
  });
  afterAll(() => registry?.stop());

  test('config pins images, and the lock file laid over the others gives the same', async () => {
    const { digest } = await putImage(registry, 'app', '1');
    const image = `${registry.host}/app:1`;
    write('shop/compose.yaml', `services:\n  web: {image: "${image}"}\n  local: {build: .}\n`);
    const pinned = await must('config', '--resolve-image-digests');
    expect(pinned).toContain(`    image: ${image}@${digest}\n`);
    await must('config', '--lock-image-digests', '-o', 'lock.yaml');
    expect(readFileSync(join(project, 'lock.yaml'), 'utf8')).toBe(
      `services:\n  local: {}\n  web:\n    image: ${image}@${digest}\n`,
    );
    expect(await must('-f', 'compose.yaml', '-f', 'lock.yaml', 'config')).toBe(pinned);
  });

  test('every image without a digest is told, with its line, and nothing is printed', async () => {
    write('shop/compose.yaml', `services:\n  a:\n    image: ${registry.host}/nothing\n  b:\n    image: Wrong\n`);
    const { code, stdout, stderr } = await run('config', '--resolve-image-digests', '-q');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`error[image-not-found]: ${registry.host} does not have nothing`);
    expect(stderr).toMatch(/compose\.yaml:3:12\n(.|\n)*compose\.yaml:5:12/);
  });

  test('oci:// is a project', async () => {
    const files = [
      { text: 'services: {web: {image: nginx, env_file: x.env, extends: {file: f.yaml, service: base}}}\n' },
      { text: 'services: {base: {command: [run]}}\n', extends: 'f.yaml' },
      { text: 'A=1\n', env: 'x.env' },
    ];
    await putProject(registry, 'stack', '1', files);
    const { name, services } = await json('-f', `oci://${registry.host}/stack:1`);
    expect([name, services.web]).toMatchObject(['shop', { environment: { A: '1' }, command: ['run'] }]);
  });
});
