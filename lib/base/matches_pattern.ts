/**
 * Whether a pattern matches a topic: `*` stands for one level, `>` as the last level for one or more.
 *
 * The server finds the subscribers of a topic among a million with a trie; this is for those who match
 * what they receive against a few patterns of their own. Checking names is not done here.
 */
const DOT = 0x2e;
const STAR = 0x2a;
const TAIL = 0x3e;

/**
 * Whether `pattern` matches `topic`; both must be valid, and an empty pattern matches every topic. One
 * pass over both.
 */
export function matchesPattern(pattern: string, topic: string): boolean {
  if (pattern === "") return true;
  let p = 0;
  let t = 0;
  for (;;) {
    const first = pattern.charCodeAt(p);
    if (first === TAIL) return true;
    if (first === STAR) {
      p++;
      while (t < topic.length && topic.charCodeAt(t) !== DOT) t++;
    } else {
      while (p < pattern.length && pattern.charCodeAt(p) !== DOT) {
        if (pattern.charCodeAt(p++) !== topic.charCodeAt(t++)) return false;
      }
    }
    // Both must end here, or both go on with another level.
    if (p === pattern.length || t === topic.length) {
      return p === pattern.length && t === topic.length;
    }
    if (topic.charCodeAt(t) !== DOT) return false;
    p++;
    t++;
  }
}
