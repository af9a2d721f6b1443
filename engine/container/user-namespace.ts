/** `userns_mode`: ids of the container as a range of subordinate ids on the host. */
import type { DesiredContainer } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';

export function userNamespaceProblem({ name, namespaces }: DesiredContainer): TcomposeError | undefined {
  if (namespaces?.user === undefined) return undefined;
  return new TcomposeError(`container ${name} cannot have a user namespace of its own yet`, {
    code: 'not-yet',
    address: `container/${name}`,
    help: 'leave out userns_mode, or say "userns_mode: host", and name a user of the image instead',
  });
}
