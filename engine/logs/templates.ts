/** Messages to journald and syslog, as templates: the supervisor (log_remote.c) fills in what only the moment knows. */
import { randomBytes } from 'node:crypto';
import { extrasOf, type Printer, tagOf } from './extras.ts';
import { LogProblem } from './options.ts';

/** What a byte of a template stands for; the texts of users have their control characters taken out. */
const STAMP = '\x01';
const SECONDS = '\x02';
const MICROSECONDS = '\x03';
const NANOSECONDS = '\x04';
const OWN_PID = '\x05';
const MESSAGE = '\x06';
const MEASURED_MESSAGE = '\x07';
const PIECE = '\x08';
const ORDINAL = '\x0b';

interface Templates {
  readonly stdout: string;
  readonly stderr: string;
}

/** syslog(3): informational, and error. */
const SEVERITY = { stdout: 6, stderr: 3 } as const;
const both = (make: (severity: number) => string): Templates => ({
  stdout: make(SEVERITY.stdout),
  stderr: make(SEVERITY.stderr),
});

const plain = (text: string) => text.replace(/[\0-\x1f]/g, ' ');

/** Tells the messages of this start from those of others, with their number in it: two may have the same time. */
const newEpoch = (): string => randomBytes(32).toString('hex');

/** Docker's fields, in the native protocol: KEY=value lines, and the message with its length before it. */
export function journalTemplates(printer: Printer): Templates {
  const { id, container } = printer;
  const tag = tagOf(printer, '{{.ID}}');
  const extras = Object.entries(extrasOf(printer)).map(([key, value]) => [fieldName(key), value] as const);
  const fields: Readonly<Record<string, string>> = {
    CONTAINER_ID: id.slice(0, 12),
    CONTAINER_ID_FULL: id,
    CONTAINER_NAME: container.name,
    CONTAINER_TAG: tag,
    IMAGE_NAME: container.image.ref,
    SYSLOG_IDENTIFIER: tag,
    CONTAINER_LOG_EPOCH: newEpoch(),
    ...Object.fromEntries(extras.filter(([key]) => key !== '')),
  };
  const lines = Object.entries(fields)
    .map(([key, value]) => `${key}=${plain(value)}\n`)
    .join('');
  return both(
    (severity) =>
      `PRIORITY=${severity}\n${lines}SYSLOG_TIMESTAMP=${NANOSECONDS}\nCONTAINER_LOG_ORDINAL=${ORDINAL}\n${PIECE}MESSAGE\n${MEASURED_MESSAGE}\n`,
  );
}

/** As Docker's journald driver makes a field of a label: capitals, digits and underscores, none of these in front. */
const fieldName = (key: string): string =>
  key
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')
    .replace(/^_+/, '');

const FACILITIES: readonly string[] = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['', '', '', ''],
  ...['local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
];

function facilityOf(text: string | undefined): number {
  if (text === undefined || text === '') return FACILITIES.indexOf('daemon');
  const known = FACILITIES.indexOf(text);
  if (known >= 0) return known;
  if (/^[0-9]{1,2}$/.test(text) && Number(text) <= 23) return Number(text);
  throw new LogProblem(
    `syslog-facility cannot be "${text}"`,
    `use a number up to 23, or ${FACILITIES.filter(Boolean).join(', ')}`,
  );
}

export function syslogTemplates(printer: Printer): Templates {
  const { options } = printer.container.log;
  const facility = facilityOf(options['syslog-facility']);
  const tag = plain(tagOf(printer, '{{.ID}}'));
  const host = plain(printer.hostname);
  const format = options['syslog-format'] ?? '';
  const modern = (time: string) => `1 ${time} ${host} ${tag} ${OWN_PID} ${tag} - ${MESSAGE}\n`;
  const bodies: Readonly<Record<string, string>> = {
    '': `${STAMP} ${tag}[${OWN_PID}]: ${MESSAGE}\n`,
    rfc3164: `${STAMP} ${host} ${tag}[${OWN_PID}]: ${MESSAGE}\n`,
    rfc5424: modern(SECONDS),
    rfc5424micro: modern(MICROSECONDS),
  };
  const body = bodies[format];
  if (body !== undefined) return both((severity) => `<${facility * 8 + severity}>${body}`);
  throw new LogProblem(`syslog-format cannot be "${format}"`, 'use rfc3164, rfc5424 or rfc5424micro');
}
