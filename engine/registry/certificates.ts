/** Whom to trust: the system's authorities, NODE_EXTRA_CA_CERTS, and what certs.d holds for one registry, with its client certificates. */
import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates, type SecureContextOptions } from 'node:tls';
import { TcomposeError } from '../../src/model/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Debian and Alpine; Fedora; openSUSE. What docker trusts, too: companies add theirs here. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
];

export async function trustFor(host: string, env: Environment): Promise<SecureContextOptions> {
  const [system, own] = await Promise.all([systemAuthorities(env), certificatesOf(host, env)]);
  return { ca: [...system, ...own.authorities], ...(own.cert.length > 0 && { cert: own.cert, key: own.key }) };
}

async function systemAuthorities(env: Environment): Promise<readonly string[]> {
  const bundles = env['SSL_CERT_FILE'] ? [env['SSL_CERT_FILE']] : SYSTEM_BUNDLES;
  const found = await firstOf(bundles);
  // Node adds these only where no authorities are given.
  const extra = env['NODE_EXTRA_CA_CERTS'] ? [await readFile(env['NODE_EXTRA_CA_CERTS'], 'utf8').catch(() => '')] : [];
  return [...(found === undefined ? rootCertificates : [found]), ...extra];
}

async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** https://docs.docker.com/engine/security/certificates: NAME.crt is an authority, NAME.cert and NAME.key prove who asks. */
async function certificatesOf(host: string, env: Environment) {
  const own = { authorities: [] as string[], cert: [] as string[], key: [] as string[] };
  // A host is a part of a path here: nothing but what hosts are made of.
  if (!/^[A-Za-z0-9.:[\]-]+$/.test(host) || host.startsWith('.')) return own;
  const home = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  for (const folder of [join('/etc/docker/certs.d', host), join(home, 'docker/certs.d', host)]) {
    const names = (await readdir(folder).catch(() => [])).sort();
    for (const name of names) {
      const read = () => readFile(join(folder, name), 'utf8').catch((error) => unreadable(join(folder, name), error));
      if (name.endsWith('.crt')) own.authorities.push(await read());
      if (name.endsWith('.cert')) own.cert.push(await needsPartner(name, '.cert', '.key', names, folder).then(read));
      if (name.endsWith('.key')) own.key.push(await needsPartner(name, '.key', '.cert', names, folder).then(read));
    }
  }
  return own;
}

async function needsPartner(name: string, from: string, to: string, names: readonly string[], folder: string) {
  const partner = name.slice(0, -from.length) + to;
  if (names.includes(partner)) return;
  throw new TcomposeError(`${join(folder, name)} has no ${partner} beside it`, {
    code: 'registry-certificates',
    help: `add ${join(folder, partner)}; an authority to trust ends in .crt`,
  });
}

function unreadable(path: string, cause: NodeJS.ErrnoException): never {
  throw new TcomposeError(`cannot read ${path} (${cause.code})`, {
    code: 'registry-certificates',
    help: 'let yourself read it, or remove it',
    cause,
  });
}
