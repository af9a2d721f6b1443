/** The nearest known word, for "did you mean". */

export function nearestOf(word: string, known: Iterable<string>): string | undefined {
  if (word === '') return undefined;
  const limit = Math.max(1, Math.floor(word.length / 3));
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
