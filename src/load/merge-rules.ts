/** How each attribute is merged, where it is not simply "maps merge, lists append, scalars replace". */
import { childText, type SpecNode } from './tree.ts';

export interface MergeRule {
  readonly how?: 'replace' | 'logging' | 'matched';
  /** Items of a list with the same key are one item. */
  readonly key?: (item: SpecNode) => string | undefined;
  readonly keys?: Readonly<Record<string, MergeRule>>;
  readonly each?: MergeRule;
}

const text = (item: SpecNode): string | undefined => (item.kind === 'scalar' ? String(item.value) : undefined);
const beforeEquals = (item: SpecNode): string | undefined => text(item)?.split('=')[0];
const target = (item: SpecNode): string | undefined => childText(item, 'target') ?? text(item);
const path = (item: SpecNode): string | undefined => childText(item, 'path');
const mountedAt = (folder: string) => (item: SpecNode) =>
  childText(item, 'target') ?? `${folder}/${childText(item, 'source')}`;

function port(item: SpecNode): string | undefined {
  if (item.kind !== 'map') return text(item);
  const host = childText(item, 'host_ip') ?? '0.0.0.0';
  return `${host}:${childText(item, 'published') ?? ''}:${childText(item, 'target')}/${childText(item, 'protocol') ?? 'tcp'}`;
}

const replace: MergeRule = { how: 'replace' };
const texts: MergeRule = { key: text };

/** Of two values for one name the later wins, also where it is empty: `environment: [DEBUG]` is a wish. */
const pairs: MergeRule = { each: replace };

const service: MergeRule = {
  keys: {
    annotations: pairs,
    build: { keys: { additional_contexts: pairs, args: pairs, extra_hosts: texts, labels: pairs, tags: texts } },
    cap_add: texts,
    cap_drop: texts,
    command: replace,
    configs: { key: mountedAt('') },
    deploy: { keys: { labels: pairs } },
    device_cgroup_rules: texts,
    devices: { key: target },
    dns: texts,
    dns_opt: { key: beforeEquals },
    dns_search: texts,
    entrypoint: replace,
    env_file: { key: path },
    environment: pairs,
    expose: texts,
    external_links: texts,
    extra_hosts: texts,
    group_add: texts,
    healthcheck: { keys: { test: replace } },
    label_file: texts,
    labels: pairs,
    links: texts,
    logging: { how: 'logging' },
    networks: { each: { keys: { aliases: texts, link_local_ips: texts } } },
    ports: { key: port },
    profiles: texts,
    secrets: { key: mountedAt('/run/secrets') },
    security_opt: texts,
    sysctls: pairs,
    tmpfs: { key: beforeEquals },
    ulimits: { each: replace },
    volumes: { key: target },
    volumes_from: texts,
  },
};

const subnet = (item: SpecNode): string | undefined => childText(item, 'subnet');

export const mergeRules: { readonly project: MergeRule; readonly service: MergeRule } = {
  service,
  project: {
    keys: {
      services: { each: service },
      networks: { each: { keys: { ipam: { keys: { config: { how: 'matched', key: subnet } } }, labels: pairs } } },
      volumes: { each: { keys: { labels: pairs } } },
      models: { each: { keys: { runtime_flags: replace } } },
    },
  },
};
