/** Device rules in all their forms, and the filter that is made of them, run by a small interpreter of eBPF. */
import { describe, expect, test } from 'vitest';
import { deviceFilter, deviceProgram, parseDeviceRule } from '../../../engine/container/isolation/device-filter.ts';
import { deviceNumbers } from '../../../engine/container/isolation/devices.ts';
import { cgroupPlace } from '../../../engine/container/resources/cgroup.ts';
import { parseCgroupFacts } from '../../../engine/container/resources/cgroup-facts.ts';

const [MKNOD, READ, WRITE] = [1, 2, 4];
const TYPES = { b: 1, c: 2 };

/** The few instructions that a device filter has; linux/bpf.h, struct bpf_cgroup_dev_ctx. */
function verdict(program: Uint8Array, type: 'b' | 'c', access: number, major: number, minor: number): bigint {
  const context = new DataView(new ArrayBuffer(12));
  for (const [index, value] of [(access << 16) | TYPES[type], major, minor].entries())
    context.setUint32(index * 4, value, true);
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const registers: bigint[] = Array.from({ length: 11 }, () => 0xdeadn);
  for (let at = 0; at * 8 < program.length; at++) {
    const [operation, both] = [code.getUint8(at * 8), code.getUint8(at * 8 + 1)];
    const [target, source] = [both & 15, both >> 4];
    const [offset, value] = [code.getInt16(at * 8 + 2, true), BigInt(code.getInt32(at * 8 + 4, true))];
    const low = (number: bigint) => BigInt.asUintN(32, number);
    switch (operation) {
      case 0x61:
        registers[target] = BigInt(context.getUint32(offset, true));
        break;
      case 0xbf:
        registers[target] = registers[source]!;
        break;
      case 0xb7:
        registers[target] = value;
        break;
      case 0x54:
        registers[target] = low(registers[target]!) & low(value);
        break;
      case 0x74:
        registers[target] = low(registers[target]!) >> value;
        break;
      case 0x55:
        if (registers[target] !== BigInt.asUintN(64, value)) at += offset;
        break;
      case 0x5d:
        if (registers[target] !== registers[source]) at += offset;
        break;
      case 0x95:
        return registers[0]!;
      default:
        throw new Error(`instruction ${operation} at ${at}`);
    }
  }
  throw new Error('fell off the end');
}

const allows = (rules: readonly string[]) => {
  const program = deviceProgram(rules.flatMap(parseDeviceRule));
  return (type: 'b' | 'c', access: number, major: number, minor: number) =>
    verdict(program, type, access, major, minor) === 1n;
};

describe('the filter', () => {
  const cases: readonly (readonly [rule: string, type: 'b' | 'c', access: number, number, number, allowed: boolean])[] =
    [
      ['c 1:3 rwm', 'c', READ | WRITE | MKNOD, 1, 3, true],
      ['c 1:3 rwm', 'b', READ, 1, 3, false],
      ['c 1:3 rwm', 'c', READ, 1, 4, false],
      ['c 1:3 rwm', 'c', READ, 2, 3, false],
      ['c 1:3 r', 'c', READ, 1, 3, true],
      ['c 1:3 r', 'c', READ | WRITE, 1, 3, false],
      ['c 1:3 mr', 'c', MKNOD | READ, 1, 3, true],
      ['c 1:3 mr', 'c', WRITE, 1, 3, false],
      ['b 8:* w', 'b', WRITE, 8, 1048575, true],
      ['b 8:* w', 'b', WRITE, 9, 0, false],
      ['c *:7 m', 'c', MKNOD, 4095, 7, true],
      ['c *:7 m', 'c', MKNOD, 4095, 8, false],
      ['c *:* rwm', 'c', READ, 5, 5, true],
      ['c *:* rwm', 'b', READ, 5, 5, false],
      ['a *:* rwm', 'b', READ | WRITE | MKNOD, 5, 5, true],
      ['a *:* rwm', 'c', READ | WRITE | MKNOD, 0, 0, true],
      ['a *:* r', 'c', WRITE, 5, 5, false],
      ['a 7:0 r', 'b', READ, 7, 0, true],
      ['a 7:0 r', 'c', READ, 7, 1, false],
    ];
  test.each(cases)('%s: %s %i %i:%i is %s', (rule, type, access, major, minor, allowed) => {
    expect(allows([rule])(type, access, major, minor)).toBe(allowed);
  });

  test('many rules are alternatives, and none of them reaches into another', () => {
    const ask = allows(['c 1:3 r', 'c 1:3 w', 'b 8:0 rwm', 'c 5:* m']);
    expect([ask('c', READ, 1, 3), ask('c', WRITE, 1, 3), ask('c', READ | WRITE, 1, 3)]).toEqual([true, true, false]);
    expect([ask('b', 7, 8, 0), ask('b', 7, 8, 1), ask('c', MKNOD, 5, 9), ask('c', READ, 5, 9)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(allows([])('c', MKNOD, 1, 3)).toBe(false);
  });

  test('it agrees with the rules’ plain meaning for every device that they name or nearly name', () => {
    const rules = ['c 1:3 rwm', 'c 5:* rw', 'b *:1 r', 'c *:* m', 'b *:* m', 'a 10:200 rw'];
    const parsed = rules.flatMap(parseDeviceRule);
    const bits = { m: MKNOD, r: READ, w: WRITE } as Readonly<Record<string, number>>;
    const ask = allows(rules);
    for (const type of ['b', 'c'] as const)
      for (const major of [0, 1, 2, 5, 10])
        for (const minor of [0, 1, 3, 200])
          for (let access = 1; access < 8; access++) {
            const meant = parsed.some(
              (rule) =>
                rule.type === type &&
                [major, '*'].includes(rule.major) &&
                [minor, '*'].includes(rule.minor) &&
                (access & ~[...rule.access].reduce((sum, letter) => sum | bits[letter]!, 0)) === 0,
            );
            expect(ask(type, access, major, minor), `${type} ${major}:${minor} ${access}`).toBe(meant);
          }
  });
});

describe('device rules', () => {
  test.each([
    'x 1:3 r',
    'c 1:3',
    'c 1 r',
    'c 1:3 x',
    'c 1:3 rwmr',
    'c -1:3 r',
    'c 99999999999:1 r',
    'c 4294967295:1 r',
  ])('"%s" is refused', (rule) => expect(() => parseDeviceRule(rule)).toThrow(/device rule/));

  test('on version 1 they are lines: everything denied, then the usual, then what was granted', () => {
    const legacy = parseCgroupFacts('36 31 0:32 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices');
    const place = cgroupPlace(legacy, 'ab12', { id: 'id', madeFrom: { resources: { shmSizeBytes: 0 } } });
    const ops = deviceFilter(place, 2, [...parseDeviceRule('a 7:* rw'), ...parseDeviceRule('c 10:229 rwm')]);
    const lines = ops.map((op) => (op.op === 'write' ? `${op.path.split('.').at(-1)} ${op.data}` : op.op));
    expect(lines[0]).toBe('deny a');
    expect(lines).toContain('allow c 1:3 rwm');
    expect(lines.slice(-3)).toEqual(['allow c 7:* rw', 'allow b 7:* rw', 'allow c 10:229 rwm']);
  });

  test('numbers of devices are read as the kernel packs them', () => {
    expect(deviceNumbers(0x0103n)).toEqual({ major: 1, minor: 3 });
    expect(deviceNumbers((259n << 8n) | 0x12n | (0x123n << 20n))).toEqual({ major: 259, minor: 0x12312 });
  });
});
