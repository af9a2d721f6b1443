/** Files made to hurt: each ends in a clear error, soon, and never in an exception. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the very syntax under test
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { load } from '../../../src/load/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcompose-hostile-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
function loadBytes(bytes: string | Uint8Array, name = `case-${count++}.yaml`) {
  writeFileSync(join(folder, name), bytes);
  return load({ cwd: folder, environment: {}, files: [name], projectName: 'p' });
}

async function codesOf(bytes: string | Uint8Array): Promise<readonly string[]> {
  // Of the processor, not of the clock: others may be busy on this machine.
  const started = process.cpuUsage();
  const { project, diagnostics } = await loadBytes(bytes);
  const { user, system } = process.cpuUsage(started);
  expect((user + system) / 1000).toBeLessThan(4000);
  expect(project).toBeUndefined();
  return [...new Set(diagnostics.filter(({ severity }) => severity === 'error').map(({ code }) => code))];
}

const service = 'services:\n  web:\n    image: nginx\n';

describe('hostile files', () => {
  test('aliases that multiply', async () => {
    const lines = ['a: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 12; level++)
      lines.push(
        `a${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      );
    expect(await codesOf(lines.map((line) => `x-${line}\n`).join('') + service)).toEqual(['too-large']);
  });
  test('fifty megabytes', async () => {
    expect(await codesOf(Buffer.alloc(50 << 20, 'services: {}\n'))).toEqual(['too-large']);
  });
  test('half a million values in two megabytes', async () => {
    expect(await codesOf(`x-a: [${'a,'.repeat(500_000)}a]\n${service}`)).toEqual(['too-large']);
  });
  test('ports by the million', async () => {
    const ranges = Array.from({ length: 3000 }, (_, i) => `      - ${i + 1}-${i + 1001}:1-1001\n`).join('');
    expect(await codesOf(`${service}    ports:\n${ranges}`)).toContain('too-large');
  });
  test('a hundred thousand open brackets', async () => {
    expect(await codesOf(`x-a: ${'['.repeat(100_000)}`)).toHaveLength(1);
  });
  test('three hundred levels of indentation', async () => {
    const deep = Array.from({ length: 300 }, (_, level) => `${' '.repeat(level)}a:`).join('\n');
    expect(await codesOf(`x-a:\n${deep.replace(/^/gm, ' ')}\n`)).toEqual(['too-deep']);
  });
  test('an anchor that contains itself', async () => {
    expect(await codesOf(`x-a: &a [*a]\n${service}`)).toEqual(['yaml-syntax']);
  });
  test('NUL bytes and broken UTF-8', async () => {
    expect(await codesOf(Buffer.from(`${service}\0`))).toEqual(['not-text']);
    expect(await codesOf(Buffer.from([0x61, 0x3a, 0xff]))).toEqual(['not-text']);
  });
  test.each([
    ['with its mark', 'utf16le', '\ufeff', 'UTF-16'],
    ['without it', 'utf16le', '', 'UTF-16LE'],
  ] as const)('UTF-16 is called so, %s', async (_, encoding, begin, name) => {
    const { diagnostics } = await loadBytes(Buffer.from(begin + service, encoding));
    expect(diagnostics[0]).toMatchObject({
      code: 'not-text',
      help: expect.stringContaining(`iconv -f ${name} -t UTF-8`),
    });
    expect(diagnostics[0]!.summary).toContain('it is UTF-16');
  });
  test('a file that includes itself through another', async () => {
    writeFileSync(join(folder, 'b.yaml'), `include: [a.yaml]\n`);
    const { diagnostics } = await loadBytes(`include: [b.yaml]\n${service}`, 'a.yaml');
    expect(diagnostics.map(({ code }) => code)).toContain('include-cycle');
  });
  test('env files that are folders, devices, loops of links, or missing', async () => {
    mkdirSync(join(folder, 'folder.env'));
    symlinkSync('loop.env', join(folder, 'loop.env'));
    const { diagnostics } = await loadBytes(`${service}    env_file: [folder.env, loop.env, /dev/zero, none.env]\n`);
    expect(diagnostics.map(({ code }) => code)).toEqual(Array(4).fill('bad-env-file'));
  });
  test('a chain of a thousand services that ends in itself', async () => {
    const chain = Array.from(
      { length: 1000 },
      (_, i) => `  s${i}: {image: x, depends_on: [s${(i + 1) % 1000}]}\n`,
    ).join('');
    expect(await codesOf(`services:\n${chain}`)).toEqual(['dependency-cycle']);
  });
  test('files that include the next one twice, thirty levels deep', async () => {
    for (let i = 1; i < 30; i++)
      writeFileSync(join(folder, `fan${i}.yaml`), `include: [fan${i + 1}.yaml, ./fan${i + 1}.yaml]\n`);
    writeFileSync(join(folder, 'fan30.yaml'), service);
    const { diagnostics } = await loadBytes('include: [fan1.yaml, ./fan1.yaml]\n', 'fan0.yaml');
    expect(diagnostics.map(({ code }) => code)).toContain('too-large');
  }, 20_000);
  test('variables of variables that double', async () => {
    const lines = Array.from({ length: 40 }, (_, i) => `V${i + 1}=\${V${i}}\${V${i}}`);
    writeFileSync(join(folder, 'double.env'), `V0=xxxxxxxxxx\n${lines.join('\n')}\n`);
    expect(await codesOf(`${service}    env_file: double.env\n`)).toEqual(['bad-env-file']);
  });
  test('two thousand services that extend each other in a row', async () => {
    const chain = Array.from({ length: 2000 }, (_, i) => `  s${i}: {extends: s${i + 1}}\n`).join('');
    expect(await codesOf(`services:\n${chain}  s2000: {image: x}\n`)).toContain('too-deep');
  });
  test('a value of a megabyte is not repeated in full', async () => {
    const { diagnostics } = await loadBytes(`${service}    mem_limit: "${'1'.repeat(1 << 20)}x"\n`);
    expect(diagnostics[0]!.summary.length).toBeLessThan(1000);
  });
  test('three hundred services that extend each other in a row', async () => {
    const chain = Array.from({ length: 300 }, (_, i) => `  s${i}: {extends: s${i + 1}}\n`).join('');
    const { project } = await loadBytes(`services:\n${chain}  s300: {image: x}\n`);
    expect(project?.services['s0']).toMatchObject({ image: 'x' });
  });
});

describe('names that JavaScript knows', () => {
  test('__proto__, constructor and toString are ordinary keys', async () => {
    const { project, diagnostics } = await loadBytes(`services:
  __proto__: {image: a, environment: {__proto__: x, constructor: y, toString: z}, depends_on: [constructor]}
  constructor: {image: b, labels: {__proto__: l}, volumes: ["toString:/x"]}
volumes: {toString: , __proto__: }
`);
    expect(diagnostics).toEqual([]);
    expect(Object.keys(project!.services)).toEqual(['__proto__', 'constructor']);
    const made = Object.getOwnPropertyDescriptor(project!.services, '__proto__')!.value;
    expect(Object.entries(made.environment)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['toString', 'z'],
    ]);
    expect(Object.getPrototypeOf(project!.services)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['image']).toBeUndefined();
  });
  test('they are unknown where keys are fixed', async () => {
    expect(await codesOf(`${service}    __proto__: x\n    constructor: y\n`)).toEqual(['unknown-key']);
    expect(await codesOf(`${service}toString: x\n`)).toEqual(['unknown-key']);
  });
});

const keys = [
  'services',
  'web',
  'image',
  'ports',
  'volumes',
  'environment',
  'depends_on',
  'networks',
  'deploy',
  'build',
  'extends',
  'x-a',
  'healthcheck',
  'name',
  'include',
  'secrets',
  '<<',
  'command',
  'configs',
  'ulimits',
];
const leaves = fc.constantFrom(
  'nginx',
  '',
  '80:80',
  '${A',
  '${A:-b}',
  'a:b:c:d',
  '-1',
  '1',
  'true',
  'null',
  '[]',
  '{}',
  '!reset x',
  '*a',
  '&a x',
  '"q"',
  '0440',
  '1.5',
  'a b',
  'service:web',
  '/x',
  './x:/y:ro',
  '~',
);
const tree = fc.letrec((tie) => ({
  node: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaves, tie('map'), tie('list')),
  map: fc
    .array(fc.tuple(fc.constantFrom(...keys), tie('node')), { maxLength: 5 })
    .map((entries) => `{${entries.map(([key, value]) => `${key}: ${value}`).join(', ')}}`),
  list: fc.array(tie('node'), { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
}));

test('no file makes the loader throw: it gives a project or says why not', { timeout: 30_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        tree.map,
        tree.node.map((web) => `{services: {web: ${web}, db: {image: x}}}`),
      ),
      async (text) => {
        const { project, diagnostics } = await loadBytes(String(text), 'fuzz.yaml');
        expect(project !== undefined || diagnostics.some(({ severity }) => severity === 'error')).toBe(true);
      },
    ),
    { seed: 17, numRuns: 1500, interruptAfterTimeLimit: 3000 },
  );
});
