/// <reference lib="esnext.disposable" preserve="true" />
/** What `import … from 'tcompose/engine'` gives: docs/library.md. Nothing else of the engine is promised to stay as it is. */
export { type FailureDetails, TcomposeError as EngineError } from '../../src/model/errors.ts';
export type { Container, ContainerState } from './container.ts';
export { Engine, type Images } from './engine.ts';
export type {
  ArchiveSource,
  BindOptions,
  ContainerOptions,
  EngineOptions,
  ExecOptions,
  ExecResult,
  HealthcheckOptions,
  LogLine,
  LogsOptions,
  PortOptions,
  StopOptions,
  Wait,
} from './options.ts';
