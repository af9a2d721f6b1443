/** The `logging` of a container: which drivers there are, which options each of them knows, and what the values may be. */
import type { DesiredContainer } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';

type Log = DesiredContainer['log'];

const DRIVERS = ['json-file', 'local', 'none', 'journald', 'syslog'] as const;
export type LogDriver = (typeof DRIVERS)[number];

const OF_ALL = ['mode', 'max-buffer-size'];
const OF_FILES = ['max-size', 'max-file', 'compress'];
const OF_EXTRAS = ['labels', 'labels-regex', 'env', 'env-regex', 'tag'];
/** Beside a log server the lines are kept in a file too, for `logs`. */
const OF_CACHE = ['cache-disabled', 'cache-max-size', 'cache-max-file', 'cache-compress'];
const OF_TLS = ['syslog-tls-ca-cert', 'syslog-tls-cert', 'syslog-tls-key', 'syslog-tls-skip-verify'];
const KNOWN: Readonly<Record<LogDriver, readonly string[]>> = {
  'json-file': [...OF_ALL, ...OF_FILES, ...OF_EXTRAS],
  local: [...OF_ALL, ...OF_FILES],
  none: [],
  journald: [...OF_ALL, ...OF_EXTRAS, ...OF_CACHE],
  syslog: [...OF_ALL, ...OF_EXTRAS, ...OF_CACHE, 'syslog-address', 'syslog-facility', 'syslog-format', ...OF_TLS],
};

export interface FileSettings {
  /** 0: never rotated. */
  readonly maxBytes: number;
  readonly maxFiles: number;
  readonly compress: boolean;
}

/** Docker keeps all of a json-file unless told otherwise, until the disk is full; here ten megabytes three times. */
const JSON_FILE: FileSettings = { maxBytes: 10 * 2 ** 20, maxFiles: 3, compress: false };
/** Docker's own numbers for `local`, and for what it keeps beside a log server. */
const LOCAL: FileSettings = { maxBytes: 20 * 2 ** 20, maxFiles: 5, compress: true };
const BUFFER_BYTES = 1_000_000;

/** An error without the container's name: who calls knows it. */
export class LogProblem extends Error {
  readonly code: string;
  readonly help: string;

  constructor(message: string, help: string, code = 'log-option-invalid') {
    super(message);
    this.code = code;
    this.help = help;
  }
}

export function logProblem({ name }: Pick<DesiredContainer, 'name'>, error: unknown): Error {
  if (!(error instanceof LogProblem)) return error as Error;
  return new TcomposeError(error.message, {
    code: error.code,
    address: `container/${name}`,
    help: error.help,
    exitCode: error.code === 'log-server-missing' ? 1 : 2,
  });
}

export function driverOf({ driver, options }: Log): LogDriver {
  const name = (driver === '' ? 'json-file' : driver) as LogDriver;
  if (!DRIVERS.includes(name)) {
    throw new LogProblem(
      `there is no log driver "${driver}" here`,
      `use one of ${DRIVERS.join(', ')}`,
      'log-driver-unsupported',
    );
  }
  for (const option of Object.keys(options)) {
    if (KNOWN[name].includes(option)) continue;
    const others = KNOWN[name].length === 0 ? 'leave it out: none takes no options' : `use ${KNOWN[name].join(', ')}`;
    throw new LogProblem(`the log driver ${name} has no option "${option}"`, others);
  }
  return name;
}

/** The file that lines go to; undefined: none. */
export function fileSettings(log: Log): FileSettings | undefined {
  const driver = driverOf(log);
  if (driver === 'none') return undefined;
  if (driver === 'json-file') return bounded(log.options, '', JSON_FILE);
  if (driver === 'local') return bounded(log.options, '', LOCAL);
  return flag(log.options, 'cache-disabled', false) ? undefined : bounded(log.options, 'cache-', LOCAL);
}

function bounded(options: Log['options'], prefix: string, defaults: FileSettings): FileSettings {
  const [sizeName, fileName, compressName] = OF_FILES.map((name) => `${prefix}${name}`) as [string, string, string];
  const size = options[sizeName];
  const maxBytes = size === undefined ? defaults.maxBytes : size === '-1' ? 0 : bytes(sizeName, size);
  // Who says how large a json-file may be and not how many means one, as Docker does.
  const maxFiles =
    options[fileName] === undefined
      ? defaults === JSON_FILE && size !== undefined
        ? 1
        : defaults.maxFiles
      : whole(fileName, options[fileName]);
  const compress = flag(options, compressName, defaults.compress && maxFiles > 1 && maxBytes > 0);
  if (compress && (maxFiles < 2 || maxBytes === 0)) {
    throw new LogProblem(
      `${compressName} needs older files to compress, and there are none`,
      `set ${fileName} to 2 or more, and ${sizeName} to a size`,
    );
  }
  return { maxBytes, maxFiles, compress };
}

/** `mode: non-blocking`: lines are lost rather than the container kept waiting. A file never keeps it waiting for long. */
export function delivery({ options }: Log): { readonly drops: boolean; readonly bufferBytes: number } {
  const mode = options['mode'] ?? 'blocking';
  if (mode !== 'blocking' && mode !== 'non-blocking') {
    throw new LogProblem(`mode cannot be "${mode}"`, 'use blocking or non-blocking');
  }
  const size = options['max-buffer-size'];
  if (size !== undefined && mode === 'blocking') {
    throw new LogProblem('max-buffer-size is of no use while mode is blocking', 'set mode to non-blocking');
  }
  return {
    drops: mode === 'non-blocking',
    bufferBytes: size === undefined ? BUFFER_BYTES : bytes('max-buffer-size', size),
  };
}

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const LARGEST = 2 ** 50;

function bytes(name: string, text: string): number {
  const [, digits, unit] = /^([0-9]+(?:\.[0-9]+)?) ?([bkmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const value = digits === undefined ? 0 : Math.floor(Number(digits) * UNITS[(unit ?? '').toLowerCase()]!);
  if (value > 0 && value <= LARGEST) return value;
  throw new LogProblem(`${name} cannot be "${text}"`, 'use a number with k, m or g: 10m');
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && value >= 1 && value <= 1000) return value;
  throw new LogProblem(`${name} cannot be "${text}"`, 'use a whole number from 1 to 1000');
}

/** The words of Go's strconv.ParseBool. */
export function flag(options: Log['options'], name: string, otherwise: boolean): boolean {
  const text = options[name];
  if (text === undefined) return otherwise;
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw new LogProblem(`${name} cannot be "${text}"`, 'use true or false');
}
