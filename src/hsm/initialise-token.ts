import { ChanceryError } from '../domain/index.ts';
import type { TokenIdentity } from '../keys/ports.ts';
import { fromWireError } from './pending.ts';
import { SignerChild } from './signer-child.ts';

export interface InitialiseTokenOptions {
  readonly module: string;
  readonly label: string;
  readonly pinFile: string;
  readonly soPinFile: string;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds; default 30000. */
  readonly deadline?: number | undefined;
}

/**
 * Creates a token with that label in a free slot (C_InitToken, C_InitPIN), in a process of its own.
 * A token that is there by that label already is returned as it is, never initialised again.
 *
 * @throws ChanceryError `tokenUnavailable` with what the module answered.
 */
export async function initialiseToken(options: InitialiseTokenOptions): Promise<TokenIdentity> {
  try {
    return await attempt(options);
  } catch (error) {
    // Somebody ended the process before it answered. The act can be repeated at any point.
    if (error instanceof ProcessEnded) return attempt(options);
    throw error;
  }
}

/** The process ended and said nothing. */
class ProcessEnded extends ChanceryError {}

function attempt(options: InitialiseTokenOptions): Promise<TokenIdentity> {
  const { module, label, pinFile, soPinFile } = options;
  const deadline = options.deadline ?? 30_000;
  return new Promise((resolve, reject) => {
    const failure = (message: string) => ({
      message: `initialising the token "${label}": ${message}`,
    });
    const child = new SignerChild(
      { environment: options.environment ?? {}, sessions: 1 },
      {
        message(message) {
          if (message.type === 'initialised') resolve(message.identity);
          else if (message.type === 'failed') reject(fromWireError(message.error));
        },
        ended(how) {
          clearTimeout(timer);
          reject(new ProcessEnded('tokenUnavailable', failure(`the process ended (${how})`)));
        },
        log: () => undefined,
      },
    );
    const timer = setTimeout(() => {
      reject(new ChanceryError('tokenUnavailable', failure(`no answer within ${deadline} ms`)));
      child.kill();
    }, deadline);
    child.send({ type: 'initialise', settings: { module, label, pinFile, soPinFile } });
  });
}
