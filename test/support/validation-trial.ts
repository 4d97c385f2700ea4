/** A validator with a DNS server and a subscriber's servers around it, all on loopback. */

import { isIP } from 'node:net';
import type { ChallengeType, ValidationOutcome } from '../../src/acme/ports.ts';
import { createValidator, type ValidationSettings } from '../../src/acme/validation/index.ts';
import {
  type ChallengeServerOptions,
  startChallengeServer,
  type TestChallengeServer,
} from './challenge-server.ts';
import { startDnsServer, type TestDnsServer } from './dns-server.ts';

/** The token and key authorization of every challenge in these tests. */
export const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA';
export const keyAuthorization = `${token}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI`;

export interface ValidationTrial {
  readonly dns: TestDnsServer;
  readonly server: TestChallengeServer;
  /** What was logged, one text a line. */
  readonly log: readonly string[];
  /** Attempts a challenge for a DNS name or an address. */
  attempt(
    type: ChallengeType,
    identifier: string,
    settings?: Partial<ValidationSettings>,
  ): Promise<ValidationOutcome>;
  close(): Promise<void>;
}

/** Starts the servers; settings hold for every attempt that names no others. */
export async function startValidationTrial(
  options: ChallengeServerOptions = {},
  settings: Partial<ValidationSettings> = {},
): Promise<ValidationTrial> {
  const dns = await startDnsServer();
  const server = await startChallengeServer(options);
  const log: string[] = [];
  return {
    dns,
    server,
    log,
    attempt: async (type, identifier, changes = {}) => {
      const validator = createValidator(
        () => ({
          resolver: dns,
          http01Port: server.httpPort,
          tlsAlpn01Port: server.tlsPort,
          targets: [],
          allowLoopback: true,
          timeoutMilliseconds: 20_000,
          ...settings,
          ...changes,
        }),
        (level, message, fields) => log.push(`${level} ${message} ${JSON.stringify(fields)}`),
      );
      return validator.validate({
        directory: 'default',
        type,
        identifier: { type: isIP(identifier) === 0 ? 'dns' : 'ip', value: identifier },
        token,
        keyAuthorization,
      });
    },
    close: async () => {
      await server.close();
      await dns.close();
    },
  };
}

/** The problem of an attempt that failed; an attempt that did not is an error. */
export function problemOf(
  outcome: ValidationOutcome,
): Extract<ValidationOutcome, { readonly valid: false }> {
  if (outcome.valid) throw new Error('the challenge was found valid');
  return outcome;
}
