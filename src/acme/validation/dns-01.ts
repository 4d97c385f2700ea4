import { createHash } from 'node:crypto';
import type { Identifier } from '../ports.ts';
import { createDnsClient } from './dns.ts';
import { ValidationFailure } from './failure.ts';
import { checkHostName, isLocalhost } from './host.ts';
import type { Attempt } from './settings.ts';

/** The label is pinned by a test: a refactoring that drops its underscore validates other names (I32). */
const label = '_acme-challenge';

/**
 * Validates dns-01 (RFC 8555 §8.4): one of the TXT records at `_acme-challenge` below the name holds
 * the digest of the key authorization.
 */
export async function validateDns01(
  identifier: Identifier,
  keyAuthorization: string,
  attempt: Attempt,
): Promise<void> {
  const { type, value } = identifier;
  if (type !== 'dns') {
    throw new ValidationFailure(
      'unauthorized',
      `dns-01 can't show control of an address (RFC 8738 §7); answer http-01 or tls-alpn-01 for ${value}`,
      false,
    );
  }
  if (isLocalhost(value)) {
    throw new ValidationFailure(
      'dns',
      `${value} is a name of this machine and not asked of the DNS (RFC 6761 §6.3); answer http-01 or tls-alpn-01`,
      false,
    );
  }
  const name = `${label}.${value}`;
  checkHostName(name);
  const digest = createHash('sha256').update(keyAuthorization).digest('base64url');
  const texts = await createDnsClient(attempt).texts(name);
  if (texts.includes(digest)) return;
  throw texts.length === 0
    ? new ValidationFailure('dns', `there is no TXT record at ${name}`)
    : new ValidationFailure(
        'incorrectResponse',
        `none of the ${texts.length} TXT records at ${name} holds the digest of the key authorization, which is ${digest}`,
      );
}
