/** What a project may cost to read: far more than any real one, and little enough that a hostile one fails within a second. */

/** One file. */
export const MAX_BYTES = 8 * 1024 * 1024;
/** Line ends, colons, commas and brackets of one file: what a file costs goes by them, far more than by its length. */
export const MAX_WEIGHT = 250_000;
/** The same, for all files of a project together. */
export const MAX_WEIGHT_ALL = 300_000;
/** All files together, each counted once, however many services name it. */
export const MAX_BYTES_ALL = 32 * 1024 * 1024;
/** Lines of one env file. */
export const MAX_VARIABLES = 100_000;
/** Variables that env files give to all services together: a thousand services may share a file of a thousand. */
export const MAX_VARIABLES_ALL = 1_000_000;
/** What `extends` may take over, in values, for each file that extends. */
export const MAX_EXTENDED = 300_000;
/** Services that extend each other in a row. */
export const MAX_CHAIN = 500;
/** Characters of one text once its variables are filled in. */
export const MAX_TEXT = 1024 * 1024;
/** Characters of one message. */
export const MAX_MESSAGE = 600;
/** The full YAML parser takes three times the time and memory of the quick one. */
export const MAX_WEIGHT_FULL = 80_000;
/** Ports that the ranges of one file come to: somewhat more than there are. */
export const MAX_PORTS = 70_000;
/** Items of one file that may be written in short, such as ports, mounts and dependencies: a thousand services may have fifty each. */
export const MAX_SHORT_FORMS = 50_000;
/** Findings that are kept; the rest is counted. */
export const MAX_FINDINGS = 100;
/** Up to so many of the rest; after that nobody is served by the very number. */
export const MAX_COUNTED = 1000;
/** What aliases may add to a file, in values. */
export const MAX_ALIASED = 100_000;
export const MAX_DEPTH = 200;
/** Files that one project may read, each counted once. */
export const MAX_FILES = 20_000;
/** Includes of one project, each as often as it is named. */
export const MAX_INCLUDES = 1000;
