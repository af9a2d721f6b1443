/** Files to parsed documents, and what a model is read with. */
import { posix } from 'node:path';
import type { OpenQuestion } from '../validate/check-schema.ts';
import { type Disk, decode, sourceOf } from './disk.ts';
import type { ProjectEnvironment } from './environment.ts';
import type { Services } from './extends.ts';
import type { Findings } from './findings.ts';
import type { Lookup } from './interpolate.ts';
import type { Watch } from './interpolate-tree.ts';
import { parseYaml } from './parse-yaml.ts';
import type { Afar } from './remote.ts';
import type { MapNode, Mark, SourceText, SpecNode } from './tree.ts';

/** What one model (the project, or one include) is read with. */
export interface ModelContext {
  readonly disk: Disk;
  readonly findings: Findings;
  readonly lookup: Lookup;
  /** Folder that relative paths start from. */
  readonly baseDir: string;
  readonly watch: Watch;
  /** Files that led here, for cycles of includes. */
  readonly chain: readonly string[];
  /** Where an include asks for the files. */
  readonly from?: Mark;
  readonly options: ModelOptions;
  /** What one file leaves open and another may fill in. */
  readonly open: OpenQuestion[];
  /** Texts of every file read, by path: a file that is extended ten times is parsed once. */
  readonly parsed: Map<string, Promise<readonly SpecNode[] | undefined>>;
  /** The services of each file that is extended, in long form: made once, and copied for whoever extends one. An include has its own variables, and so its own. */
  readonly bases: Map<string, Promise<Services | undefined>>;
  /** What the variables of each text are looked up in: an include has an environment of its own, for its env files too. */
  readonly lookups: Map<SourceText, Lookup>;
  /** Reads the files of an include: given, since the two call each other. */
  readonly loadModel: (files: readonly string[], context: ModelContext) => Promise<MapNode | undefined>;
  /** The environments of includes, for reports. */
  readonly included: { readonly file: string; readonly environment: ProjectEnvironment }[];
  readonly stdin: () => Promise<Uint8Array>;
  readonly afar: Afar;
  /** The latest document of the project itself that names it: COMPOSE_PROJECT_NAME, for the variables after it. */
  readonly hint: { document?: MapNode };
}

export interface ModelOptions {
  readonly interpolate: boolean;
  readonly resolvePaths: boolean;
}

/** Documents to take services from; kept, since a file may be extended many times: whoever changes one copies it first. */
export function sharedDocuments(
  file: string,
  context: ModelContext,
  from: Mark,
): Promise<readonly SpecNode[] | undefined> {
  // What a fetched file may not read, it may not have from somebody else's reading either.
  const key = from.source.name === undefined ? file : `${from.source.file} ${file}`;
  let reading = context.parsed.get(key);
  if (reading === undefined) {
    reading = readDocuments(file, context, from);
    context.parsed.set(key, reading);
  }
  return reading;
}

export async function readDocuments(
  file: string,
  context: ModelContext,
  from?: Mark,
): Promise<readonly SpecNode[] | undefined> {
  const read = file === '-' ? decode(await context.stdin()) : context.disk.read(file, from?.source);
  if (!read.ok) {
    context.findings.error(read.code, `cannot read ${file === '-' ? 'standard input' : file}: ${read.why}`, from, {
      help: read.help ?? 'correct the path, or create the file',
    });
    return undefined;
  }
  const source = sourceOf(file, read);
  context.lookups.set(source, context.lookup);
  const before = context.findings.errors;
  const documents = await parseYaml(source, context.findings);
  return documents.length === 0 && context.findings.errors > before ? undefined : documents;
}

export function dirOf(file: string, context: ModelContext): string {
  return file === '-' ? context.baseDir : posix.dirname(file);
}
