/** `config --hash`: a digest of what a service is, without what only says how many or when. */
import { createHash } from 'node:crypto';
import type { Json } from '../../load/binding.ts';
import { TcomposeError } from '../../model/errors.ts';

type Service = Readonly<Record<string, Json>>;

export function hashes(bound: Readonly<Record<string, Json>>, wanted: string): string {
  const services = bound['services'] as Readonly<Record<string, Service>>;
  const names = wanted === '*' ? Object.keys(services) : wanted.split(',').map((name) => name.trim());
  return names
    .sort()
    .map((name) => {
      if (!Object.hasOwn(services, name)) {
        throw new TcomposeError(`no such service: ${name}`, {
          code: 'no-such-service',
          help: 'list them with: tcompose config --services',
        });
      }
      return `${name} ${serviceHash(services[name]!)}\n`;
    })
    .join('');
}

const NOT_IDENTITY = ['build', 'pull_policy', 'scale', 'depends_on', 'profiles'];

export function serviceHash(service: Service): string {
  const kept: Record<string, Json> = { command: null, entrypoint: null };
  for (const [key, value] of Object.entries(service))
    if (!NOT_IDENTITY.includes(key) && !key.startsWith('x-')) kept[key] = value;
  const deploy = kept['deploy'];
  if (deploy !== undefined && deploy !== null && typeof deploy === 'object' && !Array.isArray(deploy)) {
    const { replicas: _, ...rest } = deploy as Record<string, Json>;
    kept['deploy'] = rest;
  }
  return createHash('sha256')
    .update(JSON.stringify(sorted(kept)))
    .digest('hex');
}

/** The order of keys says nothing. */
function sorted(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
