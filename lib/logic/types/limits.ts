/**
 * How much a server, or a command, takes of descriptors: linking them takes time that others wait for, and memory.
 */

/** The most files. */
export const MAX_TYPE_FILES = 256;
/** The most bytes of one file, without its comments; a record of the store has no more. */
export const MAX_TYPE_FILE_BYTES = 48 * 1024;
/** The most bytes of all files together, without comments: they fit into one message. */
export const MAX_TYPES_BYTES = 768 * 1024;
/** The most types of all files together: messages, enums and services. */
export const MAX_TYPES = 10_000;
/** The most levels of messages within messages, and of options: deeper ones would use up the stack. */
export const MAX_TYPE_DEPTH = 32;
/** The most characters of the path of a file. */
export const MAX_TYPE_PATH = 255;
