/**
 * What was decided for registries on this host: mirrors, and who may be spoken to without TLS. Ours is `registries.json` in /etc/tcompose and in
 * the user's ~/.config/tcompose; what dockerd was told in its daemon.json counts as well.
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface RegistrySettings {
  /** Hosts, hosts with ports, and address ranges. */
  readonly insecure: readonly string[];
  /** By the registry that they stand for, `docker.io` say; asked in this order, the registry itself last. */
  readonly mirrors: ReadonlyMap<string, readonly URL[]>;
}

export async function readSettings(env: Environment): Promise<RegistrySettings> {
  const home = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  const [own, dockers] = await Promise.all([
    Promise.all(['/etc/tcompose', join(home, 'tcompose')].map((folder) => readOwn(join(folder, 'registries.json')))),
    Promise.all(['/etc/docker', join(home, 'docker')].map((folder) => readDockers(join(folder, 'daemon.json')))),
  ]);
  const all = [...own, ...dockers];
  const mirrors = new Map<string, readonly URL[]>();
  for (const [name, urls] of all.flatMap((one) => [...one.mirrors]))
    mirrors.set(name, [...(mirrors.get(name) ?? []), ...urls]);
  const said = (env['TCOMPOSE_INSECURE_REGISTRIES'] ?? '').split(/[\s,]+/).filter(Boolean);
  return { insecure: [...said, ...all.flatMap(({ insecure }) => insecure)], mirrors };
}

const NOTHING: RegistrySettings = { insecure: [], mirrors: new Map() };

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];

const read = async (file: string): Promise<string | undefined> => readFile(file, 'utf8').catch(() => undefined);

/** What cannot be understood is dockerd's to complain about, not ours. Its mirrors are docker.io's alone. */
async function readDockers(file: string): Promise<RegistrySettings> {
  try {
    const settings = JSON.parse((await read(file)) ?? 'null') as Record<string, unknown> | null;
    const urls = textsOf(settings?.['registry-mirrors']).filter((text) => URL.canParse(text));
    return {
      insecure: textsOf(settings?.['insecure-registries']),
      mirrors: new Map([['docker.io', urls.map((text) => new URL(text)).filter(isPlace)]]),
    };
  } catch {
    return NOTHING;
  }
}

/** A host, and no folder in it: the protocol has no place for one. */
const isPlace = ({ protocol, pathname, search, username }: URL): boolean =>
  (protocol === 'https:' || protocol === 'http:') && pathname === '/' && search === '' && username === '';

async function readOwn(file: string): Promise<RegistrySettings> {
  const text = await read(file);
  if (text === undefined) return NOTHING;
  let settings: Record<string, unknown> | null;
  try {
    settings = JSON.parse(text) as Record<string, unknown> | null;
  } catch (cause) {
    throw wrong(file, 'is not JSON', cause);
  }
  const known = Object.keys(settings ?? {}).find((key) => !['mirrors', 'insecure'].includes(key));
  if (known !== undefined) throw wrong(file, `has ${JSON.stringify(known)}, which means nothing`);
  const mirrors = (settings?.['mirrors'] ?? {}) as Record<string, unknown>;
  return {
    insecure: textsOf(settings?.['insecure']),
    mirrors: new Map(
      Object.entries(mirrors).map(([name, urls]) => [
        name,
        textsOf(Array.isArray(urls) ? urls : [urls]).map((url) => {
          if (!URL.canParse(url) || !isPlace(new URL(url)))
            throw wrong(file, `has the mirror ${JSON.stringify(url)}, which is no address of a host`);
          return new URL(url);
        }),
      ]),
    ),
  };
}

const wrong = (file: string, why: string, cause?: unknown): TcomposeError =>
  new TcomposeError(`${file} ${why}`, {
    code: 'bad-registries-file',
    help: 'write it as {"mirrors": {"docker.io": ["https://mirror.example"]}, "insecure": ["10.0.0.0/8"]}',
    cause,
  });
