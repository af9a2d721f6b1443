/** Why an operation failed, in words, and what to do: (operation, errno) → sentence and help. C reports numbers only. */
import type { Section } from '../supervise/spec.ts';
import { errnoMeaning, errnoName } from './errno.ts';
import type { LaunchOp, LaunchOpName } from './ops.ts';

export interface Explanation {
  /** One clause: lower case, no final period. */
  readonly message: string;
  readonly help?: string;
}

/** asm-generic/resource.h */
const RESOURCES =
  'cpu fsize data stack core rss nproc nofile memlock as locks sigpending msgqueue nice rtprio rttime'.split(' ');

/** What an operation was about to do, completing "cannot …". */
const intents: { [Name in LaunchOpName]: (op: Extract<LaunchOp, { op: Name }>) => string } = {
  open: (op) => `open ${op.path}`,
  'open-in': (op) => `open ${op.inside} in the container`,
  close: (op) => `close slot ${op.slot}`,
  mkdir: (op) => `make the folder ${op.path}`,
  write: (op) => `write ${shown(op.data)} to ${op.path}`,
  'mkdir-in': (op) => `make the folder ${op.inside} in the container`,
  'point-in': (op) => `make ${op.inside} in the container, to mount on it`,
  'touch-in': (op) => `make the file ${op.inside} in the container`,
  'mknod-in': (op) => `make the device ${op.inside} in the container`,
  'symlink-in': (op) => `make the link ${op.inside} in the container`,
  'read-in': (op) => `read the file ${op.inside} in the container`,
  unshare: () => 'make namespaces',
  'user-namespace': () => 'make a user namespace',
  'take-user': () => 'find the user namespace of another container',
  join: (op) => (op.pid ? `join the namespaces of process ${op.pid}` : "join the container's namespaces"),
  'join-container': () => 'join the namespaces of another container',
  'join-path': (op) => `join the namespace ${op.path}`,
  clone: () => "make the container's first process",
  mount: (op) => `mount ${op.type || op.source} on ${op.path}`,
  'mount-in': (op) => `mount ${op.type || op.source} on ${op.inside} in the container`,
  'bind-in': (op) => `bind ${op.source || op.sourceInside} to ${op.inside} in the container`,
  'take-tmpfs': (op) => `share ${op.inside} of another container`,
  'take-tree': (op) => `take what is mounted on ${op.source || op.sourceInside}`,
  'attach-in': (op) => `mount what was taken on ${op.inside} in the container`,
  'mask-in': (op) => `hide ${op.inside} in the container`,
  'readonly-in': (op) => `make ${op.inside} read-only in the container`,
  'remount-root': () => "change the container's root mount",
  umount: (op) => `unmount ${op.path}`,
  pivot: () => "enter the container's root filesystem",
  'netlink-open': () => 'open a netlink socket',
  netlink: () => 'set up the network',
  hostname: (op) => `set the host name ${shown(op.name)}`,
  domainname: (op) => `set the domain name ${shown(op.name)}`,
  rlimit: (op) => `set the ulimit ${RESOURCES[op.resource] ?? op.resource} to ${op.soft}:${op.hard}`,
  'raise-rlimit': (op) => `raise the ulimit ${RESOURCES[op.resource] ?? op.resource}`,
  umask: () => 'set the umask',
  chdir: (op) => `enter the working directory ${op.inside}`,
  setsid: () => 'start a session',
  keyring: () => 'make a session keyring',
  console: () => "open the container's terminal",
  'own-streams': () => 'hand the standard streams to the user',
  'set-ids': (op) => `become user ${op.uid}:${op.gid}`,
  'fs-ids': (op) => `make files as ${op.uid}:${op.gid}`,
  bounding: () => 'drop capabilities',
  capabilities: () => 'set capabilities',
  prctl: (op) => `set process option ${op.option}`,
  seccomp: () => 'load the seccomp filter',
  'look-in': (op) => `look at ${shown(op.inside)} in the container`,
  pack: (op) => `read ${shown(op.inside)} in the container`,
  'read-files': () => 'read files',
  unpack: () => 'write files',
  'device-filter': () => 'load the device filter',
  capture: (op) => `run the host's program ${shown(op.argv[0] ?? '')}`,
  find: (op) => `run ${shown(op.program)}`,
  exec: (op) => `run ${shown(op.argv[0] ?? '')}`,
};

const NOT_RUN: Readonly<Record<string, readonly [why: string, help?: string]>> = {
  // The phrases that tools match on (engine-behaviour, Appendix B).
  ENOENT: [
    'executable file not found in $PATH, or the interpreter it needs is missing',
    'check the command, its #! line and, for a binary of another C library, its loader',
  ],
  EACCES: ['permission denied', 'make the file executable in the image (chmod +x)'],
  EISDIR: ['is a directory: permission denied', 'name a program, not a folder'],
  ENOEXEC: ['exec format error', 'the image may be of another processor architecture, or a script lacks its #! line'],
  E2BIG: ['arguments and environment are too long together'],
};

