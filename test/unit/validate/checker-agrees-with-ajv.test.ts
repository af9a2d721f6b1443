/** Our walk reads the same schema as ajv, the judge: what one takes, the other takes; ours only says better what is wrong. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plain } from '../../../src/load/bind.ts';
import { makeFindings } from '../../../src/load/findings.ts';
import { parseYaml } from '../../../src/load/parse-yaml.ts';
import { checkSchema } from '../../../src/validate/check-schema.ts';
import { projectSchema } from '../../../src/validate/schema.ts';

const root = join(import.meta.dirname, '../../..');
const schema = JSON.parse(readFileSync(join(root, 'schema/compose.schema.json'), 'utf8'));
const byAjv = new Ajv2020({ strict: false, strictNumbers: true }).compile(schema);

async function agree(text: string, name: string): Promise<void> {
  const reading = makeFindings();
  // Too much is nothing to agree about.
  const [document] = await parseYaml({ file: name, text }, reading).catch(() => []);
  if (document?.kind !== 'map' || reading.errors > 0 || text.includes('!')) return;
  const value = plain(document);
  const findings = makeFindings();
  checkSchema(document, projectSchema(), [], { findings, lenient: false, open: undefined });
  expect(findings.errors === 0, `${name}: ${JSON.stringify(findings.sorted()[0])}`).toBe(byAjv(value));
}

const cases = ['config', 'diagnostics'].flatMap((kind) => {
  const folder = join(root, 'test/golden', kind);
  return readdirSync(folder).map((name) => join(folder, name, 'compose.yaml'));
});

test('on every golden case', async () => {
  for (const file of cases.filter((name) => existsSync(name))) {
    const bytes = readFileSync(file);
    if (!bytes.includes(0)) await agree(bytes.toString('utf8'), file);
  }
});

const keys = fc.constantFrom(
  'image',
  'ports',
  'volumes',
  'environment',
  'depends_on',
  'tty',
  'scale',
  'command',
  'deploy',
  'x-a',
  'imag',
  'secrets',
  'ulimits',
  'healthcheck',
  'extra_hosts',
  'gpus',
  'provider',
  'build',
  'networks',
);
const values = fc.constantFrom(
  'a',
  '1',
  '1.5',
  'true',
  'null',
  '[]',
  '{}',
  '[a, b]',
  '[1]',
  '{a: b}',
  '{a: [b]}',
  '[{a: b}]',
  '[a, a]',
  '{condition: x}',
  '[{target: 80, published: 1}]',
  '{test: a, retries: 3}',
  'all',
  '{soft: 1}',
  '[{type: bind}]',
  '[{command: a}]',
  '{replicas: -1}',
);

test('on services made at random', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(keys, values), { selector: ([key]) => key, maxLength: 4 }),
      async (entries) => {
        const service = entries.map(([key, value]) => `${key}: ${value}`).join(', ');
        await agree(`services: {web: {${service}}}\n`, service);
      },
    ),
    { seed: 19, numRuns: 2000, interruptAfterTimeLimit: 4000 },
  );
});
