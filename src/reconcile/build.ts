/** A planned build becomes a request: the texts of its secrets come in beside the plan. */
import type { BuildSecret, PlannedSecret } from '../model/build.ts';
import type { Engine } from '../model/engine.ts';
import { invariant } from '../model/errors.ts';
import type { ActionArgs } from '../model/plan.ts';
import type { Hands } from './executors.ts';

export async function build(
  engine: Engine,
  { build: planned }: ActionArgs['image.build'],
  { signal, contents, onBuild, onBuilt }: Pick<Hands, 'signal' | 'contents' | 'onBuild' | 'onBuilt'>,
): Promise<void> {
  const secrets = planned.secrets.map((secret) => withText(secret, contents));
  onBuilt(await engine.images.build({ ...planned, secrets, signal, onEvent: onBuild }));
}

function withText({ id, source }: PlannedSecret, contents: ReadonlyMap<string, Uint8Array>): BuildSecret {
  if (!('digest' in source)) return { id, source };
  const content = contents.get(source.digest);
  invariant(content, `the text of the secret ${id} was not handed over`);
  return { id, source: { content } };
}
