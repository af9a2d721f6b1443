/**
 * The images that a Dockerfile begins with or copies from, by a look at its lines: so that one that the same project builds is built
 * first. What is not understood here costs the order only; the engine reads Dockerfiles properly.
 */

/** As written; global arguments are put in. Names of earlier stages are left out. */
export function baseImages(text: string, args: Readonly<Record<string, string>>): readonly string[] {
  const values: Record<string, string> = {};
  const stages = new Set<string>();
  const found = new Set<string>();
  const add = (word: string) => {
    const ref = filledIn(word, { ...values, ...args });
    if (!stages.has(ref.toLowerCase()) && !/^\d+$/.test(ref)) found.add(ref);
  };
  for (const line of text.replace(/\\\r?\n/g, ' ').split('\n')) {
    const [word = '', ...rest] = line.trim().split(/\s+/);
    const instruction = word.toUpperCase();
    if (instruction === 'ARG' && stages.size === 0) {
      const [, key, value] = /^(\w+)=(.*)$/.exec(rest[0] ?? '') ?? [];
      if (key !== undefined) values[key] = filledIn((value ?? '').replace(/^(["'])(.*)\1$/, '$2'), values);
    }
    if (instruction === 'FROM') {
      const words = rest.filter((one) => !one.startsWith('--'));
      if (words[0]) add(words[0]);
      if (words[1]?.toUpperCase() === 'AS' && words[2]) stages.add(words[2].toLowerCase());
    }
    if (['COPY', 'ADD', 'RUN'].includes(instruction)) {
      for (const one of rest) {
        const [, from] = /^(?:--from=|--mount=(?:.*,)?from=)([^,]+)/.exec(one) ?? [];
        if (from) add(from);
      }
    }
  }
  return [...found];
}

const filledIn = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\$\{(\w+)(?::-([^}]*))?\}|\$(\w+)/g, (_all, braced, fallback, bare) => {
    const value = values[braced ?? bare];
    return value || fallback || '';
  });
