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
  // "true or false or a text" is how the schema lets a ${VARIABLE} through; people need not hear of the text.
  const shown =
    right.includes('string') && right.some((name) => name === 'boolean' || name === 'integer')
      ? right.filter((name) => name !== 'string')
      : right;
  const wanted = shown.map((name) => TYPE_NAMES[name]).join(' or ');
  const written = node.kind === 'scalar' ? (node.raw ?? String(node.value)) : '';
  const was = type === 'null' ? 'it is empty' : `not ${TYPE_NAMES[type === 'integer' ? 'number' : type]}`;
  const needsQuotes = right.includes('string') && written !== '' && node.kind === 'scalar';
  findings.error(
    'wrong-type',
    `${describePlace(path)} must be ${wanted}, ${type === 'null' ? 'but is empty' : was}`,
    node.mark,
    {
      help: schema.source.deprecated
        ? 'remove it: it has no effect any more'
        : needsQuotes
          ? `quote it: "${written}"`
          : exampleHelp(path, right),
    },
  );
}

function exampleHelp(path: Path, right: readonly JsonType[]): string | undefined {
  const key = path.findLast((step) => typeof step === 'string');
  if (right.includes('array')) return `write a list:\n    ${key}:\n      - …`;
  if (right.includes('object')) return `write a mapping:\n    ${key}:\n      key: value`;
  return undefined;
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
  const description = schema.properties.get(key)?.description;
  findings.error('missing-key', `${describePlace(path)} needs "${key}"`, node.mark, {
    label: `no "${key}" in here`,
    help: `add ${key}: ${description ?? '…'}`,
  });
}
