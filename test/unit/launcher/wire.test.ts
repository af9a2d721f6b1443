/** What TypeScript writes is what C reads, and nothing else is taken for it. */
import { describe, expect, test } from 'vitest';
import { encodeProgram, WireWriter } from '../../../engine/launcher/wire.ts';
import { encodeSpec } from '../../../engine/supervise/encode-spec.ts';
import type { SupervisorSpec } from '../../../engine/supervise/spec.ts';
import { buildLauncher } from '../../helpers/build-probe.ts';
import { checkFiles } from './check-files.ts';
import { ALL_SAMPLES, sampleSpec } from './sample-ops.ts';

const spec = sampleSpec(ALL_SAMPLES);

/** Small, fast, and the same on every run. */
const randomNumbers = (seed: number) => () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};

const mutate = (original: Buffer, random: () => number): Buffer => {
  const bytes = Buffer.from(original);
  const place = () => Math.floor(random() * bytes.length);
  for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) {
    const at = place();
    const way = random();
    if (way < 0.3) bytes[at] = Math.floor(random() * 256);
    else if (way < 0.5) bytes[at] = bytes[at]! ^ (1 << Math.floor(random() * 8));
    else if (way < 0.7) bytes.fill(0xff, at, Math.min(at + 4, bytes.length));
    else if (way < 0.85) bytes.copyWithin(at, place());
    else return bytes.subarray(0, at);
  }
  return bytes;
};

describe('the wire format', () => {
  const launcher = buildLauncher();

  test.each(ALL_SAMPLES.map((op) => [op.op, op] as const))('%s is read as it is written', (_name, op) => {
    expect(checkFiles(launcher, [encodeProgram([op])])).toEqual(['program']);
  });

  test('a program may be long', () => {
    const long = Array.from(
      { length: 2000 },
      (_, i) => ({ op: 'mkdir', path: `/x/${'y'.repeat(i)}`, mode: 0 }) as const,
    );
    expect(checkFiles(launcher, [encodeProgram(long)])).toEqual(['program']);
  });

  test('a supervisor file is read as it is written', () => {
    expect(checkFiles(launcher, [encodeSpec(spec)])).toEqual(['spec']);
  });

  test.each([
    ['no signal', { stop: { signal: 0, graceMs: 0 } }],
    ['a signal that does not exist', { stop: { signal: 65, graceMs: 0 } }],
    ['no log file at all', { log: { file: { ...spec.log.file!, maxFiles: 0 } } }],
    ['a duration beyond all reason', { health: { ...spec.health!, intervalMs: 2 ** 52 } }],
  ] as const)('a supervisor file with %s is refused', (_what, change) => {
    expect(checkFiles(launcher, [encodeSpec({ ...spec, ...change } as SupervisorSpec)])).toEqual(['malformed']);
  });

  test('an operation of another version is refused: unknown name, a field more, a field less', () => {
    const named = (name: string) => new WireWriter().block((w) => w.string(name).number(1)).end();
    const more = new WireWriter().block((w) => w.string('close').number(1).number(2)).end();
    const less = new WireWriter().block((w) => w.string('close')).end();
    expect(checkFiles(launcher, [named('close'), named('frobnicate'), more, less])).toEqual([
      'program',
      'malformed',
      'malformed',
      'malformed',
    ]);
  });

  test('a NUL that would cut a path short is refused on both sides', () => {
    expect(() => encodeProgram([{ op: 'open', slot: 0, path: '/etc/pass\0wd', flags: 0 }])).toThrow(RangeError);
    const forged = encodeProgram([{ op: 'open', slot: 0, path: '/etc/pass#wd', flags: 0 }]);
    forged[forged.indexOf('#')] = 0;
    expect(checkFiles(launcher, [forged])).toEqual(['malformed']);
  });

  test('a string without its closing NUL is refused', () => {
    const forged = encodeProgram([{ op: 'hostname', name: 'abc' }]);
    forged[forged.length - 1] = 0x41;
    expect(checkFiles(launcher, [forged])).toEqual(['malformed']);
  });

  test('a list that claims to be longer than the message is refused', () => {
    const forged = encodeProgram([{ op: 'exec', argv: [], env: [] }]);
    forged.writeUInt32LE(0xffff_ffff, forged.length - 4);
    expect(checkFiles(launcher, [forged])).toEqual(['malformed']);
  });
});

describe('the decoder with sanitizers', () => {
  const launcher = buildLauncher({ sanitized: true });

  test('never fails on mutated programs and supervisor files', { timeout: 60_000 }, () => {
    const random = randomNumbers(20260101);
    const originals = [encodeProgram(ALL_SAMPLES), encodeSpec(spec)];
    const mutants = Array.from({ length: 3000 }, (_, i) => mutate(originals[i % 2]!, random));
    const verdicts = checkFiles(launcher, mutants);
    expect(verdicts).toHaveLength(mutants.length);
    expect(new Set(verdicts)).toEqual(new Set(['spec', 'program', 'malformed']));
  });
});
