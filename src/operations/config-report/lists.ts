/** One name a line: services, images, volumes, networks, models, profiles. */
import type { Json } from '../../load/binding.ts';
import type { LoadedModel } from '../../load/phases.ts';

type Services = Readonly<Record<string, Readonly<Record<string, Json>>>>;

type Models = Readonly<Record<string, { readonly model?: Json }>>;

export type Listable = 'services' | 'images' | 'volumes' | 'networks' | 'models' | 'profiles';

export function listText(what: Listable, bound: Readonly<Record<string, Json>>, loaded: LoadedModel): string {
  return listOf(what, bound, loaded)
    .map((line) => `${line}\n`)
    .join('');
}

function listOf(what: Listable, bound: Readonly<Record<string, Json>>, loaded: LoadedModel): readonly string[] {
  const services = bound['services'] as Services;
  if (what === 'services') return inOrder(services);
  if (what === 'profiles') return loaded.profiles;
  if (what === 'images') {
    return Object.keys(services).flatMap((name) => {
      const { image, provider } = services[name]!;
      return provider === undefined ? [typeof image === 'string' ? image : `${loaded.name}-${name}`] : [];
    });
  }
  if (what === 'models') return Object.values((bound['models'] ?? {}) as Models).map(({ model }) => String(model));
  return Object.keys((bound[what] ?? {}) as object);
}

/** What a service depends on comes before it; else by name. Cycles were reported before this is reached. */
function inOrder(services: Services): readonly string[] {
  const done = new Set<string>();
  for (const start of Object.keys(services)) {
    const open = [start];
    const entered = new Set<string>();
    while (open.length > 0) {
      const name = open.at(-1)!;
      const waits =
        done.has(name) || entered.has(name) ? [] : needsOf(services, name).filter((need) => !done.has(need));
      entered.add(name);
      if (waits.length > 0) open.push(...waits.reverse());
      else {
        done.add(name);
        open.pop();
      }
    }
  }
  return [...done];
}

function needsOf(services: Services, name: string): string[] {
  return Object.keys((services[name]?.['depends_on'] ?? {}) as object).filter((need) => Object.hasOwn(services, need));
}
