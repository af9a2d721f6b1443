/**
 * New mounts, and other texts of secrets and configs, for a container that may be running. What is to be mounted is taken in hand on the
 * host (open_tree(2)), then put into the container's own mount namespace (move_mount(2)): its processes see it appear. Its supervisor
 * is told too, so that the next start has it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../../host.ts';
import type { LaunchOp, Slot } from '../../launcher/ops.ts';
import { PROJECT_LABEL } from '../../state/container-records.ts';
import { containerRun } from '../../state/paths.ts';
import type { ContainerRecord, IdRanges, MountRecord } from '../../state/records.ts';
import { kill, reload } from '../../supervise/control.ts';
import { encodeSpec } from '../../supervise/encode-spec.ts';
import { tmpfsMount } from '../../volume/tmpfs-options.ts';
import { imageTreeOps, isMapped, mountedHow, outsideOptions } from '../bind-ops.ts';
import { writeContents } from '../contents.ts';
import { idsText, userPlan } from '../isolation/user-namespace.ts';
import {
  CLONE,
  MNT_DETACH,
  MS,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  PR_SET_SECUREBITS,
  SECBIT_NO_SETUID_FIXUP,
} from '../linux.ts';
import type { MountSource } from '../mounts.ts';
import { sourceOf } from '../plan-container.ts';
import { readRuntime } from '../runtime.ts';
import { signalNumber } from '../signals.ts';
import { startSpec } from '../start-spec.ts';
import type { RecordChange } from './update-record.ts';

/** Mounts that differ; those of a change that was not finished as far as the kernel does not have them. */
interface MountChanges {
  readonly added: readonly MountRecord[];
  /** Secrets and configs with another text, or another owner. */
  readonly rewritten: readonly MountRecord[];
}

export async function updateMounts(host: Host, change: RecordChange): Promise<void> {
  const { from, to } = change;
  const runtime = readRuntime(host.paths, to);
  const seen = runtime.process === undefined ? undefined : mountPoints(runtime.process.pid);
  const { added, rewritten } = mountChanges(change, seen);
  if (added.length + rewritten.length === 0) return;
  await prepare(host, to, added);
  await writeContents(host, to, { isNew: false, only: [...added, ...rewritten] });
  if (runtime.process === undefined) return;
  const replaced = rewritten.filter((mount) => mount.kind === 'bind' && isStale(seen, mount.target));
  const all = [...added, ...replaced];
  for (let done = 0; done < all.length; done += AT_ONCE) {
    const ops = await attachOps(host, to, all.slice(done, done + AT_ONCE), runtime.process, replaced);
    await (await host.session()).run(ops);
  }
  if (runtime.supervisor === undefined) return;
  if (added.length > 0) await tellSupervisor(host, to);
  for (const signal of signalsFor(from, to)) await kill(containerRun(host.paths, to.id), signalNumber(signal), false);
}

function mountChanges({ from, to }: RecordChange, seen: ReadonlyMap<string, string> | undefined): MountChanges {
  const before = new Map(from.mounts.map((mount) => [mount.target, mount]));
  const isUnfinished = from.before !== undefined;
  const isAdded = ({ target }: MountRecord) =>
    !before.has(target) || (isUnfinished && seen !== undefined && !seen.has(target));
  const isRewritten = (mount: MountRecord) => {
    const old = before.get(mount.target);
    if (mount.content === undefined || old === undefined) return false;
    return isUnfinished || JSON.stringify([mount.content, mount.owner]) !== JSON.stringify([old.content, old.owner]);
  };
  const added = to.mounts.filter(isAdded);
  return { added, rewritten: to.mounts.filter((mount) => !added.includes(mount) && isRewritten(mount)) };
}

/** Target → what of its file system is mounted there, the topmost of several: fields 5 and 4 of /proc/PID/mountinfo (proc(5)). */
function mountPoints(pid: number): ReadonlyMap<string, string> {
  const plain = (text: string) =>
    Buffer.from(
      text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
      'latin1',
    ).toString();
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'latin1').split('\n').filter(Boolean);
  return new Map(
    lines.map((line) => {
      const fields = line.split(' ');
      return [plain(fields[4]!), plain(fields[3]!)] as const;
    }),
  );
}

/** Somebody put another file in the place of the one that is mounted: an editor, most likely. */
const isStale = (seen: ReadonlyMap<string, string> | undefined, target: string): boolean =>
  seen?.get(target)?.endsWith('//deleted') ?? false;

/** Volumes made, filled from the image and mounted on the host; folders of the host made where that was asked for. */
async function prepare(host: Host, { madeFrom }: ContainerRecord, added: readonly MountRecord[]): Promise<void> {
  if (added.length === 0) return;
  const [volumes, images] = await Promise.all([host.volumes(), host.images()]);
  const project = madeFrom.labels[PROJECT_LABEL];
  await volumes.prepare(added, project === undefined ? {} : { [PROJECT_LABEL]: project });
  await volumes.seed(added, await images.layerPaths(madeFrom.image.id));
}

