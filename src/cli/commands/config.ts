/** `tcompose config`: the files are checked, and what they come to is printed. */

import { TcomposeError } from '../../model/errors.ts';
import type { ConfigOptions } from '../../operations/config.ts';
import { usageError } from '../args.ts';
import { type Cli, command } from '../command.ts';
import { type FlagValues, given, text, toggle } from '../flags.ts';
import { MistakesPrinted } from '../session.ts';

const LISTS = ['services', 'images', 'volumes', 'networks', 'models', 'profiles', 'environment', 'variables'] as const;

const FLAGS = {
  format: text('', 'FORMAT', 'how to print: yaml or json', { choices: ['yaml', 'json'] }),
  output: text('o', 'FILE', 'write to a file'),
  quiet: toggle('q', 'only check'),
  services: toggle('', 'only the names of services'),
  images: toggle('', 'only the names of images'),
  volumes: toggle('', 'only the names of volumes'),
  networks: toggle('', 'only the names of networks'),
  models: toggle('', 'only the names of models'),
  profiles: toggle('', 'only the names of profiles'),
  environment: toggle('', 'the variables that the files see'),
  variables: toggle('', 'the variables that the files use, with their defaults'),
  compat: toggle('', 'what of the files tcompose honours, and what not'),
  hash: text('', 'SERVICES', "a hash of each service's configuration: * or names with commas between"),
  explain: text(
    '',
    'KEY',
    'what a key means, or where a value comes from: services.web.ports[0]; with --environment also of all',
    {
      mayBeAlone: true,
    },
  ),
  'no-interpolate': toggle('', 'leave variables as they are written'),
  'no-normalize': toggle('', 'without defaults that the files do not name'),
  'no-path-resolution': toggle('', 'leave relative paths as they are written'),
  'no-consistency': toggle('', 'do not check that what is referred to exists'),
  'no-env-resolution': toggle('', 'leave env_file as it is written'),
  'resolve-image-digests': toggle('', 'pin images to what their tags mean now'),
  'lock-image-digests': toggle('', 'print an override file that pins images'),
} as const;

export const config = command({
  usage: '[SERVICE...]',
  flags: FLAGS,
  withoutRoot: () => true,
  run: async (cli, flags, services) => {
    const operation = await import('../../operations/config.ts');
    const result = await operation.config(cli.wish(services), optionsOf(cli, flags, services));
    await cli.tell(result.diagnostics, { json: flags.format === 'json' });
    if (!result.ok) throw new MistakesPrinted(result.diagnostics);
    if (flags.output === undefined) cli.out.data(result.text);
    else await writeTo(flags.output, result.text);
    return 0;
  },
});

async function writeTo(path: string, text: string): Promise<void> {
  try {
    await (await import('node:fs/promises')).writeFile(path, text);
  } catch (error) {
    throw new TcomposeError(`cannot write ${path}: ${(error as Error).message}`, {
      code: 'not-written',
      help: 'correct --output',
    });
  }
}

function optionsOf(cli: Cli, flags: FlagValues<typeof FLAGS>, services: readonly string[]): ConfigOptions {
  const shown = [...LISTS.filter((name) => flags[name]), ...(flags.compat ? (['compat'] as const) : [])];
  if (flags.explain === '' && !flags.environment)
    throw usageError(
      '--explain needs a key: --explain services.web.ports[0]',
      'or explain the variables: --environment --explain',
    );
  if (shown.length > 1) throw usageError(`config can show --${shown[0]} or --${shown[1]}, not both`);
  return {
    services,
    noInterpolate: flags['no-interpolate'],
    noNormalize: flags['no-normalize'],
    noPathResolution: flags['no-path-resolution'],
    noConsistency: flags['no-consistency'],
    noEnvResolution: flags['no-env-resolution'],
    allResources: cli.globals['all-resources'],
    quiet: flags.quiet,
    lock: flags['lock-image-digests'],
    ...((flags['resolve-image-digests'] || flags['lock-image-digests']) && { resolveDigest: cli.pinImage }),
    ...given({
      format: flags.format as 'yaml' | 'json' | undefined,
      hash: flags.hash,
      explain: flags.explain === '' ? true : flags.explain,
      show: shown[0],
    }),
  };
}
