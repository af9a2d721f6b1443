/** The only place where tests poll: waits until a check stops throwing, and fails with its last complaint. */
import { slowness } from './slowness.ts';

export async function eventually<T>(check: () => T | Promise<T>, limitMs = 10_000): Promise<T> {
  const end = performance.now() + limitMs * slowness;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
