/** An image's configuration: what somebody else wrote as JSON, checked and read into our terms. */
import { posix } from 'node:path';
import type { ImageConfig } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { DIGEST } from './reference.ts';

type Json = Readonly<Record<string, unknown>>;

export interface ParsedConfig {
  readonly raw: Json;
  readonly config: ImageConfig;
  readonly createdAt: string;
  readonly os: string;
  readonly architecture: string;
  /** Lowest first. */
  readonly layers: readonly string[];
}

/** Overlay's limit, as Docker draws it (128 lower folders less what a container adds). */
export const layersMax = 125;

const bad = (what: string): TcomposeError =>
  new TcomposeError(`the image's configuration is not valid: ${what}`, {
    code: 'image-invalid',
    help: 'get the image again, or tell those who made it',
  });

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const object = (value: unknown, what: string): Json => {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw bad(`${what} is not an object`);
  return value;
};

const text = (value: unknown, what: string): string => {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string' || value.includes('\0')) throw bad(`${what} is not a text`);
  return value;
};

/** null and absent are the same in images. */
const texts = (value: unknown, what: string): readonly string[] | undefined => {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw bad(`${what} is not a list`);
  return value.map((entry) => text(entry, what));
};

const duration = (value: unknown, what: string): number => {
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw bad(`${what} is not a number`);
  return value;
};

const labels = (value: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(object(value, 'Labels')).map(([key, entry]) => [key, text(entry, 'Labels')]));

const healthcheck = (value: unknown): Pick<ImageConfig, 'healthcheck'> => {
  const written = object(value, 'Healthcheck');
  const test = texts(written['Test'], 'Healthcheck.Test');
  if (test === undefined || test.length === 0) return {};
  return {
    healthcheck: {
      test,
      interval: duration(written['Interval'], 'Healthcheck.Interval'),
      timeout: duration(written['Timeout'], 'Healthcheck.Timeout'),
      startPeriod: duration(written['StartPeriod'], 'Healthcheck.StartPeriod'),
      startInterval: duration(written['StartInterval'], 'Healthcheck.StartInterval'),
      retries: duration(written['Retries'], 'Healthcheck.Retries'),
    },
  };
};

const runConfig = (value: unknown): ImageConfig => {
  const config = object(value, 'config');
  const entrypoint = texts(config['Entrypoint'], 'Entrypoint');
  const cmd = texts(config['Cmd'], 'Cmd');
  const stopSignal = text(config['StopSignal'], 'StopSignal');
  const shell = texts(config['Shell'], 'Shell');
  const volumes = Object.keys(object(config['Volumes'], 'Volumes'));
  if (volumes.some((target) => target === '' || target.includes('\0'))) throw bad('a volume is no path');
  return {
    env: texts(config['Env'], 'Env') ?? [],
    ...(entrypoint !== undefined && { entrypoint }),
    ...(cmd !== undefined && { cmd }),
    user: text(config['User'], 'User'),
    workingDir: text(config['WorkingDir'], 'WorkingDir'),
    // Docker makes images with `VOLUME data` and cannot run them; what is meant is clear, and one must not spoil the list of all.
    volumes: volumes.map((target) => (target.startsWith('/') ? target : posix.resolve('/', target))),
    exposedPorts: Object.keys(object(config['ExposedPorts'], 'ExposedPorts')),
    labels: labels(config['Labels']),
    ...(stopSignal !== '' && { stopSignal }),
    ...healthcheck(config['Healthcheck']),
    ...(shell !== undefined && { shell }),
  };
};

const parseJson = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw bad('it is not JSON');
  }
};

export const parseImageConfig = (bytes: Buffer): ParsedConfig => {
  const raw = parseJson(bytes);
  if (!isObject(raw)) throw bad('it is not an object');
  const layers = texts(object(raw['rootfs'], 'rootfs')['diff_ids'], 'rootfs.diff_ids') ?? [];
  if (!layers.every((diffId) => DIGEST.test(diffId)))
    throw bad('rootfs.diff_ids holds something that is not a sha256 digest');
  if (layers.length > layersMax) throw bad(`it has ${layers.length} layers, and ${layersMax} can be stacked`);
  return {
    raw,
    config: runConfig(raw['config']),
    createdAt: text(raw['created'], 'created'),
    os: text(raw['os'], 'os') || 'linux',
    architecture: text(raw['architecture'], 'architecture'),
    layers,
  };
};
