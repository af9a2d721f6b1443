/**
 * YAML as libyaml takes it, and with it the reference: a quoted text or a flow collection may go on at any column, left of its parent too.
 * The `yaml` package holds to the letter of YAML 1.2 there. Its lexer knows how far a value must be indented; inside of quotes and
 * brackets it is told: not at all.
 */
import { Composer, type Document, Lexer, Parser } from 'yaml';

/** What Lexer keeps to itself. */
interface Insides {
  flowLevel: number;
  indentNext: number;
  parseQuotedScalar(): Generator<string>;
}

export function parseLeniently(text: string, options: ConstructorParameters<typeof Composer>[0]): Document.Parsed[] {
  return [...new Composer(options).compose(tokens(text))];
}

function* tokens(text: string) {
  const parser = new Parser();
  for (const lexeme of lenientLexer().lex(text)) yield* parser.next(lexeme);
  yield* parser.end();
}

function lenientLexer(): Lexer {
  const lexer = new Lexer();
  const insides = lexer as unknown as Insides;
  const parseQuotedScalar = insides.parseQuotedScalar.bind(lexer);
  let indent = 0;
  let inQuotes = false;
  Object.defineProperty(lexer, 'indentNext', {
    get: () => (inQuotes || insides.flowLevel > 0 ? 0 : indent),
    set: (next: number) => {
      indent = next;
    },
  });
  insides.parseQuotedScalar = function* () {
    inQuotes = true;
    const next = yield* parseQuotedScalar();
    inQuotes = false;
    return next;
  };
  return lexer;
}
