/**
 * V8's optimizing compiler, held back while a large project is read. Every part of the loader runs for some milliseconds only, long
 * enough to be compiled and too short to earn that back: compiling would take a third of the work of a thousand services.
 */
const LARGE = 100_000;
let isHeld = false;

/** All versions of Node know the flag; what is already compiled stays. */
function set(flag: '--opt' | '--no-opt'): void {
  process.getBuiltinModule('node:v8').setFlagsFromString(flag);
  isHeld = flag === '--no-opt';
}

export function holdOptimizer(text: string): void {
  if (!isHeld && text.length > LARGE) set('--no-opt');
}

/** Also before the program ends: V8's compiled form of a program is good only for the flags that it was made with. */
export function releaseOptimizer(): void {
  if (isHeld) set('--opt');
}
