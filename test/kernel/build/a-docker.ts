/**
 * The reference: what Docker's two builders make of a case. Only for recording: TCOMPOSE_RECORD_WITH names a docker client whose daemon keeps
 * its layers in folders of this host (overlay2).
 */
import { spawnSync } from 'node:child_process';
import type { Host } from '../../../engine/host.ts';
import { treeLines } from './a-tree.ts';

export const docker = process.env['TCOMPOSE_RECORD_WITH'];

const call = (words: readonly string[], builder: 'legacy' | 'buildkit', input?: Buffer) => {
  const env = { ...process.env, DOCKER_BUILDKIT: builder === 'legacy' ? '0' : '1' };
  const { status, stdout, stderr } = spawnSync(docker!, words, { env, maxBuffer: 1 << 28, ...(input && { input }) });
  return { status, out: stdout.toString(), err: stderr.toString() };
};

export function importBase(tar: Buffer): void {
  const { status, err } = call(['import', '-', 'base'], 'legacy', tar);
  if (status !== 0) throw new Error(err);
}

/** Lines of the tree, or the last line of the error. */
export async function recorded(
  host: Host,
  builder: 'legacy' | 'buildkit',
  context: string,
  scratch: string,
): Promise<readonly string[] | string> {
  const built = call(['build', '--no-cache', '-q', '-t', 'tried', context], builder);
  if (built.status !== 0)
    return built.err
      .trim()
      .split('\n')
      .at(-1)!
      .replaceAll(/\b[0-9a-z]{25}::[0-9a-z]{25}\b|sha256:[0-9a-f]{64}/g, 'X');
  const { out } = call(['image', 'inspect', '--format', '{{json .GraphDriver.Data}}', 'tried'], builder);
  const { UpperDir, LowerDir } = JSON.parse(out) as { UpperDir: string; LowerDir?: string };
  return treeLines(host, [UpperDir, ...(LowerDir?.split(':') ?? [])], scratch);
}
