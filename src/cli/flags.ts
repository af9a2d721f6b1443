/** What a flag is, and the value it gives: a command's flags are a table, its values are typed from that table. */

export interface Flag {
  readonly kind: 'boolean' | 'text' | 'list' | 'number';
  /** One letter. */
  readonly short?: string;
  /** Shown as `--timeout SECONDS`. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly summary: string;
  /** Known to Compose, not done here: asking for it is an error that says so, never silence. */
  readonly refused?: true;
  /** Accepted, not advertised: an old spelling or something that has no effect here. */
  readonly hidden?: true;
  /** A switch that is on unless `--name=false`. */
  readonly byDefault?: true;
  /** A text that may be left out at the end, or before another flag: it is '' then. */
  readonly mayBeAlone?: true;
  /** The number must be whole and at least this. */
  readonly min?: number;
}

export type Flags = Readonly<Record<string, Flag>>;

/** Text and numbers are absent when not given; booleans false, lists empty. */
export type FlagValues<F extends Flags> = {
  readonly [K in keyof F]: F[K]['kind'] extends 'boolean'
    ? boolean
    : F[K]['kind'] extends 'list'
      ? readonly string[]
      : F[K]['kind'] extends 'number'
        ? number | undefined
        : string | undefined;
};

type Extra = Omit<Flag, 'kind' | 'summary' | 'short' | 'value'>;

/** `-d, --detach`: `short` is `''` where there is none. */
export const toggle = (short: string, summary: string, extra: Extra = {}) =>
  ({ kind: 'boolean', summary, ...(short && { short }), ...extra }) as const satisfies Flag;
export const text = (short: string, value: string, summary: string, extra: Extra = {}) =>
  ({ kind: 'text', value, summary, ...(short && { short }), ...extra }) as const satisfies Flag;
export const list = (short: string, value: string, summary: string, extra: Extra = {}) =>
  ({ kind: 'list', value, summary, ...(short && { short }), ...extra }) as const satisfies Flag;
export const count = (short: string, value: string, summary: string, extra: Extra = {}) =>
  ({ kind: 'number', value, summary, ...(short && { short }), min: 0, ...extra }) as const satisfies Flag;

/** A flag of Compose that is not done yet. `value` is `''` for a switch. */
export const refused = (short: string, value: string, summary: string) =>
  ({ kind: value ? 'text' : 'boolean', summary, refused: true, ...(short && { short }), ...(value && { value }) }) as {
    readonly kind: 'boolean' | 'text';
    readonly summary: string;
    readonly refused: true;
  };

/** `--format json` of commands that print a table. */
export const formatFlag = text('', 'FORMAT', 'how to print: table or json', { choices: ['table', 'json'] });

/** Where Docker takes Go templates too (ui/template.ts). */
export const templateFlag = text(
  '',
  'FORMAT',
  "how to print: table, json, or a template: 'table {{.Name}}\\t{{.State}}'",
);

export const GLOBAL_FLAGS = {
  file: list('f', 'FILE', 'a Compose file (repeat to merge several; - is standard input)'),
  'project-name': text('p', 'NAME', 'name of the project'),
  'project-directory': text('', 'FOLDER', 'what relative paths start from; default: the folder of the first file'),
  workdir: text('', 'FOLDER', 'old name of --project-directory', { hidden: true }),
  profile: list('', 'NAME', 'a profile to enable (repeat for several; * is all)'),
  'env-file': list('', 'FILE', 'environment file in place of .env (repeat for several)'),
  'all-resources': toggle('', 'keep networks and volumes that no service uses'),
  progress: text('', 'STYLE', 'how progress is shown: auto, tty, plain, json, rawjson or quiet', {
    choices: ['auto', 'tty', 'plain', 'json', 'rawjson', 'quiet', 'none'],
  }),
  ansi: text('', 'WHEN', 'when to use colours: auto, always or never', { choices: ['auto', 'always', 'never'] }),
  'no-ansi': toggle('', 'old name of --ansi never', { hidden: true }),
  'no-color': toggle('', 'no colours', { hidden: true }),
  'dry-run': toggle('', 'show what would be done, change nothing'),
  root: text('', 'FOLDER', 'where images, volumes and containers are kept (TCOMPOSE_ROOT; default /var/lib/tcompose)'),
  run: text('', 'FOLDER', 'where sockets and locks are kept (TCOMPOSE_RUN; default /run/tcompose)'),
  debug: toggle('', 'show where in tcompose an error comes from', { hidden: true }),
  verbose: toggle('', 'same as --debug', { hidden: true }),
  parallel: text('', 'N', 'accepted, without effect: what need not wait for anything is done at once'),
  compatibility: refused('', '', 'names with _ as separator'),
} satisfies Flags;

export type Globals = FlagValues<typeof GLOBAL_FLAGS>;

/** Options without those that were not given. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

/** Where images are brought in before containers are made of them. */
export const pullFlag = text('', 'WHEN', 'when to pull images: always, missing, never, or policy (as the files say)', {
  choices: ['always', 'missing', 'never', 'policy', 'build', 'if_not_present'],
});

/** `--pull` and `--quiet-pull` in the words of the operations. */
export function pullChoices(flags: { readonly pull?: string | undefined; readonly 'quiet-pull'?: boolean }): {
  readonly policy?: string;
  readonly quiet: boolean;
} {
  const policy = flags.pull === 'if_not_present' ? 'missing' : flags.pull;
  return { quiet: flags['quiet-pull'] === true, ...(policy && policy !== 'policy' && { policy }) };
}

/** Where images are built before containers are made of them. */
export const buildFlags = {
  build: toggle('', 'build the images of the services first, whether they are here or not'),
  'no-build': toggle('', 'never build an image'),
  'quiet-build': toggle('', 'do not show building'),
} as const;

/** `--build`, `--no-build` and `--quiet-build` in the words of the operations. */
export function buildChoices(flags: {
  readonly build?: boolean;
  readonly 'no-build'?: boolean;
  readonly 'quiet-build'?: boolean;
}): { readonly when: 'always' | 'missing' | 'never'; readonly quiet: boolean } {
  const when = flags.build ? 'always' : flags['no-build'] ? 'never' : 'missing';
  return { when, quiet: flags['quiet-build'] === true };
}

export const timeoutFlag = count('t', 'SECONDS', 'how long to wait for a container to stop before it is killed');
export const inMs = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : seconds * 1000;
