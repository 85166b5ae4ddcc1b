/**
 * Does something for many connections, a bounded number of them at once: all at once would overrun the
 * server's backlog, one after the other takes for ever.
 */

const AT_ONCE = 64;

/** Does `action` for each of `all`, in their order; rejects with the first failure. */
export async function atOnce<T, R>(
  all: readonly T[],
  action: (one: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(all.length);
  let next = 0;
  const some = async () => {
    while (next < all.length) {
      const index = next++;
      results[index] = await action(all[index], index);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
  return results;
}
