/** `tcompose plan`: what `up` would do, field by field, without doing it. */
import { command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { buildChoices, given, inMs, list, pullChoices, pullFlag, text, timeoutFlag, toggle } from '../flags.ts';
import { jsonPretty } from '../ui/json.ts';
import { paint } from '../ui/paint.ts';
import { changesAnything, renderPlan } from '../ui/plan-view.ts';
import { scaleOf } from './up-flags.ts';

export const plan = command({
  usage: '[SERVICE...]',
  flags: {
    offline: toggle('', 'against an empty host: only the files are read, no root is needed'),
    'exit-code': toggle('', 'end with 3 when there is something to change'),
    format: text('', 'FORMAT', 'how to print: text or json', { choices: ['text', 'json'] }),
    'force-recreate': toggle('', 'as up'),
    'no-recreate': toggle('', 'as up'),
    'always-recreate-deps': toggle('', 'as up'),
    'renew-anon-volumes': toggle('V', 'as up'),
    'no-deps': toggle('', 'as up'),
    'no-start': toggle('', 'as up'),
    'remove-orphans': toggle('', 'as up'),
    build: toggle('', 'as up'),
    'no-build': toggle('', 'as up'),
    pull: pullFlag,
    scale: list('', 'SERVICE=N', 'as up'),
    timeout: timeoutFlag,
  },
  notes: `Signs: + create   ~ change in place   -/+ make anew   - remove   · only wait`,
  withoutRoot: (flags) => flags.offline,
  run: async (cli, flags, services) => {
    const project = await cli.project(services);
    const options = {
      services,
      scale: scaleOf(flags.scale),
      forceRecreate: flags['force-recreate'],
      noRecreate: flags['no-recreate'],
      alwaysRecreateDeps: flags['always-recreate-deps'],
      renewAnonVolumes: flags['renew-anon-volumes'],
      noDeps: flags['no-deps'],
      noStart: flags['no-start'],
      removeOrphans: flags['remove-orphans'],
      pull: pullChoices(flags),
      build: buildChoices(flags),
      ...given({ timeoutMs: inMs(flags.timeout) }),
    };
    const operation = await import('../../operations/plan.ts');
    const found = flags.offline
      ? operation.planOffline(project, { ...options, version: cli.version })
      : await cli.read((context) => operation.plan(context, project, options));
    if (flags.format === 'json') cli.out.data(jsonPretty(found));
    else cli.out.data(renderPlan(found, paint(cli.terminal.colorsOnStdout), project.workingDir));
    return flags['exit-code'] && changesAnything(found) ? EXIT.pending : EXIT.ok;
  },
});
