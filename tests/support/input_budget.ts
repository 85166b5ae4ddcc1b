/**
 * A budget of input for tests of links that have no server.
 */
import { InputBudget } from "../../lib/wire/input_budget.ts";
import { SlabPool } from "../../lib/wire/slab_pool.ts";

/** A budget that is never used up. */
export function plentyOfInput(): InputBudget {
  return new InputBudget(1 << 30, new SlabPool(), () => 1000);
}
