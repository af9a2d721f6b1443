/** Files from afar: they read each other and nothing else, whatever links say, and the user's own files stay free. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { load } from '../../../src/load/index.ts';
import type { Remotes } from '../../../src/model/remote.ts';

let folder: string;
let asked: [string, boolean][];
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'tcompose-afar-')));
  asked = [];
  write('outside/x.env', 'SECRET=1\n');
  write('outside/x.yaml', 'services: {x: {image: secret}}\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** `oci://NAME` is the folder `NAME`. */
const remotes: Remotes = {
  fetch: async (address, byRemote) => {
    asked.push([address, byRemote]);
    const root = join(folder, address.slice('oci://'.length));
    return { ok: true, root, file: join(root, 'compose.yaml'), name: `${address}/` };
  },
};

async function run(file: string | readonly string[] = 'oci://afar', local?: string) {
  write('here/.env', 'WHO=me\n');
  if (local !== undefined) write('here/compose.yaml', local);
  const request = { cwd: join(folder, 'here'), environment: {}, files: [file].flat(), remotes };
  const { project, diagnostics } = await load(request);
  return {
    project,
    told: diagnostics.map(
      ({ code, at, summary }) => `${code} ${at?.file.replace(folder, '')}: ${summary.replaceAll(folder, '')}`,
    ),
  };
}

describe('links to the outside', () => {
  test.each([
    ['env_file', 'services: {a: {image: a, env_file: link.env}}', 'bad-env-file'],
    ['env_file of a linked folder', 'services: {a: {image: a, env_file: top/outside/x.env}}', 'bad-env-file'],
    ['label_file', 'services: {a: {image: a, label_file: link.env}}', 'file-not-found'],
    ['extends', 'services: {a: {image: a, extends: {file: link.yaml, service: x}}}', 'outside-remote'],
    ['include', 'include: [link.yaml]\nservices: {a: {image: a}}', 'outside-remote'],
    [
      'env_file of an include',
      'include: [{path: own.yaml, env_file: link.env}]\nservices: {a: {image: a}}',
      'bad-env-file',
    ],
  ])('%s', async (_, text, code) => {
    write('afar/compose.yaml', `${text}\n`);
    write('afar/own.yaml', 'services: {own: {image: own}}\n');
    symlinkSync('../outside/x.env', join(folder, 'afar/link.env'));
    symlinkSync('../outside/x.yaml', join(folder, 'afar/link.yaml'));
    symlinkSync('..', join(folder, 'afar/top'));
    const { project, told } = await run();
    expect(project).toBeUndefined();
    expect(told.filter((line) => line.includes('it lies outside of oci://afar/, which asks for it'))).toEqual([
      expect.stringMatching(new RegExp(`^${code} `)),
    ]);
  });

  test('an .env beside what is included', async () => {
    write('afar/compose.yaml', 'services: {a: {image: "a:$SECRET"}}\n');
    symlinkSync('../outside/x.env', join(folder, 'afar/.env'));
    const { project, told } = await run('compose.yaml', 'include: ["oci://afar"]\n');
    expect([project, told[0]]).toEqual([
      undefined,
      'bad-env-file undefined: cannot read env file /afar/.env: it lies outside of oci://afar/, which asks for it',
    ]);
  });

  test('within what was fetched they are links like others', async () => {
    write('afar/real.env', 'A=1\n');
    write('afar/compose.yaml', 'services: {a: {image: a, env_file: link.env}}\n');
    symlinkSync('real.env', join(folder, 'afar/link.env'));
    expect((await run()).project?.services['a']?.environment).toEqual({ A: '1' });
  });
});

describe('who may what', () => {
  test('the user may lay a file over it that reads from this machine', async () => {
    write('afar/compose.yaml', 'services: {a: {image: a}}\n');
    const local = `services: {a: {env_file: ${folder}/outside/x.env}}\n`;
    const { project, told } = await run(['oci://afar', 'compose.yaml'], local);
    expect([project?.services['a']?.environment, told]).toEqual([{ SECRET: '1' }, []]);
  });

  test('a file that the user reads, too, is not lent', async () => {
    write('afar/compose.yaml', `services: {a: {image: a, extends: {file: ../outside/x.yaml, service: x}}}\n`);
    const local = `services: {b: {extends: {file: ${folder}/outside/x.yaml, service: x}}}\n`;
    const { told } = await run(['compose.yaml', 'oci://afar'], local);
    expect(told).toEqual([expect.stringContaining('outside-remote oci://afar/compose.yaml: cannot read')]);
  });

  test('one fetched file asks for another by its address, as a fetched file', async () => {
    write('afar/compose.yaml', 'include: ["oci://further"]\nservices: {a: {image: a}}\n');
    write('further/compose.yaml', 'services: {b: {image: b, env_file: b.env}}\n');
    write('further/b.env', 'B=1\n');
    const { project } = await run();
    expect(project?.services['b']?.environment).toEqual({ B: '1' });
    expect(asked).toEqual([
      ['oci://afar', false],
      ['oci://further', true],
    ]);
  });

  test('its address is not made of variables; that of a file of the user may be', async () => {
    write(
      'afar/compose.yaml',
      'include: ["oci://$WHO"]\nservices: {a: {image: a, extends: {file: "oci://$WHO", service: x}}}\n',
    );
    const { told } = await run();
    expect(told.map((line) => line.replace(/^.*: /, ''))).toEqual(
      Array(2).fill('a fetched file may not make an address out of variables'),
    );
    write('me/compose.yaml', 'services: {m: {image: m}}\n');
    expect((await run('compose.yaml', 'include: ["oci://$WHO"]\n')).project?.services).toHaveProperty('m');
  });
});

test('the project lives where its files are; its name and its variables are those of where one stands', async () => {
  write('afar/.env', 'WHO=them\n');
  write('afar/compose.yaml', 'services: {a: {image: "a:$WHO", build: ./ctx}}\n');
  const { project } = await run();
  expect(project).toMatchObject({ name: 'here', workingDir: join(folder, 'afar') });
  expect(project?.services['a']).toMatchObject({ image: 'a:me', build: { context: join(folder, 'afar/ctx') } });
});
