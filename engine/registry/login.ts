/** Logging in to a registry and out of it: credentials are kept only after the registry has taken them. */
import { TcomposeError } from '../../src/model/errors.ts';
import type { Accounts } from '../../src/model/registry.ts';
import { openRegistryFor } from './index.ts';
import { forgetCredentials, keepCredentials } from './save-credentials.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export const openAccounts = (env: Environment, signal?: AbortSignal): Accounts => ({
  login: async (server, credentials) => {
    const domain = domainOf(server);
    try {
      await openRegistryFor(domain, credentials, env, signal);
    } catch (error) {
      if (!(error instanceof TcomposeError) || error.code !== 'registry-unauthorised') throw error;
      throw new TcomposeError(`${domain} does not take this name and password`, {
        code: 'registry-unauthorised',
        help: 'check both; where a second factor is asked for, make a token and give that as the password',
        cause: error,
      });
    }
    return { domain, ...(await keepCredentials(domain, credentials, env)) };
  },
  logout: async (server) => {
    const domain = domainOf(server);
    return { domain, wasKnown: await forgetCredentials(domain, env) };
  },
});

/** As docker takes it: a host, or its address with a scheme and a path; docker's own registry has several names. */
function domainOf(server: string | undefined): string {
  const host = (server ?? 'docker.io').replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  if (!/^(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/.test(host))
    throw new TcomposeError(`${JSON.stringify(server)} is no registry`, {
      code: 'bad-reference',
      help: 'name its host, for example registry.example:5000',
      exitCode: 2,
    });
  return ['index.docker.io', 'registry-1.docker.io'].includes(host) ? 'docker.io' : host;
}
