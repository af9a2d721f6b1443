/** Pages that are made from tables are as the tables say; `vitest -u` makes them anew. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compatibilityPage, diagnosticsPage } from '../../../src/validate/pages.ts';

const docs = join(import.meta.dirname, '../../../docs');

test('docs/compatibility.md is the table of attributes', async () => {
  await expect(compatibilityPage()).toMatchFileSnapshot(join(docs, 'compatibility.md'));
});

test('docs/diagnostics.md is the table of codes', async () => {
  await expect(diagnosticsPage()).toMatchFileSnapshot(join(docs, 'diagnostics.md'));
});
