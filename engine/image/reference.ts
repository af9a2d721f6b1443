/** Image references: `[domain/]path[:tag][@digest]` parsed, normalised to the full form and shortened for people. */
import { TcomposeError } from '../../src/model/errors.ts';

export interface Reference {
  /** `docker.io/library/nginx` */
  readonly name: string;
  readonly tag?: string;
  /** `sha256:…` */
  readonly digest?: string;
}

const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const DOMAIN = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?$`);
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
export const DIGEST = /^sha256:[0-9a-f]{64}$/;

const invalid = (text: string, why: string): TcomposeError =>
  new TcomposeError(`invalid reference format: ${JSON.stringify(text)} ${why}`, {
    code: 'bad-reference',
    help: 'write an image as [registry/]name[:tag], for example nginx:1.27',
  });

/** The first component names a registry when it cannot be part of a path. */
const splitDomain = (name: string): { domain: string; path: string } => {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  if (slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase())) {
    const domain = first === 'index.docker.io' ? 'docker.io' : first;
    return { domain, path: name.slice(slash + 1) };
  }
  return { domain: 'docker.io', path: name };
};

const normaliseName = (text: string, name: string): string => {
  if (/^[0-9a-f]{64}$/.test(name)) throw invalid(text, 'is an id, not a name');
  const { domain, path: written } = splitDomain(name);
  const path = domain === 'docker.io' && !written.includes('/') ? `library/${written}` : written;
  if (!DOMAIN.test(domain)) throw invalid(text, `has no valid registry name: ${JSON.stringify(domain)}`);
  if (path !== path.toLowerCase()) throw invalid(text, `must be lowercase: repository name (${path})`);
  if (path.length > 255) throw invalid(text, 'has a name of more than 255 characters');
  if (!path.split('/').every((part) => PATH_COMPONENT.test(part))) throw invalid(text, 'has an invalid name');
  return `${domain}/${path}`;
};

/** Throws for what is no reference. Neither a default tag nor a check whether it exists: see `fullReference`. */
export const parseReference = (text: string): Reference => {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !DIGEST.test(digest))
    throw invalid(text, 'has no valid digest (sha256 and 64 hexadecimal digits)');
  const rest = at < 0 ? text : text.slice(0, at);
  const colon = rest.lastIndexOf(':');
  const hasTag = colon > rest.lastIndexOf('/');
  const tag = hasTag ? rest.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `has an invalid tag: ${JSON.stringify(tag)}`);
  const name = normaliseName(text, hasTag ? rest.slice(0, colon) : rest);
  return { name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
};

/** The key under which a reference is stored: with its digest, else with its tag, `latest` unless given. */
export const fullReference = (reference: Reference): string =>
  reference.digest === undefined
    ? `${reference.name}:${reference.tag ?? 'latest'}`
    : `${reference.name}@${reference.digest}`;

/** A reference that may be made to mean an image: never one with a digest, which already means one. */
export const parseTag = (text: string): string => {
  const reference = parseReference(text);
  if (reference.digest !== undefined) throw invalid(text, 'has a digest: a tag cannot be made of it');
  if (/(^|\/)sha256$/.test(reference.name)) throw invalid(text, 'would be mistaken for a digest');
  return fullReference(reference);
};

/** As people write it: without `docker.io/` and `library/`. */
export const familiarReference = (full: string): string => {
  const short = full.startsWith('docker.io/') ? full.slice('docker.io/'.length) : full;
  const rest = short.startsWith('library/') ? short.slice('library/'.length) : short;
  return rest.includes('/') || short === full ? short : rest;
};
