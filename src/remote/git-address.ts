/** Addresses of files in git repositories, as BuildKit and Compose write them: `REPOSITORY[#REF[:SUBFOLDER]]` or `?ref=…&subdir=…`. */
import { posix } from 'node:path';
import { type NotFetched, withoutPassword } from '../model/remote.ts';

export interface GitAddress {
  readonly ok: true;
  /** What git is told. */
  readonly repository: string;
  readonly protocol: 'https' | 'http' | 'ssh' | 'git' | 'file';
  /** A branch, a tag, or a whole commit; absent: the default branch. */
  readonly ref?: string;
  /** The commit that the ref must lead to. */
  readonly commit?: string;
  /** Normal, relative, inside of the repository; empty: its top. */
  readonly path: string;
  /** The repository without a password. */
  readonly shown: string;
}

const no = (why: string, help: string): NotFetched => ({ ok: false, why, help });
const EXAMPLE = 'write it as https://host/path.git#ref:folder';

export function parseGitAddress(text: string): GitAddress | NotFetched {
  if (/[\x00-\x20\x7f]/.test(text)) return no('it holds a blank or a control character', EXAMPLE);
  const [, before = '', fragment] = /^([^#]*)(?:#(.*))?$/.exec(text) ?? [];
  const [, written = '', query] = /^([^?]*)(?:\?(.*))?$/.exec(before) ?? [];
  const found = repositoryOf(written);
  if (!found.ok) return found;
  const wish = wishOf(fragment ?? '', query ?? '');
  if (!wish.ok) return wish;
  const { ref, commit } = wish;
  if (ref !== undefined && !isRef(ref)) return no(`"${ref}" is no branch, tag or commit`, EXAMPLE);
  if (commit !== undefined && !/^[0-9a-f]{7,64}$/.test(commit)) return no(`"${commit}" is no commit`, EXAMPLE);
  const path = pathInside(wish.path);
  if (path === undefined)
    return no(`"${wish.path}" leads out of the repository`, 'write the path of a folder or file in the repository');
  const { repository, protocol } = found;
  return {
    ok: true,
    repository,
    protocol,
    path,
    shown: withoutPassword(repository),
    ...(ref !== undefined && { ref }),
    ...(commit !== undefined && { commit }),
  };
}

type Repository = Pick<GitAddress, 'ok' | 'repository' | 'protocol'> | NotFetched;

function repositoryOf(written: string): Repository {
  const text = written.startsWith('github.com/') ? `https://${written}` : written;
  const scp = /^([A-Za-z0-9_][A-Za-z0-9_.-]*)@([A-Za-z0-9][A-Za-z0-9.-]*):(.+)$/.exec(text);
  if (scp !== null && !text.includes('://')) {
    // ssh and the git on the other side would take it for an option.
    if (scp[3]!.startsWith('-')) return no('its path begins with a hyphen', EXAMPLE);
    return { ok: true, repository: text, protocol: 'ssh' };
  }
  if (!URL.canParse(text)) return no('it is no URL', EXAMPLE);
  const url = new URL(text);
  const protocol = url.protocol.slice(0, -1);
  if (url.hostname.startsWith('-') || url.username.startsWith('-') || /^\/*-/.test(url.pathname))
    return no('a part of it begins with a hyphen', EXAMPLE);
  if (protocol === 'file') {
    if (url.host !== '' || url.pathname === '/')
      return no('it names no folder', 'write it as file:///path/to/repository');
    return { ok: true, repository: text, protocol };
  }
  if (url.hostname === '') return no('it names no host', EXAMPLE);
  if (protocol === 'ssh' || protocol === 'git') return { ok: true, repository: text, protocol };
  if (protocol !== 'https' && protocol !== 'http')
    return no(`${protocol}:// is no way to fetch files`, 'use git (https://, ssh://, git@) or oci://');
  if (!url.pathname.endsWith('.git') && !written.startsWith('github.com/'))
    return no(
      'single files of web servers are not fetched',
      'a git repository ends in .git; an artifact begins with oci://',
    );
  return { ok: true, repository: text, protocol };
}

type Wish = { readonly ok: true; readonly ref?: string; readonly commit?: string; readonly path: string } | NotFetched;

function wishOf(fragment: string, query: string): Wish {
  const [fromFragment = '', ...rest] = fragment.split(':');
  const wish = { ref: fromFragment, path: rest.join(':'), commit: '' };
  const set = (key: keyof typeof wish, value: string) => {
    const isFree = wish[key] === '' || wish[key] === value;
    wish[key] = value;
    return isFree;
  };
  for (const [key, value] of new URLSearchParams(query)) {
    const isOff = ['0', 'f', 'false'].includes(value.toLowerCase());
    if ((key === 'submodules' || key === 'keep-git-dir') && isOff) continue;
    if (key === 'submodules' || key === 'keep-git-dir')
      return no(
        `${key} is not done`,
        `remove ${key} from the address; only the files of the repository itself are fetched`,
      );
    if (value === '') return no(`"${key}" has no value`, EXAMPLE);
    const known = {
      ref: () => set('ref', value),
      tag: () => set('ref', value.startsWith('refs/tags/') ? value : `refs/tags/${value}`),
      branch: () => set('ref', value.startsWith('refs/heads/') ? value : `refs/heads/${value}`),
      subdir: () => set('path', value),
      commit: () => set('commit', value),
      checksum: () => set('commit', value),
    };
    if (!Object.hasOwn(known, key)) return no(`"${key}" is not known`, 'known are ref, branch, tag, commit and subdir');
    if (!known[key as keyof typeof known]()) return no(`it says two things about ${key}`, EXAMPLE);
  }
  const { ref, commit, path } = wish;
  const from = ref || (commit.length >= 40 ? commit : '');
  return { ok: true, path, ...(from !== '' && { ref: from }), ...(commit !== '' && { commit }) };
}

/** The rules of git-check-ref-format, and no option. */
const isRef = (ref: string): boolean =>
  ref.length <= 255 && !/^[-/.]|[/.]$|\.lock$|\/\/|\/\.|\.\.|@\{|[\x00-\x20\x7f~^:?*[\\]/.test(ref) && ref !== '@';

function pathInside(path: string): string | undefined {
  if (path === '') return '';
  if (posix.isAbsolute(path) || /[\\\x00-\x1f]/.test(path)) return undefined;
  const normal = posix.normalize(path).replace(/\/+$/, '');
  if (normal === '..' || normal.startsWith('../')) return undefined;
  return normal === '.' ? '' : normal;
}
