/** What a program prints, as it comes. One whose reader turns away is ended. */
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

export async function* outputOf(
  child: ChildProcessByStdio<Writable, Readable, Readable | null>,
): AsyncGenerator<Buffer> {
  let isComplete = false;
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    isComplete = true;
  } finally {
    if (!isComplete) child.kill('SIGKILL');
  }
}
