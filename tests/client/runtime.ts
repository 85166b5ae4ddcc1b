/**
 * What older releases of Deno cannot do, so that tests which need it are skipped there and say why.
 *
 * Each is empty where nothing is amiss; otherwise it is the end of a test's name.
 */
const [major, minor] = Deno.version.deno.split(".").map(Number);
const old = major < 2 || major === 2 && minor < 9;

/** `resetAndDestroy` of node:net leaves the connection open. */
export const CANNOT_RESET = old ? ` (skipped: Deno ${Deno.version.deno} cannot reset)` : "";

/** `Deno.connect` with a signal keeps a resource for each look-up that fails. */
export const LEAKS_LOOKUPS = old ? ` (skipped: Deno ${Deno.version.deno} leaks look-ups)` : "";
