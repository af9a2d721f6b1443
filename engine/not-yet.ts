/** What the port promises and this engine does not do yet. */
import { TcomposeError } from '../src/model/errors.ts';

export function notYet(what: string): never {
  throw new TcomposeError(`${what} is not possible yet`, { code: 'not-yet' });
}
