/** The project's environment: the shell's variables over those of .env files, and where each came from. */
import { posix } from 'node:path';
import type { Disk } from './disk.ts';
import { type EnvFile, parseDotenv } from './dotenv.ts';
import type { Findings } from './findings.ts';
import { absolute } from './paths.ts';
import type { Mark, SourceText } from './tree.ts';

export interface Origin {
  /** Absent: the shell. */
  readonly mark?: Mark;
}

export interface ProjectEnvironment {
  readonly values: Map<string, string>;
  readonly origins: Map<string, Origin>;
  readonly files: string[];
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
    origins.set(name, {});
  }
  if (!values.has('PWD')) values.set('PWD', cwd);
  return { values, origins, files: [] };
}

/** Adds the variables of files; what is there already wins, among the files themselves the last. */
export function addEnvFiles(
  target: ProjectEnvironment,
  paths: readonly string[],
  disk: Disk,
  findings: Findings,
  outer: (name: string) => string | undefined = () => undefined,
): void {
  const added = new Map<string, { value: string; mark: Mark }>();
  const lookup = (name: string) => outer(name) ?? target.values.get(name) ?? added.get(name)?.value;
  for (const path of paths) {
    if (target.files.includes(path)) continue;
    const file = readEnvFile(path, disk, findings, lookup);
    if (file === undefined) continue;
    target.files.push(path);
    for (const { key, value, mark } of file.entries) if (value !== undefined) added.set(key, { value, mark });
  }
  for (const [name, { value, mark }] of added) {
    if (target.values.has(name)) continue;
    target.values.set(name, value);
    target.origins.set(name, { mark });
  }
}

function readEnvFile(
  path: string,
  disk: Disk,
  findings: Findings,
  lookup: (name: string) => string | undefined,
): EnvFile | undefined {
  const read = disk.read(path);
  if (!read.ok) {
    findings.error('bad-env-file', `cannot read env file ${path}: ${read.why}`, undefined, {
      help: 'correct --env-file, or create the file',
    });
    return undefined;
  }
  const source: SourceText = { file: path, text: read.text };
  const file = parseDotenv(source, lookup);
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