const ROOT: Slot = 0;
const FIRST_TREE: Slot = 8;
/** A program has 64 slots. Parents come before what lies in them. */
const AT_ONCE = 48;

async function attachOps(
  host: Host,
  record: ContainerRecord,
  mounts: readonly MountRecord[],
  process: { readonly pid: number; readonly startTime: string },
  stale: readonly MountRecord[],
): Promise<readonly LaunchOp[]> {
  const paths = await (await host.volumes()).sources(mounts);
  const sources = await Promise.all(mounts.map((mount, index) => sourceOf(host, record, mount, paths[index]!)));
  // A folder that every container that runs has: in the mount namespace that is made here nobody looks for it.
  const scratch = join(containerRun(host.paths, record.id), 'rootfs');
  const ids = userPlan(host.paths, record, (await host.records()).containers)?.ids;
  return [
    // What is mounted on the way, a tmpfs or the layers of an image, is nobody else's to see.
    { op: 'unshare', flags: CLONE.NEWNS },
    { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
    ...(ids === undefined ? [] : asOwnerOps(ids)),
    ...mounts.flatMap((mount, index) =>
      takeOps(mount, sources[index]!, { slot: FIRST_TREE + index, scratch, ...(ids ? { ids } : {}) }),
    ),
    { op: 'join', ...process, flags: CLONE.NEWNS },
    { op: 'open', slot: ROOT, path: '/', flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
    ...mounts.flatMap((mount, index) => putOps(mount, FIRST_TREE + index, stale.includes(mount))),
  ];
}

const SCRATCH: Slot = 1;
const FOUND: Slot = 2;
const USER: Slot = 3;

/** Its own user namespace need not be found: another one with the same ids maps them the same way. What is made belongs to its root. */
const asOwnerOps = (ids: IdRanges): readonly LaunchOp[] => [
  { op: 'user-namespace', slot: USER, ...idsText(ids) },
  { op: 'prctl', option: PR_SET_SECUREBITS, arg2: SECBIT_NO_SETUID_FIXUP },
  { op: 'fs-ids', uid: ids.uid, gid: ids.gid },
];

interface Taking {
  readonly slot: Slot;
  readonly scratch: string;
  readonly ids?: IdRanges;
}

function takeOps(mount: MountRecord, source: MountSource, { slot, scratch, ids }: Taking): readonly LaunchOp[] {
  const { recursive, subpath } = mount;
  if (mount.kind === 'tmpfs') {
    const { flags, data } = tmpfsMount(outsideOptions(mount.options, ids), mount.readOnly);
    return [
      { op: 'mount', source: 'tmpfs', path: scratch, type: 'tmpfs', flags, data: data.join(',') },
      { op: 'take-tree', slot, source: scratch, recursive: false },
    ];
  }
  if (source.image !== undefined) return imageTreeOps(source.image, subpath, { slot, scratch: SCRATCH, found: FOUND });
  const how = { slot, recursive, ...(ids !== undefined && isMapped(mount) ? { user: USER } : {}) };
  if (subpath === undefined) return [{ op: 'take-tree', source: source.path, ...how }];
  return [
    { op: 'open', slot: SCRATCH, path: source.path, flags: O_PATH | O_CLOEXEC },
    { op: 'open-in', slot: FOUND, root: SCRATCH, inside: subpath, flags: O_PATH },
    { op: 'take-tree', source: '', sourceRoot: FOUND, ...how },
  ];
}

function putOps(mount: MountRecord, slot: Slot, isStale: boolean): readonly LaunchOp[] {
  const { target } = mount;
  return [
    ...(isStale ? [{ op: 'umount', path: target, flags: MNT_DETACH } as const] : []),
    { op: 'point-in', root: ROOT, inside: target, like: slot },
    { op: 'attach-in', slot, root: ROOT, inside: target, ...mountedHow(mount) },
  ];
}

/** A start by its restart policy needs nobody else: it is to find the new mounts too. */
async function tellSupervisor(host: Host, record: ContainerRecord): Promise<void> {
  const { spec } = await startSpec(host, record, await host.records(), () => {});
  const folder = containerRun(host.paths, record.id);
  writeFileSync(join(folder, 'program'), encodeSpec(spec), { mode: 0o600 });
  await reload(folder);
}

function signalsFor(from: ContainerRecord, to: ContainerRecord): readonly string[] {
  const before = new Map(from.mounts.map(({ target, content }) => [target, content?.digest]));
  const signals = to.madeFrom.mounts.flatMap((mount) => {
    if (mount.kind !== 'file' && mount.kind !== 'bind') return [];
    const { content, target } = mount;
    const isChanged = before.has(target) && before.get(target) !== content?.digest;
    return isChanged && typeof content?.onChange === 'object' ? [content.onChange.signal] : [];
  });
  return [...new Set(signals)];
}
