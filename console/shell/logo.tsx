/**
 * Parley's sign.
 */

/** The sign; the name stands beside it. */
export function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <path
        fill="var(--accent-fill)"
        d="M6 3h20a4 4 0 0 1 4 4v13a4 4 0 0 1-4 4H14l-7 6v-6H6a4 4 0 0 1-4-4V7a4 4 0 0 1 4-4z"
      />
      <path
        fill="none"
        stroke="#fff"
        stroke-width="2.6"
        stroke-linecap="round"
        d="M9 10h14M9 16.5h9"
      />
    </svg>
  );
}
