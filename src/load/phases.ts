/** The phases of loading, in order; `load` binds what they make, `config` prints it in other ways. */
import { posix } from 'node:path';
import { isAddress, type Remotes } from '../model/remote.ts';
import { checkOpen } from '../validate/check-schema.ts';
import { checkRules } from '../validate/rules.ts';
import { reportUnsupported } from '../validate/support.ts';
import { inheritEnvironment, normalize, setDefaults } from './defaults.ts';
import { type Disk, realDisk, withLimits } from './disk.ts';
import type { ModelContext } from './documents.ts';
import { addEnvFiles, envFilesOf, type ProjectEnvironment, shellEnvironment, valueIn } from './environment.ts';
import { type FoundFiles, findFiles, startDir } from './find-files.ts';
import { type Findings, makeFindings } from './findings.ts';
import type { Watch } from './interpolate-tree.ts';
import { checkLeftOut } from './left-out.ts';
import { loadModel } from './model.ts';
import { releaseOptimizer } from './optimizer.ts';
import { activeProfiles, splitByProfile } from './profiles.ts';
import { projectName } from './project-name.ts';
import { pruneUnused } from './prune.ts';
import { type Afar, fetchFile, warnOutside, withAfar } from './remote.ts';
import { select } from './select.ts';
import { readServiceFiles } from './service-env.ts';
import { TooMuch } from './too-much.ts';
import { entriesOf, type MapNode, type Mark, map } from './tree.ts';

export interface LoadRequest {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** -f, in order; `-` is standard input. */
  readonly files?: readonly string[];
  readonly projectDirectory?: string;
  readonly projectName?: string;
  readonly profiles?: readonly string[];
  /** --env-file, in order. */
  readonly envFiles?: readonly string[];
  /** Services named on the command line: they activate their profiles. */
  readonly services?: readonly string[];
  /** Keep only these services (globs allowed), and what they depend on. */
  readonly only?: readonly string[];
  /** true (the default): what cannot be run is an error, not a warning. `config` describes files that this engine cannot run, too. */
  readonly strict?: boolean;
  /** Keep networks, volumes … that no active service uses. */
  readonly allResources?: boolean;
  /** Reads all of standard input; process.stdin when absent. */
  readonly stdin?: () => Promise<Uint8Array>;
  /** Fetches what is named by an address; without it, such a name is a mistake. */
  readonly remotes?: Remotes;
  /** What `config` may leave out; everything is done by default. */
  readonly skip?: Partial<
    Record<'interpolate' | 'normalize' | 'resolvePaths' | 'consistency' | 'resolveEnv' | 'support', boolean>
  >;
}

export interface LoadedModel {
  readonly findings: Findings;
  readonly environment: ProjectEnvironment;
  readonly watch: Watch;
  readonly included: ModelContext['included'];
  readonly files: readonly string[];
  readonly projectDir: string;
  readonly name?: string;
  /** Active services only; resources that they use. */
  readonly model?: MapNode;
  readonly disabled?: MapNode;
  /** Every profile that the files name. */
  readonly profiles: readonly string[];
}

export async function loadTree(request: LoadRequest, machine: Disk = realDisk): Promise<LoadedModel> {
  const findings = makeFindings();
  try {
    return await loadWithLimits(request, machine, findings);
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    findings.error(error.code, error.message, error.at, { help: error.help });
    const environment = shellEnvironment(request.environment, request.cwd);
    return nothingOf(findings, environment, { files: [], projectDir: request.cwd });
  } finally {
    releaseOptimizer();
  }
}

async function loadWithLimits(request: LoadRequest, machine: Disk, findings: Findings): Promise<LoadedModel> {
  const afar: Afar = { remotes: request.remotes, roots: [] };
  const disk = withAfar(withLimits(machine), afar);
  const { environment, found: named } = findProject(request, disk, findings);
  const found = named && (await fetchNamed(named, findings, afar));
  const nothing = nothingOf(findings, environment, found ?? { files: [], projectDir: request.cwd });
  if (found === undefined || found.files.length === 0) return nothing;
  const lookup = (name: string) => valueIn(name, environment);
  const skip = request.skip ?? {};
  const hint: ModelContext['hint'] = {};
  const context: ModelContext = {
    disk,
    findings,
    afar,
    lookup: (name) =>
      name === 'COMPOSE_PROJECT_NAME'
        ? request.projectName || lookup(name) || provisionalName(request, named!, hint)
        : lookup(name),
    hint,
    baseDir: found.projectDir,
    watch: nothing.watch,
    included: nothing.included,
    chain: [],
    options: { interpolate: !skip.interpolate, resolvePaths: !skip.resolvePaths },
    open: [],
    parsed: new Map(),
    bases: new Map(),
    lookups: new Map(),
    loadModel,
    stdin: request.stdin ?? readStdin,
  };
  const model = await loadModel(found.files, context);
  if (model === undefined) return nothing;
  const choice = {
    flag: request.projectName,
    variable: lookup('COMPOSE_PROJECT_NAME'),
    projectDir: named!.projectDir,
    cwd: request.cwd,
  };
  const name = projectName(model, choice, findings);
  environment.values.set('COMPOSE_PROJECT_NAME', name ?? '');
  return { ...nothing, ...finish(model, name ?? 'project', request, context) };
}

