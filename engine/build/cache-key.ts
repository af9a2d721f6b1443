/**
 * Keys of the layer cache. A key names what a step is made from, and nothing of where or when: the layers below, what is run or
 * copied, by content, and what of the surroundings the result can depend on. Equal keys may share a layer, across projects.
 * Steps that change the configuration alone have no key: an ENV counts once a RUN sees it.
 */
import { createHash } from 'node:crypto';
import type { RunMount } from './run-mount.ts';

/** Raised when the same key would mean another layer than before. */
const VERSION = 1;

export interface RunStep {
  readonly argv: readonly string[];
  /** Bodies of here-documents, in order. */
  readonly documents: readonly string[];
  /** `RunEnvironment.keyed`: without proxies that no ARG declares. */
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly user: string;
  readonly network: string;
  readonly security: string;
  readonly devices: readonly string[];
  readonly platform: string;
  /** With the digest of what a bind mount shows. Contents of caches, secrets and agents never count. */
  readonly mounts: readonly { readonly mount: RunMount; readonly content?: string }[];
  readonly hosts: readonly string[];
}

export interface CopyStep {
  /** Absolute. A slash at its end means a folder, and is kept. */
  readonly target: string;
  /** One a source, in order: its name beneath the target, and the digest of its tree (types, modes, owners, links, contents; no times). */
  readonly contents: readonly { readonly name: string; readonly digest: string }[];
  /** Numbers, resolved: names would mean other numbers on another base. */
  readonly owner?: string;
  readonly mode?: string;
  readonly parents: boolean;
  readonly unpack: boolean;
  /** With `--link`, the layer does not depend on those below. */
  readonly link: boolean;
}

export type CachedStep =
  | { readonly kind: 'run'; readonly step: RunStep }
  | { readonly kind: 'copy'; readonly step: CopyStep }
  | { readonly kind: 'workdir'; readonly path: string; readonly owner: string };

/** JSON with sorted keys, so that the order in which an object was made says nothing. */
const stable = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );

const digest = (value: unknown): string =>
  createHash('sha256')
    .update(stable([VERSION, value]))
    .digest('hex');

/** Where a stage begins: the digests of its base's uncompressed layers, lowest first; none for scratch. */
export const baseKey = (layers: readonly string[]): string => digest(['base', layers]);

/** The key of the layer that `step` makes on top of what `parent` names. */
export function stepKey(parent: string, cached: CachedStep): string {
  if (cached.kind === 'workdir') return digest(['workdir', parent, cached.path, cached.owner]);
  if (cached.kind === 'copy') return digest(['copy', cached.step.link ? null : parent, cached.step]);
  const { mounts, ...step } = cached.step;
  return digest(['run', parent, { ...step, mounts: mounts.map(keyedMount) }]);
}

/**
 * Of a cache, a secret or an agent only what the program can see of its place: whose it is and what it holds changes freely.
 * A bind mount counts by content, not by the name of the stage or context that it comes from.
 */
function keyedMount({ mount: { id: _, from: __, ...mount }, content }: RunStep['mounts'][number]): object {
  return mount.type === 'bind' ? { ...mount, content } : mount;
}
