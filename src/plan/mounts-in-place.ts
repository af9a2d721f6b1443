/** Which changes of mounts a running container can be given: new ones beside the old, and other texts of secrets and configs. */
import type { DesiredContainer, DesiredContent, DesiredMount } from '../model/desired.ts';

/**
 * A mount that goes, or becomes another one, costs a new container: what has a file open there would keep the old one. A new one must
 * not cover another, needs a place to be made for it, and what another container brings is settled at create.
 */
export const mountsAreLive = (from: DesiredContainer, to: DesiredContainer): boolean =>
  whyNotLive(from, to) === undefined;

/** One clause, for the plan; undefined: what changes can be changed under the running process. */
export function whyNotLive(from: DesiredContainer, to: DesiredContainer): string | undefined {
  const [before, after] = [byTarget(from), byTarget(to)];
  if (before === undefined || after === undefined) return 'mounts of another container are taken over when one is made';
  for (const [target, mount] of before) {
    const wanted = after.get(target);
    if (wanted === undefined) return `who has files open on ${target} would keep them: a mount goes with its container`;
    if (!isSame(mount, wanted)) return `what is mounted on ${target} cannot be another under a running process`;
    if (textChanged(mount, wanted) && contentOf(wanted)?.onChange === 'recreate')
      return `${contentOf(wanted)?.of} says on_change: recreate`;
  }
  const added = [...after.values()].filter(({ target }) => !before.has(target));
  if (added.length === 0) return undefined;
  if (to.security.readOnlyRootfs || from.security.readOnlyRootfs)
    return 'its root is read-only, and a new mount needs a place to be made there';
  const [bad] = added.filter((mount) => !canBeAdded(mount, [...before.keys()]));
  return bad && `a mount on ${bad.target} would cover others, or is shared with the host from the start on`;
}

const byTarget = ({ mounts }: DesiredContainer): ReadonlyMap<string, DesiredMount> | undefined =>
  mounts.some(({ kind }) => kind === 'from') ? undefined : new Map(mounts.map((mount) => [mount.target, mount]));

/** The kernel's own, and what the engine mounts there. */
const KERNELS = /^\/(?:dev|proc|sys)(?:\/|$)|^\/etc\/(?:hosts|hostname|resolv\.conf)$/;

function canBeAdded(mount: DesiredMount, others: readonly string[]): boolean {
  if (mount.kind === 'from' || KERNELS.test(mount.target)) return false;
  // Shared with the host from before the container was closed off from it.
  if (mount.kind === 'bind' && /shared|slave/.test(mount.propagation)) return false;
  const covered = ['/dev', '/proc', '/sys', '/etc/hosts', ...others];
  return !covered.some((other) => other === mount.target || other.startsWith(`${mount.target}/`));
}

const contentOf = (mount: DesiredMount): DesiredContent | undefined => ('content' in mount ? mount.content : undefined);

const textChanged = (one: DesiredMount, other: DesiredMount): boolean =>
  contentOf(one)?.digest !== contentOf(other)?.digest;

/** But for the text of a secret or config, its owner and its mode, which are files to be rewritten. */
function isSame(one: DesiredMount, other: DesiredMount): boolean {
  const bare = (mount: DesiredMount) => {
    const { content: _, labels: _l, ...rest } = mount as Extract<DesiredMount, { kind: 'bind' }> & { labels?: unknown };
    if (mount.kind !== 'file') return rest;
    const { uid: _u, gid: _g, mode: _m, file: _f, ...file } = rest as unknown as Record<string, unknown>;
    return file;
  };
  return JSON.stringify(sorted(bare(one))) === JSON.stringify(sorted(bare(other)));
}

const sorted = (value: object): readonly (readonly [string, unknown])[] =>
  Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));

/** Another text of what is not to be noticed is no difference. */
export function withQuietTexts(made: DesiredContainer, wanted: DesiredContainer): DesiredContainer {
  const quiet = new Map(
    wanted.mounts.flatMap((mount) =>
      contentOf(mount)?.onChange === 'none' ? [[mount.target, contentOf(mount)!] as const] : [],
    ),
  );
  if (quiet.size === 0) return made;
  const mounts = made.mounts.map((mount): DesiredMount => {
    const content = quiet.get(mount.target);
    return content !== undefined && 'content' in mount ? ({ ...mount, content } as DesiredMount) : mount;
  });
  return { ...made, mounts };
}

export interface TextEffects {
  /** What is said of it: `secret db_password has another content`. */
  readonly restart: readonly string[];
  readonly signals: readonly string[];
}

/** What another text means beyond a rewritten file, for a container that stays. */
export function textEffects(made: DesiredContainer, wanted: DesiredContainer): TextEffects {
  const before = new Map(made.mounts.map((mount) => [mount.target, mount]));
  const changed = wanted.mounts.flatMap((mount) => {
    const old = before.get(mount.target);
    const content = contentOf(mount);
    return old && content && textChanged(old, mount) ? [content] : [];
  });
  return {
    restart: changed.flatMap(({ of, onChange }) => (onChange === 'restart' ? [`${of} has another content`] : [])),
    signals: [...new Set(changed.flatMap(({ onChange }) => (typeof onChange === 'object' ? [onChange.signal] : [])))],
  };
}