/** Where errno misleads or alone does not say what to do: by operation, then by errno; '*' is any errno. */
const remedies: { readonly [Name in LaunchOpName]?: Readonly<Record<string, readonly [why: string, help?: string]>> } =
  {
    find: NOT_RUN,
    exec: NOT_RUN,
    mount: {
      EINVAL: ['the kernel does not accept it: options, or a file system that cannot be layered (see dmesg)'],
      ENODEV: ['this kernel does not know that file system', 'run tcompose system doctor'],
      ESTALE: ['the writable layer was made on other layers', 'remove the container and create it again'],
    },
    'mount-in': {
      ENODEV: ['this kernel does not know that file system', 'run tcompose system doctor'],
      ENOTDIR: [
        'the image has a link or a file there',
        'use an image that has an ordinary folder, or none, in its place',
      ],
    },
    'bind-in': {
      ENOENT: ['its source or its target does not exist'],
      ENOTDIR: ['one is a folder and the other is a file', 'mount a folder onto a folder, a file onto a file'],
      EXDEV: ['a symbolic link leads out of the volume'],
      EOVERFLOW: ['what it would be made in belongs to ids that its user namespace does not map'],
    },
    'touch-in': { EEXIST: ['a symbolic link that leads nowhere is in its place'] },
    'mkdir-in': {
      ENOTDIR: ['a file is in its place, or on the way'],
      EEXIST: ['a symbolic link that leads nowhere is in its place'],
    },
    chdir: {
      ENOTDIR: ['it is not a directory', 'name a folder in working_dir'],
      ENOENT: ['no such directory in the container'],
      EXDEV: ['it leads out of the container'],
    },
    join: { ESRCH: ['that process has ended'] },
    'join-container': { ESRCH: ['that container is not running', 'start it first'] },
    'take-tmpfs': { ENOENT: ['that container has none'], EINVAL: ['it is no memory file system of its own'] },
    'join-path': { ENOENT: ['the namespace is gone'] },
    unshare: { ENOSPC: ['the limit of namespaces is reached', 'raise the sysctls user.max_*_namespaces'] },
    'user-namespace': {
      ENOSPC: ['the limit of user namespaces is reached', 'raise the sysctl user.max_user_namespaces'],
      EINVAL: ['this kernel has no user namespaces, or the range of ids is not one that we have ourselves'],
      EPERM: ['the range of ids is not one that we have ourselves', 'change the range in /etc/subuid and /etc/subgid'],
    },
    'take-user': { ESRCH: ['that container is not running', 'start it first'] },
    netlink: {
      EADDRINUSE: [
        'another interface upon the same parent has that hardware address',
        'give each container a mac_address of its own, or none',
      ],
      ENODEV: ['an interface of this host that it needs is gone', 'see what is missing:\n    tcompose plan'],
    },
    clone: {
      EAGAIN: ['the limit of processes is reached', 'raise pids_limit, or kernel.pid_max of the host'],
      ENOSPC: ['the limit of namespaces is reached', 'raise the sysctls user.max_*_namespaces'],
      EBUSY: ['its cgroup has controllers for children and cannot hold processes'],
    },
    'set-ids': { EINVAL: ['an id that this user namespace does not map'] },
    'read-in': { EINVAL: ['it is no ordinary file', 'mend the image'] },
    rlimit: { EPERM: ['raising it is forbidden here, so the most that is allowed applies'] },
    'mknod-in': { EEXIST: ['something else is in its place'], EPERM: ['the device rules of this host forbid it'] },
    seccomp: { EINVAL: ['the kernel does not accept the filter'], EACCES: ['it needs no_new_privs or CAP_SYS_ADMIN'] },
    'device-filter': {
      EINVAL: ['the kernel does not accept the filter'],
      EPERM: ['BPF programs may not be loaded here'],
    },
    mkdir: { ENOSPC: ['no space, or a limit of cgroups is reached'] },
    write: {
      ENOENT: ['this kernel does not have it', 'run tcompose system doctor'],
      EBUSY: ['the kernel refuses while it is in use: a limit below what is used already, or a cgroup with processes'],
    },
  };

/** launcher.h, enum supervisor_step */
const STEPS = [
  'open the run folder',
  "read the supervisor's program",
  'open the log file',
  'open the control socket',
  'start a process',
  'hear from the container before its program ran: it was killed',
  'supervise the container: another supervisor does',
  "pass on the container's questions for names",
];

/** Some is written to a terminal as it is: JSON leaves C1 controls, and marks that turn the direction of text (bidi), as they are. */
const shown = (text: string): string =>
  JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text.trimEnd()).replace(
    /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const intentOf = (op: LaunchOp): string => (intents[op.op] as (op: LaunchOp) => string)(op);

const sectionIntents: Readonly<Record<Section, string>> = {
  program: 'run the program',
  setup: 'prepare the container',
  start: 'start the container',
  probe: 'run the health check',
  supervisor: 'supervise the container',
  ports: 'hold a port of the host',
};

const attempted = (section: Section, index: number, op: LaunchOp | undefined): string => {
  if (op) return intentOf(op);
  return section === 'supervisor'
    ? (STEPS[index] ?? sectionIntents.supervisor)
    : `${sectionIntents[section]} (operation ${index})`;
};

/** The kernel says EINVAL to ids that a file system cannot map, as to so much else. */
function remedyOf(op: LaunchOp | undefined, errno: string): readonly [why: string, help?: string] | undefined {
  if (op?.op === 'bind-in' && op.user !== undefined && errno === 'EINVAL') {
    return ['its file system cannot map ids', 'keep it on ext4, xfs or btrfs, or leave out userns_mode'];
  }
  return op && remedies[op.op]?.[errno];
}

export const explain = (
  failure: { readonly section: Section; readonly index: number; readonly errno: number },
  op: LaunchOp | undefined,
): Explanation => {
  const name = errnoName(failure.errno);
  const [why, help] = remedyOf(op, name) ?? [errnoMeaning(failure.errno)];
  const message = `cannot ${attempted(failure.section, failure.index, op)}: ${why} (${name})`;
  return { message, ...(help !== undefined && { help }) };
};
