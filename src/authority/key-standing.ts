import { ChanceryError, type KeyScope, type KeyState } from '../domain/index.ts';
import type { KeyRecord, StoredKeyTransition } from '../keys/index.ts';

/** As much of a key as says what its issuer may sign now. */
export type KeyStanding = Pick<KeyRecord, 'privateState' | 'scope' | 'cryptoperiod'>;

/** What an issuer is asked to sign. */
export type IssuerUse = 'certificate' | 'delegate' | 'crl';

const what: Readonly<Record<IssuerUse, string>> = {
  certificate: 'certificates',
  delegate: "OCSP delegates' certificates",
  crl: 'CRLs',
};

const mend: Readonly<Record<KeyState, string>> = {
  'pre-activation': 'it was not activated yet',
  active: '',
  suspended: 'resume it with `chancery key resume`, or name another issuer',
  deactivated: 'name another issuer',
  compromised: 'name another issuer; `chancery compromise issuer` deals with what it signed',
  destroyed: 'name another issuer',
};

/**
 * Why an issuer's key does not sign this now (pure); undefined when it does. The signer process refuses
 * by itself as well: here the refusal gets its words, before anything is committed.
 */
export function refusalOf(
  name: string,
  { privateState, scope, cryptoperiod }: KeyStanding,
  use: IssuerUse,
  now: Date,
): ChanceryError | undefined {
  if (privateState !== 'active') {
    return refusal(
      `the key of issuer ${name} is ${privateState}, so it signs no ${what[use]}: ${mend[privateState]}`,
      privateState === 'suspended' ? '§7.3' : '§7',
    );
  }
  if (use !== 'certificate') return undefined;
  if (scope === 'status') return narrowed(name, scope);
  const end = cryptoperiod.originatorUsageEnd;
  return end !== undefined && now >= end
    ? refusal(
        `the originator-usage period of the key of issuer ${name} ended at ${end.toISOString()}: it signs CRLs and OCSP delegates alone; name another issuer`,
        '§5.3.6',
      )
    : undefined;
}

/**
 * Whether a destruction that could not be done then is not meant any more: the key was activated, or
 * resumed, after it had been asked for. It is asked for again, or never.
 */
export function isOvertaken(
  history: readonly Pick<StoredKeyTransition, 'at' | 'to'>[],
  askedAt: Date,
): boolean {
  return history.some(({ at, to }) => to === 'active' && at > askedAt);
}

function narrowed(name: string, scope: KeyScope): ChanceryError {
  return refusal(
    `the key of issuer ${name} is narrowed to ${scope}: it signs CRLs and OCSP delegates alone; name another issuer`,
    '§7.4',
  );
}

function refusal(message: string, clause: string): ChanceryError {
  return new ChanceryError('illegalTransition', {
    message,
    field: 'issuer',
    clause: `SP 800-57 Part 1 ${clause}`,
  });
}
