/** Exit codes of the command: 0 done, 1 refused or failed, 2 usage, 3 not reachable or 503. */
export const exitCodes = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** Ends the command with a message for standard error and an exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failed, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }
}

export function usageError(message: string): CommandError {
  return new CommandError(message, exitCodes.usage);
}
