/** A SupervisorSpec as the bytes of RUN/containers/ID/program (engine/launcher/spec.c reads them). */
import { WireWriter, writeProgram } from '../launcher/wire.ts';
import type { HealthNumbers, SupervisorSpec } from './spec.ts';

/** `tcs1`, the version of this format. */
const MAGIC = 0x31736374;
const POLICIES = ['no', 'on-failure', 'always', 'unless-stopped'] as const;
const NO_HEALTH: HealthNumbers = { intervalMs: 0, timeoutMs: 0, startPeriodMs: 0, startIntervalMs: 0, retries: 0 };

/** As Go prints a duration: 30s, 1m30s, 1.5s, 500ms. */
const describeDuration = (milliseconds: number): string => {
  if (milliseconds === 0) return '0s';
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const hours = Math.floor(milliseconds / 3_600_000);
  const minutes = Math.floor(milliseconds / 60_000) % 60;
  const seconds = (milliseconds % 60_000) / 1000;
  return `${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${seconds}s`;
};

const writeHealth = (spec: SupervisorSpec, writer: WireWriter): void => {
  const health = spec.health ?? NO_HEALTH;
  writer
    .flag(spec.health !== undefined)
    .number(health.intervalMs)
    .number(health.timeoutMs)
    .number(health.startPeriodMs)
    .number(health.startIntervalMs)
    .number(health.retries)
    .string(`Health check exceeded timeout (${describeDuration(health.timeoutMs)})`);
};

const writeLog = ({ log: { file, remote } }: SupervisorSpec, writer: WireWriter): void => {
  writer
    .flag(file !== undefined)
    .string(file?.path ?? '')
    .number(file?.maxBytes ?? 0)
    .number(file?.maxFiles ?? 1)
    .flag(file?.compress)
    .string(file?.attributes ?? '')
    .bytes(remote?.address ?? new Uint8Array())
    .flag(remote?.isStream)
    .string(remote?.templates.stdout ?? '')
    .string(remote?.templates.stderr ?? '')
    .number(remote?.bufferBytes ?? 0)
    .flag(remote?.drops)
    .strings(remote?.relay ?? []);
};

const writeRest = (spec: SupervisorSpec, writer: WireWriter): void => {
  writer
    .number(spec.stop.signal)
    .number(spec.stop.graceMs)
    .flag(spec.tty)
    .number((spec.stdinOpen ? 1 : 0) | (spec.foreground ? 2 : 0))
    .strings(spec.cgroups)
    .string(spec.oomCounter)
    .string(spec.exitPath)
    .strings(spec.freezer);
};

export const encodeSpec = (spec: SupervisorSpec): Buffer => {
  return new WireWriter()
    .u32(MAGIC)
    .block((w) => w.string(spec.id))
    .block((w) =>
      w
        .number(POLICIES.indexOf(spec.restart.policy))
        .number(spec.restart.maxRetries)
        .number(spec.restart.delayMs ?? 0)
        .number(spec.restart.windowMs ?? 0),
    )
    .block((w) => writeHealth(spec, w))
    .block((w) => writeLog(spec, w))
    .block((w) => writeRest(spec, w))
    .block((w) => writeProgram(spec.setup, w))
    .block((w) => writeProgram(spec.start, w))
    .block((w) => writeProgram(spec.probe, w))
    .end();
};
