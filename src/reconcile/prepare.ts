/** A container of pre_start: made, run to its end, and removed when it ended well. One that fails stays until the next time. */
import type { BatchResult, Engine } from '../model/engine.ts';
import { TcomposeError } from '../model/errors.ts';
import type { ActionArgs } from '../model/plan.ts';

const WORDS_KEPT = 20;

interface Tell {
  readonly warn: (text: string) => void;
  readonly print: (text: string) => void;
}

export async function prepare(
  { containers }: Engine,
  { container: name, init }: ActionArgs['container.prepare'],
  signal: AbortSignal,
  { warn, print }: Tell,
): Promise<void> {
  const well = async (call: Promise<BatchResult>): Promise<void> => {
    const { failed, warnings } = await call;
    for (const text of warnings.get(name) ?? []) warn(`container ${name}: ${text}`);
    const error = failed.get(name);
    if (error) throw error;
  };
  const remove = () => well(containers.remove([name], { anonymousVolumes: true }));
  // What an earlier try left, stopped or not.
  if (await containers.find(name)) await remove();
  await well(containers.create([{ container: init }]));
  await well(containers.start([name]));
  try {
    await containers.await(name, 'completed', signal);
  } catch (error) {
    if (signal.aborted) await remove();
    throw signal.aborted ? error : await failure(containers, name, init.argv, error);
  }
  print(await lastWords(containers, name));
  await remove();
}

async function failure(
  containers: Engine['containers'],
  name: string,
  argv: readonly string[],
  error: unknown,
): Promise<unknown> {
  const live = await containers.find(name);
  if (live?.status !== 'exited') return error;
  const said = (await lastWords(containers, name)).trimEnd();
  return new TcomposeError(`the pre_start container ${name} ended with ${live.exitCode}: ${argv.join(' ')}`, {
    code: 'hook-failed',
    address: `container/${name}`,
    help: `${said === '' ? 'it said nothing' : `it said:\n${said}`}\nit stays until the next up`,
    cause: error,
  });
}

async function lastWords({ logs }: Engine['containers'], name: string): Promise<string> {
  const lines: string[] = [];
  try {
    for await (const { text } of logs(name, { follow: false, tail: WORDS_KEPT })) lines.push(text.toString());
  } catch {
    // It may keep no log.
  }
  return lines.map((line) => (line.endsWith('\n') ? line : `${line}\n`)).join('');
}
