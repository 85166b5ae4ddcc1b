/**
 * The examples of the documents run as they are pasted into zsh.
 */
import { testPasted } from "./pasted.ts";

testPasted("zsh");
