/** A folder a case: Compose files in, what `config` prints out. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { config } from '../../../src/operations/config.ts';

const root = import.meta.dirname;
// Cases are read from a copy whose path has the same length everywhere: columns are aligned and values cut by it.
const scratch = mkdtempSync('/tmp/tcompose-config-');
cpSync(root, scratch, { recursive: true });
afterAll(() => rmSync(scratch, { recursive: true }));

const cases = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

function readCase(name: string) {
  const cwd = join(scratch, name);
  const wish = join(cwd, 'request.json');
  const { options = {}, ...request } = existsSync(wish) ? JSON.parse(readFileSync(wish, 'utf8')) : {};
  return { request: { cwd, environment: { HOME: '/home/user' }, ...request }, options, cwd };
}

for (const name of cases) {
  test(name, async () => {
    const { request, options, cwd } = readCase(name);
    const { text, diagnostics, ok } = await config(request, options);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(ok).toBe(true);
    const placed = text.replaceAll(cwd, '$CASE').replaceAll(scratch, '$CASES');
    await expect(placed).toMatchFileSnapshot(join(root, name, 'expected.txt'));
  });

  for (const format of ['yaml', 'json'] as const) {
    test(`${name}: what is printed as ${format}, read again, gives the same`, async () => {
      const { request } = readCase(name);
      const environment = { ...request.environment, NEED: 'x', CPUS: '2', PORT: '8080', DIR: './dir' };
      const first = await config({ ...request, environment }, { format });
      expect(first.ok).toBe(true);
      const file = join(scratch, `${name}.${format}`);
      writeFileSync(file, first.text);
      const again = await config({ ...request, environment, files: [file] }, { format });
      expect(again.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(again.text).toBe(first.text);
    });
  }
}
