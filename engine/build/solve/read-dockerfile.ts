/** The Dockerfile of a build: found, read, its mistakes told, its arguments known. */
import { isAbsolute, join } from 'node:path';
import type { BuildRequest } from '../../../src/model/build.ts';
import type { Diagnostic } from '../../../src/model/diagnostic.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import { hostArchitecture, parsePlatform } from '../../image/platform.ts';
import { ExpansionFailure } from '../expand.ts';
import type { Dockerfile } from '../instruction.ts';
import { checkSettings, lint } from '../lint.ts';
import { parseDockerfile } from '../parse.ts';
import { type BuildArguments, globalValues, platformArguments, unusedArguments } from '../scope.ts';
import type { Opened } from './contexts.ts';
import { asErrors } from './failures.ts';
import type { Steps } from './steps.ts';

export interface ReadDockerfile {
  readonly dockerfile: Dockerfile;
  readonly args: BuildArguments;
  /** Before the first FROM. */
  readonly globals: ReadonlyMap<string, string>;
  /** Of the build: what is asked for, or this host's. */
  readonly platform: string;
  /** Seconds since 1970. */
  readonly epoch?: number;
}

export async function readDockerfile(request: BuildRequest, main: Opened, steps: Steps): Promise<ReadDockerfile> {
  const { text, file } = await findText(request, main);
  const { dockerfile, findings } = parseDockerfile(text, file);
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw asErrors(errors);
  const known = argumentsOf(request, dockerfile, steps);
  const { skips, isStrict } = checkSettings(
    request.args['BUILDKIT_DOCKERFILE_CHECK'] ?? dockerfile.directives['check'] ?? '',
  );
  const style = request.checkOnly || isStrict ? lint(dockerfile, known.globals) : [];
  const lineOf = ({ at }: Diagnostic) => at?.start.line ?? 0;
  const told = [...findings, ...style].filter((finding) => !skips(finding)).sort((a, b) => lineOf(a) - lineOf(b));
  for (const finding of told) steps.finding(finding);
  if (isStrict && told.length > 0 && request.checkOnly !== true)
    throw new TcomposeError(`its check directive makes errors of warnings, and the Dockerfile has ${told.length}`, {
      code: 'dockerfile',
      ...(told[0]!.at && { at: told[0]!.at }),
      help: 'correct what is told, or leave rules out: # check=skip=RULE',
    });
  return { dockerfile, ...known };
}

async function findText({ context, dockerfile }: BuildRequest, main: Opened): Promise<{ text: string; file: string }> {
  if (main.context.dockerfile !== undefined)
    return { text: main.context.dockerfile, file: context.kind === 'http' ? context.url : 'Dockerfile' };
  if ('text' in dockerfile) return { text: dockerfile.text, file: 'Dockerfile' };
  const { path } = dockerfile;
  // The default alone is looked for in lower case, too.
  for (const name of path === 'Dockerfile' ? [path, 'dockerfile'] : [path]) {
    const text = await main.context.readText(name);
    if (text === undefined) continue;
    const isHere = context.kind === 'folder' && !isAbsolute(name);
    return { text, file: isHere ? join(context.path, name) : name };
  }
  const where = context.kind === 'folder' && !isAbsolute(path) ? join(context.path, path) : path;
  throw new TcomposeError(`there is no Dockerfile at ${where}`, {
    code: 'dockerfile-missing',
    help: 'write one, or name another: --file PATH',
  });
}

function argumentsOf(request: BuildRequest, dockerfile: Dockerfile, steps: Steps): Omit<ReadDockerfile, 'dockerfile'> {
  const host = `linux/${hostArchitecture()}`;
  const platform = request.platform === undefined ? host : normal(request.platform);
  const automatic = platformArguments(host, platform, request.target || 'default');
  const args: BuildArguments = { given: request.args, automatic };
  for (const name of unusedArguments(dockerfile, args))
    steps.finding({
      code: 'dockerfile',
      severity: 'warning',
      summary: `the build argument ${name} is declared nowhere, and so does nothing`,
      help: `write ARG ${name}, or leave it out`,
    });
  const globals = valuesOf(dockerfile, args);
  const epoch =
    request.sourceDateEpoch ?? epochOf(globals.get('SOURCE_DATE_EPOCH') ?? request.args['SOURCE_DATE_EPOCH']);
  return { args, globals, platform, ...(epoch !== undefined && { epoch }) };
}

function valuesOf(dockerfile: Dockerfile, args: BuildArguments): ReadonlyMap<string, string> {
  try {
    return globalValues(dockerfile, args);
  } catch (error) {
    if (!(error instanceof ExpansionFailure)) throw error;
    const at = dockerfile.globalArgs[0]?.at;
    throw new TcomposeError(`an ARG before the first FROM cannot be expanded: ${error.message}`, {
      code: 'dockerfile',
      ...(at && { at }),
    });
  }
}

function normal(text: string): string {
  const { os, architecture, variant } = parsePlatform(text);
  return [os, architecture, ...(variant === '' ? [] : [variant])].join('/');
}

function epochOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,11}$/.test(text)) return Number(text);
  throw new TcomposeError(`SOURCE_DATE_EPOCH=${text} is no time`, {
    code: 'dockerfile',
    help: 'write seconds since 1970',
  });
}
