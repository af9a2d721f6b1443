/** The answer to a name that no container has. */
import { TcomposeError } from '../../src/model/errors.ts';

export const noSuchContainer = (name: string): TcomposeError =>
  new TcomposeError(`there is no container ${name}`, {
    code: 'container-unknown',
    address: `container/${name}`,
    help: 'see which there are:\n    tcompose ps --all',
  });
