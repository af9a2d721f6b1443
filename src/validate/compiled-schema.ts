/** ajv's validators of the schema. The build puts what ajv compiles ahead of time in place of this file (scripts/compile-schema.mjs). */
import { Ajv2020 } from 'ajv/dist/2020.js';
import source from '../../schema/compose.schema.json' with { type: 'json' };

export interface Validator {
  (value: unknown): boolean;
  /** What was wrong with the last value; the first mistake only. */
  errors?: readonly { readonly instancePath: string; readonly keyword: string }[] | null;
}

let ajv: Ajv2020 | undefined;

function lazily(reference: string): Validator {
  const validator: Validator = (value) => {
    ajv ??= new Ajv2020({
      strict: false,
      strictNumbers: true,
      messages: false,
      inlineRefs: false,
      schemas: [{ ...source, $id: 'compose' }],
    });
    const compiled = ajv.getSchema(reference)!;
    const isValid = compiled(value) === true;
    validator.errors = compiled.errors ?? null;
    return isValid;
  };
  return validator;
}

export const project = lazily('compose');
export const service = lazily('compose#/$defs/service');
