import type { EnrolmentTerms } from '../authority/index.ts';
import { isChanceryError, type Violation } from '../domain/index.ts';
import { formatGeneralName } from '../pkix/index.ts';
import { accountPrincipal } from './account-principal.ts';
import type { AccountContext } from './context.ts';
import { toGeneralName } from './identifiers.ts';
import type { Identifier, ProblemDocument } from './ports.ts';
import { AcmeProblem, problemDocument } from './problem.ts';

/** What a newOrder asks for beside its identifiers. */
export interface OrderTerms {
  readonly profile: string;
  readonly notBefore: Date | undefined;
  readonly notAfter: Date | undefined;
}

/** @throws AcmeProblem malformed, invalidProfile */
export function readOrderTerms({ payload, policy, access }: AccountContext): OrderTerms {
  return {
    profile: readProfile(payload?.['profile'], policy, access.credential?.profiles),
    notBefore: readTime(payload, 'notBefore'),
    notAfter: readTime(payload, 'notAfter'),
  };
}

/** The advertised set is what the directory and the account's binding both allow (draft-ietf-acme-profiles §4). */
function readProfile(
  asked: unknown,
  { profiles, defaultProfile, name: directory }: AccountContext['policy'],
  bound: readonly string[] | undefined,
): string {
  const allowed = [...profiles.keys()].filter((name) => bound?.includes(name) ?? true);
  if (asked === undefined) {
    // A binding without the directory's default has a default of its own: the first that it names.
    const [first] = (bound ?? []).filter((name) => profiles.has(name));
    const chosen = allowed.includes(defaultProfile) ? defaultProfile : first;
    if (chosen !== undefined) return chosen;
  } else if (typeof asked === 'string' && allowed.includes(asked)) {
    return asked;
  }
  throw new AcmeProblem('invalidProfile', {
    detail: `directory ${directory} issues to this account by the profiles ${allowed.join(', ') || '(none)'}; name one of them as "profile"`,
  });
}

/** That an order's profile is one that the account may have now. @throws AcmeProblem invalidProfile */
export function requireOffered(
  profile: string,
  policy: AccountContext['policy'],
  bound: readonly string[] | undefined,
): void {
  readProfile(profile, policy, bound);
}

const timePattern =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.(\d{1,9}))?(?:Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;

/** RFC 3339, whole seconds: a certificate has no fractions, and nothing but what is asked is issued (RFC 8555 §7.4). */
function readTime(
  payload: AccountContext['payload'],
  field: 'notBefore' | 'notAfter',
): Date | undefined {
  const asked = payload?.[field];
  if (asked === undefined) return undefined;
  const parts = typeof asked === 'string' ? timePattern.exec(asked) : null;
  const [text, year, month, day, , fraction] = parts ?? [];
  const lastDay = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  if (text === undefined || Number(month) > 12 || Number(day) < 1 || Number(day) > lastDay) {
    throw new AcmeProblem('malformed', {
      detail: `${field} is no time of RFC 3339; write it as 2027-01-31T00:00:00Z`,
    });
  }
  if (fraction !== undefined && /[1-9]/.test(fraction)) {
    throw new AcmeProblem('malformed', {
      detail: `${field} has a fraction of a second, which no certificate can carry (RFC 5280 §4.1.2.5); round it to whole seconds`,
    });
  }
  return new Date(text.toUpperCase());
}

/**
 * Has the authority decide the order before anything is promised, so that finalize can only be
 * refused for the key, the CSR, or what changed since (RFC 8555 §7.4).
 *
 * @returns until when the terms hold, where they do for a time only
 * @throws AcmeProblem rejectedIdentifier with a subproblem for each refused identifier, malformed
 */
export async function checkTerms(
  { deps, policy, access, now }: AccountContext,
  identifiers: readonly Identifier[],
  terms: OrderTerms,
): Promise<Date | undefined> {
  const enrolment: EnrolmentTerms = {
    ...terms,
    issuer: policy.issuer,
    names: identifiers.map(toGeneralName),
  };
  const principal = accountPrincipal(deps, access.account, ['certificates:issue']);
  try {
    const { grantableUntil } = await deps.authority.checkEnrolment(principal, enrolment);
    if (grantableUntil !== undefined && grantableUntil <= now) {
      throw new AcmeProblem('malformed', {
        detail: 'notAfter lies in the past; ask for a later one, or leave it out',
      });
    }
    return grantableUntil;
  } catch (error) {
    if (!isChanceryError(error) || error.code !== 'policyViolation') throw error;
    const refused = identifiers.flatMap((identifier) => {
      const found = error.violations.find((violation) => concerns(violation, identifier));
      return found === undefined ? [] : [rejected(identifier, told(found))];
    });
    if (refused.length > 0) throw rejectedIdentifiers(refused);
    throw new AcmeProblem('malformed', {
      detail: `the order can't be fulfilled as asked: ${error.violations.map(told).join('; ')}`,
      cause: error,
    });
  }
}

function told({ message, mend }: Violation): string {
  return mend === undefined ? message : `${message} (${mend})`;
}

/** A violation shows the name as it was asked for, bare or with its type. */
function concerns({ value, field }: Violation, identifier: Identifier): boolean {
  return (
    /^(names|subjectAltName)/.test(field) &&
    (value === identifier.value || value === formatGeneralName(toGeneralName(identifier)))
  );
}

export function rejected(identifier: Identifier, detail: string): ProblemDocument {
  return problemDocument('rejectedIdentifier', detail, { identifier });
}

/** One subproblem for each refused identifier (RFC 8555 §6.7.1). */
export function rejectedIdentifiers(refused: readonly ProblemDocument[]): AcmeProblem {
  return new AcmeProblem('rejectedIdentifier', {
    detail: `${refused.length === 1 ? 'an identifier is' : `${refused.length} identifiers are`} refused: ${refused
      .slice(0, 5)
      .map(({ identifier, detail }) => `${identifier?.value ?? ''}: ${detail}`)
      .join('; ')}`,
    subproblems: refused,
  });
}
