/** Addresses of git repositories as builds write them: `https://host/repo.git#ref:subfolder`, `git@host:repo`, and queries. Pure. */

export interface GitAddress {
  /** As git takes it. */
  readonly remote: string;
  /** For messages: without a password. */
  readonly shown: string;
  readonly protocol: 'https' | 'http' | 'ssh' | 'git';
  readonly ref?: string;
  /** Relative, clean. */
  readonly subfolder?: string;
  /** The beginning of a commit, that must be what is found. */
  readonly commit?: string;
  readonly submodules: boolean;
  readonly keepsGitFolder: boolean;
}

/** What BuildKit takes for a repository, and no more: other http addresses are files. */
const IS_GIT = /^(?:(?:git|ssh):\/\/|https?:\/\/[^?#]+\.git(?:[?#]|$)|[\w.-]+@[\w.-]+:(?!\/\/))/i;
/** Without a scheme only a context may be written so: for ADD it is a path. */
const IS_GITHUB = /^github\.com\/[^/]+\/[^/#?]+/;

export const isGitAddress = (text: string): boolean => IS_GIT.test(text);

export const isHttpAddress = (text: string): boolean => /^https?:\/\//i.test(text);

/** Why it cannot be taken, as a text; else the address. */
export function parseGitAddress(text: string): GitAddress | string {
  const whole = IS_GITHUB.test(text) ? `https://${text}` : text;
  const [, remote = '', query = '', fragment = ''] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(whole) ?? [];
  if (/[\0-\x20\x7f]/.test(whole)) return 'it has blanks or control characters';
  const protocol = protocolOf(remote);
  const asked = new URLSearchParams(query);
  const unknown = [...asked.keys()].find((key) => !KEYS.has(key));
  if (unknown !== undefined) return `the query has the unknown key ${unknown}`;
  const colon = fragment.indexOf(':');
  const [written, folder] = colon < 0 ? [fragment, ''] : [fragment.slice(0, colon), fragment.slice(colon + 1)];
  const branch = asked.get('branch');
  const tag = asked.get('tag');
  const refs = [written, asked.get('ref'), branch && `refs/heads/${branch}`, tag && `refs/tags/${tag}`].filter(
    Boolean,
  ) as string[];
  if (refs.length > 1) return 'it names more than one branch, tag or commit';
  const [ref] = refs;
  if (ref !== undefined && !/^[^-][^\s~^:?*[\\]*$/.test(ref))
    return `${JSON.stringify(ref)} is no name of a branch, tag or commit`;
  const commit = asked.get('commit') ?? asked.get('checksum') ?? undefined;
  if (commit !== undefined && !/^[0-9a-f]{7,64}$/.test(commit)) return `${JSON.stringify(commit)} is no commit`;
  const subfolder = (folder || asked.get('subdir') || '').split('/').filter((part) => part !== '' && part !== '.');
  if (subfolder.includes('..')) return 'the folder leads out of the repository';
  return {
    remote,
    shown: remote.replace(/^([a-z]+:\/\/)[^@/]*@/i, '$1'),
    protocol,
    ...(ref === undefined && commit === undefined ? {} : { ref: ref ?? commit! }),
    ...(commit !== undefined && { commit }),
    ...(subfolder.length > 0 && { subfolder: subfolder.join('/') }),
    submodules: !/^(?:0|false)$/.test(asked.get('submodules') ?? 'true'),
    keepsGitFolder: /^(?:1|true|)$/.test(asked.get('keep-git-dir') ?? 'false'),
  };
}

const KEYS: ReadonlySet<string> = new Set([
  'ref',
  'branch',
  'tag',
  'commit',
  'checksum',
  'subdir',
  'submodules',
  'keep-git-dir',
]);

function protocolOf(remote: string): GitAddress['protocol'] {
  const scheme = /^([a-z]+):\/\//i.exec(remote)?.[1]?.toLowerCase();
  return scheme === 'https' || scheme === 'http' || scheme === 'git' ? scheme : 'ssh';
}
