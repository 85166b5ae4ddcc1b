/**
 * What programs on Node that use the bundled client tell of its errors.
 */

/** A function that gives the name of the code that a promise rejects with, "none" when it resolves. */
export function codesOf({ ErrorCode, ParleyError }) {
  return async (promise) => {
    try {
      await promise;
      return "none";
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      return ErrorCode[error.code];
    }
  };
}
