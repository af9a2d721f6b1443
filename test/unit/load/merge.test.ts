/** How two files come together, attribute by attribute. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the very syntax under test
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { load } from '../../../src/load/index.ts';
import type { LoadRequest } from '../../../src/load/phases.ts';
import { config } from '../../../src/operations/config.ts';

const root = mkdtempSync(join(tmpdir(), 'tcompose-merge-'));
afterAll(() => rmSync(root, { recursive: true }));

let count = 0;
function write(files: Readonly<Record<string, string>>): string {
  const cwd = join(root, String(count++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), text);
  }
  return cwd;
}

async function merged(base: string, over: string, more: Partial<LoadRequest> = {}) {
  const indent = (text: string) => text.trim().replace(/^/gm, '    ');
  const wrap = (text: string) => `services:\n  web:\n${indent(text)}\n`;
  const cwd = write({ 'a.yaml': `${wrap(`image: a\n${base}`)}  web2: {image: b}\n`, 'b.yaml': wrap(over) });
  const { project, diagnostics } = await load({
    cwd,
    environment: {},
    files: ['a.yaml', 'b.yaml'],
    projectName: 'p',
    ...more,
  });
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return project!.services['web']!;
}

const cases: readonly (readonly [string, string, string, object])[] = [
  ['scalars are replaced', 'hostname: a', 'hostname: b', { hostname: 'b' }],
  ['an empty later value leaves the earlier one', 'hostname: a', 'hostname:', { hostname: 'a' }],
  ['commands are replaced', 'command: a b', 'command: [c]', { command: ['c'] }],
  [
    'a list and a map of variables are one',
    'environment: [A=1, B=2]',
    'environment: {B: 3}',
    { environment: { A: '1', B: '3' } },
  ],
  ['a variable without value wins too', 'environment: {A: 1}', 'environment: [A]', { environment: { A: null } }],
  ['dns is added to', 'dns: 1.1.1.1', 'dns: [1.1.1.1, 8.8.8.8]', { dns: ['1.1.1.1', '8.8.8.8'] }],
  ['tmpfs is one per path', 'tmpfs: /a', 'tmpfs: [/a, /b]', { tmpfs: ['/a', '/b'] }],
  [
    'a condition survives a plain list',
    'depends_on: {web2: {condition: service_healthy, required: false}}',
    'depends_on: [web2]',
    { depends_on: { web2: { condition: 'service_healthy', required: false } } },
  ],
  [
    'a volume is one per target, in the place of the first',
    'volumes: ["/a:/x", "/b:/y"]',
    'volumes: ["/c:/x"]',
    { volumes: [expect.objectContaining({ source: '/c' }), expect.objectContaining({ source: '/b' })] },
  ],
  [
    'a limit is replaced as a whole',
    'ulimits: {nofile: {soft: 1, hard: 2}}',
    'ulimits: {nofile: 5}',
    { ulimits: { nofile: 5 } },
  ],
  [
    'options of one logging driver are merged',
    'logging: {driver: local, options: {x: 1}}',
    'logging: {options: {y: 2}}',
    { logging: { driver: 'local', options: { x: '1', y: '2' } } },
  ],
  [
    'another logging driver starts afresh',
    'logging: {driver: local, options: {x: 1}}',
    'logging: {driver: none}',
    { logging: { driver: 'none' } },
  ],
  [
    'hosts are not repeated',
    'extra_hosts: ["a:1.1.1.1"]',
    'extra_hosts: {a: 1.1.1.1, b: 2.2.2.2}',
    { extra_hosts: ['a=1.1.1.1', 'b=2.2.2.2'] },
  ],
  [
    'items that are there already are not repeated',
    'security_opt: ["label:disable"]',
    'security_opt: ["label:disable", no-new-privileges]',
    { security_opt: ['label:disable', 'no-new-privileges'] },
  ],
  [
    '!override replaces',
    'ports: ["80:80"]',
    'ports: !override ["81:81"]',
    { ports: [expect.objectContaining({ published: '81' })] },
  ],
  [
    'a probe is replaced, its times are kept',
    'healthcheck: {test: a, interval: 5s}',
    'healthcheck: {test: [CMD, b]}',
    { healthcheck: { test: ['CMD', 'b'], interval: '5s' } },
  ],
  [
    'a build folder and a build section are one',
    'build: ./x',
    'build: {args: {A: 1}}',
    { build: expect.objectContaining({ context: expect.stringMatching(/\/x$/), args: { A: '1' } }) },
  ],
  ['profiles are added', 'profiles: [a]', 'profiles: [b, a]', { profiles: ['a', 'b'] }],
];

describe('two files', () => {
  for (const [name, base, over, wanted] of cases) {
    test(name, async () => {
      expect(await merged(base, over, { profiles: ['*'] })).toMatchObject(wanted);
    });
  }

  test('!reset takes a key away', async () => {
    expect(
      await merged('labels: {a: b}\nports: ["80:80"]', 'labels: !reset null\nports: !reset []'),
    ).not.toHaveProperty(['labels']);
  });

  test('!reset takes a whole service, network and volume away', async () => {
    const cwd = write({
      'a.yaml': 'services: {web: {image: a}, old: {image: b, networks: [n]}}\nnetworks: {n: {driver: bridge}}\n',
      'b.yaml': 'services: {old: !reset null}\nnetworks: {n: !reset {}}\n',
    });
    const { project } = await load({ cwd, environment: {}, files: ['a.yaml', 'b.yaml'], allResources: true });
    expect([Object.keys(project!.services), Object.keys(project!.networks)]).toEqual([['web'], ['default']]);
  });
});

describe('several files', () => {
  test('the last name is COMPOSE_PROJECT_NAME, in the first file too', async () => {
    const cwd = write({
      'a.yaml': 'name: one\nservices: {web: {image: "${COMPOSE_PROJECT_NAME}-web"}}\n',
      'b.yaml': 'name: two\nservices: {db: {image: "${COMPOSE_PROJECT_NAME}-db"}}\n',
    });
    const { project } = await load({ cwd, environment: {}, files: ['a.yaml', 'b.yaml'] });
    expect([project?.name, project?.services['web']?.image, project?.services['db']?.image]).toEqual([
      'two',
      'two-web',
      'two-db',
    ]);
  });

  test('the file is found in a folder above, with its override and its .env', async () => {
    const cwd = write({
      'compose.yml': 'services: {web: {image: "${A}"}}\n',
      'compose.override.yaml': 'services: {web: {hostname: h}}\n',
      '.env': 'A=a\n',
      'x/y/.keep': '',
    });
    const { project } = await load({ cwd: join(cwd, 'x/y'), environment: {} });
    expect(project?.services['web']).toMatchObject({ image: 'a', hostname: 'h' });
    expect(project?.workingDir).toBe(cwd);
    expect(project?.files).toEqual([join(cwd, 'compose.yml'), join(cwd, 'compose.override.yaml')]);
  });

  test('COMPOSE_FILE, COMPOSE_PROFILES and COMPOSE_PROJECT_NAME are read from .env', async () => {
    const cwd = write({
      'p.yaml': 'services: {web: {image: a, profiles: [x]}}\n',
      'q.yaml': 'services: {web: {image: b}}\n',
      '.env': 'COMPOSE_FILE=p.yaml;q.yaml\nCOMPOSE_PATH_SEPARATOR=;\nCOMPOSE_PROFILES=x\nCOMPOSE_PROJECT_NAME=named\n',
    });
    const { project } = await load({ cwd, environment: {} });
    expect([project?.name, project?.services['web']?.image]).toEqual(['named', 'b']);
  });

  test('a service named on the command line brings its profile', async () => {
    const cwd = write({ 'compose.yaml': 'services: {a: {image: a}, b: {image: b, profiles: [p]}}\n' });
    const without = await load({ cwd, environment: {} });
    const named = await load({ cwd, environment: {}, services: ['b'] });
    expect([Object.keys(without.project!.services), Object.keys(without.project!.disabledServices)]).toEqual([
      ['a'],
      ['b'],
    ]);
    expect(Object.keys(named.project!.services)).toEqual(['a', 'b']);
  });

  test('a file on standard input is relative to the working directory', async () => {
    const cwd = write({ '.keep': '' });
    const stdin = async () => Buffer.from('services: {web: {image: a, volumes: ["./x:/x"]}}\n');
    const { project } = await load({ cwd, environment: {}, files: ['-'], stdin });
    expect(project?.services['web']?.volumes?.[0]?.source).toBe(join(cwd, 'x'));
  });

  test('an extended service of another folder keeps its paths, resolved or not', async () => {
    const cwd = write({
      'compose.yaml': 'services: {web: {extends: {file: d/b.yaml, service: s}}}\n',
      'd/b.yaml': 'services: {s: {build: .}}\n',
    });
    const text = async (noPathResolution: boolean) =>
      JSON.parse((await config({ cwd, environment: {} }, { format: 'json', noPathResolution })).text);
    expect((await text(false)).services.web.build.context).toBe(join(cwd, 'd'));
    expect((await text(true)).services.web.build.context).toBe('d');
  });

  test('a chain of extends through a folder is found with relative paths too', async () => {
    const cwd = write({
      'compose.yaml': 'services: {web: {extends: {file: d/b.yaml, service: s}}}\n',
      'd/b.yaml': 'services: {s: {extends: {file: c.yaml, service: t}}}\n',
      'd/c.yaml': 'services: {t: {build: ./src}}\n',
    });
    const { text } = await config({ cwd, environment: {} }, { format: 'json', noPathResolution: true });
    expect(JSON.parse(text).services.web.build.context).toBe('d/src');
  });

  test('a file that two files include is there once', async () => {
    const cwd = write({
      'compose.yaml': 'include: [l.yaml, r.yaml]\n',
      'l.yaml': 'include: [base.yaml]\nservices: {l: {image: l}}\n',
      'r.yaml': 'include: [base.yaml]\nservices: {r: {image: r}}\n',
      'base.yaml': 'services: {b: {image: b, cap_add: [CHOWN], post_start: [{command: x}], ports: ["80:80"]}}\n',
    });
    const { project } = await load({ cwd, environment: {} });
    expect(project?.services['b']).toMatchObject({
      cap_add: ['CHOWN'],
      post_start: [{ command: ['x'] }],
      ports: [{ target: 80 }],
    });
    expect(project?.services['b']?.post_start).toHaveLength(1);
  });

  test('an included service takes unset variables from its own env_file', async () => {
    const cwd = write({
      'compose.yaml': 'include: [{path: m/c.yaml, env_file: own.env}]\nservices: {a: {image: a, environment: [V]}}\n',
      'own.env': 'V=1\n',
      'm/c.yaml': 'services: {b: {image: b, environment: [V]}}\n',
    });
    const { project } = await load({ cwd, environment: {} });
    expect([project?.services['a']?.environment, project?.services['b']?.environment]).toEqual([
      { V: null },
      { V: '1' },
    ]);
  });

  test('an env file of an included service sees the variables of its include', async () => {
    const cwd = write({
      'compose.yaml': 'include: [{path: m/c.yaml, env_file: own.env}]\n',
      'own.env': 'V=1\n',
      'm/c.yaml': 'services: {b: {image: b, env_file: b.env}}\n',
      'm/b.env': 'W=${V?}2\n',
    });
    const { project } = await load({ cwd, environment: {} });
    expect(project?.services['b']?.environment).toEqual({ W: '12' });
  });

  test('the flags of a model are replaced, its other keys merged', async () => {
    const cwd = write({
      'a.yaml': 'services: {a: {image: a, models: [m]}}\nmodels: {m: {model: x, runtime_flags: ["--one"]}}\n',
      'b.yaml': 'models: {m: {context_size: 7, runtime_flags: ["--two"]}}\n',
    });
    const { text } = await config({ cwd, environment: {}, files: ['a.yaml', 'b.yaml'] }, { format: 'json' });
    expect(JSON.parse(text).models).toEqual({ m: { model: 'x', context_size: 7, runtime_flags: ['--two'] } });
  });

  test('x-develop and x-initialSync are what became of them, under what is written by the new name', async () => {
    const cwd = write({
      'compose.yaml': `services:
  old: {image: a, x-develop: {watch: [{path: /p, action: sync, target: /t, x-initialSync: true}]}}
  both:
    image: a
    develop: {watch: [{path: /q, action: rebuild, initial_sync: false, x-initialSync: true}]}
    x-develop: {watch: [{path: /p, action: rebuild}]}
  extending: {extends: old}
`,
    });
    const { text } = await config({ cwd, environment: {} }, { format: 'json' });
    const { old, both, extending } = JSON.parse(text).services;
    expect(old.develop.watch).toEqual([
      { path: '/p', action: 'sync', target: '/t', initial_sync: true, exec: { command: null } },
    ]);
    expect(extending.develop).toEqual(old.develop);
    expect(both.develop.watch.map(({ path }: { path: string }) => path)).toEqual(['/p', '/q']);
    expect(both.develop.watch[1].initial_sync ?? false).toBe(false);
  });

  test('what is elsewhere is not fetched, and says so', async () => {
    const cwd = write({
      'compose.yaml':
        'include: ["oci://registry/x:1"]\nservices: {a: {extends: {file: "https://github.com/a/b.git", service: c}, image: a}}\n',
    });
    const { diagnostics } = await load({ cwd, environment: {} });
    expect(diagnostics.map(({ code }) => code)).toEqual(['bad-remote', 'bad-remote']);
  });
});
