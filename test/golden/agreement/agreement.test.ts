/**
 * A folder a case: Compose files in, the model that the reference implementation makes of them. It was recorded once in `reference.json`
 * by scripts/record-agreement.mjs; an optional `request.json` says what is asked.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { config } from '../../../src/operations/config.ts';

const root = import.meta.dirname;
const cases = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

// `~` is the home of the process.
beforeAll(() => void vi.stubEnv('HOME', '/home/user'));
afterAll(() => vi.unstubAllEnvs());

for (const name of cases) {
  test(`as in the reference: ${name}`, async () => {
    const cwd = join(root, name);
    const wish = join(cwd, 'request.json');
    const { options = {}, ...request } = existsSync(wish) ? JSON.parse(readFileSync(wish, 'utf8')) : {};
    const asked = { ...request, cwd: join(cwd, request.cwd ?? ''), environment: { HOME: '/home/user', ...request.environment } };
    const { text, diagnostics } = await config(asked, { ...options, format: 'json' });
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    const expected = JSON.parse(readFileSync(join(cwd, 'reference.json'), 'utf8'));
    expect(JSON.parse(text.replaceAll(cwd, '$CASE').replaceAll(root, '$CASES'))).toStrictEqual(expected);
  });
}
