/** A command run in a container for whoever starts or stops it; what it says is kept. */
import type { DesiredHook } from '../../../src/model/desired.ts';
import type { Host } from '../../host.ts';
import { execTo } from './exec-captured.ts';

interface HookResult {
  readonly exitCode: number;
  readonly output: string;
}

/** The last of what it printed, both streams in the order they came. */
const KEPT_BYTES = 65_536;

export async function runHook(host: Host, name: string, hook: DesiredHook): Promise<HookResult> {
  const tail = newTail();
  const { exitCode, why } = await execTo(host, name, hook, { onStdout: tail.add, onStderr: tail.add });
  return { exitCode, output: why ?? tail.text() };
}

function newTail() {
  let chunks: Buffer[] = [];
  let bytes = 0;
  return {
    add: (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > 4 * KEPT_BYTES) {
        chunks = [Buffer.concat(chunks).subarray(-KEPT_BYTES)];
        bytes = KEPT_BYTES;
      }
    },
    text: () => Buffer.concat(chunks).subarray(-KEPT_BYTES).toString(),
  };
}
