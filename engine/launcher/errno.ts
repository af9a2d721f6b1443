/** errno values of Linux by name, and what they mean in words that a reader of an error message understands. */
import { constants } from 'node:os';

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** `EACCES`; `errno 999` for what has no name. */
export const errnoName = (errno: number): string => names.get(errno) ?? `errno ${errno}`;

const meanings: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EAGAIN: 'the resource is busy for the moment',
  EBADMSG: 'malformed data',
  EBUSY: 'it is in use',
  ECHILD: 'the process ended without a word',
  EEXIST: 'it is there already',
  EFBIG: 'too large',
  EINVAL: 'the kernel does not accept the value',
  EIO: 'input/output error',
  EISDIR: 'it is a directory',
  ELOOP: 'a symbolic link where none may be, or too many of them',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the name is too long',
  ENFILE: 'too many open files on this host',
  ENODEV: 'no such device or file system type',
  ENOENT: 'no such file or directory',
  ENOEXEC: 'exec format error',
  ENOMEM: 'out of memory',
  ENOSPC: 'no space left, or a limit of the kernel is reached',
  ENOSYS: 'this kernel does not have it',
  ENOTDIR: 'not a directory',
  EOPNOTSUPP: 'not supported',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
  ESRCH: 'no such process',
  ETIMEDOUT: 'no answer in time',
  EXDEV: 'it leads out of the root',
};

export const errnoMeaning = (errno: number): string => meanings[errnoName(errno)] ?? errnoName(errno);
