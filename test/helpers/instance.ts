/** A throw-away instance of the engine for one test file, and the proof that it left nothing behind. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { eventually } from './eventually.ts';
import { describeChanges, type HostFacts, readHostFacts } from './host-facts.ts';

export interface Instance {
  /** `--root` and `--run`, as engine/state/paths.ts calls them. */
  readonly root: string;
  readonly run: string;
  /** For child processes: this process's environment with TCOMPOSE_ROOT and TCOMPOSE_RUN set to the folders. */
  readonly env: NodeJS.ProcessEnv;
  /** The host before the instance did anything. */
  readonly before: HostFacts;
}

/** `onTmpfs`: a size such as `16m` gives the root a file system of its own, to be filled up. */
export async function makeInstance(options: { onTmpfs?: string } = {}): Promise<Instance> {
  requirePrivateHost();
  const folder = await mkdtemp(join(scratchFolder(), 'test-'));
  const before = await readHostFacts();
  if (options.onTmpfs) {
    const argv = ['-t', 'tmpfs', '-o', `size=${options.onTmpfs},mode=0755`, 'tcompose-test', folder];
    await promisify(execFile)('mount', argv);
  }
  const [root, run] = [join(folder, 'lib'), join('/run', `tcompose-${basename(folder)}`)];
  return { root, run, env: { ...process.env, TCOMPOSE_ROOT: root, TCOMPOSE_RUN: run }, before };
}

/**
 * Interfaces, addresses, routes, rules, mounts, cgroups, processes and sysctls are what they were before the instance was
 * made, and its folders hold no container and no network. Processes need a moment to die, so this waits, briefly.
 */
export async function nothingIsLeft(instance: Instance): Promise<void> {
  await eventually(async () => expect(await whatIsLeft(instance), 'left behind on the host').toEqual([]), 10_000);
}

export async function whatIsLeft(instance: Instance): Promise<string[]> {
  const changes = describeChanges(instance.before, await readHostFacts());
  // Who was leaving when it was made has left meanwhile; that is nothing left behind.
  const forgiven = [`+ mounts: ${folderOf(instance)} `, '- processes: '];
  const files = await Promise.all(
    ['containers', 'networks'].flatMap((part) => [join(instance.root, part), join(instance.run, part)]).map(listFolder),
  );
  return [
    ...changes.filter((line) => !forgiven.some((beginning) => line.startsWith(beginning))),
    ...files.flat().map((path) => `+ files: ${path}`),
  ];
}

/** Takes the folders away, whatever is in them; call it last, in afterAll. */
export async function removeInstance(instance: Instance): Promise<void> {
  const folder = folderOf(instance);
  await promisify(execFile)('umount', ['-l', folder]).catch(() => undefined);
  await Promise.all([folder, instance.run].map((path) => rm(path, { recursive: true, force: true })));
}

/** In /var/tmp, which overlay accepts below its writable layers; removed with the private host, whatever a test leaves. */
export const scratchFolder = (): string => dirname(process.env['TCOMPOSE_ROOT'] ?? '/var/tmp/lib');

export function requirePrivateHost(): void {
  if (!existsSync('/run/tcompose-private-host')) {
    throw new Error('root tests run only in the private host: scripts/in-private-host npx vitest run --project …');
  }
}

const folderOf = (instance: Instance) => instance.root.slice(0, instance.root.lastIndexOf('/'));

async function listFolder(path: string): Promise<string[]> {
  return (await readdir(path).catch(() => [])).map((name) => join(path, name));
}
