/** The seccomp compiler, checked by running its programs as the kernel would. */
import { describe, expect, test } from 'vitest';
import { capabilityBit, capabilityMask } from '../../../engine/container/isolation/capabilities.ts';
import { compileFilter } from '../../../engine/container/isolation/seccomp-filter.ts';
import { parseProfile } from '../../../engine/container/isolation/seccomp-json.ts';
import { defaultProfile } from '../../../engine/container/isolation/seccomp-profile.ts';
import { syscallNumbers } from '../../../engine/container/isolation/syscalls.ts';

const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const AARCH64 = 0xc00000b7;

/** Classic BPF over struct seccomp_data; only what the compiler emits. */
function run(filter: Uint8Array, call: { arch: number; number: number; args?: readonly bigint[] }): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.number, true);
  data.setUint32(4, call.arch, true);
  for (const [index, arg] of (call.args ?? []).entries())
    data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, arg), true);
  const code = new DataView(filter.buffer, filter.byteOffset);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    const op = code.getUint16(at * 8, true);
    const k = code.getUint32(at * 8 + 4, true);
    const branch = (holds: boolean) => {
      at += code.getUint8(at * 8 + (holds ? 2 : 3));
    };
    if (op === 0x20) accumulator = data.getUint32(k, true);
    else if (op === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (op === 0x05) at += k;
    else if (op === 0x15) branch(accumulator === k);
    else if (op === 0x25) branch(accumulator > k);
    else if (op === 0x35) branch(accumulator >= k);
    else if (op === 0x06) return k;
    else throw new Error(`instruction ${op}`);
  }
}

const DEFAULT_CAPS = capabilityMask({ privileged: false, capAdd: [], capDrop: [] }, 2n ** 41n - 1n);
const filter = (capabilities = DEFAULT_CAPS, architecture: 'x86_64' | 'aarch64' = 'x86_64') =>
  compileFilter(defaultProfile(), { architecture, capabilities, kernel: '6.1.0-13-amd64' });
const x64 = syscallNumbers('x86_64');
const verdict = (name: string, args: readonly bigint[] = [], program = filter()) =>
  run(program, { arch: X86_64, number: x64.get(name)!, args });

describe('the default list', () => {
  test('ordinary calls are allowed, those that reach the host are not permitted', () => {
    for (const name of ['read', 'openat', 'execve', 'futex', 'accept4', 'mseal'])
      expect(verdict(name), name).toBe(ALLOW);
    for (const name of [
      'mount',
      'setns',
      'unshare',
      'bpf',
      'keyctl',
      'io_uring_setup',
      'kexec_load',
      'pivot_root',
      'open_by_handle_at',
    ]) {
      expect(verdict(name), name).toBe(EPERM);
    }
  });

  test('every call that is not named has the default verdict, and unknown ones do not exist', () => {
    const program = filter();
    expect(run(program, { arch: X86_64, number: 400 })).toBe(EPERM);
    expect(run(program, { arch: X86_64, number: 900 })).toBe(ENOSYS);
  });

  test('a capability opens the calls that belong to it', () => {
    const admin = filter(DEFAULT_CAPS | capabilityBit('SYS_ADMIN'));
    for (const name of ['mount', 'setns', 'unshare', 'clone3']) expect(verdict(name, [], admin), name).toBe(ALLOW);
    expect(verdict('chroot')).toBe(ALLOW);
    expect(verdict('chroot', [], filter(0n))).toBe(EPERM);
  });

  test('clone makes threads and processes but no namespaces, and clone3 pretends not to exist', () => {
    expect(verdict('clone', [0x11n])).toBe(ALLOW);
    expect(verdict('clone', [0x10000000n | 0x11n])).toBe(EPERM);
    expect(verdict('clone', [0x00020000n])).toBe(EPERM);
    expect(verdict('clone3')).toBe(ENOSYS);
  });

  test('sockets of the kernel’s crypto and of virtual machines are refused', () => {
    for (const family of [1n, 2n, 10n, 16n, 17n]) expect(verdict('socket', [family]), `${family}`).toBe(ALLOW);
    for (const family of [12n, 38n, 40n, 46n, 2n ** 32n + 2n])
      expect(verdict('socket', [family]), `${family}`).toBe(EPERM);
  });

  test('32-bit programs get the same list by their own numbers', () => {
    const i386 = syscallNumbers('i386');
    expect(run(filter(), { arch: I386, number: i386.get('openat')! })).toBe(ALLOW);
    expect(run(filter(), { arch: I386, number: i386.get('mount')! })).toBe(EPERM);
    expect(run(filter(), { arch: I386, number: i386.get('mmap2')! })).toBe(ALLOW);
  });

  test('the x32 side of x86_64 and foreign architectures are closed', () => {
    expect(run(filter(), { arch: X86_64, number: 0x40000000 })).toBe(ENOSYS);
    expect(run(filter(), { arch: AARCH64, number: 0 })).toBe(0x80000000);
    expect(run(filter(DEFAULT_CAPS, 'aarch64'), { arch: X86_64, number: 0 })).toBe(ENOSYS);
  });

  test('aarch64 has its own numbers', () => {
    const a64 = syscallNumbers('aarch64');
    expect(run(filter(DEFAULT_CAPS, 'aarch64'), { arch: AARCH64, number: a64.get('openat')! })).toBe(ALLOW);
    expect(run(filter(DEFAULT_CAPS, 'aarch64'), { arch: AARCH64, number: a64.get('mount')! })).toBe(EPERM);
  });

  test('an old kernel does not get ptrace', () => {
    const old = compileFilter(defaultProfile(), {
      architecture: 'x86_64',
      capabilities: DEFAULT_CAPS,
      kernel: '4.4.0',
    });
    expect(verdict('ptrace', [], old)).toBe(EPERM);
    expect(verdict('ptrace')).toBe(ALLOW);
  });
});

