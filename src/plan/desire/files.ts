/**
 * Secrets and configs as mounts. A file of the host is bound, so that its changes are seen at once, as with Compose; one that comes
 * from elsewhere, or is to have an owner or a mode of its own, is written by the engine. The text itself is no part of what is desired:
 * its digest is, so that another text is a difference, and what follows from that is the file's to say (`x-tcompose.on_change`).
 */
import { createHash } from 'node:crypto';
import type { DesiredContent, DesiredMount } from '../../model/desired.ts';
import { TcomposeError } from '../../model/errors.ts';
import type { FileObject, FileReference } from '../../model/project.ts';
import { isMapped, type ServiceScope } from './scope.ts';

type Kind = 'secrets' | 'configs';

export const cleanTarget = (path: string): string => `/${path.split('/').filter(Boolean).join('/')}`;

export function* fileMounts(scope: ServiceScope): Iterable<DesiredMount> {
  for (const use of scope.service.configs ?? []) yield fileMount(scope, 'configs', use, '/');
  for (const use of scope.service.secrets ?? []) yield fileMount(scope, 'secrets', use, '/run/secrets/');
}

function fileMount(scope: ServiceScope, kind: Kind, use: FileReference, folder: string): DesiredMount {
  const object = scope.project[kind][use.source]!;
  const name = use.target ?? use.source;
  const target = cleanTarget(name.startsWith('/') ? name : folder + name);
  const of = `${kind.slice(0, -1)} ${use.source}`;
  const bytes = contentOf(scope, kind, use.source, object);
  const reaction = onChange(scope, kind, use.source, object);
  const large = bytes ? undefined : scope.largeFiles.get(of);
  const content = bytes
    ? provided(scope, of, bytes, reaction)
    : large === undefined
      ? undefined
      : described(of, large, reaction);
  const isPlain = use.uid === undefined && use.gid === undefined && use.mode === undefined;
  if (object.file !== undefined && (isPlain || content === undefined)) {
    if (!isPlain)
      scope.warn(`${of}: its owner and mode stay what they are on the host, where it is no file that can be read`);
    const mapsIds = isMapped(scope) ? { mapsIds: true as const } : {};
    const bind = { createHostPath: false, propagation: 'rprivate', recursive: false, ...mapsIds };
    return { kind: 'bind', source: object.file, target, readOnly: true, ...bind, ...(content ? { content } : {}) };
  }
  if (content === undefined)
    throw refuse(scope, kind, use.source, `${of} has no content`, 'add file, environment or content');
  const [uid, gid] = [id(scope, kind, use, 'uid'), id(scope, kind, use, 'gid')];
  // Compose's default for what it writes itself.
  const mode = use.mode === undefined ? 0o444 : Number.parseInt(use.mode, 8);
  const file = object.file === undefined ? {} : { file: object.file };
  if (large !== undefined && object.file !== undefined) scope.contents.set(large, { file: object.file });
  return { kind: 'file', content, ...file, target, readOnly: true, mode, uid, gid };
}

/** Undefined: a file that nobody has looked at, or a folder. */
function contentOf(scope: ServiceScope, kind: Kind, name: string, object: FileObject): Uint8Array | undefined {
  const of = `${kind.slice(0, -1)} ${name}`;
  if (object.external) {
    throw refuse(
      scope,
      kind,
      name,
      `unsupported external ${of}: this engine has no store of ${kind} that outlives a project`,
      'name its source: file or environment',
    );
  }
  if (object.content !== undefined) return Buffer.from(object.content);
  // `content: ""` is left out of the model, as Compose leaves it out.
  if (object.environment === undefined && object.file === undefined && kind === 'configs') return Buffer.alloc(0);
  if (object.environment === undefined) return scope.files.get(object.file ?? '');
  const { environment } = scope.project;
  if (Object.hasOwn(environment, object.environment)) return Buffer.from(environment[object.environment]!);
  throw refuse(
    scope,
    kind,
    name,
    `environment variable "${object.environment}" required by ${of} is not set`,
    'set it in the shell or in .env',
  );
}

function provided(
  scope: ServiceScope,
  of: string,
  bytes: Uint8Array,
  onChange: DesiredContent['onChange'],
): DesiredContent {
  const digest = createHash('sha256').update(contentSalt(scope.project.name, of)).update(bytes).digest('hex');
  scope.contents.set(digest, bytes);
  return described(of, digest, onChange);
}

const described = (of: string, digest: string, onChange: DesiredContent['onChange']): DesiredContent => ({
  of,
  digest,
  ...(onChange === undefined ? {} : { onChange }),
});

/** Equal texts of two secrets, or of two projects, are not seen to be equal. `of`: `secret NAME`. */
export const contentSalt = (project: string, of: string): string => `${project}\0${of}\0`;

function id(scope: ServiceScope, kind: Kind, use: FileReference, field: 'uid' | 'gid'): number {
  const text = use[field] ?? '0';
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw refuse(
    scope,
    kind,
    use.source,
    `${field} "${text}" of ${kind.slice(0, -1)} ${use.source} is no number`,
    'write a number',
  );
}

/** The service's own word counts over that of the secret or config. */
function onChange(scope: ServiceScope, kind: Kind, name: string, object: FileObject): DesiredContent['onChange'] {
  const said = word(scope.service) ?? word(object);
  if (said === undefined || said === 'update') return undefined;
  if (said === 'recreate' || said === 'restart' || said === 'none') return said;
  const [, signal] = /^signal (?:SIG)?([A-Z0-9+-]+)$/.exec(String(said)) ?? [];
  if (signal !== undefined) return { signal: `SIG${signal}` };
  throw refuse(
    scope,
    kind,
    name,
    `x-tcompose.on_change of ${kind.slice(0, -1)} ${name} is ${JSON.stringify(said)}`,
    'write update, recreate, restart, signal SIGHUP (or another one) or none',
  );
}

function word(owner: object): unknown {
  const extension = (owner as Readonly<Record<string, unknown>>)['x-tcompose'];
  return typeof extension === 'object' && extension !== null && 'on_change' in extension
    ? extension.on_change
    : undefined;
}

function refuse(scope: ServiceScope, kind: Kind, name: string, message: string, help: string): TcomposeError {
  const at = scope.project.at([kind, name]);
  return new TcomposeError(message, {
    code: 'bad-content',
    address: `service/${scope.name}`,
    help,
    exitCode: 2,
    ...(at ? { at } : {}),
  });
}
