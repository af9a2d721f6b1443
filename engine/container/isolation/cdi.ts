/**
 * Devices by name, `vendor.com/class=name`: the Container Device Interface (github.com/cncf-tags/container-device-interface, SPEC.md).
 * What vendors' tools write to /etc/cdi and /var/run/cdi says which nodes, mounts and variables a device stands for.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DesiredDevice } from '../../../src/model/desired.ts';
import { TcomposeError } from '../../../src/model/errors.ts';

/** The later one wins. */
const CDI_FOLDERS = ['/etc/cdi', '/var/run/cdi'];

export interface CdiMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface CdiEdits {
  readonly devices: readonly DesiredDevice[];
  readonly mounts: readonly CdiMount[];
  readonly env: Readonly<Record<string, string>>;
  readonly gids: readonly number[];
}

interface RawEdits {
  readonly env?: readonly string[];
  readonly deviceNodes?: readonly { path?: string; hostPath?: string; permissions?: string }[];
  readonly mounts?: readonly {
    hostPath?: string;
    containerPath?: string;
    options?: readonly string[];
    type?: string;
  }[];
  readonly hooks?: readonly { hookName?: string; path?: string }[];
  readonly additionalGids?: readonly number[];
  readonly intelRdt?: unknown;
  readonly netDevices?: unknown;
}

interface RawSpec {
  readonly cdiVersion?: string;
  readonly kind?: string;
  readonly devices?: readonly { name?: string; containerEdits?: RawEdits }[];
  readonly containerEdits?: RawEdits;
}

interface Known {
  readonly file: string;
  readonly edits: RawEdits;
  /** For every device of the file. */
  readonly common: RawEdits;
}

const NONE: CdiEdits = { devices: [], mounts: [], env: {}, gids: [] };

export async function cdiEdits(
  container: string,
  names: readonly string[],
  folders: readonly string[] = CDI_FOLDERS,
): Promise<CdiEdits> {
  if (names.length === 0) return NONE;
  const problem = (message: string, help: string) =>
    new TcomposeError(message, { code: 'cdi-device-unusable', address: `container/${container}`, help });
  const known = await readSpecs(folders);
  const chosen = names.map((name) => {
    const found = known.get(name);
    if (found !== undefined) return { name, ...found };
    const there = [...known.keys()].sort();
    throw problem(
      `there is no device ${name} for container ${container}`,
      there.length === 0
        ? `no device is described in ${folders.join(' or ')}: the vendor's toolkit writes such files, for example\n    nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`
        : `there are: ${there.join(', ')}`,
    );
  });
  // What is common to a file's devices is done once, however many of them are asked for.
  const commons = new Map(chosen.map(({ file, name, common }) => [file, { name, edits: common }]));
  const all = [...commons.values(), ...chosen];
  for (const { name, edits } of all) {
    const hook = edits.hooks?.[0];
    const what = hook ? `runs a hook on the host (${hook.path ?? hook.hookName})` : unsupported(edits);
    if (what) throw problem(`the device ${name} cannot be given to ${container}: it ${what}`, HELP);
  }
  return all.map(({ edits }) => edits).reduce(join2, NONE);
}

const HELP =
  'programs of vendors are not run on the host here: use a description without hooks, such as\n    nvidia-ctk cdi generate --disable-hook=all';

const unsupported = (edits: RawEdits): string | undefined =>
  edits.intelRdt ? 'sets Intel RDT classes' : edits.netDevices ? 'moves network interfaces' : undefined;

const join2 = (sum: CdiEdits, edits: RawEdits): CdiEdits => ({
  devices: [...sum.devices, ...(edits.deviceNodes ?? []).flatMap(device)],
  mounts: [...sum.mounts, ...(edits.mounts ?? []).flatMap(mount)],
  env: { ...sum.env, ...Object.fromEntries((edits.env ?? []).map(variable)) },
  gids: [...sum.gids, ...(edits.additionalGids ?? []).filter((gid) => gid > 0)],
});

const device = ({ path, hostPath, permissions }: NonNullable<RawEdits['deviceNodes']>[number]): DesiredDevice[] =>
  path === undefined ? [] : [{ source: hostPath ?? path, target: path, permissions: permissions || 'rwm' }];

const mount = ({ hostPath, containerPath, options = [] }: NonNullable<RawEdits['mounts']>[number]): CdiMount[] =>
  hostPath === undefined || containerPath === undefined
    ? []
    : [{ source: hostPath, target: containerPath, readOnly: options.includes('ro') }];

const variable = (text: string): readonly [string, string] => {
  const [name = '', value = ''] = text.split(/=(.*)/s);
  return [name, value];
};

/** Qualified name → what it stands for. A file that cannot be read is passed over: another vendor's mistake is not ours. */
async function readSpecs(folders: readonly string[]): Promise<ReadonlyMap<string, Known>> {
  const known = new Map<string, Known>();
  for (const file of folders.flatMap(filesIn)) {
    const { kind, devices = [], containerEdits: common = {} } = (await parse(file)) ?? {};
    if (kind === undefined) continue;
    for (const { name, containerEdits: edits = {} } of devices)
      if (name !== undefined) known.set(`${kind}=${name}`, { file, edits, common });
  }
  return known;
}

function filesIn(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => /\.(json|ya?ml)$/.test(name));
    return names.sort().map((name) => join(folder, name));
  } catch {
    return [];
  }
}

async function parse(file: string): Promise<RawSpec | undefined> {
  try {
    const text = readFileSync(file, 'utf8');
    const value: unknown = file.endsWith('.json') ? JSON.parse(text) : (await import('yaml')).parse(text);
    return typeof value === 'object' && value !== null ? (value as RawSpec) : undefined;
  } catch {
    return undefined;
  }
}