describe('a profile of the user’s', () => {
  const compile = (syscalls: object[], defaultAction = 'SCMP_ACT_ERRNO') =>
    compileFilter(parseProfile(JSON.stringify({ defaultAction, syscalls })), {
      architecture: 'x86_64',
      capabilities: 0n,
      kernel: '6.1',
    });
  const arg = (op: string, value: number, valueTwo = 0) => ({ index: 1, op: `SCMP_CMP_${op}`, value, valueTwo });

  test.each([
    ['LT', 5, [4n], [5n, 6n, 2n ** 32n]],
    ['LE', 5, [4n, 5n], [6n, 2n ** 32n + 1n]],
    ['GT', 5, [6n, 2n ** 32n], [5n, 4n]],
    ['GE', 5, [5n, 2n ** 33n], [4n]],
    ['EQ', 5, [5n], [4n, 2n ** 32n + 5n]],
    ['NE', 5, [4n, 2n ** 32n + 5n], [5n]],
    ['LT', 2 ** 33, [1n, 2n ** 33n - 1n], [2n ** 33n, 2n ** 33n + 1n]],
    ['GE', 2 ** 33 + 7, [2n ** 33n + 7n, 2n ** 34n], [2n ** 33n + 6n, 7n]],
  ])('compares 64-bit arguments: %s %d', (op, value, holds, fails) => {
    const program = compile([{ names: ['ioctl'], action: 'SCMP_ACT_ALLOW', args: [arg(op, value)] }]);
    for (const given of holds) expect(verdict('ioctl', [0n, given], program), `${given}`).toBe(ALLOW);
    for (const given of fails) expect(verdict('ioctl', [0n, given], program), `${given}`).toBe(EPERM);
  });

  test('a deny list on an open default works too', () => {
    const program = compile([{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 }], 'SCMP_ACT_ALLOW');
    expect(verdict('mkdir', [], program)).toBe(0x0005000d);
    expect(verdict('rmdir', [], program)).toBe(ALLOW);
    expect(run(program, { arch: X86_64, number: 900 })).toBe(ALLOW);
  });

  const profile = (more: object) => JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', ...more });
  const target = { architecture: 'x86_64', capabilities: 0n, kernel: '6.1' } as const;
  const i386 = syscallNumbers('i386');

  test('32-bit programs are judged where the profile names their architecture, and else ended', () => {
    const maps = [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] }];
    const call = { arch: I386, number: i386.get('getpid')! };
    expect(run(compileFilter(parseProfile(profile({ archMap: maps })), target), call)).toBe(ALLOW);
    expect(run(compileFilter(parseProfile(profile({ architectures: ['SCMP_ARCH_X86'] })), target), call)).toBe(ALLOW);
    expect(run(compileFilter(parseProfile(profile({})), target), call)).toBe(0x80000000);
    expect(() => parseProfile(profile({ archMap: maps, architectures: ['SCMP_ARCH_X86'] }))).toThrow(/use either/);
  });

  test('two comparisons of one argument are alternatives, of several they must all hold', () => {
    const rules = (...args: object[]) => compile([{ names: ['ioctl'], action: 'SCMP_ACT_ALLOW', args }]);
    const either = rules(arg('EQ', 1), arg('EQ', 2));
    expect([1n, 2n, 3n].map((value) => verdict('ioctl', [0n, value], either))).toEqual([ALLOW, ALLOW, EPERM]);
    const both = rules(arg('EQ', 1), { ...arg('EQ', 2), index: 2 });
    expect(verdict('ioctl', [0n, 1n, 2n], both)).toBe(ALLOW);
    expect(verdict('ioctl', [0n, 1n, 3n], both)).toBe(EPERM);
  });

  test('includes and excludes ask for capabilities, architectures and kernels', () => {
    const judged = (rule: object, over: object = {}) =>
      verdict(
        'ioctl',
        [],
        compileFilter(
          parseProfile(
            JSON.stringify({
              defaultAction: 'SCMP_ACT_ERRNO',
              syscalls: [{ names: ['ioctl', 'no_such_call'], action: 'SCMP_ACT_ALLOW', ...rule }],
            }),
          ),
          { ...target, ...over },
        ),
      );
    const bpf = { capabilities: capabilityBit('BPF') };
    expect(judged({ includes: { caps: ['CAP_BPF'] } })).toBe(EPERM);
    expect(judged({ includes: { caps: ['CAP_BPF'] } }, bpf)).toBe(ALLOW);
    expect(judged({ excludes: { caps: ['CAP_BPF'] } }, bpf)).toBe(EPERM);
    expect(judged({ includes: { arches: ['arm64'] } })).toBe(EPERM);
    expect(judged({ includes: { arches: ['amd64', 'arm64'] } })).toBe(ALLOW);
    expect(judged({ excludes: { arches: ['amd64'] } })).toBe(EPERM);
    expect(judged({ includes: { minKernel: '6.2' } })).toBe(EPERM);
    expect(judged({ includes: { minKernel: '6.2' } }, { kernel: '6.10.1' })).toBe(ALLOW);
    expect(judged({ excludes: { minKernel: '6.1' } })).toBe(EPERM);
    expect(judged({ includes: null, excludes: {}, args: null })).toBe(ALLOW);
  });

  test('numbers of 64 bits stay whole, and text that looks like one stays text', () => {
    const text = `{"defaultAction":"SCMP_ACT_ERRNO","comment":"18446744073709551615","syscalls":[{"name":"ioctl","action":"SCMP_ACT_ALLOW","args":[{"index":1,"op":"SCMP_CMP_EQ","value":18446744073709551615}]}]}`;
    const program = compileFilter(parseProfile(text), target);
    expect(verdict('ioctl', [0n, 2n ** 64n - 1n], program)).toBe(ALLOW);
    expect(verdict('ioctl', [0n, 2n ** 64n - 2n], program)).toBe(EPERM);
  });

  test('actions and errors are what is written, and a rule that says the default hides no other', () => {
    const code = (action: string, more: object = {}) =>
      verdict('ioctl', [], compile([{ names: ['ioctl'], action, ...more }]));
    expect(['KILL', 'KILL_PROCESS', 'TRAP', 'LOG'].map((name) => code(`SCMP_ACT_${name}`))).toEqual([
      0, 0x80000000, 0x00030000, 0x7ffc0000,
    ]);
    expect(code('SCMP_ACT_ERRNO', { errnoRet: 38 })).toBe(ENOSYS);
    const hidden = [
      { names: ['ioctl'], action: 'SCMP_ACT_ERRNO', args: [arg('EQ', 1)] },
      { names: ['ioctl'], action: 'SCMP_ACT_ALLOW', args: [arg('LT', 5)] },
    ];
    expect(verdict('ioctl', [0n, 1n], compile(hidden))).toBe(ALLOW);
    const text = profile({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 13, flags: ['SECCOMP_FILTER_FLAG_LOG'] });
    expect(verdict('ioctl', [], compileFilter(parseProfile(text), target))).toBe(0x0005000d);
    expect(parseProfile(text).flags).toBe(2);
  });

  test('what cannot be used is refused with the reason', () => {
    expect(() => parseProfile(profile({ flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] }))).toThrow(/no flag/);
    expect(() => parseProfile(profile({ listenerPath: '/run/x' }))).toThrow(/no program here to notify/);
    expect(() => compile([{ names: ['read'], action: 'SCMP_ACT_TRACE' }])).toThrow(
      /SCMP_ACT_TRACE, and there is no tracer/,
    );
    expect(() =>
      compile([{ names: ['read'], action: 'SCMP_ACT_ALLOW', args: [{ ...arg('EQ', 1), index: 6 }] }]),
    ).toThrow(/0 to 5/);
    expect(() => parseProfile('{')).toThrow(/not JSON/);
    expect(() => parseProfile('{}')).toThrow(/no defaultAction/);
    expect(() => compile([{ names: ['read'], action: 'SCMP_ACT_NOTIFY' }])).toThrow(/SCMP_ACT_NOTIFY/);
  });
});
