/** The nearest known word, for "did you mean". */

export function nearestOf(word: string, known: Iterable<string>): string | undefined {
  if (word === '') return undefined;
  const limit = Math.max(1, Math.floor(word.length / 3));
  // Nobody mistypes a text of a hundred letters.
  if (word.length > 100) return undefined;
  const plain = normal(word);
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    // `healthy` for `service_healthy`.
    if (word.length > 3 && candidate.endsWith(`_${word}`)) return candidate;
    if (Math.abs(candidate.length - word.length) > limit + 1) continue;
    const distance = normal(candidate) === plain ? 0 : editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `depends-on`, `dependsOn` and `depends_on` are one word. */
function normal(word: string): string {
  return word.toLowerCase().replace(/[-_ ]/g, '');
}

/** Damerau-Levenshtein, adjacent swaps counted once. */
function editDistance(a: string, b: string): number {
  // What both begin and end with needs no table: names made by one scheme differ in little.
  let from = 0;
  while (from < a.length && a[from] === b[from]) from++;
  let less = 0;
  while (less < Math.min(a.length, b.length) - from && a.at(-1 - less) === b.at(-1 - less)) less++;
  if (from > 1 || less > 1) {
    const [head, tail] = [Math.max(0, from - 1), Math.max(0, less - 1)];
    return editDistance(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  }
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let best = Math.min(rows[row - 1]![column]! + 1, current[column - 1]! + 1, rows[row - 1]![column - 1]! + cost);
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) best = Math.min(best, rows[row - 2]![column - 2]! + 1);
      current.push(best);
    }
    rows.push(current);
  }
  return rows[a.length]![b.length]!;
}
