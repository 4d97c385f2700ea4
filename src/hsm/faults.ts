import { ChanceryError } from '../domain/index.ts';
import { returnValueOf } from './cryptoki.ts';
import type { WireError } from './messages.ts';
import { classifyReturnValue } from './return-values.ts';

/** A fault that only an operator can mend: a refused PIN, an unreadable file, a token that is not there by that name. */
export class OperatorFault extends Error {
  override readonly name = 'OperatorFault';
}

/** Turns whatever was thrown in the signer process into plain data for the parent. */
export function toWireError(error: unknown, act: string): WireError {
  if (error instanceof ChanceryError) {
    return {
      code: error.code,
      message: error.message,
      ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }),
    };
  }
  const code = returnValueOf(error);
  if (code !== undefined) {
    return {
      code: 'tokenUnavailable',
      message: `${act}: the token answered ${classifyReturnValue(code).name}`,
      retryAfter: 5,
    };
  }
  return {
    code: 'tokenUnavailable',
    message: `${act}: ${error instanceof Error ? error.message : String(error)}`,
    retryAfter: 5,
  };
}
