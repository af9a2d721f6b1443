/** Options of a tmpfs, as Docker takes them (moby/sys mount.MergeTmpfsOptions): words that are flags of mount(2), and tmpfs's own. */
import { MS } from '../container/linux.ts';

const FLAGS: Readonly<Record<string, { readonly flag: number; readonly on: boolean }>> = {
  defaults: { flag: 0, on: true },
  ro: { flag: MS.RDONLY, on: true },
  rw: { flag: MS.RDONLY, on: false },
  nosuid: { flag: MS.NOSUID, on: true },
  suid: { flag: MS.NOSUID, on: false },
  nodev: { flag: MS.NODEV, on: true },
  dev: { flag: MS.NODEV, on: false },
  noexec: { flag: MS.NOEXEC, on: true },
  exec: { flag: MS.NOEXEC, on: false },
  sync: { flag: MS.SYNCHRONOUS, on: true },
  async: { flag: MS.SYNCHRONOUS, on: false },
  dirsync: { flag: MS.DIRSYNC, on: true },
  noatime: { flag: MS.NOATIME, on: true },
  atime: { flag: MS.NOATIME, on: false },
  nodiratime: { flag: MS.NODIRATIME, on: true },
  diratime: { flag: MS.NODIRATIME, on: false },
  relatime: { flag: MS.RELATIME, on: true },
  norelatime: { flag: MS.RELATIME, on: false },
  strictatime: { flag: MS.STRICTATIME, on: true },
  nostrictatime: { flag: MS.STRICTATIME, on: false },
};

const SIZE = /^(?:0x[\da-f]+|\d+)[kmgtpe]?$/i;
const ID = /^\d{1,10}$/;
/** tmpfs(5), and what the kernel makes of their values (memparse, octal numbers). */
const DATA: Readonly<Record<string, RegExp>> = {
  size: /^(?:(?:0x[\da-f]+|\d+)[kmgtpe]?|\d+%)$/i,
  mode: /^[0-7]{1,5}$/,
  uid: ID,
  gid: ID,
  nr_inodes: SIZE,
  nr_blocks: SIZE,
  mpol: /./,
  huge: /^(?:never|always|within_size|advise)$/,
};

function isKnown(option: string): boolean {
  if (Object.hasOwn(FLAGS, option)) return true;
  const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(option) ?? [];
  return Object.hasOwn(DATA, name) && DATA[name]!.test(value);
}

/** The first option that mount(2) would refuse with no more than EINVAL. */
export const unknownTmpfsOption = (options: readonly string[]): string | undefined =>
  options.find((option) => !isKnown(option));

export interface TmpfsMount {
  readonly flags: number;
  readonly data: readonly string[];
}

/** Docker's defaults: nobody's devices, set-user-id bits or programs, and everybody may write. */
export function tmpfsMount(options: readonly string[], readOnly: boolean): TmpfsMount {
  let flags: number = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  const data: string[] = [];
  for (const option of options) {
    const known = Object.hasOwn(FLAGS, option) ? FLAGS[option] : undefined;
    if (known === undefined) data.push(option);
    else flags = known.on ? flags | known.flag : flags & ~known.flag;
  }
  if (readOnly) flags |= MS.RDONLY;
  if (!data.some((option) => option.startsWith('mode='))) data.push('mode=1777');
  return { flags, data };
}
