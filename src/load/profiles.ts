/** Which services are active: those without profiles, those of an active profile, and those named on the command line. */
import { child, childList, childMap, type MapNode, map, type SpecNode } from './tree.ts';

export function profilesOf(service: SpecNode): readonly string[] {
  const items = childList(service, 'profiles')?.items ?? [];
  return items.flatMap((item) => (item.kind === 'scalar' ? [String(item.value)] : []));
}

/** A service that is named brings its own profiles along, and with them what it may depend on. */
export function activeProfiles(
  services: MapNode | undefined,
  wanted: readonly string[],
  named: readonly string[],
): ReadonlySet<string> {
  const active = new Set(wanted.map((profile) => profile.trim()).filter((profile) => profile !== ''));
  for (const name of named) {
    const service = child(services, name);
    if (service !== undefined && !isActive(service, active))
      for (const profile of profilesOf(service)) active.add(profile);
  }
  return active;
}

function isActive(service: SpecNode, active: ReadonlySet<string>): boolean {
  const own = profilesOf(service);
  // The empty profile is always active: `profiles: ["${ONLY_IN:-}"]`.
  return own.length === 0 || active.has('*') || own.some((profile) => profile === '' || active.has(profile));
}

/** Splits the services in two; the model keeps the active ones. */
export function splitByProfile(model: MapNode, active: ReadonlySet<string>): { active: MapNode; disabled: MapNode } {
  const services = childMap(model, 'services');
  const made = { active: map(services?.mark ?? model.mark), disabled: map(services?.mark ?? model.mark) };
  if (services?.damaged) made.active.damaged = true;
  for (const [name, entry] of services?.entries ?? []) {
    (isActive(entry.value, active) ? made.active : made.disabled).entries.set(name, entry);
  }
  return made;
}
