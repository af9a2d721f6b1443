/** The nearest known word, for "did you mean". */

export function nearestOf(word: string, known: Iterable<string>): string | undefined {
  // Nobody mistypes a text of a hundred letters.
  if (word === '' || word.length > 100) return undefined;
  const lower = word.toLowerCase();
  const plain = normal(lower);
  const most = Math.max(1, Math.floor(word.length / 3));
  let best: string | undefined;
  // Each word that is nearer narrows what is worth a look: of a thousand names, few are.
  let limit = most;
  for (const candidate of known) {
    // `healthy` for `service_healthy`.
    if (word.length > 3 && candidate.endsWith(`_${word}`)) return candidate;
    if (Math.abs(candidate.length - word.length) > most + 1) continue;
    const other = candidate.toLowerCase();
    if (normal(other) === plain) return candidate;
    const distance = limit === 0 ? undefined : editDistance(lower, other, limit);
    if (distance === undefined) continue;
    best = candidate;
    limit = distance - 1;
  }
  return best;
}

/** `depends-on`, `dependsOn` and `depends_on` are one word. */
function normal(word: string): string {
  return word.replace(/[-_ ]/g, '');
}

/** Damerau-Levenshtein, adjacent swaps counted once; undefined where it is more than the limit. */
function editDistance(a: string, b: string, limit: number): number | undefined {
  // What both begin and end with needs no table: names made by one scheme differ in little.
  let from = 0;
  while (from < a.length && a.charCodeAt(from) === b.charCodeAt(from)) from++;
  let [ends, width] = [a.length, b.length];
  while (ends > from && width > from && a.charCodeAt(ends - 1) === b.charCodeAt(width - 1)) {
    ends -= 1;
    width -= 1;
  }
  if (Math.abs(ends - width) > limit) return undefined;
  let before: number[] = [];
  let above = Array.from({ length: width - from + 1 }, (_, column) => column);
  for (let row = from; row < ends; row++) {
    const current = [row - from + 1];
    let least = current[0]!;
    for (let column = from; column < width; column++) {
      const at = column - from;
      const [letter, other] = [a.charCodeAt(row), b.charCodeAt(column)];
      let cost = Math.min(above[at + 1]! + 1, current[at]! + 1, above[at]! + Number(letter !== other));
      const isSwap = row > from && at > 0 && letter === b.charCodeAt(column - 1) && a.charCodeAt(row - 1) === other;
      if (isSwap) cost = Math.min(cost, before[at - 1]! + 1);
      current.push(cost);
      if (cost < least) least = cost;
    }
    // One more than the limit may still lead to a swap.
    if (least > limit + 1) return undefined;
    before = above;
    above = current;
  }
  const distance = above[width - from]!;
  return distance > limit ? undefined : distance;
}
