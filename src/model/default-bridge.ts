/** The one network that nobody declares: `network_mode: bridge`, Docker's default bridge. It belongs to the instance, not to a project. */
import type { DesiredNetwork } from './desired.ts';
import { plainNetwork } from './plain-network.ts';

const NAME = 'bridge';

export const isDefaultBridge = (name: string): boolean => name === NAME;

/** Made when somebody wants it. Names of other containers are not answered on it: only links give them (Docker's rule). */
export const defaultBridge: DesiredNetwork = plainNetwork(NAME);
