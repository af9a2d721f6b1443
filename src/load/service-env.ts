/** `env_file` and `label_file` are read in: files first, what the service itself says on top. */
import { type Disk, sourceOf } from './disk.ts';
import { type EnvFile, parseDotenv, parseRawEnv } from './dotenv.ts';
import type { Findings } from './findings.ts';
import type { Lookup } from './interpolate.ts';
import { MAX_VARIABLES_ALL } from './limits.ts';
import { absolute } from './paths.ts';
import { TooMuch } from './too-much.ts';
import {
  child,
  childList,
  childMap,
  childText,
  type Entry,
  entriesOf,
  isNull,
  type MapNode,
  type Mark,
  type SourceText,
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
  /** Pairs of files that say the same to everybody: without variables. Services share them, node by node. */
  readonly shared: Map<string, ReadonlyMap<string, Entry>>;
  /** How many variables the services have read so far. */
  taken: number;
}

export function readServiceFiles(services: MapNode, files: Omit<ServiceEnvOptions, 'shared' | 'taken'>): void {
  const options: ServiceEnvOptions = { ...files, shared: new Map(), taken: 0 };
  for (const [name, service] of entriesOf(services)) {
    if (service.kind !== 'map') continue;
    readEnvFiles(name, service, options);
    readLabelFiles(name, service, options);
  }
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
    const pairs = readFile(name, item, [given, (key) => textIn(read.get(key))], options);
    for (const [key, entry] of pairs ?? []) {
      // A bare KEY is inherited, and without a value it is as good as absent.
      const found = entry.value.kind === 'scalar' && entry.value.value === null ? outer(key) : undefined;
      if (found !== undefined) read.set(key, { key: entry.key, value: scalar(found, entry.key) });
      else if (!isNull(entry.value)) read.set(key, entry);
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
  const made: MapNode = { kind: 'map', mark: own?.mark ?? service.mark, entries: read };
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
): ReadonlyMap<string, Entry> | undefined {
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
  const label = `read for service ${service}`;
  const parse = (source: SourceText) => (format === 'raw' ? parseRawEnv(source) : parseDotenv(source, ...lookups));
  return pairsOf(sourceOf(path, read), `${format ?? ''} ${path}`, { at, label }, parse, options);
}

function pairsOf(
  source: SourceText,
  name: string,
  reader: { readonly at: Mark; readonly label: string },
  parse: (source: SourceText) => EnvFile,
  options: ServiceEnvOptions,
): ReadonlyMap<string, Entry> {
  const known = options.shared.get(name);
  const pairs = known ?? new Map<string, Entry>();
  const isSame = !source.text.includes('$');
  if (known === undefined) {
    const { entries, problems } = parse(source);
    for (const { summary, at, help } of problems)
      options.findings.error('bad-env-file', summary, at, { help, related: [reader] });
    for (const { key, value, mark } of entries)
      (pairs as Map<string, Entry>).set(key, { key: mark, value: scalar(value ?? null, mark) });
    if (isSame) options.shared.set(name, pairs);
  }
  // What has to be read anew for each service costs more.
  options.taken += isSame ? pairs.size : 5 * pairs.size;
  if (options.taken > MAX_VARIABLES_ALL) {
    const help = 'give each service only the env files that it needs';
    throw new TooMuch('the services read too many variables from env files', { at: reader.at, help });
  }
  return pairs;
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
    const earlier: Lookup = (key) => textIn(read.get(key));
    const reader = { at: item.mark, label: `read for service ${name}` };
    const parse = (source: SourceText) => parseDotenv(source, () => undefined, earlier);
    for (const [key, entry] of pairsOf(sourceOf(path, found), `label ${path}`, reader, parse, options))
      read.set(key, isNull(entry.value) ? { key: entry.key, value: scalar('', entry.key) } : entry);
  }
  if (read.size > 0) lay(service, 'labels', read, childMap(service, 'labels'));
}
