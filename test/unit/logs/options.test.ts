/** The `logging` of a container: what its options mean, and what is refused by name. */
import { expect, test } from 'vitest';
import { extrasOf, jsonAttributes, tagOf } from '../../../engine/logs/extras.ts';
import { fileSettings } from '../../../engine/logs/options.ts';
import { findLogProblem } from '../../../engine/logs/plan.ts';
import { inetAddress } from '../../../engine/logs/server.ts';
import { journalTemplates, syslogTemplates } from '../../../engine/logs/templates.ts';

const printer = (driver: string, options: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
  id: `${'ab12'.repeat(16)}`,
  hostname: 'north',
  container: {
    name: 'shop-web-1',
    labels,
    env: { TIER: 'front', TOKEN: 'x' },
    argv: ['nginx', '-g'],
    image: { ref: 'nginx:1', id: `sha256:${'c'.repeat(64)}` },
    log: { driver, options },
  },
});
const problem = (driver: string, options: Record<string, string> = {}) =>
  findLogProblem(printer(driver, options).container)?.message;
const file = (driver: string, options: Record<string, string> = {}) => fileSettings({ driver, options });
const MIB = 2 ** 20;

test('a json-file is bounded unless the options say otherwise; its own numbers count as Docker’s do', () => {
  expect(file('json-file')).toEqual({ maxBytes: 10 * MIB, maxFiles: 3, compress: false });
  expect(file('')).toEqual(file('json-file'));
  expect(file('json-file', { 'max-size': '5m' })).toEqual({ maxBytes: 5 * MIB, maxFiles: 1, compress: false });
  expect(file('json-file', { 'max-file': '7' })).toEqual({ maxBytes: 10 * MIB, maxFiles: 7, compress: false });
  expect(file('json-file', { 'max-size': '-1' })).toMatchObject({ maxBytes: 0 });
  expect(file('json-file', { 'max-size': '1.5k', 'max-file': '2', compress: 'true' })).toEqual({
    maxBytes: 1536,
    maxFiles: 2,
    compress: true,
  });
});

test('local compresses, none keeps nothing, and beside a log server a file is kept for logs unless that is turned off', () => {
  expect(file('local')).toEqual({ maxBytes: 20 * MIB, maxFiles: 5, compress: true });
  expect(file('none')).toBeUndefined();
  expect(file('syslog')).toEqual(file('local'));
  expect(file('syslog', { 'cache-disabled': 'true' })).toBeUndefined();
  expect(file('journald', { 'cache-max-size': '1m', 'cache-max-file': '1' })).toEqual({
    maxBytes: MIB,
    maxFiles: 1,
    compress: false,
  });
});

test.each([
  ['fluentd', {}, 'there is no log driver "fluentd" here'],
  ['awslogs', { 'awslogs-group': 'x' }, 'there is no log driver "awslogs" here'],
  ['json-file', { 'max-sise': '10m' }, 'the log driver json-file has no option "max-sise"'],
  ['none', { 'max-size': '10m' }, 'the log driver none has no option "max-size"'],
  ['json-file', { 'max-size': 'big' }, 'max-size cannot be "big"'],
  ['json-file', { 'max-size': '0' }, 'max-size cannot be "0"'],
  ['json-file', { 'max-file': '0' }, 'max-file cannot be "0"'],
  ['json-file', { compress: 'maybe' }, 'compress cannot be "maybe"'],
  ['json-file', { compress: 'true', 'max-size': '1m' }, 'compress needs older files to compress, and there are none'],
  ['json-file', { mode: 'fast' }, 'mode cannot be "fast"'],
  ['json-file', { 'max-buffer-size': '1m' }, 'max-buffer-size is of no use while mode is blocking'],
  ['json-file', { tag: '{{.Nope}}' }, 'the tag cannot be {{.Nope}}: there is no .Nope'],
  ['json-file', { tag: '{{if .Name}}x{{end}}' }, 'the tag cannot be {{if .Name}}x{{end}}: there is no function if'],
  ['json-file', { tag: '{{.Name' }, 'the tag cannot be {{.Name: braces do not match'],
  ['json-file', { 'labels-regex': '(' }, 'labels-regex cannot be "("'],
  ['syslog', { 'syslog-address': 'http://x' }, 'syslog-address cannot be "http://x"'],
  [
    'syslog',
    { 'syslog-address': 'tcp+tls://x:1', 'syslog-tls-ca-cert': 'here.pem' },
    'syslog-tls-ca-cert: here.pem cannot be read',
  ],
  ['syslog', { 'syslog-address': 'udp://x:1', 'syslog-facility': 'moon' }, 'syslog-facility cannot be "moon"'],
  ['syslog', { 'syslog-address': 'udp://x:1', 'syslog-format': 'rfc1' }, 'syslog-format cannot be "rfc1"'],
  ['syslog', { 'syslog-address': 'unix:///nowhere/log' }, 'no syslog server listens: there is no /nowhere/log'],
])('%s with %j is refused', (driver, options, message) => {
  expect(problem(driver, options as unknown as Record<string, string>)).toBe(message);
});

