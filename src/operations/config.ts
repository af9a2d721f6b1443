/** What `tcompose config` prints: the project as it was understood, or one aspect of it. Returns text; prints nothing. */
import { bindStruct } from '../load/bind.ts';
import type { Binding, Json } from '../load/binding.ts';
import { checkStruct } from '../load/check-values.ts';
import { type LoadedModel, type LoadRequest, loadTree } from '../load/phases.ts';
import { projectShape } from '../load/shapes.ts';
import type { MapNode } from '../load/tree.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ResolveDigest } from './config-report/pin.ts';

export interface ConfigOptions {
  readonly format?: 'yaml' | 'json';
  /** Names given on the command line: only these, and what they depend on. */
  readonly services?: readonly string[];
  /** One aspect instead of the whole. */
  readonly show?:
    | 'services'
    | 'images'
    | 'volumes'
    | 'networks'
    | 'models'
    | 'profiles'
    | 'environment'
    | 'variables'
    | 'compat';
  /** `*`, or names separated by commas. */
  readonly hash?: string;
  /** A key of the specification, or a place of the file: `services.web.ports[0]`. With `show: environment`: a variable, or true for all. */
  readonly explain?: string | true;
  readonly noInterpolate?: boolean;
  readonly noNormalize?: boolean;
  readonly noPathResolution?: boolean;
  readonly noConsistency?: boolean;
  readonly noEnvResolution?: boolean;
  readonly allResources?: boolean;
  readonly quiet?: boolean;
  /** Gives `name@sha256:…` for an image. */
  readonly resolveDigest?: ResolveDigest;
  /** With resolveDigest: only the images, as a file to lay over the others. */
  readonly lock?: boolean;
}

export interface ConfigResult {
  /** What goes to standard output. */
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
  /** false: the files have mistakes, and `text` is empty. */
  readonly ok: boolean;
}

export async function config(request: LoadRequest, options: ConfigOptions): Promise<ConfigResult> {
  if (typeof options.explain === 'string' && options.show === undefined) {
    const { explainKey } = await import('./config-report/explain-key.ts');
    const known = explainKey(options.explain);
    if (known !== undefined) return { text: known, diagnostics: [], ok: true };
  }
  const loaded = await loadTree(withOptions(request, options));
  const { model, findings } = loaded;
  if (model === undefined) return { text: '', diagnostics: findings.sorted(), ok: false };
  const binding = bindingOf(loaded, options);
  if (options.quiet && options.resolveDigest === undefined) {
    checkStruct(model, projectShape, [], binding);
    return { text: '', diagnostics: findings.sorted(), ok: findings.errors === 0 };
  }
  // Binding finds wrong numbers, sizes and durations: done even where the result is not printed.
  const bound = bindProject(model, binding);
  const text = findings.errors > 0 ? '' : await report(bound, model, loaded, options);
  return { text: options.quiet ? '' : text, diagnostics: findings.sorted(), ok: findings.errors === 0 };
}

function withOptions(request: LoadRequest, options: ConfigOptions): LoadRequest {
  const raw = options.noInterpolate || options.show === 'variables';
  return {
    ...request,
    strict: false,
    // Without values a service's dependencies cannot be trusted: the whole file is shown.
    ...(!raw && options.services?.length && { only: options.services }),
    ...(raw && { profiles: ['*'] }),
    allResources: Boolean(options.allResources || raw || request.allResources),
    skip: {
      ...request.skip,
      interpolate: Boolean(raw),
      normalize: Boolean(options.noNormalize || options.show === 'variables'),
      resolvePaths: Boolean(options.noPathResolution || options.show === 'variables'),
      consistency: Boolean(options.noConsistency || raw),
      resolveEnv: Boolean(options.noEnvResolution || raw),
      support: request.skip?.support ?? options.show === 'compat',
    },
  };
}

function bindingOf({ findings }: LoadedModel, options: ConfigOptions): Binding {
  const isJson = options.format === 'json';
  return {
    findings,
    extensions: !isJson,
    // Where values are left as they are written, nothing is said that is not written.
    always: isJson && !options.noInterpolate,
    lenient: Boolean(options.noInterpolate || options.show === 'variables'),
  };
}

function bindProject(model: MapNode, binding: Binding): Record<string, Json> {
  const bound = bindStruct(model, projectShape, [], binding);
  return { ...(bound['name'] !== undefined && { name: bound['name'] }), ...bound, services: bound['services'] ?? {} };
}

async function report(
  bound: Record<string, Json>,
  model: MapNode,
  loaded: LoadedModel,
  options: ConfigOptions,
): Promise<string> {
  if (options.hash !== undefined) return (await import('./config-report/hash.ts')).hashes(bound, options.hash);
  if (typeof options.explain === 'string' && options.show === undefined) {
    return (await import('./config-report/explain-place.ts')).explainPlace(options.explain, model, loaded.projectDir);
  }
  switch (options.show) {
    case 'environment': {
      const { environmentText, explainEnvironment } = await import('./config-report/environment.ts');
      if (options.explain === undefined) return environmentText(loaded);
      return explainEnvironment(loaded, options.explain === true ? [] : [options.explain]);
    }
    case 'variables':
      return (await import('./config-report/variables.ts')).variablesText(model, options.format);
    case 'compat':
      return (await import('./config-report/compat.ts')).compatText(model, options.format);
    case undefined:
      return printProject(bound, model, loaded, options);
    default:
      return (await import('./config-report/lists.ts')).listText(options.show, bound, loaded);
  }
}

async function printProject(
  bound: Record<string, Json>,
  model: MapNode,
  { findings }: LoadedModel,
  options: ConfigOptions,
): Promise<string> {
  const { escapeDollars } = await import('./config-report/values.ts');
  let shown: Readonly<Record<string, Json>> = bound;
  if (options.resolveDigest !== undefined) {
    const { imagesOnly, pinImages, unpinnableHooks } = await import('./config-report/pin.ts');
    shown = await pinImages(bound, model, options.resolveDigest);
    if (options.lock) {
      for (const name of unpinnableHooks(bound)) {
        findings.warn(
          'no-effect',
          `service ${name}: images of pre_start hooks cannot be pinned by an override file`,
          undefined,
          {
            help: 'use the whole of what config --resolve-image-digests prints',
          },
        );
      }
      shown = imagesOnly(shown);
    }
  }
  const printed = options.noInterpolate ? shown : escapeDollars(shown);
  if (options.format === 'json') return `${JSON.stringify(printed, undefined, 2)}\n`;
  return (await import('./config-report/yaml.ts')).yamlText(printed);
}
