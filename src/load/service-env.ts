/** `env_file` and `label_file` are read in: files first, what the service itself says on top. */
import { type Disk, sourceOf } from './disk.ts';
import { type EnvFile, parseDotenv, parseRawEnv } from './dotenv.ts';
import type { Findings } from './findings.ts';
import type { Lookup } from './interpolate.ts';
import { absolute } from './paths.ts';
import {
  child,
  childList,
  childMap,
  childText,
  type Entry,
  isNull,
  type MapNode,
  type Mark,
  map,
  type SpecNode,
  scalar,
} from './tree.ts';

export interface ServiceEnvOptions {
  readonly disk: Disk;
  readonly findings: Findings;
  /** For paths that were left relative. */
  readonly projectDir: string;
  /** Which variables there are where something was written. */
  readonly lookupOf: (mark: Mark) => Lookup;
}

export function readServiceFiles(name: string, service: MapNode, options: ServiceEnvOptions): void {
  readEnvFiles(name, service, options);
  readLabelFiles(name, service, options);
}

function readEnvFiles(name: string, service: MapNode, options: ServiceEnvOptions): void {
  const items = childList(service, 'env_file')?.items ?? [];
  service.entries.delete('env_file');
  if (items.length === 0) return;
  const own = childMap(service, 'environment');
  const read = new Map<string, Entry>();
  for (const item of items) {
    const outer = options.lookupOf(item.mark);
    const given = (key: string) => outer(key) ?? textIn(own?.entries.get(key));
    const file = readFile(name, item, [given, (key) => textIn(read.get(key))], options);
    for (const { key, value, mark } of file?.entries ?? []) {
      const found = value ?? outer(key);
      if (found !== undefined) read.set(key, { key: mark, value: scalar(found, mark) });
    }
  }
  if (read.size > 0) lay(service, 'environment', read, own);
}

function textIn(entry: Entry | undefined): string | undefined {
  return entry === undefined || isNull(entry.value) || entry.value.kind !== 'scalar'
    ? undefined
    : String(entry.value.value);
}

/** The section becomes the files' pairs under its own; an own pair remembers what it hides. */
function lay(service: MapNode, section: string, read: Map<string, Entry>, own: MapNode | undefined): void {
  const made = map(own?.mark ?? service.mark, read);
  for (const [key, entry] of own?.entries ?? []) {
    const hidden = read.get(key);
    made.entries.set(
      key,
      hidden === undefined ? entry : { key: entry.key, value: { ...entry.value, was: [hidden.value] } },
    );
  }
  service.entries.set(section, { key: own?.mark ?? service.mark, value: made });
}

function readFile(
  service: string,
  item: SpecNode,
  lookups: readonly [outer: Lookup, earlier: Lookup],
  options: ServiceEnvOptions,
): EnvFile | undefined {
  const written = childText(item, 'path');
  if (written === undefined) return undefined;
  const path = absolute(written, options.projectDir);
  const at = child(item, 'path')!.mark;
  const isRequired = !['false', 'no', 'off'].includes(childText(item, 'required') ?? 'true');
  if (!isRequired && !options.disk.exists(path)) return undefined;
  const read = options.disk.read(path, at.source);
  if (!read.ok) {
    options.findings.error('bad-env-file', `service ${service}: cannot read env file ${path}: ${read.why}`, at, {
      help:
        read.help ?? 'create the file, or make it optional:\n    env_file:\n      - path: …\n        required: false',
    });
    return undefined;
  }
  const format = childText(item, 'format');
  if (format !== undefined && format !== '' && format !== 'raw') {
    options.findings.error(
      'bad-value',
      `service ${service}: unknown env_file format "${format}"`,
      child(item, 'format')!.mark,
      { help: 'leave it out, or write raw' },
    );
    return undefined;
  }
  const source = sourceOf(path, read);
  const file = format === 'raw' ? parseRawEnv(source) : parseDotenv(source, ...lookups);
  for (const problem of file.problems) {
    options.findings.error('bad-env-file', problem.summary, problem.at, {
      help: problem.help,
      related: [{ at, label: `read for service ${service}` }],
    });
  }
  return file;
}

function readLabelFiles(name: string, service: MapNode, options: ServiceEnvOptions): void {
  const items = childList(service, 'label_file')?.items ?? [];
  service.entries.delete('label_file');
  if (items.length === 0) return;
  const read = new Map<string, Entry>();
  for (const item of items) {
    if (item.kind !== 'scalar') continue;
    const path = absolute(String(item.value), options.projectDir);
    const found = options.disk.read(path, item.mark.source);
    if (!found.ok) {
      options.findings.error(
        'file-not-found',
        `service ${name}: cannot read label file ${path}: ${found.why}`,
        item.mark,
        { help: found.help ?? 'create the file' },
      );
      continue;
    }
    const file = parseDotenv(
      sourceOf(path, found),
      () => undefined,
      (key) => textIn(read.get(key)),
    );
    for (const { summary, at, help } of file.problems) options.findings.error('bad-env-file', summary, at, { help });
    for (const { key, value, mark } of file.entries) read.set(key, { key: mark, value: scalar(value ?? '', mark) });
  }
  if (read.size > 0) lay(service, 'labels', read, childMap(service, 'labels'));
}
