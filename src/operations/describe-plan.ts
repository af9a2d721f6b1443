/** A plan in words, for whoever shows one: every client groups and counts its steps alike. */
export { type Change, changesOf, describeCount, describeReason, SYMBOL } from '../plan/describe.ts';
