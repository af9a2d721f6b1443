/** What a registry asks for: the WWW-Authenticate header, RFC 9110 section 11, several challenges in one or in several lines. */

export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** One piece at a time: a quoted or plain parameter, or a word that begins the next challenge. */
const PIECE =
  /\s*,?\s*(?:([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))|([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?=\s|,|$))/y;

/** What cannot be understood ends the header: challenges before it count. */
export function parseChallenges(headers: readonly string[]): readonly Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = [];
  const begin = (scheme: string) => found.push({ scheme: scheme.toLowerCase(), parameters: Object.create(null) });
  for (const header of headers) {
    PIECE.lastIndex = 0;
    while (PIECE.lastIndex < header.length) {
      const piece = PIECE.exec(header);
      if (piece === null) break;
      const [, name, quoted, plain, scheme] = piece;
      if (scheme !== undefined) begin(scheme);
      else if (found.length === 0) break;
      else found.at(-1)!.parameters[name!.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? plain!;
    }
  }
  return found;
}
