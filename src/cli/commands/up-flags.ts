/** The flags of `up`, what they may not be combined with, and what they mean to the operation. */
import type { Project } from '../../model/project.ts';
import type { UpOptions } from '../../operations/up.ts';
import { usageError } from '../args.ts';
import type { Cli } from '../command.ts';
import {
  buildChoices,
  buildFlags,
  count,
  type FlagValues,
  given,
  inMs,
  list,
  pullChoices,
  pullFlag,
  refused,
  text,
  timeoutFlag,
  toggle,
} from '../flags.ts';
import { askAboutLoss } from '../ui/consent.ts';

export const UP_FLAGS = {
  detach: toggle('d', 'leave the containers running in the background'),
  ...buildFlags,
  pull: pullFlag,
  'quiet-pull': toggle('', 'do not show pulling'),
  'force-recreate': toggle('', 'replace containers even where nothing differs'),
  'no-recreate': toggle('', 'leave containers that exist as they are'),
  'always-recreate-deps': toggle('', 'replace the dependencies too (with --force-recreate)'),
  'renew-anon-volumes': toggle('V', 'new anonymous volumes in place of the data of the old containers'),
  'no-deps': toggle('', 'only the named services, without what they depend on'),
  'no-start': toggle('', 'create, but do not start'),
  'remove-orphans': toggle('', 'remove containers of services that the files do not have'),
  scale: list('', 'SERVICE=N', 'how many containers of a service'),
  timeout: timeoutFlag,
  attach: list('', 'SERVICE', 'show the output of only this service (repeat for several)'),
  'no-attach': list('', 'SERVICE', 'do not show the output of this service (repeat for several)'),
  'attach-dependencies': toggle('', 'show the output of dependencies too'),
  'no-log-prefix': toggle('', 'no names before the lines of output'),
  'no-color': toggle('', 'no colours'),
  timestamps: toggle('', 'show when each line was printed'),
  'abort-on-container-exit': toggle('', 'stop all as soon as one ends'),
  'abort-on-container-failure': toggle('', 'stop all as soon as one ends with a failure'),
  'exit-code-from': text('', 'SERVICE', 'end with the exit code of this service; stops all when it ends'),
  wait: toggle('', 'wait until all run or are healthy (implies --detach)'),
  'wait-timeout': count('', 'SECONDS', 'how long --wait may take'),
  yes: toggle('y', 'agree to everything that would be asked'),
  y: toggle('', 'agree to everything that would be asked', { hidden: true }),
  menu: toggle('', 'accepted, without effect: there are no keyboard shortcuts', { hidden: true }),
  watch: refused('w', '', 'watch the sources'),
} as const;

export type UpFlags = FlagValues<typeof UP_FLAGS>;

const CONFLICTS: readonly (readonly [keyof UpFlags, keyof UpFlags])[] = [
  ['build', 'no-build'],
  ['force-recreate', 'no-recreate'],
  ['no-recreate', 'renew-anon-volumes'],
  ['no-recreate', 'always-recreate-deps'],
  ['abort-on-container-exit', 'abort-on-container-failure'],
  ['attach', 'attach-dependencies'],
  ['detach', 'abort-on-container-exit'],
  ['detach', 'abort-on-container-failure'],
  ['detach', 'exit-code-from'],
  ['detach', 'attach'],
  ['detach', 'attach-dependencies'],
  ['wait', 'abort-on-container-exit'],
  ['wait', 'abort-on-container-failure'],
  ['wait', 'exit-code-from'],
  ['wait', 'attach'],
  ['wait', 'attach-dependencies'],
  ['no-start', 'wait'],
];

export function checkConflicts(flags: UpFlags): void {
  const isGiven = (name: keyof UpFlags) => {
    const value = flags[name];
    return Array.isArray(value) ? value.length > 0 : Boolean(value);
  };
  for (const [one, other] of CONFLICTS) {
    if (isGiven(one) && isGiven(other))
      throw usageError(`--${one} and --${other} contradict each other`, 'leave one out');
  }
  if (flags['wait-timeout'] !== undefined && !flags.wait)
    throw usageError('--wait-timeout means nothing without --wait');
}

export function upOptions(cli: Cli, project: Project, flags: UpFlags, services: readonly string[]): UpOptions {
  const isSet = (name: string) => /^(1|t|true|y|yes|on)$/i.test(project.environment[name] ?? cli.env[name] ?? '');
  return {
    services,
    scale: scaleOf(flags.scale),
    noDeps: flags['no-deps'],
    forceRecreate: flags['force-recreate'],
    noRecreate: flags['no-recreate'],
    alwaysRecreateDeps: flags['always-recreate-deps'],
    renewAnonVolumes: flags['renew-anon-volumes'],
    noStart: flags['no-start'],
    removeOrphans: flags['remove-orphans'] || isSet('COMPOSE_REMOVE_ORPHANS'),
    ignoreOrphans: isSet('COMPOSE_IGNORE_ORPHANS'),
    rerunFinished: !isDetached(flags),
    foreground: !isDetached(flags),
    wait: flags.wait,
    pull: pullChoices(flags),
    build: buildChoices(flags),
    attach: flags.attach,
    noAttach: flags['no-attach'],
    attachDependencies: flags['attach-dependencies'],
    consent: flags.yes || flags.y ? async () => true : (steps) => askAboutLoss(cli, steps),
    ...given({
      timeoutMs: inMs(flags.timeout),
      waitTimeoutMs: inMs(flags['wait-timeout']),
      exitCodeFrom: flags['exit-code-from'],
    }),
  };
}

export const isDetached = (flags: UpFlags): boolean => flags.detach || flags.wait || flags['no-start'];

export function scaleOf(words: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    words.map((word) => {
      const [, service, count] = /^([^=]+)=(\d+)$/.exec(word) ?? [];
      if (!service || !count)
        throw usageError(`--scale needs SERVICE=NUMBER, not "${word}"`, 'for example: --scale web=3');
      return [service, Number(count)];
    }),
  );
}
