/** What is drawn: tables, log lines, failures, rows. */
import { describe, expect, test } from 'vitest';
import { exitCodeOf, failureJson, renderFailure } from '../../../src/cli/ui/failure.ts';
import { createLogPrinter } from '../../../src/cli/ui/log-lines.ts';
import { paint, printable, printableInLine } from '../../../src/cli/ui/paint.ts';
import { fitRows } from '../../../src/cli/ui/progress-rows.ts';
import { renderTable } from '../../../src/cli/ui/table.ts';
import { TcomposeError, TcomposeErrors } from '../../../src/model/errors.ts';

const plain = paint(false);

test('a table is aligned by characters, and has no blanks at the end of its lines', () => {
  const table = renderTable(
    ['NAME', 'COMMAND', 'PORTS'],
    [
      ['shop-web-1', '"nginx -g…"', ''],
      ['é', 'x', '80/tcp'],
    ],
  );
  expect(table).toBe(
    'NAME         COMMAND       PORTS\nshop-web-1   "nginx -g…"   \né            x             80/tcp\n',
  );
});

describe('log lines', () => {
  const sources = [
    { container: 'shop-web-1', service: 'web', prefix: 'web-1' },
    { container: 'shop-database-1', service: 'database', prefix: 'database-1' },
  ];
  const printed = (style: object) => {
    const streams = { stdout: '', stderr: '' };
    const out = {
      data: (text: string | Uint8Array) => {
        streams.stdout += Buffer.from(text as Uint8Array).toString();
      },
      note: (text: string | Uint8Array) => {
        streams.stderr += Buffer.from(text as Uint8Array).toString();
      },
      onClosed: () => {},
      isClosed: false,
    };
    const all = { colors: false, prefix: true, timestamps: false, keepStreams: false, ...style };
    const printer = createLogPrinter(out, sources, all);
    const time = '2026-01-01T00:00:00.000000001Z';
    printer.print(sources[0]!, [{ stream: 'stdout', time, text: Buffer.from('one') }]);
    printer.print(sources[1]!, [{ stream: 'stderr', time, text: Buffer.from([0xff, 0x41]) }]);
    printer.flush();
    return streams;
  };
  test('prefixes are padded to the longest name', () => {
    expect(printed({}).stdout).toMatch(/^web-1 {7}\| one\ndatabase-1 {2}\| /);
  });
  test('each container has a colour of its own, in the cycle of Compose', () => {
    expect(printed({ colors: true }).stdout).toMatch(/^\x1b\[36mweb-1 .*\x1b\[0mone\n\x1b\[33mdatabase-1 /);
  });
  test('stderr stays stderr where that is asked for', () => {
    expect(printed({ keepStreams: true })).toMatchObject({
      stdout: 'web-1       | one\n',
      stderr: expect.stringMatching(/^database-1 {2}\| /),
    });
  });
  test('time stamps come after the name; without names lines are as printed', () => {
    expect(printed({ timestamps: true }).stdout).toContain('| 2026-01-01T00:00:00.000000001Z one\n');
    expect(printed({ prefix: false }).stdout).toMatch(/^one\n/);
  });
});

describe('a failure', () => {
  const style = { color: plain, cwd: '/srv/shop', debug: false };
  const at = { file: '/srv/shop/compose.yaml', start: { line: 9, column: 5 }, end: { line: 9, column: 9 } };
  const port = new TcomposeError('port 80 is held by nginx', { code: 'port-in-use', at, help: 'stop it\nor not' });
  test('says what, where and what to do', () => {
    expect(renderFailure(port, style)).toBe(
      'error[port-in-use]: port 80 is held by nginx\n  compose.yaml:9:5\n  help: stop it\n      or not\n',
    );
  });
  test('may be several, and the exit code is that of the first that has one', () => {
    const both = new TcomposeErrors([port, new TcomposeError('bad', { code: 'usage', exitCode: 2 })]);
    expect(renderFailure(both, style).match(/^error\[/gm)).toHaveLength(2);
    expect(exitCodeOf(both)).toBe(2);
    expect(
      failureJson(both)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { error: true, code: 'port-in-use', at: '/srv/shop/compose.yaml:9:5' },
      { error: true, code: 'usage' },
    ]);
  });
  test('come in the order of the files, those without a place last', () => {
    const failure = (line: number | undefined, file = '/srv/shop/compose.yaml') => {
      const start = { line: line ?? 0, column: 5 };
      return new TcomposeError(`at ${line}`, { code: 'x', ...(line && { at: { file, start, end: start } }) });
    };
    const all = new TcomposeErrors([failure(undefined), failure(9), failure(2, '/srv/shop/b.yaml'), failure(3)]);
    expect(renderFailure(all, style).match(/at \w+/g)).toEqual(['at 3', 'at 9', 'at 2', 'at undefined']);
  });
  test('that nobody foresaw is called a bug, with its stack only where asked for', () => {
    expect(renderFailure(new TypeError('x is not a function'), style)).toContain('this is a bug in tcompose: x is not');
    expect(renderFailure(new TypeError('x'), style)).not.toContain('    at ');
    expect(renderFailure(new TypeError('x'), { ...style, debug: true })).toContain('    at ');
  });
  test('cannot draw on the terminal', () => {
    expect(printable('a\x1b[2Jb\x07')).toBe('a\\x1b[2Jb\\x07');
    expect(printable('a\u202eb\u2066\r\n')).toBe('a\\u202eb\\u2066\\x0d\n');
    expect(printableInLine('a\nb\tc')).toBe('a\\x0ab\\x09c');
  });
});

test('rows that do not fit: those at work stay, the rest is counted', () => {
  const rows = ['✔ Container a-1  Started', '✔ Container b-1  Started', '⠋ Container c-1  Starting', 'Container d-1'];
  expect(fitRows(rows, 4)).toEqual(rows);
  expect(fitRows(rows, 3)).toEqual([rows[2], rows[0], '  … 2 more']);
});
