/**
 * The examples of the documents run as they are pasted into bash.
 */
import { testPasted } from "./pasted.ts";

testPasted("bash");
