/** Extensions that the Compose Specification took over later: read as the attribute, so that files from before keep their meaning. */
import type { Findings } from './findings.ts';
import { mergeServices } from './merge.ts';
import { child, childList, childMap, type Entry, entriesOf, isNull, type MapNode, map, type SpecNode } from './tree.ts';

/** `x-develop` of a service, and `x-initialSync` of what it watches. */
export function adoptOldNames(service: SpecNode, findings: Findings): void {
  if (service.kind !== 'map') return;
  const old = service.entries.get('x-develop');
  if (old !== undefined) {
    const own = service.entries.get('develop');
    service.entries.delete('x-develop');
    service.entries.set('develop', own === undefined || isNull(own.value) ? old : both(old, own, findings));
  }
  for (const item of childList(childMap(service, 'develop'), 'watch')?.items ?? []) {
    if (item.kind !== 'map') continue;
    const sync = item.entries.get('x-initialSync');
    if (sync === undefined) continue;
    item.entries.delete('x-initialSync');
    if (!item.entries.has('initial_sync')) item.entries.set('initial_sync', sync);
  }
}

function both(old: Entry, own: Entry, findings: Findings): Entry {
  const [under, over] = [old, own].map((entry) => map(entry.key, [['develop', entry]]));
  const merged = mergeServices(under!, over!, findings);
  return { key: own.key, value: child(merged, 'develop') ?? own.value };
}

export function adoptOldNamesIn(document: MapNode, findings: Findings): void {
  for (const [, service] of entriesOf(childMap(document, 'services'))) adoptOldNames(service, findings);
}
