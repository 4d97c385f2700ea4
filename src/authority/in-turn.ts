/** Every one of them, whatever becomes of those before; throws what the first that failed threw. */
export async function inTurn(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const problems: unknown[] = [];
  for (const step of steps) {
    await step().catch((error: unknown) => {
      problems.push(error);
    });
  }
  if (problems.length > 0) throw problems[0];
}
