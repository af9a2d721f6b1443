/** What of /proc and /sys a container must not see or must not write: it would tell about, or change, the host. */
import type { LaunchOp, Slot } from '../../launcher/ops.ts';

const MASKED = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** `throttlePaths`: the thermal_throttle folders that this host's processors have (they leak other tenants' load). */
export const maskOps = (root: Slot, throttlePaths: readonly string[]): readonly LaunchOp[] => [
  ...[...MASKED, ...throttlePaths].map((inside): LaunchOp => ({ op: 'mask-in', root, inside })),
  ...READ_ONLY.map((inside): LaunchOp => ({ op: 'readonly-in', root, inside })),
];
