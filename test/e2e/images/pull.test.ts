/** A stack whose images are in a registry: `up` brings them in, `pull` looks for newer ones, `plan` says what would come. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scratchFolder } from '../../helpers/instance.ts';
import {
  type Descriptor,
  hasRegistry,
  MANIFEST,
  PASSWORD,
  startRegistry,
  type TestRegistry,
  USER,
} from '../../helpers/registry.ts';
import { busyboxTar } from '../../helpers/small-image.ts';
import { TCOMPOSE, useStack } from '../../helpers/tcompose.ts';
import { openTerminal } from '../../helpers/terminal.ts';

const OCI = 'application/vnd.oci.image';

describe.skipIf(!hasRegistry())('images of a registry', () => {
  const stack = useStack({ image: 'none' });
  let registry: TestRegistry;
  let home: string;
  let layer: Descriptor;
  let diffId: string;

  /** A busybox that says `word`. */
  const publish = async (tag: string, word: string): Promise<Descriptor> => {
    const config = await registry.putBlob(
      'team/app',
      JSON.stringify({
        os: 'linux',
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        config: { Cmd: ['sh', '-c', `echo ${word}; sleep 600`] },
        rootfs: { type: 'layers', diff_ids: [diffId] },
      }),
    );
    return registry.putManifest('team/app', tag, {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { ...config, mediaType: `${OCI}.config.v1+json` },
      layers: [{ ...layer, mediaType: `${OCI}.layer.v1.tar+gzip` }],
    });
  };
  const run = (...argv: string[]) => stack.runWith({ env: { ...stack.instance.env, HOME: home } }, ...argv);
  const must = async (...argv: string[]) => {
    const { code, stdout, stderr } = await run(...argv);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    return stdout + stderr;
  };

  beforeAll(async () => {
    home = mkdtempSync(join(scratchFolder(), 'pull-'));
    registry = await startRegistry(join(home, 'registry'), { password: true });
    const tar = readFileSync(await busyboxTar());
    diffId = (await registry.putBlob('team/app', tar)).digest;
    layer = await registry.putBlob('team/app', gzipSync(tar));
    await publish('1', 'one');
    await stack.write(
      'compose.yaml',
      `name: far\nservices:\n  web: {image: "${registry.host}/team/app:1", stop_grace_period: 0s}\n`,
    );
  });
  afterAll(async () => {
    await registry?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  test('are for those who log in: the refusal names the line and what to do', async () => {
    const { code, stderr } = await run('up', '-d');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/compose\.yaml:3:\d+(.|\n)*tcompose login|tcompose login(.|\n)*compose\.yaml:3/),
    ]);
    const { stdout } = await stack.runWith(
      { env: { ...stack.instance.env, HOME: home }, input: `${PASSWORD}\n` },
      ...['login', '-u', USER, '--password-stdin', registry.host],
    );
    expect(stdout).toBe('Login Succeeded\n');
  });

  test('a plan names them and pulls nothing', async () => {
    expect(await must('plan')).toMatch(/\+ image \S+team\/app:1 +pull(.|\n)*\+ container far-web-1/);
    expect(await must('image', 'ls', '-q')).toBe('');
  });

  test('up --pull never does not ask for them', async () => {
    expect(await run('up', '-d', '--pull', 'never')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("is not in this machine's store"),
    });
  });

  test('up brings them in and runs them', async () => {
    expect(await must('--progress', 'plain', 'up', '-d')).toMatch(
      /Image \S+team\/app:1 {2}Pulled\n(.|\n)*Container far-web-1 {2}Started/,
    );
    expect(await must('logs', '--no-log-prefix', 'web')).toBe('one\n');
    expect(await must('up', '-d')).toContain('nothing to change');
  });

  test('a newer one under the same tag is there after pull, and up changes to it', async () => {
    const { digest } = await publish('1', 'two');
    expect(await must('up', '-d')).toContain('nothing to change');
    await must('pull');
    expect(await must('image', 'inspect', `${registry.host}/team/app:1`)).toContain(
      `${registry.host}/team/app@${digest}`,
    );
    await must('up', '-d');
    expect(await must('logs', '--no-log-prefix', 'web')).toBe('two\n');
    await publish('1', 'three');
    await must('up', '-d', '--pull', 'always');
    expect(await must('logs', '--no-log-prefix', 'web')).toBe('three\n');
  });

  test('on a terminal the rows of what is pulled stay above those of what is made of it', async () => {
    await publish('1', 'four');
    const words = [TCOMPOSE, 'up', '-d', '--pull', 'always'];
    const terminal = openTerminal(words, { cwd: stack.folder, env: { ...stack.instance.env, HOME: home } });
    expect(await terminal.ended).toBe(0);
    expect(terminal.seen()).toMatch(/team\/app:1 {2}Pulled(.|\n|\r)*far-web-1 {2}Started/);
  });

  test('image pull says what came, by digest too', async () => {
    const { digest } = await publish('2', 'by digest');
    const name = `${registry.host}/team/app`;
    expect(await must('image', 'pull', '--quiet', `${name}@${digest}`)).toBe(`${name}@${digest}\n`);
    const said = await run('image', 'pull', `${name}:2`);
    expect(said.stdout).toBe(`Digest: ${digest}\nStatus: Downloaded newer image for ${name}:2\n${name}:2\n`);
    expect((await run('image', 'pull', `${name}:2`)).stdout).toContain('Status: Image is up to date for');
  });
});
