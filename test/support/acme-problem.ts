import { AcmeProblem } from '../../src/acme/problem.ts';

/** The problem that something is refused with. Anything else thrown, or nothing, fails the test. */
export async function problemOf(act: () => unknown): Promise<AcmeProblem> {
  try {
    await act();
  } catch (error) {
    if (error instanceof AcmeProblem) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
