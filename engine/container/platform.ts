/** Whether programs of an image's architecture run here: the kernel's own, its 32-bit side, and what binfmt_misc has an interpreter for. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';

/** As images name them → e_machine of their programs (elf.h). */
const MACHINES: Readonly<Record<string, number>> = {
  '386': 3,
  amd64: 62,
  arm: 40,
  arm64: 183,
  loong64: 258,
  mips: 8,
  mipsle: 8,
  mips64: 8,
  mips64le: 8,
  ppc64le: 21,
  riscv64: 243,
  s390x: 22,
};

/** What the kernel of an architecture runs by itself. */
const NATIVE = { x86_64: ['amd64', '386'], aarch64: ['arm64'] } as const;

export interface PlatformRequest {
  readonly container: string;
  readonly image: { readonly ref: string; readonly os: string; readonly architecture: string };
  /** `os/architecture[/variant]`. */
  readonly asked?: string;
}

/** Undefined: it runs. `machines`: those that an interpreter is registered for. */
export function platformProblem(
  { container, image, asked }: PlatformRequest,
  host: keyof typeof NATIVE,
  machines: () => ReadonlySet<number>,
): TcomposeError | undefined {
  const problem = (message: string, help: string) =>
    new TcomposeError(message, { code: 'platform-mismatch', address: `container/${container}`, help, exitCode: 1 });
  const actual = `${image.os || 'linux'}/${image.architecture || NATIVE[host][0]}`;
  if (asked !== undefined && !matches(asked, actual)) {
    return problem(
      `image ${image.ref} was found but does not match the specified platform: wanted ${asked}, actual: ${actual}`,
      `load the image for ${asked}, or change "platform"`,
    );
  }
  const [os, architecture = ''] = actual.split('/');
  const own: readonly string[] = NATIVE[host];
  if (os === 'linux' && own.includes(architecture)) return undefined;
  if (os === 'linux' && machines().has(MACHINES[architecture] ?? -1)) return undefined;
  return problem(
    `image ${image.ref} is for ${actual}, and this host runs linux/${own[0]}`,
    `load the image for linux/${own[0]}, or install an interpreter (binfmt_misc):\n    apt-get install qemu-user-static binfmt-support`,
  );
}

/** The variant is how new a processor it needs, which nothing here knows. */
function matches(asked: string, actual: string): boolean {
  const [first = '', second] = asked.toLowerCase().split('/');
  const [os, architecture] = actual.split('/');
  return second === undefined
    ? first === architecture || first === os
    : first === os && synonym(second) === architecture;
}

const synonym = (name: string): string => ({ x86_64: 'amd64', aarch64: 'arm64', i386: '386' })[name] ?? name;

const ELF = '7f454c46';

/** Enabled ones that are told by an ELF header; Documentation/admin-guide/binfmt-misc.rst. */
export function interpretedMachines(folder = '/proc/sys/fs/binfmt_misc'): ReadonlySet<number> {
  const found = new Set<number>();
  for (const text of entriesIn(folder)) {
    const magic = /^magic ([0-9a-f]+)$/m.exec(text)?.[1] ?? '';
    const offset = /^offset ([0-9]+)$/m.exec(text)?.[1] ?? '0';
    if (!text.startsWith('enabled') || offset !== '0' || !magic.startsWith(ELF) || magic.length < 40) continue;
    const bytes = Buffer.from(magic, 'hex');
    // EI_DATA: 2 is big-endian.
    found.add(bytes[5] === 2 ? bytes.readUInt16BE(18) : bytes.readUInt16LE(18));
  }
  return found;
}

function entriesIn(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name !== 'register' && name !== 'status');
    return names.map((name) => readFileSync(join(folder, name), 'utf8'));
  } catch {
    return [];
  }
}
