/** `config --explain KEY`: what the specification says about a key, what this engine does with it, and what may be inside. */
import { ATTRIBUTES, type Attribute, reasonFor, type Section, verdict } from '../../validate/attributes.ts';
import { type JsonType, projectSchema, type Schema, typesOf } from '../../validate/schema.ts';
import { columns } from './columns.ts';

/** undefined: not a key of the specification; a place of the file, perhaps. */
export function explainKey(text: string): string | undefined {
  const steps = text.split('.').filter((step) => step !== '');
  const found =
    descend(projectSchema(), steps) ??
    (steps.length > 0 ? descend(serviceSchema(), steps, ['services', '*']) : undefined);
  return found === undefined ? undefined : describe(found.schema, found.path);
}

function serviceSchema(): Schema {
  return projectSchema().properties.get('services')!.patterns[0]![1];
}

/** Names of services and the like are written `*`: a real name is a place of the file, not a key. */
function descend(
  start: Schema,
  steps: readonly string[],
  path: readonly string[] = [],
): { schema: Schema; path: readonly string[] } | undefined {
  let schema = start;
  const taken = [...path];
  for (const step of steps) {
    const name = step.replace(/\[[\]0-9*]*\]$/, '');
    const inner = keyIn(schema, name);
    if (inner === undefined) return undefined;
    schema = inner;
    taken.push(name);
  }
  return { schema, path: taken };
}

function keyIn(schema: Schema, key: string): Schema | undefined {
  for (const branch of schema.branches) {
    const found = keyIn(branch, key);
    if (found !== undefined) return found;
  }
  if (schema.items !== undefined) return keyIn(schema.items, key);
  if (key === '*') return schema.patterns.find(([regex]) => !regex.source.startsWith('^x-'))?.[1];
  return schema.properties.get(key);
}

const NAMES: Readonly<Record<JsonType, string>> = {
  object: 'mapping',
  array: 'list',
  string: 'text',
  number: 'number',
  integer: 'whole number',
  boolean: 'true or false',
  null: 'empty',
};

function describe(schema: Schema, path: readonly string[]): string {
  const lines = [
    path.join('.'),
    `  ${schema.description ?? ''}`,
    '',
    `  form: ${typesOf(schema)
      .map((type) => NAMES[type])
      .join(', ')}`,
  ];
  if (schema.source.enum !== undefined) lines.push(`  one of: ${schema.source.enum.join(', ')}`);
  const support = supportOf(path);
  if (support !== undefined)
    lines.push(`  here: ${verdict(support)}${support.why === undefined ? '' : ` (${reasonFor(support)})`}`);
  const keys = keysOf(schema);
  if (keys.length === 0) return `${lines.join('\n')}\n`;
  return `${lines.join('\n')}\n\n${columns(keys.map(([key, inner]) => [`  ${key}`, inner.description ?? '']))}`;
}

/** The nearest entry of the table: what holds for `deploy` holds for what is in it. */
function supportOf(path: readonly string[]): Attribute | undefined {
  const [section, , ...rest] = path;
  if (section === undefined || !Object.hasOwn(ATTRIBUTES, section)) return undefined;
  const table: Readonly<Record<string, Attribute>> = ATTRIBUTES[section as Section];
  for (let length = rest.length; length > 0; length--) {
    const key = rest
      .slice(0, length)
      .filter((step) => step !== '*')
      .join('.');
    if (Object.hasOwn(table, key)) return table[key];
  }
  return undefined;
}

function keysOf(schema: Schema): readonly (readonly [string, Schema])[] {
  const own = schema.properties.keys().map((key) => [key, schema.properties.get(key)!] as const);
  const inner = schema.items === undefined ? [] : keysOf(schema.items);
  return [...own, ...inner, ...schema.branches.flatMap(keysOf)];
}
