/** What to say where a file and the schema disagree: one message a mistake, with the nearest right thing. */
import type { Findings } from '../load/findings.ts';
import type { Entry, MapNode, SpecNode } from '../load/tree.ts';
import type { Path } from '../model/source.ts';
import { nearestOf } from './did-you-mean.ts';
import { describePlace } from './places.ts';
import { type JsonType, projectSchema, type Schema, typesOf } from './schema.ts';

const TYPE_NAMES: Readonly<Record<JsonType, string>> = {
  object: 'a mapping',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  null: 'empty',
};

export function wrongType(node: SpecNode, type: JsonType, schema: Schema, path: Path, findings: Findings): void {
  const right = typesOf(schema).filter((name) => name !== 'null');
  const wanted = wantedOf(right, schema, path);
  const was = type === 'null' ? 'but is empty' : `not ${nameOf(node, type)}`;
  findings.error('wrong-type', `${describePlace(path)} must be ${wanted}, ${was}`, node.mark, {
    help: schema.source.deprecated ? 'remove it: it has no effect any more' : typeHelp(node, right, schema, path),
  });
}

function wantedOf(right: readonly JsonType[], schema: Schema, path: Path): string {
  const { source } = schema;
  if (source.title !== undefined) return source.title;
  if (['string', 'number', 'boolean'].every((name) => right.includes(name as JsonType))) return 'a single value';
  const shown = isFilledIn(right, schema, path) ? right.filter((name) => name !== 'string') : right;
  return shown.map((name) => TYPE_NAMES[name]).join(' or ');
}

/** "true or false or a text" is how the schema lets a ${VARIABLE} through; people need not hear of the text. */
function isFilledIn(right: readonly JsonType[], { branches }: Schema, path: Path): boolean {
  const isOther = right.includes('boolean') || right.includes('integer');
  return branches.length === 0 && isOther && typeof path.at(-1) === 'string';
}

/** A number is shown itself: "must be a whole number, not a number" would puzzle. */
function nameOf(node: SpecNode, type: JsonType): string {
  const isNumber = type === 'number' || type === 'integer';
  return isNumber && node.kind === 'scalar' ? `the number ${node.raw ?? node.value}` : TYPE_NAMES[type];
}

function typeHelp(node: SpecNode, right: readonly JsonType[], schema: Schema, path: Path): string | undefined {
  const key = path.findLast((step) => typeof step === 'string');
  const written = node.kind === 'scalar' && node.value !== null ? (node.raw ?? String(node.value)) : '';
  if (path.length === 0) return undefined;
  if (path.length === 1 && key === 'services')
    return `write:\n    services:\n      web:\n        image: ${written || 'nginx'}`;
  if (path.length === 2 && path[0] === 'services') return `write:\n    ${key}:\n      image: ${written || 'nginx'}`;
  // A number where a text is wanted is a text in quotes, but true or false in quotes would be no better.
  const isText = right.includes('string') && !schema.source.title && !isFilledIn(right, schema, path);
  const isString = node.kind === 'scalar' && typeof node.value === 'string';
  if (isText && written !== '' && !isString) return `quote it: "${written}"`;
  const only = node.kind === 'list' && node.items.length === 1 ? node.items[0]! : undefined;
  const isSingle = right.some((name) => name !== 'object' && name !== 'array');
  if (only?.kind === 'scalar' && isSingle && !right.includes('array'))
    return `write it without a list:\n    ${key}: ${only.raw ?? only.value}`;
  if (right.includes('array')) {
    const items = written.startsWith('-')
      ? written.split(/\s+(?=-)/).map((item) => item.slice(1))
      : [isString ? written : '…'];
    return `write a list:\n    ${key}:${items.map((item) => `\n      - ${item}`).join('')}`;
  }
  if (typeof path.at(-1) === 'number') return undefined;
  return right.includes('object') ? `write a mapping:\n    ${key}:\n      key: value` : undefined;
}

export function unknownKey(
  node: MapNode,
  key: string,
  entry: Entry,
  schema: Schema,
  path: Path,
  findings: Findings,
): void {
  if (schema.patterns.length > 0 && schema.properties.keys().length === 0) {
    findings.error('bad-value', `${describePlace(path)}: "${key}" is not a valid name`, entry.key, {
      help: 'use letters, digits, dots, dashes and underscores',
    });
    return;
  }
  const where = path.length === 0 ? 'a Compose file' : describePlace(path);
  const place = [...path];
  findings.error('unknown-key', `${where} has no setting "${key}"`, entry.key, {
    label: 'unknown',
    help: () => elsewhere(key, place) ?? outsideServices(entry, place) ?? suggestion(key, node, schema),
  });
}

/** As in the files of Compose's first years, which had services at the top. */
function outsideServices({ value }: Entry, path: Path): string | undefined {
  const isService =
    path.length === 0 && value.kind === 'map' && (value.entries.has('image') || value.entries.has('build'));
  return isService ? 'a service belongs under "services:": indent it under that key' : undefined;
}

function suggestion(key: string, node: MapNode, schema: Schema): string {
  const close = nearestOf(
    key,
    schema.properties.keys().filter((name) => !node.entries.has(name)),
  );
  return close === undefined ? 'remove it; a key of your own begins with x-' : `did you mean "${close}"?`;
}

/** A key that exists, but one level up or down, is a matter of indentation. */
function elsewhere(key: string, path: Path): string | undefined {
  const project = projectSchema();
  const service = project.properties.get('services')!.patterns[0]![1];
  if (path.length === 0 && service.properties.get(key) !== undefined)
    return `"${key}" belongs to a service: indent it under services`;
  if (
    path[0] === 'services' &&
    project.properties.get(key) !== undefined &&
    service.properties.get(key) === undefined
  ) {
    return `"${key}" belongs to the top level of the file: indent it less`;
  }
  if (path[0] === 'services' && path.length > 2 && service.properties.get(key) !== undefined) {
    return `"${key}" belongs to the service itself: indent it less`;
  }
  return undefined;
}

export function missingKey(node: MapNode, key: string, schema: Schema, path: Path, findings: Findings): void {
  const wanted = schema.properties.get(key);
  const meaning = wanted?.description?.replace(/\.$/, '').replace(/^[A-Z](?![A-Z])/, (first) => first.toLowerCase());
  findings.error('missing-key', `${describePlace(path)} needs "${key}"`, node.mark, {
    label: `no "${key}" in here`,
    help: `add${meaning === undefined ? '' : ` ${meaning}`}:\n    ${key}: ${wanted?.source.enum?.[0] ?? '…'}`,
  });
}
