/** The stage of the tests of user namespaces: an engine, a folder on its file system, and the words they share. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { DesiredContainer, DesiredMount } from '../../../src/model/desired.ts';
import type { Engine } from '../../../src/model/engine.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { aContainer, importBusybox, openEngine, outputOf, runContainers } from './a-container.ts';

export let instance: Instance;
export let engine: Engine;
export let image: string;
export let folder: string;
let count = 0;
/** Once in each file. */
export function useStage(): void {
  beforeAll(async () => {
    instance = await makeInstance();
    engine = openEngine(instance);
    image = await importBusybox(engine);
    // On the file system of the state.
    folder = mkdtempSync(`${instance.root}-users-`);
  });
  afterEach(async () => {
    const { containers } = await engine.snapshot();
    await engine.containers.remove(
      containers.map(({ name }) => name),
      { anonymousVolumes: true },
    );
    await engine.volumes.remove(['users'], { force: true });
  });
  afterAll(async () => {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
    await nothingIsLeft(instance);
    await removeInstance(instance);
  });
}

export const AUTO = { user: { kind: 'auto', size: 65_536 } } as const;
export const mapped = (changes: Partial<DesiredContainer> = {}): Partial<DesiredContainer> => ({
  namespaces: AUTO,
  ...changes,
});
/** Both streams of a shell's script. */
export const sh = (script: string, changes: Partial<DesiredContainer> = {}) =>
  outputOf(
    engine,
    aContainer(image, `t-${++count}`, { argv: ['sh', '-c', `exec 2>&1; ${script}`], ...mapped(changes) }),
  );
export const run = (name: string, changes: Partial<DesiredContainer> = {}) =>
  runContainers(engine, [aContainer(image, name, mapped(changes))]);
export const inside = async (name: string, script: string, more: { readonly user?: string } = {}) => {
  const run = { argv: ['sh', '-c', `exec 2>&1; ${script}`], env: {}, privileged: false, ...more };
  return (await engine.containers.capture(name, run)).stdout.toString().trim();
};
export const pidOf = async (name: string) => (await engine.containers.find(name))!.pid;
export const rangeOf = async (name: string) => {
  const [, first, size] = readFileSync(`/proc/${await pidOf(name)}/uid_map`, 'utf8')
    .trim()
    .split(/ +/)
    .map(Number);
  return { first: first!, size: size! };
};
export const security = (changes: Partial<DesiredContainer['security']>) => ({
  security: { ...aContainer('', '').security, ...changes },
});
export const bind = (source: string, target: string, more: { readonly mapsIds?: true } = {}): DesiredMount => ({
  kind: 'bind',
  source,
  target,
  readOnly: false,
  createHostPath: false,
  propagation: 'rprivate',
  recursive: true,
  ...more,
});
