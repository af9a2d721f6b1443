/** The project's environment: the shell's variables over those of .env files, and where each came from. */
import { posix } from 'node:path';
import { type Disk, sourceOf } from './disk.ts';
import { type EnvFile, parseDotenv } from './dotenv.ts';
import type { Findings } from './findings.ts';
import type { Lookup } from './interpolate.ts';
import { absolute } from './paths.ts';
import type { Mark } from './tree.ts';

export interface Origin {
  /** Absent: the shell. */
  readonly mark?: Mark;
  /** What it was preferred to. */
  readonly over: readonly Written[];
}

export interface Written {
  readonly value: string;
  readonly mark: Mark;
}

export interface ProjectEnvironment {
  readonly values: Map<string, string>;
  readonly origins: Map<string, Origin>;
  readonly files: string[];
  /** Names that something asked for. */
  readonly used: Set<string>;
}

export function shellEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  cwd: string,
): ProjectEnvironment {
  const values = new Map<string, string>();
  const origins = new Map<string, Origin>();
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue;
    values.set(name, value);
    origins.set(name, { over: [] });
  }
  if (!values.has('PWD')) values.set('PWD', cwd);
  return { values, origins, files: [], used: new Set() };
}

/** The value, and a note that it was asked for. */
export function valueIn(name: string, environment: ProjectEnvironment): string | undefined {
  environment.used.add(name);
  return environment.values.get(name);
}

interface Asking {
  readonly outer?: Lookup;
  /** Where each path is written, of those that are. */
  readonly asked?: ReadonlyMap<string, Mark>;
}

/** Adds the variables of files; what is there already wins, among the files themselves the last. */
export function addEnvFiles(
  target: ProjectEnvironment,
  paths: readonly string[],
  disk: Disk,
  findings: Findings,
  { outer = () => undefined, asked }: Asking = {},
): void {
  const added = new Map<string, readonly Written[]>();
  const given = (name: string) => outer(name) ?? valueIn(name, target);
  const earlier = (name: string) => added.get(name)?.[0]?.value;
  for (const path of paths) {
    if (target.files.includes(path)) continue;
    const file = readEnvFile(path, disk, findings, [given, earlier], asked?.get(path));
    if (file === undefined) continue;
    target.files.push(path);
    for (const { key, value, mark } of file.entries)
      if (value !== undefined) added.set(key, [{ value, mark }, ...(added.get(key) ?? [])]);
  }
  for (const [name, written] of added) {
    const [latest, ...over] = written;
    const known = target.origins.get(name);
    if (known !== undefined) target.origins.set(name, { ...known, over: [...known.over, ...written] });
    else target.origins.set(name, { mark: latest!.mark, over });
    if (!target.values.has(name)) target.values.set(name, latest!.value);
  }
}

function readEnvFile(
  path: string,
  disk: Disk,
  findings: Findings,
  lookups: readonly [outer: Lookup, earlier: Lookup],
  at: Mark | undefined,
): EnvFile | undefined {
  const read = disk.read(path);
  if (!read.ok) {
    findings.error('bad-env-file', `cannot read env file ${path}: ${read.why}`, at, {
      help: read.help ?? `correct ${at === undefined ? '--env-file' : 'the path'}, or create the file`,
    });
    return undefined;
  }
  const source = sourceOf(path, read);
  const file = parseDotenv(source, ...lookups);
  for (const { summary, at, help } of file.problems) findings.error('bad-env-file', summary, at, { help });
  return file;
}

export interface EnvFileChoice {
  readonly named: readonly string[];
  readonly cwd: string;
  readonly isDisabled: boolean;
}

/** The files named, or .env of a folder where there is one. */
export function envFilesOf(choice: EnvFileChoice, folder: string, disk: Disk): readonly string[] {
  if (choice.named.length > 0) return choice.named.map((path) => absolute(path, choice.cwd));
  const path = posix.join(folder, '.env');
  return !choice.isDisabled && disk.isFile(path) ? [path] : [];
}
