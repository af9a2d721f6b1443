/** The JSON Schema of a Compose file, prepared for the checker: references followed, patterns compiled, once each. */
import source from '../../schema/compose.schema.json' with { type: 'json' };

export type JsonType = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';

interface SchemaSource {
  readonly $ref?: string;
  /** What to call a value of this kind: "a size, such as 64m". */
  readonly title?: string;
  /** What to write where the pattern does not fit. */
  readonly $comment?: string;
  readonly description?: string;
  readonly type?: JsonType | readonly JsonType[];
  readonly properties?: Readonly<Record<string, SchemaSource>>;
  readonly patternProperties?: Readonly<Record<string, SchemaSource>>;
  readonly additionalProperties?: boolean | SchemaSource;
  readonly required?: readonly string[];
  readonly items?: SchemaSource;
  readonly uniqueItems?: boolean;
  readonly oneOf?: readonly SchemaSource[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly deprecated?: boolean;
}

export interface Properties {
  get(key: string): Schema | undefined;
  keys(): readonly string[];
}

export interface Schema {
  readonly description?: string;
  /** Empty: anything goes. */
  readonly types: ReadonlySet<JsonType>;
  /** Branches of a union; each has types of its own, so that the value's type alone decides which one applies. */
  readonly branches: readonly Schema[];
  readonly properties: Properties;
  readonly patterns: readonly (readonly [RegExp, Schema])[];
  readonly additional: Schema | boolean;
  readonly required: readonly string[];
  readonly items: Schema | undefined;
  readonly source: SchemaSource;
  readonly pattern?: RegExp;
}

const definitions = source.$defs as unknown as Readonly<Record<string, SchemaSource>>;
const prepared = new Map<SchemaSource, Schema>();

export function projectSchema(): Schema {
  return prepare(source as unknown as SchemaSource);
}

export function definition(name: 'service'): Schema {
  return prepare(definitions[name]!);
}

function prepare(raw: SchemaSource): Schema {
  const known = prepared.get(raw);
  if (known !== undefined) return known;
  const followed = follow(raw);
  const made = lazily(followed);
  prepared.set(raw, made);
  return made;
}

function follow(raw: SchemaSource): SchemaSource {
  if (raw.$ref === undefined) return raw;
  const { $ref, ...own } = raw;
  return { ...follow(definitions[$ref.replace('#/$defs/', '')]!), ...own };
}

/** Children are prepared when first asked for: a file that has no `deploy` never pays for its schema. */
function lazily(raw: SchemaSource): Schema {
  const types = raw.type === undefined ? [] : typeof raw.type === 'string' ? [raw.type] : raw.type;
  const { additionalProperties: additional = true, items } = raw;
  const branches = once(() => (raw.oneOf ?? []).map(prepare));
  const patterns = once(() =>
    Object.entries(raw.patternProperties ?? {}).map(([key, value]) => [new RegExp(key), prepare(value)] as const),
  );
  return {
    ...(raw.description !== undefined && { description: raw.description }),
    types: new Set(types),
    required: raw.required ?? [],
    source: raw,
    ...(raw.pattern !== undefined && { pattern: new RegExp(raw.pattern) }),
    properties: new LazyProperties(raw.properties ?? {}),
    get branches() {
      return branches();
    },
    get patterns() {
      return patterns();
    },
    get additional() {
      return typeof additional === 'boolean' ? additional : prepare(additional);
    },
    get items() {
      return items === undefined ? undefined : prepare(items);
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    if (made === undefined) made = { value: make() };
    return made.value;
  };
}

class LazyProperties implements Properties {
  readonly #raw: Readonly<Record<string, SchemaSource>>;
  readonly #made = new Map<string, Schema>();
  #keys: readonly string[] | undefined;
  constructor(raw: Readonly<Record<string, SchemaSource>>) {
    this.#raw = raw;
  }
  get(key: string): Schema | undefined {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    if (!Object.hasOwn(this.#raw, key)) return undefined;
    const made = prepare(this.#raw[key]!);
    this.#made.set(key, made);
    return made;
  }
  keys(): readonly string[] {
    this.#keys ??= Object.keys(this.#raw);
    return this.#keys;
  }
}

/** The schema that a value of this type is held against, and all types that would have been right. */
export function branchFor(schema: Schema, type: JsonType): Schema | undefined {
  if (schema.branches.length === 0) return accepts(schema, type) ? schema : undefined;
  for (const branch of schema.branches) {
    const found = branchFor(branch, type);
    if (found !== undefined) return found;
  }
  return undefined;
}

function accepts(schema: Schema, type: JsonType): boolean {
  return schema.types.size === 0 || schema.types.has(type) || (type === 'integer' && schema.types.has('number'));
}

export function typesOf(schema: Schema): readonly JsonType[] {
  if (schema.branches.length === 0) return [...schema.types];
  return [...new Set(schema.branches.flatMap(typesOf))];
}
