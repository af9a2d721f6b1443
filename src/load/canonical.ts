/** Short forms to long forms: the table of attributes that have more than one way to be written. */

import { additionalContexts, buildForm, sshKeys, textFlag } from './canonical/build.ts';
import type { CanonicalContext, CanonicalRule } from './canonical/context.ts';
import { command, each, keyValues, listOf, named } from './canonical/lists.ts';
import { canonicalPort } from './canonical/ports.ts';
import { external } from './canonical/resources.ts';
import {
  dependencies,
  device,
  envFile,
  extraHosts,
  fileReference,
  gpus,
  healthcheckTest,
} from './canonical/service.ts';
import { canonicalVolume } from './canonical/volumes.ts';
import type { Findings } from './findings.ts';
import { type SpecNode, scalar } from './tree.ts';

/** A tree of rules in the shape of the file: `self` first, then what is inside. */
interface Canonical {
  readonly self?: CanonicalRule;
  readonly keys?: Readonly<Record<string, Canonical>>;
  readonly each?: Canonical;
}

const nothing = (item: SpecNode): SpecNode => scalar(null, item.mark);
const hook: Canonical = { keys: { command: { self: command }, environment: { self: keyValues } } };
const resources: Canonical = { keys: { devices: { each: { keys: { options: { self: keyValues } } } } } };

const build: Canonical = {
  self: buildForm,
  keys: {
    args: { self: keyValues },
    labels: { self: keyValues },
    additional_contexts: { self: additionalContexts },
    ssh: { self: sshKeys },
    provenance: { self: textFlag },
    sbom: { self: textFlag },
    cache_from: { self: listOf },
    cache_to: { self: listOf },
    no_cache_filter: { self: listOf },
    extra_hosts: { self: extraHosts },
    secrets: { self: each(fileReference) },
  },
};

const service: Canonical = {
  keys: {
    annotations: { self: keyValues },
    build,
    command: { self: command },
    configs: { self: each(fileReference) },
    depends_on: { self: dependencies },
    deploy: {
      keys: {
        labels: { self: keyValues },
        resources: { keys: { limits: resources, reservations: resources } },
      },
    },
    develop: {
      keys: { watch: { each: { keys: { include: { self: listOf }, ignore: { self: listOf }, exec: hook } } } },
    },
    devices: { self: each(device) },
    dns: { self: listOf },
    dns_opt: { self: listOf },
    dns_search: { self: listOf },
    entrypoint: { self: command },
    env_file: { self: envFile },
    environment: { self: keyValues },
    extra_hosts: { self: extraHosts },
    gpus: { self: gpus, each: { keys: { options: { self: keyValues } } } },
    healthcheck: { keys: { test: { self: healthcheckTest } } },
    label_file: { self: listOf },
    labels: { self: keyValues },
    models: { self: named(nothing) },
    networks: { self: named(nothing) },
    ports: { self: each(canonicalPort) },
    provider: { keys: { options: { each: { self: listOf } } } },
    post_start: { each: hook },
    pre_start: { each: hook },
    pre_stop: { each: hook },
    secrets: { self: each(fileReference) },
    sysctls: { self: keyValues },
    tmpfs: { self: listOf },
    volumes: { self: each(canonicalVolume), each: { keys: { volume: { keys: { labels: { self: keyValues } } } } } },
  },
};

const resource: Canonical = { self: external, keys: { labels: { self: keyValues } } };

const project: Canonical = {
  keys: {
    services: { each: service },
    networks: { each: resource },
    volumes: { each: resource },
    secrets: { each: resource },
    configs: { each: resource },
  },
};

/** The same to walk by: objects of one form, and keys that can be asked for whatever the file says. */
interface Prepared {
  readonly self: CanonicalRule | undefined;
  readonly keys: ReadonlyMap<string, Prepared> | undefined;
  readonly each: Prepared | undefined;
}

function prepare({ self, keys, each }: Canonical): Prepared {
  const known = keys && new Map(Object.entries(keys).map(([key, rule]) => [key, prepare(rule)]));
  return { self, keys: known, each: each && prepare(each) };
}

const preparedProject = prepare(project);
const preparedService = prepare(service);

export interface CanonicalOptions {
  readonly findings: Findings;
  readonly lenient: boolean;
}

/** Rewrites a document in place. */
export function canonicalProject(root: SpecNode, options: CanonicalOptions): void {
  apply(root, preparedProject, { ...options, owner: 'project' }, 0);
}

export function canonicalService(node: SpecNode, name: string, options: CanonicalOptions): SpecNode {
  return apply(node, preparedService, { ...options, owner: `service ${name}` }, 2) ?? node;
}

const OWNERS: Readonly<Record<string, string>> = {
  services: 'service',
  networks: 'network',
  volumes: 'volume',
  secrets: 'secret',
  configs: 'config',
};

function apply(
  node: SpecNode,
  rule: Prepared,
  context: CanonicalContext,
  depth: number,
  section = '',
): SpecNode | undefined {
  if (node.tag === 'reset') return node;
  const made = rule.self === undefined ? node : rule.self(node, context);
  if (made === undefined) return undefined;
  if (made.kind === 'map') {
    made.entries.forEach((entry, key) => {
      const inner = rule.keys === undefined ? rule.each : rule.keys.get(key);
      if (inner === undefined) return;
      const owned = depth === 1 ? { ...context, owner: `${OWNERS[section]} ${key}` } : context;
      const value = apply(entry.value, inner, owned, depth + 1, key);
      if (value !== undefined) entry.value = value;
      else {
        made.entries.delete(key);
        made.damaged = true;
      }
    });
  } else if (made.kind === 'list' && rule.each !== undefined) {
    for (const item of made.items) apply(item, rule.each, context, depth + 1);
  }
  return made;
}
