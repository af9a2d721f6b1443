/** The package as npm packs and installs it: its library is found, runs, and has types; what a killed program left is removed. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance, scratchFolder } from '../../helpers/instance.ts';
import { busyboxTar } from '../../helpers/small-image.ts';
import { TOP } from '../../helpers/tcompose.ts';

const run = promisify(execFile);
/** Of ours, which npm finds in place: no registry is asked. */
const DEPENDENCIES = ['ajv', 'listr2', 'node-pty', 'yaml'];
let folder: string;
let instance: Instance;

beforeAll(async () => {
  instance = await makeInstance();
  folder = await mkdtemp(join(scratchFolder(), 'package-'));
  const app = join(folder, 'app');
  await mkdir(join(app, 'node_modules/@types'), { recursive: true });
  await writeFile(join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }');
  for (const name of DEPENDENCIES) await symlink(join(TOP, 'node_modules', name), join(app, 'node_modules', name));
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
    cwd: TOP,
  });
  const words = ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', [...words, join(folder, stdout.trim())], { cwd: app });
});
afterAll(async () => {
  await nothingIsLeft(instance);
  await removeInstance(instance);
  await rm(folder, { recursive: true, force: true });
});

/** Runs a module beside the installed package. */
async function program(source: string): Promise<ChildProcess> {
  const file = join(folder, 'app/program.mjs');
  await writeFile(file, source);
  return spawn(process.execPath, [file], { env: instance.env, stdio: ['ignore', 'pipe', 'inherit'] });
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout!.on('data', (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  return text;
}

test('an installed package starts a container, finds its launcher, and ends by itself when it is closed', async () => {
  const child = await program(`
    import { Engine, EngineError } from 'tcompose/engine';
    const engine = await Engine.open();
    await engine.images.import(${JSON.stringify(await busyboxTar())}, 'busybox:1', ['CMD ["sleep", "1000"]']);
    const box = await engine.start({ image: 'busybox:1', ports: [80] });
    const { stdout } = await box.exec(['echo', 'hello']);
    const missing = await engine.start({ image: 'nope' }).catch((error) => error);
    console.log(stdout.trim(), box.port(80) > 1023, missing instanceof EngineError, missing.code);
    await engine.close();
  `);
  expect(await outputOf(child)).toBe('hello true true no-such-image\n');
});

test('what a killed program left is removed by the next one that opens the engine, and nothing else is', async () => {
  const child = await program(`
    import { Engine } from 'tcompose/engine';
    const engine = await Engine.open();
    await engine.start({ image: 'busybox:1', name: 'left' });
    console.log('up');
    setInterval(() => {}, 1000);
  `);
  await once(child.stdout!, 'data');
  const lines = async () => (await run(join(TOP, 'bin/tcompose'), ['ls', '-a'], { env: instance.env })).stdout;
  expect(await lines()).toContain('lib-');
  const closes = `import { Engine } from 'tcompose/engine'; await (await Engine.open()).close();`;
  await outputOf(await program(closes));
  expect(await lines()).toContain('lib-');
  child.kill('SIGKILL');
  await once(child, 'close');
  await outputOf(await program(closes));
  await eventually(async () => expect(await lines()).not.toContain('lib-'));
});

test('its types hold in a strict project, without types of Node’s, and say no to what is wrong', async () => {
  const types = async (source: string) => {
    await writeFile(join(folder, 'app/test.ts'), source);
    const words = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--types',
      '',
    ];
    return run(join(TOP, 'node_modules/.bin/tsc'), [...words, 'test.ts'], { cwd: join(folder, 'app') }).then(
      () => '',
      ({ stdout }) => stdout as string,
    );
  };
  expect(
    await types(`
      import { type Container, Engine, EngineError, type Wait } from 'tcompose/engine';
      const wait: Wait = { log: /ready/ };
      export async function main(): Promise<string | undefined> {
        await using engine: Engine = await Engine.open({ root: '/var/tmp/x' });
        await using box: Container = await engine.start({ image: 'a', ports: [80, { target: 53, protocol: 'udp' }], wait });
        const port: number = box.port(80);
        for await (const { stream, text } of box.logs({ follow: true })) if (stream === 'stderr') return text;
        const error: unknown = port;
        return error instanceof EngineError ? error.help ?? error.code : (await box.exec(['true'])).stdout;
      }`),
  ).toBe('');
  const wrong = await types(`
    import { Engine } from 'tcompose/engine';
    const engine = await Engine.open();
    await engine.start({ image: 'a', wait: { prot: 80 } });
    engine.port;`);
  expect(wrong).toMatch(/'prot' does not exist/);
  expect(wrong).toMatch(/'port' does not exist/);
});
