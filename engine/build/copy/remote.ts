/** Sources of ADD that are elsewhere: http files and git repositories. */
import { TcomposeError } from '../../../src/model/errors.ts';
import { isGitAddress, isHttpAddress } from '../context/git-address.ts';
import type { Flags } from '../instruction.ts';
import type { CopyServices } from './contract.ts';

export const isRemote = (word: string): boolean => isGitAddress(word) || isHttpAddress(word);

export interface Remote {
  readonly folder: string;
  /** Absent: all that is in the folder. */
  readonly file?: {
    readonly stored: string;
    readonly name: string;
    readonly mtime?: { readonly seconds: number; readonly nanoseconds: number };
  };
}

export async function fetchRemote(services: CopyServices, word: string, flags: Flags): Promise<Remote> {
  if (!isGitAddress(word)) {
    const { fetchFile } = await import('../context/http.ts');
    const { folder, ...file } = await fetchFile(services, word, { checksum: flags['checksum'] });
    return { folder, file };
  }
  const [{ parseGitAddress }, { checkOutGit }] = await Promise.all([
    import('../context/git-address.ts'),
    import('../context/git.ts'),
  ]);
  const address = parseGitAddress(word);
  if (typeof address === 'string')
    throw new TcomposeError(`${word}: ${address}`, {
      code: 'bad-copy',
      help: 'write https://host/repo.git#ref:folder',
    });
  const keeps = flags['keep-git-dir'];
  const commit = flags['checksum'];
  return checkOutGit(services, {
    ...address,
    ...(keeps !== undefined && { keepsGitFolder: keeps === 'true' }),
    ...(commit !== undefined && { commit }),
  });
}
