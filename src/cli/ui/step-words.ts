/** What a step is called on the screen: which resource it touches, and Docker's words for doing it and having done it. */
import type { Action, ActionArgs, ActionKind } from '../../model/plan.ts';

export interface StepWords {
  /** `Container shop-web-1`: steps of one resource share a row. */
  readonly resource: string;
  readonly doing: string;
  readonly done: string;
}

type Words = readonly [noun: string, name: string, doing: string, done: string];
const WORDS: { readonly [K in ActionKind]: (args: ActionArgs[K]) => Words } = {
  'network.create': ({ network }) => ['Network', network.name, 'Creating', 'Created'],
  'network.repair': ({ network }) => ['Network', network, 'Repairing', 'Repaired'],
  'network.remove': ({ network }) => ['Network', network, 'Removing', 'Removed'],
  'volume.create': ({ volume }) => ['Volume', volume.name, 'Creating', 'Created'],
  'volume.remove': ({ volume }) => ['Volume', volume, 'Removing', 'Removed'],
  'image.pull': ({ image }) => ['Image', image, 'Pulling', 'Pulled'],
  'image.push': ({ image }) => ['Image', image, 'Pushing', 'Pushed'],
  'image.build': ({ image }) => ['Image', image, 'Building', 'Built'],
  'image.remove': ({ image }) => ['Image', image, 'Removing', 'Removed'],
  'container.create': ({ container, inheritsFrom }) =>
    inheritsFrom === container.name
      ? ['Container', container.name, 'Recreate', 'Recreated']
      : ['Container', container.name, 'Creating', 'Created'],
  'container.start': ({ container }) => ['Container', container, 'Starting', 'Started'],
  'container.prepare': ({ container }) => ['Container', container, 'Running', 'Ended'],
  'container.pause': ({ container }) => ['Container', container, 'Pausing', 'Paused'],
  'container.unpause': ({ container }) => ['Container', container, 'Unpausing', 'Unpaused'],
  'container.hook': ({ container, when }) =>
    when === 'postStart'
      ? ['Container', container, 'Running its post_start hook', 'Started']
      : ['Container', container, 'Running its pre_stop hook', 'Stopping'],
  'container.update': ({ container }) => ['Container', container.name, 'Updating', 'Updated'],
  'container.repair': ({ container }) => ['Container', container, 'Repairing', 'Repaired'],
  'container.stop': ({ container }) => ['Container', container, 'Stopping', 'Stopped'],
  'container.kill': ({ container }) => ['Container', container, 'Killing', 'Killed'],
  'container.remove': ({ container }) => ['Container', container, 'Removing', 'Removed'],
  'container.await': ({ container, condition }) => ['Container', container, 'Waiting', AWAITED[condition]],
};

const AWAITED = { started: 'Running', healthy: 'Healthy', completed: 'Exited' } as const;

export function stepWords(action: Action): StepWords {
  const words = WORDS[action.kind] as (args: Action) => Words;
  const [noun, name, doing, done] = words(action);
  return { resource: `${noun} ${name}`, doing, done };
}
