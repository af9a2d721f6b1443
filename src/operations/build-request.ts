/** The words of builds that `image build` shares with Compose files, for those who may not reach into the planner. */
export { contextOf } from '../plan/build/context.ts';
export { epochOf } from '../plan/build/request.ts';
