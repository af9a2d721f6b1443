/** ~/.docker/config.json as far as it names credentials: which of its entries is meant for a registry. */
import { TcomposeError } from '../../src/model/errors.ts';

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** An OAuth refresh token, exchanged for access tokens. */
  readonly identityToken?: string;
  /** Sent as it is. */
  readonly registryToken?: string;
}

export interface DockerConfig {
  /** Read when asked for: what is wrong with one entry is nobody's trouble who wants another. */
  readonly auths: Readonly<Record<string, () => Credentials>>;
  /** Registry → the suffix of docker-credential-SUFFIX. */
  readonly helpers: Readonly<Record<string, string>>;
  readonly store?: string;
}

export const NO_CONFIG: DockerConfig = { auths: {}, helpers: {} };

/** The key that docker has for its own registry since version 1. */
const HUB_KEY = 'https://index.docker.io/v1/';

type Json = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

export function parseDockerConfig(text: string, path: string): DockerConfig {
  let read: unknown;
  try {
    read = text.trim() === '' ? {} : JSON.parse(text);
  } catch (cause) {
    throw badConfig(path, 'it is not JSON', cause);
  }
  if (!isMap(read)) throw badConfig(path, 'it is not a JSON object');
  const { auths = {}, credHelpers = {}, credsStore } = read;
  if (!isMap(auths) || !isMap(credHelpers)) throw badConfig(path, 'auths and credHelpers must be objects');
  return {
    auths: Object.fromEntries(
      Object.entries(auths).map(([key, entry]) => [key, () => (isMap(entry) ? credentialsOf(entry, key, path) : {})]),
    ),
    helpers: Object.fromEntries(
      Object.entries(credHelpers).filter((pair): pair is [string, string] => isText(pair[1])),
    ),
    ...(isText(credsStore) && { store: credsStore }),
  };
}

function credentialsOf(entry: Json, key: string, path: string): Credentials {
  const { auth, username, password, identitytoken, registrytoken } = entry;
  return {
    ...(isText(username) && { username }),
    ...(isText(password) && { password }),
    ...(isText(auth) && splitAuth(auth, key, path)),
    ...(isText(identitytoken) && { identityToken: identitytoken }),
    ...(isText(registrytoken) && { registryToken: registrytoken }),
  };
}

/** Base64 of `user:password`; the password may hold colons, and old versions padded it with NULs. */
function splitAuth(auth: string, key: string, path: string): Credentials {
  const plain = Buffer.from(auth, 'base64').toString();
  const colon = plain.indexOf(':');
  if (colon < 1) throw badConfig(path, `auths["${key}"].auth is not the base64 of user:password`);
  return { username: plain.slice(0, colon), password: plain.slice(colon + 1).replace(/^\0+|\0+$/g, '') };
}

/** What a registry may be called in the file, best first. Keys of old versions have a scheme and a path. */
export const keysOf = (domain: string): readonly string[] =>
  domain === 'docker.io' ? [HUB_KEY, 'docker.io', 'index.docker.io', 'registry-1.docker.io'] : [domain];

export function findCredentials(config: DockerConfig, domain: string): Credentials | undefined {
  const keys = keysOf(domain);
  const exact = keys.find((key) => Object.hasOwn(config.auths, key));
  if (exact !== undefined) return config.auths[exact]?.();
  const loose = Object.keys(config.auths).find((key) =>
    keys.includes(key.replace(/^https?:\/\//, '').replace(/\/.*$/, '')),
  );
  return loose === undefined ? undefined : config.auths[loose]?.();
}

/** The helper program's suffix and what to ask it for. A helper of the registry's own counts more than the common store. */
export function findHelper(
  config: DockerConfig,
  domain: string,
): { readonly name: string; readonly key: string } | undefined {
  const keys = keysOf(domain);
  const own = keys.find((key) => Object.hasOwn(config.helpers, key));
  const name = own === undefined ? config.store : config.helpers[own];
  return name === undefined ? undefined : { name, key: keys[0]! };
}

export const badConfig = (path: string, why: string, cause?: unknown): TcomposeError =>
  new TcomposeError(`cannot use the registry credentials of ${path}: ${why}`, {
    code: 'bad-docker-config',
    help: `correct ${path}, or log in again:\n    tcompose login`,
    cause,
  });
