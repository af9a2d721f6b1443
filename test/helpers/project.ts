/** A loaded project out of compose text, for tests that are not about loading. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from '../../src/load/index.ts';
import type { Project } from '../../src/model/project.ts';

export async function projectOf(text: string): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), 'tcompose-project-'));
  try {
    writeFileSync(join(folder, 'compose.yaml'), text);
    const { project, diagnostics } = await load({ cwd: folder, environment: {} });
    if (!project) throw new Error(diagnostics.map(({ summary }) => summary).join('\n'));
    return project;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
