/** Runs operations in a container of their own to the end, before and after its root is entered, and says how they failed. */
import type { LaunchOp } from '../../../engine/launcher/ops.ts';
import { enterRoot, startContainer, type Workshop } from './probe-container.ts';

export interface Surroundings {
  /** Before the pivot: the host's paths are still there. */
  readonly outside?: readonly LaunchOp[];
  readonly prepare?: (root: string) => void;
}

export const runInside = async (workshop: Workshop, inside: readonly LaunchOp[], options: Surroundings = {}) => {
  const container = await startContainer(workshop, [], (root) => {
    options.prepare?.(root);
    const entering = enterRoot(root);
    const pivot = entering.findIndex(({ op }) => op === 'pivot');
    return { start: [...entering.slice(0, pivot), ...(options.outside ?? []), ...entering.slice(pivot), ...inside] };
  });
  await container.ended();
  const lines = container.log().map(({ log }) => log);
  return { container, output: lines.join('') };
};

/** `bind-in ENOENT`: the operation and the errno, or `success`. */
export const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'success',
    (error) => `${error.op?.op} ${error.message.replace(/.*\((E[A-Z0-9]+)\)$/, '$1')}`,
  );
