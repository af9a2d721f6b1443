/** Services picked by name or glob, and everything that they depend on. */
import { nearestOf } from '../validate/did-you-mean.ts';
import type { Findings } from './findings.ts';
import { childMap, type MapNode, map } from './tree.ts';

export function select(services: MapNode, wanted: readonly string[], findings: Findings): MapNode {
  const kept = new Set<string>();
  for (const pattern of wanted) {
    const found = matching(services, pattern);
    if (found.length === 0) reportUnknown(pattern, services, findings);
    for (const name of found) keep(name, services, kept);
  }
  return map(
    services.mark,
    [...services.entries].filter(([name]) => kept.has(name)),
  );
}

function matching(services: MapNode, pattern: string): readonly string[] {
  if (services.entries.has(pattern)) return [pattern];
  if (!/[*?[]/.test(pattern)) return [];
  const regex = globPattern(pattern);
  return [...services.entries.keys()].filter((name) => regex.test(name));
}

function globPattern(pattern: string): RegExp {
  const body = pattern
    .slice(0, 200)
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*+/g, '[^/]*')
    .replaceAll('?', '[^/]');
  try {
    return new RegExp(`^${body}$`);
  } catch {
    // An open bracket matches only itself.
    return new RegExp(`^${pattern.replace(/[^A-Za-z0-9_-]/g, '\\$&')}$`);
  }
}

function reportUnknown(name: string, services: MapNode, findings: Findings): void {
  const close = nearestOf(name, services.entries.keys());
  findings.error('undefined-service', `no such service: ${name}`, undefined, {
    help:
      close === undefined
        ? `services are: ${[...services.entries.keys()].slice(0, 10).join(', ') || 'none'}`
        : `did you mean "${close}"?`,
  });
}

/** Without recursion: a chain of dependencies may be long. */
function keep(start: string, services: MapNode, kept: Set<string>): void {
  const open = [start];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (kept.has(name) || !services.entries.has(name)) continue;
    kept.add(name);
    open.push(...(childMap(services.entries.get(name)!.value, 'depends_on')?.entries.keys() ?? []));
  }
}