test('a tag is made of the fields of Docker’s templates', () => {
  const tag = (template: string) => tagOf(printer('json-file', { tag: template }), '');
  expect(tag('{{.Name}}/{{ .ID }}')).toBe('shop-web-1/ab12ab12ab12');
  expect(tag('{{.ImageName}} {{.Command}}')).toBe('nginx:1 nginx -g');
});

test('a tag may call the functions of Docker’s templates', () => {
  const tag = (template: string) => tagOf(printer('json-file', { tag: template }), '');
  expect(tag('{{upper .ImageName}} {{.Name | upper}}')).toBe('NGINX:1 SHOP-WEB-1');
  expect(tag('{{truncate .FullID 5}} {{join (split .Name "-") "+"}} {{json .Name}}')).toBe(
    'ab12a shop+web+1 "shop-web-1"',
  );
  expect(tag('{{split .Name "-"}} {{index (split .Name "-") 1}} {{title .Name}} {{len .Name}}')).toBe(
    '[shop web 1] web Shop-web-1 10',
  );
  expect(tag('a {{- .Name -}} b{{pad `x` 1 2}}|{{ "\\t" | len }}')).toBe('ashop-web-1b x  |1');
});

test('labels and variables that the options name go with each line, in order and escaped as Go does', () => {
  const chosen = extrasOf(
    printer('json-file', { labels: 'b,none', env: 'TIER', 'labels-regex': '^x\\.' }, { b: '<2>', 'x.y': '"', c: '3' }),
  );
  expect(jsonAttributes(chosen)).toBe(String.raw`"attrs":{"TIER":"front","b":"\u003c2\u003e","x.y":"\""},`);
  expect(jsonAttributes({})).toBe('');
});

test('journald gets Docker’s fields, and nobody’s text can add one', () => {
  const { stdout, stderr } = journalTemplates(
    printer('journald', { labels: 'my.label', tag: '{{.Name}}' }, { 'my.label': 'a\nPRIORITY=0' }),
  );
  expect(stdout.split('\n')[0]).toBe('PRIORITY=6');
  expect(stderr.split('\n')[0]).toBe('PRIORITY=3');
  for (const line of ['CONTAINER_NAME=shop-web-1', 'CONTAINER_TAG=shop-web-1', 'MY_LABEL=a PRIORITY=0'])
    expect(stdout.split('\n')).toContain(line);
  expect(stdout.match(/^PRIORITY=/gm)).toHaveLength(1);
});

test('syslog has its facility and severity in front, and the format that was asked for', () => {
  const of = (options: Record<string, string>) => syslogTemplates(printer('syslog', options));
  expect(of({}).stdout).toBe('<30>\x01 ab12ab12ab12[\x05]: \x06\n');
  expect(of({ 'syslog-facility': 'local3', 'syslog-format': 'rfc3164', tag: 'shop' }).stderr).toBe(
    '<155>\x01 north shop[\x05]: \x06\n',
  );
  expect(of({ 'syslog-format': 'rfc5424', tag: 'shop' }).stdout).toBe('<30>1 \x02 north shop \x05 shop - \x06\n');
  expect(of({ 'syslog-format': 'rfc5424micro', tag: 'shop' }).stdout).toContain('<30>1 \x03 north');
});

test('addresses are as connect(2) wants them', () => {
  expect(Buffer.from(inetAddress('127.0.0.1', 514)).toString('hex')).toBe('020002027f0000010000000000000000');
  expect(Buffer.from(inetAddress('::1', 514)).toString('hex').slice(0, 48)).toBe(
    '0a0002020000000000000000000000000000000000000000'.slice(0, 46) + '01',
  );
});
