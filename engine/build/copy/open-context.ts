/** Contexts of builds: folders of this host for now. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { OpenContextFn } from './contract.ts';

export const openContext: OpenContextFn = async ({ scratch }, context) => {
  if (context.kind !== 'folder' && context.kind !== 'empty')
    throw new TcomposeError(`contexts of kind ${context.kind} are not read yet`, { code: 'not-built-yet' });
  const folder = context.kind === 'folder' ? context.path : scratch;
  return {
    folder,
    readText: async (path) => {
      try {
        return readFileSync(resolve(folder, path), 'utf8');
      } catch {
        return undefined;
      }
    },
  };
};
