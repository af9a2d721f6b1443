/** Networks, volumes, secrets, configs and models that no active service uses are left alone. */
import { childList, childMap, childText, entriesOf, type MapNode, type SpecNode } from './tree.ts';

const USES: Readonly<Record<string, (service: SpecNode) => Iterable<string>>> = {
  networks: (service) => childMap(service, 'networks')?.entries.keys() ?? [],
  models: (service) => childMap(service, 'models')?.entries.keys() ?? [],
  volumes: (service) => sources(childList(service, 'volumes')?.items.filter(isVolume)),
  secrets: (service) => [
    ...sources(childList(service, 'secrets')?.items),
    ...sources(childList(childMap(service, 'build'), 'secrets')?.items),
  ],
  configs: (service) => sources(childList(service, 'configs')?.items),
};

const isVolume = (mount: SpecNode) => ['volume', undefined].includes(childText(mount, 'type'));

function sources(items: readonly SpecNode[] = []): string[] {
  return items.flatMap((item) => childText(item, 'source') ?? []);
}

export function pruneUnused(model: MapNode, services: MapNode): void {
  for (const [section, usesOf] of Object.entries(USES)) {
    const declared = childMap(model, section);
    if (declared === undefined) continue;
    const used = new Set<string>();
    for (const [, service] of entriesOf(services)) for (const name of usesOf(service)) used.add(name);
    for (const name of declared.entries.keys()) if (!used.has(name)) declared.entries.delete(name);
    if (declared.entries.size === 0) model.entries.delete(section);
  }
}
