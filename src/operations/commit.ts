/** A service's container as an image, or its whole file system as an archive. */
import type { ImageInfo } from '../model/engine.ts';
import type { Context, Target } from './context.ts';
import { find, oneOf } from './lives.ts';

export interface CommitOptions {
  readonly service: string;
  readonly index?: number;
  readonly ref?: string;
  readonly changes: readonly string[];
  readonly message?: string;
  readonly author?: string;
  readonly pause: boolean;
}

export async function commit(
  context: Context,
  target: Target,
  { service, index, ...options }: CommitOptions,
): Promise<{ readonly container: string; readonly image: ImageInfo }> {
  const live = oneOf(await find(context, target), target, service, index);
  return { container: live.name, image: await context.engine.containers.commit(live.name, options) };
}

/** A tar stream. */
export async function exportContainer(
  context: Context,
  target: Target,
  { service, index }: { readonly service: string; readonly index?: number },
): Promise<{ readonly container: string; readonly tar: NodeJS.ReadableStream }> {
  const live = oneOf(await find(context, target), target, service, index);
  return { container: live.name, tar: await context.engine.containers.export(live.name) };
}
