/** A folder a case: what is wrong with the Compose files in it, as a person reads it. The folder's name begins with the code. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderDiagnostics } from '../../../src/cli/ui/diagnostic.ts';
import { DIAGNOSTIC_CODES } from '../../../src/load/codes.ts';
import { type LoadRequest, load } from '../../../src/load/index.ts';
import type { Remotes } from '../../../src/model/remote.ts';
import { config } from '../../../src/operations/config.ts';

const root = import.meta.dirname;
const cases = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());

function requestOf(name: string): LoadRequest {
  const cwd = join(root, name);
  const wish = join(cwd, 'request.json');
  const extra = existsSync(wish) ? JSON.parse(readFileSync(wish, 'utf8')) : {};
  // The folder itself is where the search ends: no file of the folders above may be found.
  const files = existsSync(join(cwd, 'compose.yml')) || name === 'no-compose-file' ? {} : { files: ['compose.yaml'] };
  return { cwd, environment: {}, ...files, ...extra, ...afar(cwd) };
}

for (const { name } of cases) {
  test(name, async () => {
    const cwd = join(root, name);
    const { diagnostics } = await load(requestOf(name));
    const text = renderDiagnostics(diagnostics, 'human', { cwd, colour: false }).replaceAll(cwd, '$CASE');
    await expect(text).toMatchFileSnapshot(join(cwd, 'expected.txt'));
    expect(diagnostics.map(({ code }) => code)).toContain(codeOf(name));
  });
}

/** What is fetched from wherever is the folder `afar` of the case. */
function afar(cwd: string): { remotes?: Remotes } {
  const root = join(cwd, 'afar');
  const fetch: Remotes['fetch'] = async (address) => ({ ok: true, root, file: join(root, 'compose.yaml'), name: `${address}/` });
  return existsSync(root) ? { remotes: { fetch } } : {};
}

test('config --quiet, which makes nothing of the values, finds what config finds', async () => {
  for (const { name } of cases) {
    const { text: _, ...said } = await config(requestOf(name), {});
    expect(await config(requestOf(name), { quiet: true }), name).toEqual({ text: '', ...said });
  }
});

function codeOf(name: string): string {
  const codes = Object.keys(DIAGNOSTIC_CODES).filter((code) => name === code || name.startsWith(`${code}-`));
  return codes.sort((a, b) => b.length - a.length)[0] ?? `no code for ${name}`;
}

test('every code has a case', () => {
  expect(new Set(cases.map(({ name }) => codeOf(name)))).toEqual(new Set(Object.keys(DIAGNOSTIC_CODES)));
});
