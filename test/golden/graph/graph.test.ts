/**
 * One folder a case: what lives (before.yaml as `up` made it; nothing without it), what is wanted (compose.yaml), and the picture in every
 * format. A case whose name ends in `-plan` is drawn with --plan. `npm run golden -- -u` accepts new pictures.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { load } from '../../../src/load/index.ts';
import type { LiveState } from '../../../src/model/live.ts';
import type { Project } from '../../../src/model/project.ts';
import type { Context } from '../../../src/operations/context.ts';
import { asciiOf, dotOf, graph, mermaidOf, svgOf } from '../../../src/operations/graph.ts';
import { desire, neededImages } from '../../../src/plan/desire.ts';
import { createFakeEngine } from '../../helpers/fake-engine.ts';
import { applied, ended, fakeImage, nothing } from '../../helpers/fake-live.ts';

const here = dirname(fileURLToPath(import.meta.url));
const cases = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory());

async function loadProject(folder: string, file: string): Promise<Project> {
  const { project, diagnostics } = await load({ cwd: folder, environment: {}, files: [join(folder, file)] });
  if (!project) throw new Error(JSON.stringify(diagnostics, null, 2));
  return project;
}

const imagesOf = (project: Project) =>
  [...neededImages(project, Object.keys(project.services)).keys()].map((ref) => [ref, fakeImage(ref)] as const);

/** Services called `broken…` have ended with 1, what is called `sick…` is unhealthy. */
async function livingAs(folder: string): Promise<LiveState> {
  if (!existsSync(join(folder, 'before.yaml'))) return nothing;
  const project = await loadProject(folder, 'before.yaml');
  const state = applied(desire(project, new Map(imagesOf(project)), { noDeps: false }).state);
  const containers = state.containers.map((one) => {
    if (one.name.includes('-broken-')) return { ...one, ...ended(1) };
    return one.name.includes('-sick-') ? { ...one, health: 'unhealthy' as const } : one;
  });
  const networks = state.networks.map((one, i) => ({
    ...one,
    subnets: [{ subnet: `172.18.${4 * i}.0/22`, gateway: `172.18.${4 * i}.1` }],
  }));
  return { ...state, containers, networks };
}

describe.each(cases.map(({ name }) => name))('%s', (name) => {
  test('is drawn in every format', async () => {
    const folder = join(here, name);
    const live = await livingAs(folder);
    const project = await loadProject(folder, 'compose.yaml');
    const engine = createFakeEngine({ images: imagesOf(project), live });
    const context = { engine, emit: () => undefined, clock: () => 0, version: '1' } as unknown as Context;
    const drawn = await graph(context, { name: project.name, project }, { plan: name.endsWith('-plan') });
    const text = asciiOf(drawn);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    await expect(text).toMatchFileSnapshot(join(folder, 'graph.txt'));
    await expect(dotOf(drawn)).toMatchFileSnapshot(join(folder, 'graph.dot'));
    await expect(mermaidOf(drawn)).toMatchFileSnapshot(join(folder, 'graph.mmd'));
    await expect(svgOf(drawn)).toMatchFileSnapshot(join(folder, 'graph.svg'));
  });
});
