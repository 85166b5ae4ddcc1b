/**
 * The entry of the executable: hands the arguments to the command line and ends with its exit code.
 *
 * Nothing else may be here; lib/cli/main.ts is what can be tested.
 */
import { main } from "./lib/cli/main.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));
