/** Pausing against an engine in memory; the figures of stats and the lines of top. */
import { describe, expect, test } from 'vitest';
import { parseStat, terminalName } from '../../../engine/container/processes.ts';
import { parseIoStat, parseThrottle, parseTraffic } from '../../../engine/container/resources/stats.ts';
import { renderTop } from '../../../src/cli/commands/top.ts';
import type { ContainerStats } from '../../../src/model/engine.ts';
import { pause, unpause } from '../../../src/operations/pause.ts';
import { binarySize, decimalSize, statsRow } from '../../../src/operations/stats.ts';
import { up } from '../../../src/operations/up.ts';
import { projectOf } from '../../helpers/project.ts';
import { contextOf, STACK, target } from './a-shop.ts';

describe('pause', () => {
  test('passes over what does not run, does all it can, and refuses what is so already', async () => {
    const project = await projectOf(STACK);
    const { context, engine } = contextOf();
    await up(context, project);
    const live = engine.containersByName;
    live.set('shop-web-1', { ...live.get('shop-web-1')!, status: 'paused' });
    live.set('shop-seed-1', { ...live.get('shop-seed-1')!, status: 'exited' });
    engine.calls.length = 0;
    await expect(pause(context, target(project))).rejects.toThrow('container shop-web-1 is already paused');
    expect(engine.calls).toEqual(['containers.pause shop-api-1, shop-db-1']);
    engine.calls.length = 0;
    await unpause(context, target(project), { services: ['web'] });
    expect(engine.calls).toEqual(['containers.unpause shop-web-1']);
  });
});

describe('stats', () => {
  const reading = (changes: Partial<ContainerStats>): ContainerStats => ({
    atMs: 1000,
    cpuUs: 0,
    memoryBytes: 3 * 2 ** 20,
    memoryLimitBytes: 64 * 2 ** 20,
    pids: 2,
    network: { receivedBytes: 1210, sentBytes: 126 },
    blockIo: { readBytes: 86_016, writtenBytes: 0 },
    ...changes,
  });
  test('are Docker’s: two busy processors are 200%', () => {
    const row = statsRow(
      { id: 'f'.repeat(64), name: 'web-1' },
      reading({ atMs: 1500, cpuUs: 1_000_000 }),
      reading({}),
      false,
    );
    expect(row).toEqual({
      BlockIO: '86kB / 0B',
      CPUPerc: '200.00%',
      Container: 'f'.repeat(64),
      ID: 'f'.repeat(12),
      MemPerc: '4.69%',
      MemUsage: '3MiB / 64MiB',
      Name: 'web-1',
      NetIO: '1.21kB / 126B',
      PIDs: '2',
    });
  });
  test('a restart, which begins to count anew, is no negative use', () => {
    expect(statsRow({ id: '', name: '' }, reading({ atMs: 2000 }), reading({ cpuUs: 99 }), false).CPUPerc).toBe(
      '0.00%',
    );
  });
  test('sizes', () => {
    expect([0, 430_080, 25_275_927_000].map(binarySize)).toEqual(['0B', '420KiB', '23.54GiB']);
    expect([999, 1000, 86_016].map(decimalSize)).toEqual(['999B', '1kB', '86kB']);
  });
  test('the kernel’s files', () => {
    expect(parseIoStat('254:0 rbytes=4096 wbytes=1 rios=1 wios=2\n7:0 rbytes=4 wbytes=2\n')).toEqual({
      readBytes: 4100,
      writtenBytes: 3,
    });
    expect(parseThrottle('254:0 Read 5\n254:0 Write 6\n254:0 Total 11\nTotal 11\n')).toEqual({
      readBytes: 5,
      writtenBytes: 6,
    });
    const traffic = 'Inter-| Receive\n face |bytes\n    lo: 9 1 0 0 0 0 0 0 9 1\n  eth0:1210 1 0 0 0 0 0 0 126 2 0\n';
    expect(parseTraffic(traffic)).toEqual({ receivedBytes: 1210, sentBytes: 126 });
  });
});

describe('top', () => {
  test('a name with parentheses and blanks, and terminals', () => {
    const fields = ['S', 7, 1, 1, 34816, ...Array(6).fill(0), 150, 50, ...Array(6).fill(0), 4242];
    expect(parseStat(`12 (a) b (c) ${fields.join(' ')}`)).toEqual({
      name: 'a) b (c',
      parent: 7,
      terminal: 34816,
      cpuTicks: 200,
      startTicks: 4242,
    });
    expect([0, 34816, 34817, 1025].map(terminalName)).toEqual(['?', 'pts/0', 'pts/1', 'tty1']);
  });
  test('columns are two apart and four wide at least', () => {
    const process = {
      pid: 31796,
      parent: 31650,
      user: 'root',
      cpuPercent: 0,
      terminal: '?',
      cpuMs: 90_061_000,
      command: 'sleep 1000',
    };
    const at = new Date(2026, 10, 21, 15, 54).getTime();
    expect(renderTop([{ service: 'web', number: 1, process: { ...process, startedAtMs: at } }], at + 1000)).toBe(
      'SERVICE  #   UID   PID    PPID   C   STIME  TTY  TIME        CMD\n' +
        'web      1   root  31796  31650  0   15:54  ?    1-01:01:01  sleep 1000\n',
    );
  });
});
