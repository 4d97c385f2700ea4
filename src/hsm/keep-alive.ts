import { returnValueOf } from './cryptoki.ts';
import { classifyReturnValue } from './return-values.ts';
import type { TokenConnection } from './token-connection.ts';
import { openPooledSession } from './token-connection.ts';

/** Octets of C_GenerateRandom: the call matters, not what it answers. */
const randomLength = 8;

/**
 * One C_GenerateRandom on every session that is free. C_GetSessionInfo would do by its name, but
 * modules answer it without asking the device, whose own session dies meanwhile (YubiHSM 2 after
 * about 30 s). A spent session is replaced; a lost device is thrown to the caller.
 */
export function keepSessionsAlive({ lib, slot, pool, control }: TokenConnection): undefined {
  lib.C_GenerateRandom(control, Buffer.allocUnsafeSlow(randomLength));
  pool.forEach((session, at) => {
    try {
      lib.C_GenerateRandom(session.handle, Buffer.allocUnsafeSlow(randomLength));
    } catch (error) {
      const code = returnValueOf(error);
      if (code === undefined || classifyReturnValue(code).faultClass !== 'newSession') throw error;
      try {
        lib.C_CloseSession(session.handle);
      } catch {
        // It is spent already; that is why it is replaced.
      }
      pool[at] = openPooledSession(slot);
    }
  });
  return undefined;
}
