/** Ranges of ids: what /etc/subuid says, however odd, and where the next one goes. */
import { describe, expect, test } from 'vitest';
import { allotIds, idOutside, parseSubordinate } from '../../../engine/container/isolation/id-ranges.ts';

const none = { subuid: '', subgid: '' };
const both = (text: string) => ({ subuid: text, subgid: text });
const allot = (files = none, taken: Parameters<typeof allotIds>[1] = [], size = 65_536) =>
  allotIds(size, taken, files, 'web-1');
const at = (uid: number, size = 65_536, gid = uid) => ({ uid, gid, size });

describe('the files', () => {
  test('are lines of a name, a first id and a count', () => {
    expect(parseSubordinate('ann:100000:65536\n1000:165536:1\n')).toEqual([
      { owner: 'ann', first: 100_000, size: 65_536 },
      { owner: '1000', first: 165_536, size: 1 },
    ]);
  });

  test('are read past what is no such line, the host’s own root, and what goes beyond the last id', () => {
    const hostile = [
      '',
      '# a comment',
      'root',
      'root:1',
      'root:-5:10',
      'root:0:65536',
      'root:1e5:65536',
      'root:100000:0',
      'root:100000:0x10',
      'root:4294967295:1',
      'root:4294967290:6',
      'root:99999999999:1',
      'root:100000:65536:more',
      ':100000:65536',
      'ro ot:100000:65536',
      'root:100000:65536\u0000',
      `${'x'.repeat(300)}:100000:65536`,
      'root:4294967290:5',
    ];
    expect(parseSubordinate(hostile.join('\n'))).toEqual([{ owner: 'root', first: 4_294_967_290, size: 5 }]);
  });

  test('of a million lines take no long time', () => {
    const text = 'other:600000:1\n'.repeat(1_000_000);
    const start = performance.now();
    expect(allot(both(text)).uid).toBe(524_288);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe('a range', () => {
  test('comes from the entries of tcompose, else of root, else from what is kept for containers', () => {
    expect(allot(both('root:200000:65536\ntcompose:300000:65536'))).toEqual(at(300_000));
    expect(allot(both('root:200000:65536\nann:100000:65536'))).toEqual(at(200_000));
    expect(allot()).toEqual(at(524_288));
  });

  test('never touches one of another container or another user, and takes the first gap', () => {
    expect(allot(none, [at(524_288), at(655_360)])).toEqual(at(589_824));
    expect(allot(none, [at(524_288), at(655_360)], 65_537)).toEqual(at(720_896, 65_537));
    expect(allot(both('ann:524288:65536\nbob:600000:10'))).toEqual(at(600_010));
    expect(allot(both('tcompose:100000:131072\nann:100000:1'))).toEqual(at(100_001));
  });

  test('goes on to the next entry of one’s own, and may differ for users and groups', () => {
    expect(allot(both('tcompose:100000:65536\ntcompose:300000:65536'), [at(100_000)])).toEqual(at(300_000));
    const files = { subuid: 'tcompose:100000:65536', subgid: 'tcompose:200000:65536' };
    expect(allot(files)).toEqual(at(100_000, 65_536, 200_000));
    expect(allot({ subuid: '', subgid: 'ann:524288:10' })).toEqual(at(524_298));
  });

  test('that is not there is told with how to make room', () => {
    expect(() => allot(both('tcompose:100000:65535'))).toThrow(
      expect.objectContaining({
        code: 'ids-exhausted',
        message: 'there are no 65536 ids left for the user namespace of web-1',
        help: expect.stringMatching(/\/etc\/subuid.*\n.*tcompose:524288.*\n.*auto:size=32768/),
      }),
    );
    const files = { subuid: 'tcompose:100000:65536', subgid: 'tcompose:100000:1' };
    expect(() => allot(files)).toThrow(expect.objectContaining({ help: expect.stringContaining('/etc/subgid') }));
  });

  test('a hundred of them are a hundred', () => {
    const taken: ReturnType<typeof allot>[] = [];
    for (let i = 0; i < 100; i++) taken.push(allot(both('ann:700000:65536'), taken));
    const starts = taken.map(({ uid }) => uid).sort((a, b) => a - b);
    for (const [i, start] of starts.slice(1).entries()) expect(start - starts[i]!).toBeGreaterThanOrEqual(65_536);
  });

  test('says where an id of inside is outside', () => {
    expect([idOutside(100_000, 10, 0), idOutside(100_000, 10, 9)]).toEqual([100_000, 100_009]);
    expect([idOutside(100_000, 10, 10), idOutside(100_000, 10, -1)]).toEqual([undefined, undefined]);
  });
});
