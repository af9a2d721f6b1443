// The validators of schema/compose.schema.json as code that ajv writes ahead of time: an ES module with `project` and `service`.
// Compiling them when the program starts would take ten times as long as all the rest of loading a file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standalone from 'ajv/dist/standalone/index.js';

const SCHEMA = join(import.meta.dirname, '../schema/compose.schema.json');

export function compileSchema() {
  const schema = JSON.parse(readFileSync(SCHEMA, 'utf8'));
  // Messages are written by src/validate; what is not inlined is compiled once for all who refer to it.
  const ajv = new Ajv2020({
    strict: false,
    strictNumbers: true,
    messages: false,
    inlineRefs: false,
    code: { source: true, esm: true, lines: false },
  });
  ajv.addSchema({ ...withoutProse(schema), $id: 'compose' });
  const code = standalone.default(ajv, { project: 'compose', service: 'compose#/$defs/service' });
  if (/\brequire\(/.test(code)) throw new Error('the schema needs a helper of ajv at run time: import it');
  return code;
}

/** ajv keeps every schema as data beside the code. */
function withoutProse(schema, isNames = false) {
  if (Array.isArray(schema)) return schema.map((item) => withoutProse(item));
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(([key]) => isNames || !['description', 'title', 'examples'].includes(key));
  return Object.fromEntries(
    kept.map(([key, value]) => [
      key,
      withoutProse(value, !isNames && ['properties', 'patternProperties', '$defs'].includes(key)),
    ]),
  );
}
