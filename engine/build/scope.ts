/** Variables of a build: ARG before the first FROM, ARG and ENV of a stage, and what a RUN step gets of them. */
import { expandText } from './expand.ts';
import type { Dockerfile, Pair } from './instruction.ts';

export interface BuildArguments {
  /** `--build-arg`; one without a value has been given its value by the caller, or is left out. */
  readonly given: Readonly<Record<string, string>>;
  /** TARGETPLATFORM and its kin (`platformArguments`). */
  readonly automatic: Readonly<Record<string, string>>;
}

/** Known without ARG; told to RUN steps, but no part of history or cache. */
const PROXY_ARGUMENTS: readonly string[] = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap(
  (name) => [name, name.toLowerCase()],
);

/** For the builder itself; a step sees them only by an ARG of its stage. */
const CONTROL_ARGUMENTS: readonly string[] = [
  'BUILDKIT_BUILD_NAME',
  'BUILDKIT_CACHE_MOUNT_NS',
  'BUILDKIT_CONTEXT_KEEP_GIT_DIR',
  'BUILDKIT_DOCKERFILE_CHECK',
  'BUILDKIT_INLINE_CACHE',
  'BUILDKIT_MULTI_PLATFORM',
  'BUILDKIT_SANDBOX_HOSTNAME',
  'BUILDKIT_SYNTAX',
  'SOURCE_DATE_EPOCH',
];

/** `platform` is `os/arch[/variant]`. */
export function platformArguments(build: string, target: string, stage: string): Readonly<Record<string, string>> {
  const of = (prefix: string, platform: string) => {
    const [os = '', architecture = '', variant = ''] = platform.split('/');
    return {
      [`${prefix}PLATFORM`]: platform,
      [`${prefix}OS`]: os,
      [`${prefix}ARCH`]: architecture,
      [`${prefix}VARIANT`]: variant,
    };
  };
  return { ...of('BUILD', build), ...of('TARGET', target), TARGETSTAGE: stage };
}

/** Values that FROM lines see, and that an ARG without a default takes over. Each ARG sees those before it. Throws ExpansionFailure. */
export function globalValues(
  { globalArgs, escape: character }: Dockerfile,
  { given, automatic }: BuildArguments,
): ReadonlyMap<string, string> {
  const values = new Map(Object.entries(automatic));
  for (const { args } of globalArgs)
    for (const { name, value } of args) {
      const own = given[name] ?? (value === undefined ? undefined : expandText(value, values, { escape: character }));
      if (own !== undefined) values.set(name, own);
    }
  return values;
}

/** A stage's variables between two instructions. */
export interface Scope {
  readonly env: ReadonlyMap<string, string>;
  /** Declared in this stage or in one that it is built from; undefined: without a value. */
  readonly args: ReadonlyMap<string, string | undefined>;
}

/** `env` as images hold it. A stage that is built from another one inherits its arguments, too. */
export function enterStage(env: readonly string[], inherited: Scope['args'] = new Map()): Scope {
  const pairs = env
    .filter((entry) => entry.indexOf('=') > 0)
    .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)] as const);
  return { env: new Map(pairs), args: inherited };
}

/** What `$NAME` means now: ENV wins over ARG. */
export function scopeValues({ env, args }: Scope): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of args) if (value !== undefined) values.set(name, value);
  for (const [name, value] of env) values.set(name, value);
  return values;
}

/** `args` are expanded already. Order: what was given, the default, the value before the first FROM. */
export function declareArgs(
  scope: Scope,
  args: readonly { readonly name: string; readonly value?: string }[],
  globals: ReadonlyMap<string, string>,
  { given }: BuildArguments,
): Scope {
  const declared = new Map(scope.args);
  for (const { name, value } of args) declared.set(name, given[name] ?? value ?? globals.get(name));
  return { ...scope, args: declared };
}

/** All values of one ENV were expanded with what was there before it. */
export const setEnv = (scope: Scope, pairs: readonly Pair[]): Scope => ({
  ...scope,
  env: new Map([...scope.env, ...pairs]),
});

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface RunEnvironment {
  /** Everything that the process gets. */
  readonly process: Readonly<Record<string, string>>;
  /** What of it belongs into the cache key: without proxies that no ARG declares. */
  readonly keyed: Readonly<Record<string, string>>;
  /** Arguments as history shows them: `|2 A=1 B=2`. */
  readonly shown: readonly string[];
}

export function runEnvironment(scope: Scope, { given }: BuildArguments): RunEnvironment {
  const args = [...scope.args].filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !scope.env.has(entry[0]),
  );
  const keyed = { PATH: DEFAULT_PATH, ...Object.fromEntries(args), ...Object.fromEntries(scope.env) };
  const proxies = PROXY_ARGUMENTS.filter((name) => given[name] !== undefined && !(name in keyed)).map((name) => [
    name,
    given[name]!,
  ]);
  return {
    process: { ...Object.fromEntries(proxies), ...keyed },
    keyed,
    shown: args.map(([name, value]) => `${name}=${value}`).sort(),
  };
}

/** Given, and neither declared anywhere nor known to everybody: most likely misspelt. */
export function unusedArguments(dockerfile: Dockerfile, { given, automatic }: BuildArguments): readonly string[] {
  const stages = dockerfile.stages.flatMap(({ instructions }) => instructions);
  const declared = [...dockerfile.globalArgs, ...stages].flatMap((instruction) =>
    instruction.kind === 'ARG' ? instruction.args.map(({ name }) => name) : [],
  );
  const known = new Set([...declared, ...PROXY_ARGUMENTS, ...CONTROL_ARGUMENTS, ...Object.keys(automatic)]);
  return Object.keys(given).filter((name) => !known.has(name));
}
