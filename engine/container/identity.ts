/** Who the process is: `user[:group]` looked up in the container's own passwd and group files, never the host's. */
import { TcomposeError } from '../../src/model/errors.ts';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** The primary group first, then the supplementary ones. */
  readonly groups: readonly number[];
  readonly home: string;
}

interface PasswdLine {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupLine {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const MAX_ID = 2 ** 31 - 1;

/** `passwd` and `group` are the texts of the container's files, empty where it has none. */
export function resolveIdentity(
  wanted: { readonly user: string; readonly groupAdd: readonly string[] },
  files: { readonly passwd: string; readonly group: string },
): Identity {
  const [userPart = '', groupPart = ''] = wanted.user.split(':', 2);
  const groupLines = parseGroup(files.group);
  const user = findUser(userPart === '' ? '0' : userPart, parsePasswd(files.passwd));
  const gid = groupPart === '' ? user.gid : findGroup(groupPart, groupLines);
  // Memberships count only where no group was asked for: `user:group` is exactly that.
  const member =
    groupPart === '' ? groupLines.filter((line) => line.members.includes(user.name)).map((line) => line.gid) : [];
  const added = wanted.groupAdd.map((group) => findGroup(group, groupLines));
  return {
    uid: user.uid,
    gid,
    groups: [...new Set([gid, ...member, ...added])],
    home: user.home === '' ? '/' : user.home,
  };
}

function findUser(wanted: string, lines: readonly PasswdLine[]): PasswdLine {
  const number = parseId(wanted);
  const line = lines.find((line) => (number === undefined ? line.name === wanted : line.uid === number));
  if (line !== undefined) return line;
  if (number !== undefined) return { name: '', uid: number, gid: 0, home: '/' };
  throw new TcomposeError(`unable to find user ${wanted}: no matching entries in passwd file`, {
    code: 'user-unknown',
    help: 'use a user that the image has, or a number',
  });
}

function findGroup(wanted: string, lines: readonly GroupLine[]): number {
  const number = parseId(wanted);
  if (number !== undefined) return number;
  const line = lines.find((line) => line.name === wanted);
  if (line !== undefined) return line.gid;
  throw new TcomposeError(`unable to find group ${wanted}: no matching entries in group file`, {
    code: 'group-unknown',
    help: 'use a group that the image has, or a number',
  });
}

/** Digits alone are always a number, as Docker has it. */
function parseId(text: string): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  const number = Number(text);
  if (number <= MAX_ID) return number;
  throw new TcomposeError(`the id ${text} is beyond the largest one, ${MAX_ID}`, {
    code: 'user-unknown',
    help: 'use a smaller number',
  });
}

function parsePasswd(text: string): readonly PasswdLine[] {
  return rows(text, 4).map((fields) => ({
    name: fields[0]!,
    uid: Number(fields[2]),
    gid: Number(fields[3]),
    home: fields[5] ?? '',
  }));
}

function parseGroup(text: string): readonly GroupLine[] {
  return rows(text, 3).map((fields) => ({
    name: fields[0]!,
    gid: Number(fields[2]),
    members: (fields[3] ?? '').split(',').filter((name) => name !== ''),
  }));
}

/** The image's author wrote these files: lines that are not of the form are passed over, as the C library does. */
const rows = (text: string, least: number) =>
  text
    .split('\n')
    .map((line) => line.trim().split(':'))
    .filter(
      (fields) =>
        fields.length >= least &&
        fields.slice(2, least).every((field) => /^[0-9]{1,10}$/.test(field) && Number(field) <= MAX_ID),
    );
