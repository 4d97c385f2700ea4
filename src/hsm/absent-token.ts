import { ChanceryError } from '../domain/index.ts';
import type { TokenRole } from '../keys/ports.ts';
import type { Token } from './token.ts';

/**
 * A token that is locked away between ceremonies: no module is loaded, no slot looked at, no PIN read.
 * Bindings are taken and forgotten; every act is refused.
 */
export function absentToken(role: TokenRole): Token {
  const refuse = async (): Promise<never> => {
    await Promise.resolve();
    throw new ChanceryError('tokenAbsent', {
      message: `the ${role} token is absent between ceremonies (tokens.${role}.presence); hold one: \`chancery ceremony run FILE\` (docs/ceremonies.md)`,
    });
  };
  return {
    role,
    sign: refuse,
    signStream: refuse,
    identity: refuse,
    generateKeyPair: refuse,
    adoptKeyPair: refuse,
    bind: async () => Promise.resolve(),
    keyIds: refuse,
    random: refuse,
    selfTest: refuse,
    usage: async () => Promise.resolve([]),
    objects: refuse,
    destroyKeyPair: refuse,
    createSelfTestKey: refuse,
    blockedKeys: () => [],
    clearBlockedKey: refuse,
    health: () => ({
      state: 'idle',
      reason: 'absent between ceremonies',
      needsOperator: false,
      since: new Date(0),
    }),
    metrics: () => ({
      role,
      state: 'idle',
      waiting: 0,
      inFlight: 0,
      signatures: 0,
      failures: 0,
      starts: 0,
      blockedKeys: 0,
      pid: undefined,
    }),
    close: async () => Promise.resolve(),
  };
}
