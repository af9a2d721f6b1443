/** Which system calls a container may make: what a profile is, and the default one (moby's policy of 2025). */

export type SeccompOperator = 'LT' | 'LE' | 'EQ' | 'NE' | 'GE' | 'GT' | 'MASKED_EQ';

export interface SeccompArgument {
  readonly index: number;
  readonly operator: SeccompOperator;
  /** MASKED_EQ: the mask; the masked argument is compared with `valueTwo`. */
  readonly value: bigint;
  readonly valueTwo: bigint;
}

export type SeccompVerdict = 'allow' | 'log' | 'kill-thread' | 'kill-process' | 'trap' | { readonly errno: number };

export interface SeccompRule {
  readonly names: readonly string[];
  readonly verdict: SeccompVerdict;
  /** All of them must hold. */
  readonly args: readonly SeccompArgument[];
  /** Every one of these must be in the bounding set … */
  readonly needsCaps: readonly string[];
  /** … and none of these. */
  readonly withoutCaps: readonly string[];
  /** Go's names (amd64, x86, arm64); empty: everywhere. */
  readonly arches: readonly string[];
  readonly exceptArches: readonly string[];
  readonly minKernel?: string;
  /** Not from this one on. */
  readonly beforeKernel?: string;
}

export interface SeccompProfile {
  readonly otherwise: SeccompVerdict;
  /** i386 calls are judged by the rules too; else they are the process's end. */
  readonly judgesForeign: boolean;
  /** SECCOMP_FILTER_FLAG_…, for seccomp(2). */
  readonly flags?: number;
  readonly rules: readonly SeccompRule[];
}

const EPERM = 1;
const ENOSYS = 38;

/** What any program may call. Calls that reach beyond the container stand below, with the capability that opens them. */
const HARMLESS = `
accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 clock_adjtime clock_adjtime64
clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect
copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark
fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr
fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait
futex_waitv futex_wake futimesat getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups
getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32
getrlimit get_robust_list getrusage getsid getsockname getsockopt get_thread_area gettid gettimeofday getuid getuid32 getxattr
getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel ioctl io_destroy io_getevents io_pgetevents
io_pgetevents_time64 ioprio_get ioprio_set io_setup io_submit ipc kill landlock_add_rule landlock_create_ruleset
landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount listxattr listxattrat llistxattr _llseek lremovexattr
lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat
mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep
newfstatat _newselect open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll
ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read
readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat rename
renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam sched_get_priority_max
sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile
sendfile64 sendmmsg sendmsg sendto setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid
setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit set_robust_list setsid
setsockopt set_thread_area set_tid_address setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack
signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount statx symlink symlinkat
sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64
timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill
truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4
waitid waitpid write writev`;

const BY_CAPABILITY: Readonly<Record<string, string>> = {
  CAP_BPF: 'bpf',
  CAP_DAC_READ_SEARCH: 'open_by_handle_at',
  CAP_PERFMON: 'perf_event_open',
  CAP_SYS_ADMIN: `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns
    syslog umount umount2 unshare`,
  CAP_SYS_BOOT: 'reboot',
  CAP_SYS_CHROOT: 'chroot',
  CAP_SYS_MODULE: 'delete_module finit_module init_module',
  CAP_SYS_NICE: 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node',
  CAP_SYS_PACCT: 'acct',
  CAP_SYS_PTRACE: 'kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace',
  CAP_SYS_RAWIO: 'ioperm iopl',
  CAP_SYS_TIME: 'clock_settime clock_settime64 settimeofday stime',
  CAP_SYS_TTY_CONFIG: 'vhangup',
  CAP_SYSLOG: 'syslog',
};

/** Address families that a socket may have, as ranges: without DECnet, ALG, VSOCK and others long unmaintained. */
const SOCKET_FAMILIES = ['0-11', '13-18', '21-22', '24-24', '26-33', '35-36', '39-39', '41-45'];
const PERSONALITIES = [0x0n, 0x8n, 0x20000n, 0x20008n, 0xffffffffn];
/** Every CLONE_NEW… flag of clone(2). */
const NEW_NAMESPACES = 0x7e020000n;

const words = (text: string): readonly string[] => text.trim().split(/\s+/);
const when = (index: number, operator: SeccompOperator, value: bigint): SeccompArgument => ({
  index,
  operator,
  value,
  valueTwo: 0n,
});
export const rule = (names: string, more: Partial<SeccompRule> = {}): SeccompRule => ({
  names: words(names),
  verdict: 'allow',
  args: [],
  needsCaps: [],
  withoutCaps: [],
  arches: [],
  exceptArches: [],
  ...more,
});

export const defaultProfile = (): SeccompProfile => ({
  otherwise: { errno: EPERM },
  judgesForeign: true,
  rules: [
    rule(HARMLESS),
    ...Object.entries(BY_CAPABILITY).map(([capability, names]) => rule(names, { needsCaps: [capability] })),
    // Before 4.8 a tracer could step around the filter.
    rule('process_vm_readv process_vm_writev ptrace', { minKernel: '4.8' }),
    ...SOCKET_FAMILIES.map((range) => {
      const [first, last] = range.split('-') as [string, string];
      return rule('socket', { args: [when(0, 'GE', BigInt(first)), when(0, 'LE', BigInt(last))] });
    }),
    ...PERSONALITIES.map((value) => rule('personality', { args: [when(0, 'EQ', value)] })),
    rule('arch_prctl', { arches: ['amd64'] }),
    rule('modify_ldt', { arches: ['amd64', 'x86'] }),
    rule('clone', { args: [when(0, 'MASKED_EQ', NEW_NAMESPACES)], withoutCaps: ['CAP_SYS_ADMIN'] }),
    // Its flags are behind a pointer, out of the filter's sight: "not there" makes the C library fall back to clone.
    rule('clone3', { verdict: { errno: ENOSYS }, withoutCaps: ['CAP_SYS_ADMIN'] }),
  ],
});
