/**
 * The engine's hold on the machine: its folders, the launcher, and the rooms, each loaded when first asked for, so that a command
 * that only looks loads little.
 */

import type { Registry } from '../src/model/registry.ts';
import type { ProvidedText } from '../src/model/volume-facts.ts';
import type { HostFacts } from './container/host-facts.ts';
import type { DnsContext } from './dns/index.ts';
import type { ImageStore } from './image/index.ts';
import type { Launcher } from './launcher/launcher.ts';
import type { NetworkContext, Records } from './network/index.ts';
import type { Runner } from './network/programs.ts';
import { findInstance, openInstance } from './state/instance.ts';
import type { Paths } from './state/paths.ts';
import type { VolumeStore } from './volume/index.ts';

export interface EngineOptions {
  readonly paths: Paths;
  /** Path of the tcompose-launcher program. */
  readonly launcher: string;
}

export interface Host {
  readonly paths: Paths;
  readonly launcher: string;
  /** Makes the state folders when there are none. */
  instance(): Promise<string>;
  /** Undefined: nothing was ever made here. */
  knownInstance(): string | undefined;
  facts(): Promise<HostFacts>;
  session(): Promise<Launcher>;
  /** Runs programs of the host's through the session. */
  program(): Promise<Runner>;
  images(): Promise<ImageStore>;
  volumes(): Promise<VolumeStore>;
  networkContext(): Promise<NetworkContext>;
  dnsContext(): Promise<DnsContext>;
  /** As they are on disk now. */
  records(): Promise<Records>;
  /** Digest → text of secrets and configs, as far as this command was told. */
  readonly contents: Map<string, ProvidedText>;
  /** The value made for this key in this command, made only once however many ask at the same time. */
  shared<T>(key: string, make: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export function openHost({ paths, launcher }: EngineOptions): Host {
  const session = once(async () => (await import('./launcher/launcher.ts')).openLauncher({ binary: launcher }));
  const program = once(async () => (await import('./launcher/capture.ts')).capturing(session.get));
  const instance = once(async () => {
    const id = await openInstance(paths);
    await (await import('./state/boot.ts')).openRun(paths);
    return id;
  });
  const pack = async function* (folder: string): AsyncGenerator<Buffer> {
    yield* (await import('./files/layer-tar.ts')).layerTar(host, folder);
  };
  const sharing = new Map<string, Promise<unknown>>();
  const host: Host = {
    paths,
    launcher,
    contents: new Map(),
    instance: instance.get,
    knownInstance: () => findInstance(paths),
    facts: once(async () => (await import('./container/host-facts.ts')).readHostFacts()).get,
    session: session.get,
    program: program.get,
    images: once(async () => (await import('./image/index.ts')).openImages({ paths, launcher, openRegistry, pack }))
      .get,
    volumes: once(async () => (await import('./volume/index.ts')).openVolumes({ paths, launcher })).get,
    networkContext: async () => ({
      paths,
      instance: await instance.get(),
      run: async (ops) => (await session.get()).run(ops),
      program: await program.get(),
    }),
    dnsContext: async () => {
      await instance.get();
      return { paths, launcher, program: await program.get(), locker: await session.get() };
    },
    records: async () => {
      const [{ readNetworkRecords }, { readContainerRecords }] = await Promise.all([
        import('./network/network-records.ts'),
        import('./state/container-records.ts'),
      ]);
      return { networks: await readNetworkRecords(paths), containers: readContainerRecords(paths) };
    },
    shared: <T>(key: string, make: () => Promise<T>) => {
      const known = sharing.get(key) ?? make();
      sharing.set(key, known);
      return known as Promise<T>;
    },
    close: async () => {
      if (session.isBegun()) await (await session.get()).close();
    },
  };
  return host;
}

const openRegistry = async (signal: AbortSignal): Promise<Registry> =>
  (await import('./registry/index.ts')).openRegistry(process.env, signal);

function once<T>(make: () => Promise<T>): { get(): Promise<T>; isBegun(): boolean } {
  let made: Promise<T> | undefined;
  return {
    get: () => {
      made ??= make();
      return made;
    },
    isBegun: () => made !== undefined,
  };
}
