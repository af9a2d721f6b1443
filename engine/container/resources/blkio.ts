/** blkio_config as files of the kernel's: weights (the scheduler bfq on version 1, bfq or io.cost on 2) and throttles by device number. */
import type { DesiredBlkio, DesiredContainer } from '../../../src/model/desired.ts';
import type { BlockDevice, Collector } from './cgroup-limits.ts';

type Resources = DesiredContainer['resources'];

const WEIGHT = 'blkio_config.weight';
const WEIGHT_DEVICE = 'blkio_config.weight_device';

/** Lists of the file → the key that io.max knows, and the file of version 1. */
const THROTTLES = [
  { list: 'readBps', setting: 'blkio_config.device_read_bps', key: 'rbps', file: 'read_bps' },
  { list: 'readIops', setting: 'blkio_config.device_read_iops', key: 'riops', file: 'read_iops' },
  { list: 'writeBps', setting: 'blkio_config.device_write_bps', key: 'wbps', file: 'write_bps' },
  { list: 'writeIops', setting: 'blkio_config.device_write_iops', key: 'wiops', file: 'write_iops' },
] as const;

export function legacyBlkio({ blkio }: Resources, to: Collector): void {
  if (blkio === undefined) return;
  const { knobs, set } = to;
  // Until Linux 5.0 the first name, of a scheduler that is gone.
  const name = knobs.has('blkio', 'blkio.weight') ? 'blkio.weight' : 'blkio.bfq.weight';
  if (blkio.weight !== undefined && set(WEIGHT, 'blkio', name, `${blkio.weight}`) && name === 'blkio.bfq.weight')
    sayIfNoBfq(WEIGHT, to);
  weightDevices(blkio, to, 'blkio', `${name}_device`, name === 'blkio.bfq.weight', (weight) => weight);
  for (const { list, setting, file } of THROTTLES) {
    for (const { path, rate } of blkio[list])
      set(setting, 'blkio', `blkio.throttle.${file}_device`, `${numbers(path, to)} ${rate}`);
  }
}

export function unifiedBlkio({ blkio }: Resources, to: Collector): void {
  if (blkio === undefined) return;
  const { knobs, set } = to;
  const isBfq = knobs.has('io', 'io.bfq.weight') === true;
  const name = isBfq ? 'io.bfq.weight' : 'io.weight';
  const scaled = (weight: number) => (isBfq ? weight : ioWeight(weight));
  if (blkio.weight !== undefined && set(WEIGHT, 'io', name, `${scaled(blkio.weight)}`) && isBfq) sayIfNoBfq(WEIGHT, to);
  weightDevices(blkio, to, 'io', name, isBfq, scaled);
  for (const { list, setting, key } of THROTTLES) {
    for (const { path, rate } of blkio[list]) set(setting, 'io', 'io.max', `${numbers(path, to)} ${key}=${rate}`);
  }
}

function weightDevices(
  { weightDevices: devices }: DesiredBlkio,
  to: Collector,
  controller: string,
  file: string,
  isBfq: boolean,
  scaled: (weight: number) => number,
): void {
  for (const { path, weight } of devices) {
    const device = to.knobs.device(path);
    if (isBfq && to.knobs.has(controller, file) && device?.scheduler !== 'bfq')
      to.warn(`${WEIGHT_DEVICE} is not set: ${path} is not scheduled by bfq${howTo(device)}`);
    else to.set(WEIGHT_DEVICE, controller, file, `${numbers(path, to)} ${scaled(weight)}`);
  }
}

/** The file is there as soon as the kernel knows bfq, and has an effect only on disks that use it. */
function sayIfNoBfq(setting: string, { knobs, warn }: Collector): void {
  if (knobs.device('*')?.scheduler !== 'bfq')
    warn(`${setting} has no effect: no disk of this host is scheduled by bfq`);
}

const howTo = (device: BlockDevice | undefined): string => (device?.scheduler ? ` but by ${device.scheduler}` : '');

/** 10 to 1000 becomes 1 to 10000, as runc and crun do it. */
export const ioWeight = (weight: number): number => 1 + Math.floor(((weight - 10) * 9999) / 990);

function numbers(path: string, { knobs }: Collector): string {
  const { major = 0, minor = 0 } = knobs.device(path) ?? {};
  return `${major}:${minor}`;
}