function nothingOf(findings: Findings, environment: ProjectEnvironment, found: FoundFiles) {
  const watch: Watch = { unset: new Map(), defaulted: new Map() };
  return { findings, environment, ...found, profiles: [], watch, included: [] } satisfies LoadedModel;
}

/** A project of fetched files lives where they are, all of it (as with docker compose); its name and .env are those of where one stands. */
async function fetchNamed(found: FoundFiles, findings: Findings, afar: Afar): Promise<FoundFiles> {
  const files: string[] = [];
  let projectDir: string | undefined;
  for (const file of found.files) {
    const local = isAddress(file) ? await fetchFile(file, undefined, { findings, afar }) : file;
    if (local !== undefined) files.push(local);
    if (local !== undefined && local !== file) projectDir ??= posix.dirname(local);
  }
  return { files, projectDir: projectDir ?? found.projectDir };
}

/** For interpolation, before all files are read: what the flag, the files so far, and the folder say. */
function provisionalName(request: LoadRequest, found: FoundFiles, hint: ModelContext['hint']): string | undefined {
  const choice = { flag: request.projectName, variable: undefined, projectDir: found.projectDir, cwd: request.cwd };
  return projectName(hint.document, choice, makeFindings());
}

function findProject(
  request: LoadRequest,
  disk: Disk,
  findings: Findings,
): { environment: ProjectEnvironment; found: FoundFiles | undefined } {
  const environment = shellEnvironment(request.environment, request.cwd);
  const isDisabled = readSwitch('COMPOSE_DISABLE_ENV_FILE', request.environment, findings);
  const named = request.envFiles?.length
    ? request.envFiles
    : (request.environment['COMPOSE_ENV_FILES'] ?? '').split(',').filter((path) => path !== '');
  const choice = { named, cwd: request.cwd, isDisabled };
  const wish = { cwd: request.cwd, files: request.files, projectDirectory: request.projectDirectory };
  addEnvFiles(environment, envFilesOf(choice, startDir(wish), disk), disk, findings);
  const found = findFiles(
    {
      ...wish,
      composeFile: valueIn('COMPOSE_FILE', environment),
      separator: valueIn('COMPOSE_PATH_SEPARATOR', environment),
    },
    disk,
    findings,
  );
  // Once more: the file may be further up than where the search began, with a .env beside it.
  if (found !== undefined) addEnvFiles(environment, envFilesOf(choice, found.projectDir, disk), disk, findings);
  return { environment, found };
}

function readSwitch(name: string, environment: LoadRequest['environment'], findings: Findings): boolean {
  const value = environment[name] ?? '';
  if (/^(?:1|t|true|)$/i.test(value)) return value !== '';
  if (!/^(?:0|f|false)$/i.test(value)) {
    findings.error('bad-value', `${name} cannot be "${value}"`, undefined, { help: 'set it to true or false' });
  }
  return false;
}

function finish(
  model: MapNode,
  name: string,
  request: LoadRequest,
  context: ModelContext,
): Pick<LoadedModel, 'model' | 'disabled' | 'name' | 'profiles'> {
  const skip = request.skip ?? {};
  const { findings } = context;
  checkOpen(model, context.open, findings);
  setDefaults(model, context.options.resolvePaths ? context.baseDir : undefined);
  if (!skip.interpolate) inheritEnvironment(model, context.lookup);
  if (!skip.normalize) normalize(model, { projectName: name, ...(!skip.interpolate && { lookup: context.lookup }) });
  model.entries.set('name', {
    key: model.mark,
    value: { kind: 'scalar', value: name, mark: model.entries.get('name')?.value.mark ?? model.mark },
  });
  const services = model.entries.get('services');
  const profiles = allProfiles(model);
  const wanted = request.profiles?.length ? request.profiles : (context.lookup('COMPOSE_PROFILES') ?? '').split(',');
  const all = services?.value.kind === 'map' ? services.value : map(model.mark);
  const split = splitByProfile(
    model,
    activeProfiles(all, wanted, [...(request.services ?? []), ...(request.only ?? [])]),
  );
  const active = request.only?.length ? select(split.active, request.only, findings) : split.active;
  model.entries.set('services', { key: services?.key ?? model.mark, value: active });
  if (!skip.consistency)
    checkRules({ model, services: active, disabled: split.disabled, findings, strict: request.strict !== false });
  if (!skip.resolveEnv) {
    const { disk, lookups } = context;
    const options = {
      disk,
      findings,
      projectDir: context.baseDir,
      lookupOf: (mark: Mark) => lookups.get(mark.source) ?? context.lookup,
    };
    readServiceFiles(active, options);
  }
  checkLeftOut(model, { disabled: split.disabled, findings, lenient: !context.options.interpolate });
  if (!request.allResources) pruneUnused(model, active);
  if (!skip.support) warnOutside(model, active, context.disk, context.afar, findings);
  if (!skip.support) reportUnsupported(model, findings, request.strict !== false);
  return { model, disabled: split.disabled, name, profiles };
}

function allProfiles(model: MapNode): readonly string[] {
  const names = new Set<string>();
  for (const [, service] of entriesOf(model.entries.get('services')?.value)) {
    const list = service.kind === 'map' ? service.entries.get('profiles')?.value : undefined;
    for (const item of list?.kind === 'list' ? list.items : [])
      if (item.kind === 'scalar') names.add(String(item.value));
  }
  return [...names].sort();
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
