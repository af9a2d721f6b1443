/** ajv is the judge of documents: what it takes passes, what it refuses is told, whoever finds the words. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { makeFindings } from '../../../src/load/findings.ts';
import { parseYaml } from '../../../src/load/parse-yaml.ts';
import { childMap, type MapNode, scalar } from '../../../src/load/tree.ts';
import { judge } from '../../../src/validate/judge.ts';

async function parsed(text: string): Promise<MapNode> {
  const [document] = await parseYaml({ file: 'compose.yaml', text }, makeFindings());
  return document as MapNode;
}

function judged(document: MapNode) {
  const findings = makeFindings();
  judge(document, 'project', [], { findings, lenient: false, open: [] });
  return findings.sorted().map(({ code, summary, at }) => [code, summary, at?.start.line]);
}

test('what is right passes, what is wrong is explained by the walk', async () => {
  expect(judged(await parsed('services:\n  web:\n    image: a\n'))).toEqual([]);
  expect(judged(await parsed('services:\n  web:\n    image: [a]\n'))).toEqual([
    ['wrong-type', 'service web: image must be a text, not a list', 3],
  ]);
});

test('what only ajv refuses is told in its name, where it stands', async () => {
  const document = await parsed('services:\n  web:\n    image: a\n    cpus: 1\n');
  const entry = childMap(childMap(document, 'services'), 'web')!.entries.get('cpus')!;
  entry.value = scalar(Number.NaN, entry.value.mark);
  expect(judged(document)).toEqual([['bad-value', 'service web: cpus does not fit the schema (type)', 4]]);
});

test('what is reset may be anything', async () => {
  expect(judged(await parsed('services:\n  web:\n    ports: !reset x\n'))).toEqual([]);
});

test('the code that is built judges as ajv does', async () => {
  const script = pathToFileURL(join(import.meta.dirname, '../../../scripts/compile-schema.mjs')).href;
  const { compileSchema } = await import(script);
  const built = await import(`data:text/javascript;base64,${Buffer.from(compileSchema()).toString('base64')}`);
  expect(built.project({ services: { web: { image: 'a', 'x-y': 1 } } })).toBe(true);
  expect(built.project({ services: { web: { imag: 'a' } } })).toBe(false);
  expect(built.service({ ports: [80, '80:80', { target: 80 }] })).toBe(true);
  expect(built.service({ develop: { watch: [{ path: 'a' }] } })).toBe(false);
  expect(built.service.errors).toMatchObject([{ instancePath: '/develop/watch/0', keyword: 'required' }]);
}, 20_000);
