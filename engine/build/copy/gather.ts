/** COPY and ADD: not here yet. */
import { TcomposeError } from '../../../src/model/errors.ts';
import type { GatherFn } from './contract.ts';

export const gather: GatherFn = async (_, { body }) => {
  throw new TcomposeError(`${body.kind} is not built yet`, { code: 'not-built-yet' });
};
