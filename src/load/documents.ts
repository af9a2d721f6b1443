/** Files to parsed documents, and what a model is read with. */
import { posix } from 'node:path';
import type { OpenQuestion } from '../validate/check-schema.ts';
import { type Disk, decode } from './disk.ts';
import type { Findings } from './findings.ts';
import type { Lookup } from './interpolate.ts';
import { parseYaml } from './parse-yaml.ts';
import type { MapNode, Mark, SourceText, SpecNode } from './tree.ts';

/** What one model (the project, or one include) is read with. */
export interface ModelContext {
  readonly disk: Disk;
  readonly findings: Findings;
  readonly lookup: Lookup;
  /** Folder that relative paths start from. */
  readonly baseDir: string;
  /** Variables whose absence was reported. */
  readonly warned: Set<string>;
  /** Files that led here, for cycles of includes. */
  readonly chain: readonly string[];
  readonly options: ModelOptions;
  /** What one file leaves open and another may fill in. */
  readonly open: OpenQuestion[];
  /** Texts of every file read, by path: a file that is extended ten times is parsed once. */
  readonly parsed: Map<string, Promise<readonly SpecNode[] | undefined>>;
  /** What the variables of each text are looked up in: an include has an environment of its own, for its env files too. */
  readonly lookups: Map<SourceText, Lookup>;
  /** Reads the files of an include: given, since the two call each other. */
  readonly loadModel: (files: readonly string[], context: ModelContext) => Promise<MapNode | undefined>;
  readonly stdin: () => Promise<Uint8Array>;
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
  let reading = context.parsed.get(file);
  if (reading === undefined) {
    reading = readDocuments(file, context, from);
    context.parsed.set(file, reading);
  }
  return reading;
}

export async function readDocuments(
  file: string,
  context: ModelContext,
  from?: Mark,
): Promise<readonly SpecNode[] | undefined> {
  const read = file === '-' ? decode(await context.stdin()) : context.disk.read(file);
  if (!read.ok) {
    context.findings.error(read.code, `cannot read ${file === '-' ? 'standard input' : file}: ${read.why}`, from, {
      help: 'correct the path, or create the file',
    });
    return undefined;
  }
  const source = { file, text: read.text };
  context.lookups.set(source, context.lookup);
  return parseYaml(source, context.findings);
}

export function dirOf(file: string, context: ModelContext): string {
  return file === '-' ? context.baseDir : posix.dirname(file);
}

export function reportRemote(file: string, at: Mark, context: ModelContext): void {
  context.findings.error('bad-include', `"${file}" is not on this machine, and files are not fetched yet`, at, {
    help: 'fetch it yourself, and give its path',
  });
}
