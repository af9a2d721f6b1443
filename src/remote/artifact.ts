/** Fetches what `docker compose publish` makes: an OCI artifact of Compose files and env files. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TcomposeError } from '../model/errors.ts';
import type { Registry } from '../model/registry.ts';
import type { NotFetched } from '../model/remote.ts';
import { keep, openCache } from './cache.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Json = Readonly<Record<string, unknown>>;

const PROJECT = 'application/vnd.docker.compose.project';
/** Of the configuration, where the registry knows no artifact types (OCI 1.0). */
const OLD_PROJECT = 'application/vnd.docker.compose.config.empty.v1+json';
const COMPOSE_FILE = 'application/vnd.docker.compose.file+yaml';
const ENV_FILE = 'application/vnd.docker.compose.envfile';

const MAX_FILES = 100;
const MAX_FILE_BYTES = 2 << 20;
const MAIN = 'compose.yaml';

/** The folder of its files; `compose.yaml` is the one that was meant. */
export async function fetchArtifact(
  reference: string,
  registry: Registry,
  env: Environment,
): Promise<{ readonly ok: true; readonly folder: string } | NotFetched> {
  try {
    const pinned = await registry.pin(reference);
    const name = pinned.slice(pinned.lastIndexOf(':') + 1);
    const folder = await keep(await openCache('oci', env), name, async (into) => {
      const files = await filesOf(pinned, registry);
      for (const [file, content] of files) await writeFile(join(into, file), content, { mode: 0o600, flag: 'wx' });
    });
    return { ok: true, folder };
  } catch (error) {
    if (error instanceof TcomposeError)
      return { ok: false, why: error.message, help: error.help ?? 'check the address' };
    const { code, path, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return {
      ok: false,
      why: `it cannot be kept in ${path ?? 'the cache'} (${code}: ${message})`,
      help: 'set XDG_CACHE_HOME to a folder of yours',
    };
  }
}

async function filesOf(image: string, registry: Registry): Promise<Map<string, Buffer>> {
  const manifest = await projectManifest(image, registry);
  const layers = manifest['layers'];
  if (!Array.isArray(layers) || layers.length > MAX_FILES)
    throw strange(image, 'its list of files is missing or too long');
  const files = new Map<string, Buffer>();
  for (const layer of layers as readonly Json[]) {
    const { mediaType, digest, size, annotations } = layer ?? {};
    if (mediaType !== COMPOSE_FILE && mediaType !== ENV_FILE) continue;
    if (typeof digest !== 'string' || !Number.isSafeInteger(size)) throw strange(image, 'a file has no digest or size');
    const name = nameOf(mediaType, (annotations ?? {}) as Json, image);
    const content = Buffer.from(await registry.blob(image, { digest, size: size as number }, MAX_FILE_BYTES));
    const before = files.get(name);
    // Overrides are documents of the same file. Anything else of the same name would hide what is there.
    if (before !== undefined && name !== MAIN) throw strange(image, `it has two files "${name}"`);
    files.set(name, before === undefined ? content : Buffer.concat([before, Buffer.from('\n---\n'), content]));
  }
  if (!files.has(MAIN)) throw strange(image, 'it has no Compose file');
  return files;
}

/** Behind an index it is the one of its kind; the others are the images of the application. */
async function projectManifest(image: string, registry: Registry): Promise<Json> {
  const manifest = parse(await registry.manifest(image), image);
  const inner = manifest['manifests'];
  if (Array.isArray(inner)) {
    const project = (inner as readonly Json[]).find((entry) => entry?.['artifactType'] === PROJECT);
    if (typeof project?.['digest'] !== 'string') throw strange(image, 'none of its manifests is a Compose project');
    const name = image.replace(/@.*/, '');
    return checked(parse(await registry.manifest(`${name}@${project['digest']}`), image), image);
  }
  return checked(manifest, image);
}

function checked(manifest: Json, image: string): Json {
  const kind = manifest['artifactType'] || (manifest['config'] as Json | undefined)?.['mediaType'];
  if (kind === PROJECT || (kind === OLD_PROJECT && !manifest['artifactType'])) return manifest;
  throw strange(image, `it is ${typeof kind === 'string' ? kind : 'something else'}`);
}

function parse({ bytes }: { readonly bytes: Uint8Array }, image: string): Json {
  try {
    const read: unknown = JSON.parse(Buffer.from(bytes).toString());
    if (typeof read === 'object' && read !== null) return read as Json;
  } catch {
    // said below
  }
  throw strange(image, 'its manifest is not JSON');
}

/** A name inside of the folder, chosen by whoever published it: one part, and none that means another folder. */
function nameOf(mediaType: string, annotations: Json, image: string): string {
  if (mediaType === COMPOSE_FILE && annotations['com.docker.compose.extends'] === undefined) return MAIN;
  const name = annotations[mediaType === COMPOSE_FILE ? 'com.docker.compose.file' : 'com.docker.compose.envfile'];
  const isName = typeof name === 'string' && /^[^/\\\x00-\x1f\x7f]{1,200}$/.test(name) && name !== '.' && name !== '..';
  if (!isName || name === MAIN) throw strange(image, `it names a file ${JSON.stringify(name)}`);
  return name;
}

const strange = (image: string, why: string): TcomposeError =>
  new TcomposeError(`${image.replace(/@.*/, '')} is no Compose project: ${why}`, {
    code: 'registry-answer',
    help: 'such artifacts are made by docker compose publish',
  });
