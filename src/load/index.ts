/** Compose files to a Project: finds, reads, merges, checks and binds them; reports every mistake at once and never throws for one. */
import type { Loaded, Project } from '../model/project.ts';
import type { Path } from '../model/source.ts';
import { bindStruct, define } from './bind.ts';
import type { Json } from './binding.ts';
import { type LoadedModel, type LoadRequest, loadTree } from './phases.ts';
import { projectShape } from './shapes.ts';
import { serviceFields } from './shapes-service.ts';
import { nearest, rangeOf, type SpecNode } from './tree.ts';

export type { LoadRequest } from './phases.ts';

export async function load(request: LoadRequest): Promise<Loaded> {
  const loaded = await loadTree(request);
  const { findings } = loaded;
  const project = loaded.model === undefined ? undefined : bindProject(loaded as Complete);
  return { ...(project !== undefined && findings.errors === 0 && { project }), diagnostics: findings.sorted() };
}

type Complete = LoadedModel & Required<Pick<LoadedModel, 'model' | 'disabled' | 'name'>>;

function bindProject(loaded: Complete): Project {
  const { model, disabled, findings } = loaded;
  const binding = { findings, extensions: true, always: true, lenient: false };
  const bound = bindStruct(model, projectShape, [], binding) as Record<string, Json & Record<string, never>>;
  const disabledServices: Record<string, Json> = {};
  for (const [name, entry] of disabled.entries) {
    // What is wrong in a service that is not wanted is not worth stopping for: its findings are dropped.
    const quiet = { ...binding, findings: { ...findings, error: () => {}, warn: () => {} } };
    define(disabledServices, name, bindStruct(entry.value, { fields: serviceFields }, ['services', name], quiet));
  }
  const extensions: Record<string, unknown> = {};
  for (const key of Object.keys(bound)) if (key.startsWith('x-')) define(extensions, key, bound[key]);
  return {
    name: loaded.name,
    workingDir: loaded.projectDir,
    files: loaded.files,
    envFiles: loaded.environment.files,
    environment: Object.fromEntries(loaded.environment.values),
    services: bound['services'] ?? {},
    disabledServices: disabledServices as Project['disabledServices'],
    networks: (bound['networks'] ?? {}) as unknown as Project['networks'],
    volumes: (bound['volumes'] ?? {}) as unknown as Project['volumes'],
    secrets: (bound['secrets'] ?? {}) as unknown as Project['secrets'],
    configs: (bound['configs'] ?? {}) as unknown as Project['configs'],
    extensions,
    at: positions(model, disabled),
  };
}

function positions(model: SpecNode, disabled: SpecNode): Project['at'] {
  return (path: Path) => {
    const found = nearest(model, path);
    if (!found.found && path[0] === 'services') {
      const other = nearest(disabled, path.slice(1));
      if (other.found) return rangeOf(other.mark);
    }
    return rangeOf(found.mark);
  };
}
