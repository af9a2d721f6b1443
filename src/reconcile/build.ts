/** A planned build becomes a request: the texts of its secrets come in beside the plan. */
import type { BuildSecret, PlannedSecret } from '../model/build.ts';
import type { Engine } from '../model/engine.ts';
import { invariant, TcomposeError } from '../model/errors.ts';
import type { ActionArgs } from '../model/plan.ts';
import type { Hands } from './executors.ts';

export async function build(
  engine: Engine,
  { build: planned }: ActionArgs['image.build'],
  { signal, contents, onBuild, onBuilt }: Pick<Hands, 'signal' | 'contents' | 'onBuild' | 'onBuilt'>,
): Promise<void> {
  const secrets = planned.secrets.map((secret) => withText(secret, contents));
  try {
    onBuilt(await engine.images.build({ ...planned, secrets, signal, onEvent: onBuild }));
  } catch (error) {
    throw error instanceof TcomposeError && 'text' in planned.dockerfile
      ? withLines(error, planned.dockerfile.text)
      : error;
  }
}

/** A Dockerfile that is no file cannot be read again by who shows the error: its lines come along. */
function withLines(error: TcomposeError, text: string): TcomposeError {
  const { at, code, address, help, exitCode, cause } = error;
  if (at === undefined || at.shown !== undefined || at.file.startsWith('/')) return error;
  const shown = text
    .split('\n')
    .slice(at.start.line - 1, at.end.line)
    .join('\n');
  return new TcomposeError(error.message, {
    code,
    at: { ...at, shown },
    exitCode,
    cause,
    ...(address !== undefined && { address }),
    ...(help !== undefined && { help }),
  });
}

function withText({ id, source }: PlannedSecret, contents: ReadonlyMap<string, Uint8Array>): BuildSecret {
  if (!('digest' in source)) return { id, source };
  const content = contents.get(source.digest);
  invariant(content, `the text of the secret ${id} was not handed over`);
  return { id, source: { content } };
}
