/** Which ids of the host stand for those of a container: chosen from /etc/subuid and /etc/subgid, or where nobody else has any. */
import { TcomposeError } from '../../../src/model/errors.ts';
import type { IdRanges } from '../../state/records.ts';

interface Range {
  readonly first: number;
  readonly size: number;
}

/** The texts of the host's files, '' where it has none. */
export interface SubordinateFiles {
  readonly subuid: string;
  readonly subgid: string;
}

/** Whose entries are ours to give away, the better one first. */
const OWNERS = ['tcompose', 'root'];
/** Where nothing is said: what systemd keeps for containers (its UIDS-GIDS.md), which useradd(8) does not reach with its defaults. */
const POOL: Range = { first: 524_288, size: 1_879_048_192 - 524_288 };
/** 2^32-1 is no id: setuid(2) takes it for "leave as it is". */
const END = 2 ** 32 - 1;
const MAX_LINES = 100_000;

interface Entry extends Range {
  readonly owner: string;
}

/** subuid(5): `name:first:count`. Lines that are not of that form, or reach beyond the last id, are passed over. */
export function parseSubordinate(text: string): readonly Entry[] {
  return text
    .split('\n', MAX_LINES)
    .map((line) => /^([^:\s]{1,255}):([0-9]{1,10}):([0-9]{1,10})\s*$/.exec(line))
    .flatMap((match) => {
      const [owner, first, size] = [match?.[1] ?? '', Number(match?.[2]), Number(match?.[3])];
      // The host's own root is nobody's subordinate.
      return first > 0 && size > 0 && first + size <= END ? [{ owner, first, size }] : [];
    });
}

/** One file: what may be given away, and what others have of it. */
function poolsOf(text: string): { readonly pools: readonly Range[]; readonly others: readonly Range[] } {
  const entries = parseSubordinate(text);
  const own = OWNERS.map((name) => entries.filter(({ owner }) => owner === name)).find((found) => found.length > 0);
  return { pools: own ?? [POOL], others: entries.filter(({ owner }) => !OWNERS.includes(owner)) };
}

/** The lowest place for so many that touches nothing taken. Moves on by what is in the way, so it ends. */
function firstFree(pools: readonly Range[], taken: readonly Range[], size: number): number | undefined {
  const sorted = [...taken].sort((a, b) => a.first - b.first);
  for (const pool of pools) {
    let at = pool.first;
    for (const one of sorted) if (one.first < at + size && at < one.first + one.size) at = one.first + one.size;
    if (at + size <= pool.first + pool.size) return at;
  }
  return undefined;
}

/** Throws where there is no room. `taken`: of all containers that there are. The same numbers for users and groups, where that is possible. */
export function allotIds(
  size: number,
  taken: readonly IdRanges[],
  { subuid, subgid }: SubordinateFiles,
  container: string,
): IdRanges {
  const [users, groups] = [poolsOf(subuid), poolsOf(subgid)];
  const usersTaken = [...users.others, ...taken.map((one) => ({ first: one.uid, size: one.size }))];
  const groupsTaken = [...groups.others, ...taken.map((one) => ({ first: one.gid, size: one.size }))];
  const isSame = JSON.stringify(users.pools) === JSON.stringify(groups.pools);
  const [uid, gid] = isSame
    ? both(firstFree(users.pools, [...usersTaken, ...groupsTaken], size))
    : [firstFree(users.pools, usersTaken, size), firstFree(groups.pools, groupsTaken, size)];
  if (uid !== undefined && gid !== undefined) return { uid, gid, size };
  const file = uid === undefined ? 'subuid' : 'subgid';
  throw new TcomposeError(`there are no ${size} ids left for the user namespace of ${container}`, {
    code: 'ids-exhausted',
    address: `container/${container}`,
    help: `give tcompose more of them in /etc/${file}, as in:\n    tcompose:524288:1048576\nor ask for fewer: userns_mode: auto:size=${Math.max(1, Math.floor(size / 2))}`,
  });
}

const both = <T>(one: T): readonly [T, T] => [one, one];

/** On the host; undefined: the namespace does not have it. */
export const idOutside = (first: number, size: number, inside: number): number | undefined =>
  inside >= 0 && inside < size ? first + inside : undefined;
