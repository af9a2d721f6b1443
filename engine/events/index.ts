/** What happens to containers, as it happens. */
import type { EngineEvent } from '../../src/model/engine.ts';
import type { Host } from '../host.ts';
import { notYet } from '../not-yet.ts';

export function engineEvents(
  _host: Host,
  _filter: { readonly project?: string },
  _signal: AbortSignal,
): AsyncIterable<EngineEvent> {
  return notYet('events');
}
