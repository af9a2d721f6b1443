/** One number for what a service asks for: the label config-hash, and `config --hash`. Comparing uses the fields themselves. */
import { createHash } from 'node:crypto';
import type { Network, Service, Volume } from '../model/project.ts';

/**
 * SHA-256 of the service without what does not make another container: how it is built, how many there are, when it starts.
 * The set is Compose's (compose-spec 3.5); the digits are our own, since Compose hashes Go's field order.
 */
export function serviceHash(service: Service): string {
  const { build: _b, pull_policy: _p, scale: _s, depends_on: _d, profiles: _f, deploy, ...identity } = service;
  const { replicas: _r, ...placement } = deploy ?? {};
  return hash(deploy ? { ...identity, deploy: placement } : identity);
}

export const resourceHash = (resource: Network | Volume): string => hash(resource);

const hash = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex');

/** JSON with sorted keys: the same hash whatever the order in the file. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += `${text ? ',' : ''}${canonical(item)}`;
    return `[${text}]`;
  }
  const fields = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(fields).sort()) {
    if (fields[key] !== undefined) text += `${text ? ',' : ''}${JSON.stringify(key)}:${canonical(fields[key])}`;
  }
  return `{${text}}`;
}
