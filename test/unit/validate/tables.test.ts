/** The schema, the shapes and the table of attributes describe one specification: none may know a key that another does not. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import type { Shape } from '../../../src/load/shape.ts';
import { projectShape } from '../../../src/load/shapes.ts';
import { serviceFields } from '../../../src/load/shapes-service.ts';
import { ATTRIBUTES } from '../../../src/validate/attributes.ts';
import { projectSchema, type Schema } from '../../../src/validate/schema.ts';

const schema = JSON.parse(readFileSync(join(import.meta.dirname, '../../../schema/compose.schema.json'), 'utf8'));
const project = projectSchema();
const inside = (section: string) => project.properties.get(section)!.patterns[0]![1];

describe('the schema', () => {
  test('is valid JSON Schema 2020-12, as ajv reads it', () => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false });
    expect(ajv.validateSchema(schema)).toBe(true);
    expect(typeof ajv.compile(schema)).toBe('function');
  });

  test('describes every key', () => {
    const missing: string[] = [];
    const visit = (node: Record<string, unknown>, path: string) => {
      for (const [key, value] of Object.entries(
        (node['properties'] ?? {}) as Record<string, Record<string, unknown>>,
      )) {
        const target = typeof value['$ref'] === 'string' ? schema.$defs[value['$ref'].replace('#/$defs/', '')] : value;
        if (value['description'] === undefined && target.description === undefined) missing.push(`${path}.${key}`);
      }
      for (const [key, value] of Object.entries(node)) {
        if (key !== 'properties' && (value === null || typeof value !== 'object')) continue;
        visit(value as Record<string, unknown>, `${path}.${key}`);
      }
    };
    visit(schema, '');
    expect(missing).toEqual([]);
  });
});

/** Keys that loading consumes, or that are read under another name. */
const CONSUMED: Readonly<Record<string, readonly string[]>> = { services: ['extends'] };

describe('the tables', () => {
  test('every service key has a shape, and every shape a key', () => {
    const known = inside('services')
      .properties.keys()
      .filter((key) => !CONSUMED['services']!.includes(key));
    expect(Object.keys(serviceFields).sort()).toEqual([...known].sort());
  });

  test('what is inside the service keys agrees too', () => {
    const wrong: string[] = [];
    compare('services', inside('services'), { struct: { fields: serviceFields } }, wrong);
    for (const section of ['networks', 'volumes', 'models'] as const) {
      const shape = projectShape.fields[section];
      if (typeof shape === 'object' && 'mapOf' in shape) compare(section, inside(section), shape.mapOf, wrong);
    }
    expect(wrong).toEqual([]);
  });

  test('every key of every section is in the table of attributes', () => {
    for (const section of ['services', 'networks', 'volumes'] as const) {
      const listed = Object.keys(ATTRIBUTES[section]).filter((key) => !key.includes('.'));
      expect(listed.sort(), section).toEqual([...inside(section).properties.keys()].sort());
    }
  });

  test('a nested attribute of the table is a key of the schema', () => {
    for (const [section, table] of Object.entries(ATTRIBUTES)) {
      for (const attribute of Object.keys(table).filter((key) => key.includes('.'))) {
        let node: Schema | undefined = inside(section);
        for (const step of attribute.split('.')) node = keyIn(node, step);
        expect(node, `${section}.${attribute}`).toBeDefined();
      }
    }
  });
});

function keyIn(node: Schema | undefined, key: string): Schema | undefined {
  if (node === undefined) return undefined;
  const direct = node.properties.get(key);
  if (direct !== undefined) return direct;
  const inner = [...node.branches, ...node.patterns.map(([, value]) => value), ...(node.items ? [node.items] : [])];
  return inner.map((branch) => keyIn(branch, key)).find((found) => found !== undefined);
}

/** Object keys on both sides, all the way down. */
function compare(path: string, node: Schema, shape: Shape, wrong: string[]): void {
  if (typeof shape === 'string') return;
  if ('listOf' in shape) {
    const items = [node, ...node.branches].find((one) => one.items !== undefined)?.items;
    if (items !== undefined) compare(`${path}[]`, items, shape.listOf, wrong);
    return;
  }
  if ('mapOf' in shape) {
    const value = [node, ...node.branches].find((one) =>
      one.patterns.some(([regex]) => !regex.source.startsWith('^x-')),
    );
    const inner = value?.patterns.find(([regex]) => !regex.source.startsWith('^x-'))?.[1];
    if (inner !== undefined) compare(`${path}.*`, inner, shape.mapOf, wrong);
    return;
  }
  const map = [node, ...node.branches].find((one) => one.properties.keys().length > 0);
  if (map === undefined) return;
  const mine = Object.keys(shape.struct.fields);
  const theirs = map.properties.keys().filter((key) => path !== 'services' || !CONSUMED['services']!.includes(key));
  for (const key of mine) if (!theirs.includes(key)) wrong.push(`${path}.${key} has no schema`);
  for (const key of theirs) if (!mine.includes(key)) wrong.push(`${path}.${key} has no shape`);
  for (const key of mine) {
    const inner = map.properties.get(key);
    if (inner !== undefined) compare(`${path}.${key}`, inner, shape.struct.fields[key]!, wrong);
  }
}
