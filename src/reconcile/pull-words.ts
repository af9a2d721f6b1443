/** How far a pull is, from what its layers tell: `12.3MB/45.6MB`, and not more often than somebody could read. */
import type { PullProgress } from '../model/pull.ts';
import type { Tell } from './executors.ts';

/** Told about a hundred times in all. */
export function pullWords(tell: Tell): (progress: PullProgress) => void {
  const layers = new Map<string, PullProgress>();
  let last = -1;
  return (progress) => {
    layers.set(progress.layer, progress);
    const known = [...layers.values()].filter(
      ({ state }) => state !== 'present' && state !== 'exists' && state !== 'mounted',
    );
    const total = sum(known.map((one) => one.total));
    const current = sum(
      known.map(({ state, bytes, total }) => (state === 'done' || state === 'pushed' ? total : bytes)),
    );
    const hundredth = total === 0 ? 0 : Math.floor((100 * current) / total);
    if (progress.state === 'waiting' || progress.state === 'preparing' || hundredth === last || total === 0) return;
    last = hundredth;
    tell(`${megabytes(current)}/${megabytes(total)}`, current, total);
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)}MB`;
