/** What the YAML parser objects to, in plain words: what is wrong in the text, and what to write instead. */

export interface SyntaxWords {
  readonly what: string;
  readonly help?: string | undefined;
}

/** By the parser's code, and where that is not enough by what its message begins with; the first row that fits counts. */
const WORDS: readonly (readonly [code: string, message: RegExp, what: string, help?: string])[] = [
  ['TAB_AS_INDENT', /./, 'tabs are not allowed as indentation', 'indent with spaces: YAML allows no tabs there'],
  [
    'BAD_INDENT',
    /^Flow/,
    'a { or [ is not closed before the next line of its parent',
    'close it, or indent its lines more',
  ],
  ['BAD_INDENT', /./, 'this line is not in line with its neighbours', 'line the key up with its neighbours'],
  [
    'BLOCK_AS_IMPLICIT_KEY',
    /sequence/,
    'a list item stands among the keys of a mapping',
    'write all as KEY: value, or all as items',
  ],
  ['BLOCK_AS_IMPLICIT_KEY', /./, 'one line has two ": "', 'quote a value that holds ": "'],
  ['MULTILINE_IMPLICIT_KEY', /./, 'this line has no ":"', 'write KEY: value, or indent what is below it as text'],
  ['MISSING_CHAR', /implicit map key/i, 'this line has no ":"', 'write KEY: value'],
  ['MISSING_CHAR', /quote/, 'a quote is not closed', 'close the quote or bracket that is open here'],
  ['MISSING_CHAR', /Flow|end with/, 'a { or [ is not closed', 'close the quote or bracket that is open here'],
  ['BAD_SCALAR_START', /directive indicator/, 'a value cannot begin with %', 'quote it'],
  ['BAD_SCALAR_START', /reserved/, 'a value cannot begin with @ or `', 'quote it'],
  ['BAD_SCALAR_START', /block scalar/i, 'a value cannot begin with | or > here', 'quote it'],
  ['BAD_ALIAS', /empty/, 'a value cannot begin with *: that is an alias', 'quote it: "*"'],
  ['BAD_DQ_ESCAPE', /./, 'there is no such escape in double quotes', 'double the backslash, or use single quotes'],
  [
    'BLOCK_IN_FLOW',
    /./,
    'a list or mapping over several lines cannot stand inside { } or [ ]',
    'write it with brackets, too',
  ],
  [
    'UNEXPECTED_TOKEN',
    /Block scalar header/i,
    'there is something after | or > that is neither an indent nor a comment',
    'begin the text on the next line',
  ],
];

export function wordsFor(code: string, message: string): SyntaxWords {
  const row = WORDS.find(([of, begins]) => of === code && begins.test(message));
  if (row !== undefined) return { what: row[2], help: row[3] };
  // `Something is wrong at line 1, column 2:` and a frame of its own: the place is ours to show.
  const [first] = message.split('\n');
  const text = first!.replace(/ at line \d+, column \d+:?$/, '').replace(/\.$/, '');
  return { what: text.charAt(0).toLowerCase() + text.slice(1) };
}
