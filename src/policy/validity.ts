import type { Violation } from '../domain/index.ts';
import type { Certificate, Validity } from '../pkix/index.ts';
import { describeSeconds } from './duration.ts';
import type { Profile } from './profile.ts';
import { violation } from './violation.ts';

/** What is asked of the validity, and what bounds it. */
export interface ValidityInput {
  readonly notBefore?: Date | undefined;
  readonly notAfter?: Date | undefined;
  readonly days?: number | undefined;
  /** Days chosen by an administrator when an issuer or a delegate is made: bounded by the profile's ceremonyMaximum. */
  readonly ceremonyDays?: number | undefined;
  readonly now: Date;
  /** Certificates above, issuer first; empty for a root. */
  readonly chain: readonly Certificate[];
}

/** The validity that the profile grants. */
export interface ValidityResult {
  readonly validity: Validity;
  /** What cut the default short; undefined when nothing did. A requested validity is never cut but refused. */
  readonly limitedBy?: 'issuer' | undefined;
  readonly violations: readonly Violation[];
}

const clause = 'RFC 5280 §4.1.2.5';
const secondMs = 1000;

/** Certificates carry whole seconds. */
function wholeSeconds(date: Date): number {
  return Math.floor(date.getTime() / secondMs) * secondMs;
}

/**
 * notBefore and notAfter; both ends are inclusive, so a validity of 90 days ends one second
 * before 90 days after notBefore. No certificate outlives any certificate of its chain.
 */
export function applyValidity(profile: Profile, input: ValidityInput): ValidityResult {
  const violations: Violation[] = [];
  const refuse = (
    rule: string,
    field: string,
    message: string,
    more: { value?: string; mend?: string },
  ): void => {
    violations.push(violation(rule, field, message, clause, more));
  };
  const now = wholeSeconds(input.now);
  const chainStart = Math.max(
    -Infinity,
    ...input.chain.map((certificate) => certificate.validity.notBefore.getTime()),
  );
  const chainEnd = Math.min(
    Infinity,
    ...input.chain.map((certificate) => certificate.validity.notAfter.getTime()),
  );
  if (input.chain.length > 0 && (now > chainEnd || now < chainStart)) {
    refuse(
      'validity.issuerNotValid',
      'issuer',
      'the issuer, or a certificate above it, is not valid now',
      {
        value: `${iso(chainStart)} to ${iso(chainEnd)}`,
        mend: 'use another issuer, or rotate this one',
      },
    );
  }
  const notBefore = applyNotBefore(profile, input.notBefore, now, chainStart, refuse);
  const asked = askedSeconds(input, notBefore, refuse);
  // CA profiles are used by administrators only.
  const byCeremony = input.ceremonyDays !== undefined || profile.type === 'ca';
  const maximum =
    (byCeremony ? profile.validity.ceremonyMaximum : undefined) ?? profile.validity.maximum;
  if (asked !== undefined && asked > maximum) {
    refuse(
      'validity.maximum',
      'validity',
      `profile ${profile.name} allows at most ${describeSeconds(maximum)}, both ends included`,
      {
        value: describeSeconds(asked),
        mend: `ask for ${describeSeconds(maximum)} or less`,
      },
    );
  }
  if (asked !== undefined) {
    const notAfter = notBefore + asked * secondMs - secondMs;
    if (notAfter > chainEnd) {
      refuse('validity.outlivesIssuer', 'validity', 'a certificate may not outlive its issuer', {
        value: iso(notAfter),
        mend: `end at ${iso(chainEnd)} or before, or use an issuer that lasts longer`,
      });
    }
    return { validity: makeValidity(notBefore, notAfter), violations };
  }
  const byDefault = notBefore + profile.validity.default * secondMs - secondMs;
  const notAfter = Math.min(byDefault, chainEnd);
  return {
    validity: makeValidity(notBefore, notAfter),
    ...(notAfter < byDefault ? { limitedBy: 'issuer' as const } : {}),
    violations,
  };
}

type Refuse = (
  rule: string,
  field: string,
  message: string,
  more: { value?: string; mend?: string },
) => void;

function applyNotBefore(
  profile: Profile,
  asked: Date | undefined,
  now: number,
  chainStart: number,
  refuse: Refuse,
): number {
  const rule = profile.notBefore;
  const earliest = Math.max(now - (rule.backdate ?? 0) * secondMs, chainStart);
  if (asked === undefined) return earliest;
  const notBefore = wholeSeconds(asked);
  if (Number.isNaN(notBefore)) {
    refuse('validity.notBefore', 'notBefore', 'notBefore is no time', {
      mend: 'write RFC 3339, for example 2027-01-31T00:00:00Z',
    });
    return earliest;
  }
  if ('fixed' in rule) {
    refuse(
      'validity.notBefore',
      'notBefore',
      `profile ${profile.name} fixes notBefore to the moment of issuance`,
      {
        value: iso(notBefore),
        mend: 'leave notBefore out',
      },
    );
    return earliest;
  }
  const latest = now + rule.latest * secondMs;
  if (notBefore < earliest || notBefore > latest) {
    refuse(
      'validity.notBefore',
      'notBefore',
      `notBefore must lie between ${iso(earliest)} and ${iso(latest)}`,
      {
        value: iso(notBefore),
        mend: 'leave notBefore out to start now',
      },
    );
    return earliest;
  }
  return notBefore;
}

/** Seconds asked for, both ends included; undefined when the default shall hold. */
function askedSeconds(input: ValidityInput, notBefore: number, refuse: Refuse): number | undefined {
  const days = input.ceremonyDays ?? input.days;
  if (days !== undefined && input.notAfter !== undefined) {
    refuse('validity.contradiction', 'validity', 'both days and notAfter are given', {
      mend: 'give one of them',
    });
    return undefined;
  }
  if (days !== undefined) {
    if (!Number.isSafeInteger(days) || days < 1 || days > 36_525) {
      refuse('validity.days', 'days', 'days is a whole number from 1 to 36525', {
        value: String(days),
      });
      return undefined;
    }
    return days * 86_400;
  }
  if (input.notAfter === undefined) return undefined;
  const notAfter = wholeSeconds(input.notAfter);
  if (Number.isNaN(notAfter) || notAfter < notBefore) {
    refuse('validity.notAfter', 'notAfter', 'notAfter is before notBefore, or no time', {
      value: iso(notAfter),
      mend: 'end later',
    });
    return undefined;
  }
  return (notAfter - notBefore) / secondMs + 1;
}

function makeValidity(notBefore: number, notAfter: number): Validity {
  return { notBefore: new Date(notBefore), notAfter: new Date(notAfter) };
}

function iso(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? 'no time' : date.toISOString().replace('.000Z', 'Z');
}
