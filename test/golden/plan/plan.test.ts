/**
 * One folder a case: what was (before.yaml as `up` made it, bent by live.json), what is wanted (compose.yaml, command.json), and
 * the plan. `npm run golden -- -u` accepts new text.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe as suite, expect, test } from 'vitest';
import { load } from '../../../src/load/index.ts';
import type { ImageConfig, ImageInfo } from '../../../src/model/engine.ts';
import { TcomposeError, TcomposeErrors } from '../../../src/model/errors.ts';
import type { LiveContainer, LiveNetwork, LiveState } from '../../../src/model/live.ts';
import type { Plan } from '../../../src/model/plan.ts';
import type { Project } from '../../../src/model/project.ts';
import { labelDependencies, projectDependencies } from '../../../src/plan/dependencies.ts';
import { type DesireOptions, desire, neededImages } from '../../../src/plan/desire.ts';
import { describe } from '../../../src/plan/describe.ts';
import type { UpChoices } from '../../../src/plan/inputs.ts';
import { planRestart, planStart, planStop } from '../../../src/plan/lifecycle.ts';
import { planUp } from '../../../src/plan/plan.ts';
import { type DownChoices, planDown } from '../../../src/plan/plan-down.ts';
import { applied, ended, fakeImage, nothing } from '../../helpers/fake-live.ts';

const here = dirname(fileURLToPath(import.meta.url));
const cases = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory());

interface Command extends UpChoices, DownChoices, Omit<DesireOptions, 'services' | 'noDeps'> {
  readonly command: 'up' | 'down' | 'stop' | 'start' | 'restart';
  /** down, stop and start: by labels alone. */
  readonly withoutFile?: boolean;
  readonly othersOnBridge?: readonly string[];
  readonly keep?: never;
}

interface Bends {
  readonly containers?: Readonly<Record<string, Partial<LiveContainer> | { readonly ended: number } | null>>;
  readonly networks?: Readonly<Record<string, Partial<LiveNetwork> | null>>;
  readonly volumes?: Readonly<Record<string, null>>;
}

function json<T>(folder: string, name: string, fallback: T): T {
  const path = join(folder, name);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : fallback;
}

async function loadProject(folder: string, file: string): Promise<Project> {
  const { project, diagnostics } = await load({ cwd: folder, environment: {}, files: [join(folder, file)] });
  if (!project) throw new Error(JSON.stringify(diagnostics, null, 2));
  return project;
}

function images(project: Project, configs: Readonly<Record<string, Partial<ImageConfig>>>): ReadonlyMap<string, ImageInfo> {
  const refs = neededImages(project, Object.keys(project.services)).keys();
  return new Map([...refs].filter((ref) => !ref.startsWith('missing')).map((ref) => [ref, fakeImage(ref, configs[ref])]));
}

async function liveBefore(folder: string): Promise<LiveState> {
  const hasBefore = existsSync(join(folder, 'before.yaml'));
  const bends = json<Bends | undefined>(folder, 'live.json', undefined);
  if (!hasBefore && !bends) return nothing;
  const project = await loadProject(folder, hasBefore ? 'before.yaml' : 'compose.yaml');
  const configs = json(folder, 'images-before.json', json(folder, 'images.json', {}));
  const { scale = {} } = json<Partial<Command>>(folder, 'command-before.json', {});
  const live = applied(desire(project, images(project, configs), { scale, version: '1' }).state);
  return {
    networks: live.networks.flatMap((one) => bent(one, bends?.networks?.[one.name])),
    volumes: live.volumes.flatMap((one) => bent(one, bends?.volumes?.[one.name])),
    containers: live.containers.flatMap((one) => {
      const bend = bends?.containers?.[one.name];
      return bent(one, bend && 'ended' in bend ? ended(bend.ended) : bend);
    }),
  };
}

const bent = <T extends object>(thing: T, bend: Partial<T> | null | undefined): readonly T[] =>
  bend === null ? [] : [{ ...thing, ...bend }];

async function planOf(folder: string): Promise<Plan> {
  const project = await loadProject(folder, 'compose.yaml');
  const live = await liveBefore(folder);
  const { command = 'up', services, scale, withoutFile = false, ...choices } = json<Partial<Command>>(folder, 'command.json', {});
  const options = { ...(services ? { services } : {}), ...(scale ? { scale } : {}), noDeps: choices.noDeps === true };
  if (command === 'up') return planUp(desire(project, images(project, json(folder, 'images.json', {})), { ...options, version: '2' }), live, choices);
  const dependencies = withoutFile ? labelDependencies(live.containers) : projectDependencies(project);
  const lives = { project: project.name, containers: live.containers, dependencies };
  if (command === 'stop') return planStop(lives, choices);
  if (command === 'start') return planStart(lives, choices);
  if (command === 'restart') return planRestart(lives, { ...choices, services: new Set(services) });
  const file = {
    services: new Set([...Object.keys(project.services), ...Object.keys(project.disabledServices)]),
    volumes: new Set(Object.values(project.volumes).filter(({ external }) => !external).map(({ name }) => name)),
  };
  const { othersOnBridge = [], ...others } = choices;
  return planDown({ project: project.name, live, dependencies, othersOnBridge, ...(withoutFile ? {} : { file }) }, { ...others, ...options });
}

/** A refusal is a text worth holding too. */
async function textOf(folder: string): Promise<string> {
  try {
    return describe(await planOf(folder), { base: folder, steps: true });
  } catch (thrown) {
    const errors = thrown instanceof TcomposeErrors ? thrown.errors : [thrown];
    return errors.map((error) => refusal(error, folder)).join('');
  }
}

function refusal(error: unknown, folder: string): string {
  if (!(error instanceof TcomposeError)) throw error;
  const at = error.at ? `\n  ${error.at.file.slice(folder.length + 1)}:${error.at.start.line}:${error.at.start.column}` : '';
  return `error[${error.code}]: ${error.message}${at}\n  help: ${error.help}\n`;
}

suite('plan', () => {
  test.each(cases.map(({ name }) => name))('%s', async (name) => {
    const folder = join(here, name);
    await expect(await textOf(folder)).toMatchFileSnapshot(join(folder, 'plan.txt'));
  });
});
