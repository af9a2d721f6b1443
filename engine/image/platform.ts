/** This host in the words that images use. */

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** GOARCH of what we run on. */
export const hostArchitecture = (): string => ARCHITECTURES[process.arch] ?? process.arch;

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string;
}

/** Lower is better; undefined: does not run here. Plain amd64 before its versions, which this host may lack. */
export const platformRank = ({ os, architecture, variant }: Platform): number | undefined => {
  if (os !== 'linux' || architecture !== hostArchitecture()) return undefined;
  return variant === '' || variant === 'v1' || (architecture === 'arm64' && variant === 'v8') ? 0 : 1;
};
