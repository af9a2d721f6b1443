/**
 * The vocabulary of the C launcher: one operation is about one system call. TypeScript computes every number and decides every
 * path; C executes. A program is a flat list, run in order, stopped by the first failure, which is reported as
 * (index of the operation, errno) and explained by explanations.ts.
 *
 * Slots are descriptors that operations share: slot N is always descriptor 64+N in the launcher (close-on-exec), so a number
 * that must be *inside* a message (IFLA_NET_NS_FD) is known beforehand: slotFd(N).
 * Paths called `path` are the host's; paths called `inside` are resolved beneath the descriptor in `root` with
 * openat2(RESOLVE_IN_ROOT): never by joining strings.
 */

export type Slot = number;
export const slotFd = (slot: Slot): number => 64 + slot;

export type LaunchOp =
  // ---- descriptors
  | { op: 'open'; slot: Slot; path: string; flags: number; mode?: number }
  | { op: 'open-in'; slot: Slot; root: Slot; inside: string; flags: number; mode?: number }
  | { op: 'close'; slot: Slot }
  // ---- files on the host: cgroups, run folder
  | { op: 'mkdir'; path: string; mode: number; existsOk?: boolean }
  /** One write(2) of the whole data. `optional`: a failure is reported as a warning, not as the end. */
  | { op: 'write'; path: string; data: string; optional?: boolean }
  // ---- files beneath a root
  | { op: 'mkdir-in'; root: Slot; inside: string; mode: number; uid?: number; gid?: number; parents?: boolean }
  /** A folder or an empty file, as what the slot `like` holds is one, unless something is there. */
  | { op: 'point-in'; root: Slot; inside: string; like: Slot }
  | { op: 'touch-in'; root: Slot; inside: string; mode: number; parents?: boolean }
  /** The same device being there already is success. */
  | {
      op: 'mknod-in';
      root: Slot;
      inside: string;
      mode: number;
      major: number;
      minor: number;
      uid?: number;
      gid?: number;
    }
  | { op: 'symlink-in'; root: Slot; inside: string; target: string; existsOk?: boolean }
  /** Sends the content (at most maxBytes, regular files only) back in the reply; absent file: no data, no failure. */
  | { op: 'read-in'; root: Slot; inside: string; maxBytes: number }
  /** What is at a path whose last name is not followed, sent back in the reply (engine/files/look.ts); nothing there: no data. */
  | { op: 'look-in'; root: Slot; inside: string }
  /** Last in a program: the tree at a path as records on standard output, which must be a pipe (pack.c; flags: PACK). */
  | { op: 'pack'; root: Slot; inside: string; flags: number }
  /** Last in a program: answers questions of standard input about the tree beneath the slot (read_files.c, engine/build/copy/reader.ts). */
  | { op: 'read-files'; root: Slot }
  /** Last in a program: makes what records on standard input say beneath the slot (unpack.c; flags: UNPACK). */
  | { op: 'unpack'; root: Slot; flags: number }
  // ---- namespaces
  /** unshare(2) of the launcher process itself. `user`: they belong to that user namespace, which the launcher stays out of. */
  | { op: 'unshare'; flags: number; user?: Slot }
  /** A new user namespace that nobody is in yet, held by the slot. Maps as user_namespaces(7) writes them. */
  | { op: 'user-namespace'; slot: Slot; uids: string; gids: string }
  /** That of the process that was joined or remembered last. */
  | { op: 'take-user'; slot: Slot }
  /**
   * setns(2) into namespaces of a process: checked against its start time (clock ticks, /proc/PID/stat field 22). pid 0: the container's
   * init (in a supervisor's probe). The process is looked up once and remembered, so a second `join` of it works after `clone` too,
   * where its pid means nothing any more: join NEWPID, clone, enter cgroups by the host's paths, join the rest.
   */
  | { op: 'join'; pid: number; startTime: string; flags: number }
  /**
   * The same, of the container whose supervisor writes this state file: of the process that it has at that moment, so that a restart by
   * policy finds a donor that was restarted too. No flags: only remembered, for `take-tmpfs`.
   */
  | { op: 'join-container'; state: string; flags: number }
  | { op: 'join-path'; path: string; flags: number }
  /**
   * Marks the end of the parent's part: what follows runs in the cloned child (pid 1 when NEWPID is among the flags). `cgroup`: an
   * opened version 2 folder that the child is born in (CLONE_INTO_CGROUP): moving it there later would take a global lock.
   */
  | { op: 'clone'; flags: number; cgroup?: Slot }
  // ---- mounts
  | { op: 'mount'; source: string; path: string; type: string; flags: number; data?: string }
  | {
      op: 'mount-in';
      root: Slot;
      source: string;
      inside: string;
      type: string;
      flags: number;
      data?: string;
      optional?: boolean;
    }
  /** open_tree(CLONE) of a host path (or of `sourceInside` beneath slot `sourceRoot`; '': of that itself), mount_setattr, move_mount onto the target. */
  | {
      op: 'bind-in';
      root: Slot;
      source: string;
      sourceRoot?: Slot;
      sourceInside?: string;
      inside: string;
      recursive: boolean;
      /** MOUNT_ATTR_* to set (read-only, nosuid, …), to all of the tree when `recursive`. */
      attributes: number;
      /** MS_SHARED/MS_SLAVE/MS_PRIVATE, 0: private. */
      propagation: number;
      /** SHALLOW: of a tree only the topmost mount gets them. */
      shallow?: number;
      optional?: boolean;
      /** Ids are seen as this user namespace maps them (mount_setattr(2), MOUNT_ATTR_IDMAP); of the topmost mount only. */
      user?: Slot;
    }
  /** A tree of mounts in hand, taken as it is now: for `attach-in`, also after this mount namespace was changed or another entered. */
  | {
      op: 'take-tree';
      slot: Slot;
      source: string;
      sourceRoot?: Slot;
      sourceInside?: string;
      recursive: boolean;
      /** As of bind-in. */
      user?: Slot;
    }
  /** The tmpfs that the joined process sees at a path, as a mount that `attach-in` puts somewhere: a shared /dev/shm. */
  | { op: 'take-tmpfs'; slot: Slot; inside: string }
  | {
      op: 'attach-in';
      slot: Slot;
      root: Slot;
      inside: string;
      recursive?: boolean;
      attributes?: number;
      propagation?: number;
      shallow?: number;
    }
  /** Makes what is there unreachable: an empty read-only tmpfs over a folder, /dev/null over a file; nothing there: fine. */
  | { op: 'mask-in'; root: Slot; inside: string }
  /** Binds a path onto itself read-only; nothing there: fine. */
  | { op: 'readonly-in'; root: Slot; inside: string }
  | { op: 'remount-root'; attributes: number }
  | { op: 'umount'; path: string; flags: number }
  | { op: 'pivot'; root: Slot }
  // ---- network: TypeScript builds the message (engine/network/rtnetlink.ts)
  /** A netlink socket that stays bound to the network namespace it is opened in. `protocol`: absent for NETLINK_ROUTE (netlink(7)). */
  | { op: 'netlink-open'; slot: Slot; protocol?: number }
  /** Sends one message, or one batch that is done whole or not at all, and waits for its acknowledgement. `ignore`: errno values that count as success (EEXIST, ENODEV, …); `outlast`: those that pass, for which it is sent again for three seconds. */
  | { op: 'netlink'; slot: Slot; message: Uint8Array; ignore?: readonly number[]; outlast?: readonly number[] }
  // ---- process
  | { op: 'hostname'; name: string }
  | { op: 'domainname'; name: string }
  | { op: 'rlimit'; resource: number; soft: bigint; hard: bigint; clamp: boolean }
  /** Raises the hard limit if it is lower, where that is allowed. */
  | { op: 'raise-rlimit'; resource: number; hard: bigint }
  | { op: 'umask'; mask: number }
  | { op: 'chdir'; inside: string; create?: boolean }
  /** `terminal`: and makes standard input, a terminal, the controlling one of the new session, taking it from another session. */
  | { op: 'setsid'; terminal?: boolean }
  /** A new, empty session keyring: the caller's keys are not handed on. A kernel without keys: nothing to do. */
  | { op: 'keyring' }
  /**
   * A terminal of the container's own: opened in dev/pts beneath `root`, its slave made the standard streams, its master handed to who
   * waits (the supervisor, or the launcher of an exec). `bind`: and bound onto dev/console; before `pivot`. `setsid` with `terminal` follows.
   */
  | { op: 'console'; root: Slot; bind: boolean }
  /** fchown(2) of the standard streams (pipes and terminals): who is not root could not open /dev/stdout again. Others: left alone. Their group stays. */
  | { op: 'own-streams'; uid: number }
  | { op: 'set-ids'; uid: number; gid: number; groups: readonly number[] }
  /** setfsuid(2), setfsgid(2): to whom belongs what is made. Keeps its capabilities with SECBIT_NO_SETUID_FIXUP only. */
  | { op: 'fs-ids'; uid: number; gid: number }
  /** Bit masks of capabilities. The bounding set is dropped before the ids change; the others are set after. */
  | { op: 'bounding'; mask: bigint }
  | { op: 'capabilities'; effective: bigint; permitted: bigint; inheritable: bigint; ambient: bigint }
  | { op: 'prctl'; option: number; arg2: bigint; arg3?: bigint }
  /** A compiled classic BPF filter (struct sock_filter[]), loaded with SECCOMP_SET_MODE_FILTER. */
  | { op: 'seccomp'; filter: Uint8Array; flags: number }
  /** An eBPF program (struct bpf_insn[]) of type CGROUP_DEVICE, loaded and attached to the version 2 cgroup opened in `cgroup`. */
  | { op: 'device-filter'; cgroup: Slot; program: Uint8Array }
  /**
   * Runs a program of the host's to its end and sends back what it said (capture.ts reads it): a process of the launcher's costs a fraction
   * of one of Node's. Not found: ENOENT.
   */
  | { op: 'capture'; argv: readonly string[]; env: readonly string[]; input: Uint8Array }
  /** Looks for the program that `exec` of another one (a container's init) will run, and fails as `exec` of it would. */
  | { op: 'find'; program: string; env: readonly string[] }
  /** Closes everything but the standard streams, resets signals. argv[0] is looked up in PATH of `env` when it has no slash. */
  | { op: 'exec'; argv: readonly string[]; env: readonly string[] };

export const SHALLOW = { ATTRIBUTES: 1, PROPAGATION: 2 } as const;

/** Without contents and attributes: sizes are enough. */
export const PACK = { HEADS_ONLY: 1 } as const;

export const UNPACK = {
  /** A folder is never replaced by something else, nor the other way round. */
  KEEP_KINDS: 1,
  /** All that is made belongs to who runs it. */
  CALLER_OWNS: 2,
  CROSS_MOUNTS: 4,
} as const;

export type LaunchOpName = LaunchOp['op'];
