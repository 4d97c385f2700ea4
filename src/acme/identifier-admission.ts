import { checkNamePolicy } from '../policy/index.ts';
import type { AccountContext } from './context.ts';
import { isAllowed } from './external-account.ts';
import { baseOf, toGeneralName } from './identifiers.ts';
import { rejected, rejectedIdentifiers } from './order-terms.ts';
import type {
  AuthorizationRecord,
  ChallengeType,
  EabCredential,
  Identifier,
  ProblemDocument,
} from './ports.ts';

type Asker = Pick<AccountContext, 'deps' | 'policy' | 'access' | 'now'>;

/**
 * Refuses identifiers that this account can't get authorised here, each with a subproblem of its
 * own: by the directory's names, by those of the binding, or since no challenge could prove them.
 */
export function requireAdmitted(asker: Asker, identifiers: readonly Identifier[]): void {
  const refused = identifiers
    .map((identifier) => refusalOf(asker, identifier))
    .filter((refusal) => refusal !== undefined);
  if (refused.length > 0) throw rejectedIdentifiers(refused);
}

function refusalOf(
  { policy, access: { credential } }: Asker,
  identifier: Identifier,
): ProblemDocument | undefined {
  const denied = checkNamePolicy(toGeneralName(identifier), policy.names);
  if (denied !== undefined) {
    return rejected(identifier, `directory ${policy.name}: ${denied.message}`);
  }
  if (
    credential !== undefined &&
    credential.allow.length > 0 &&
    !isAllowed(credential.allow, identifier)
  ) {
    return rejected(
      identifier,
      `the external account binding ${credential.kid} allows only ${someOf(credential.allow)}`,
    );
  }
  if (
    !isAuthorizedBeforehand(credential) &&
    offeredChallenges(policy.challengeTypes, identifier).length === 0
  ) {
    return rejected(
      identifier,
      `${impossible(identifier)}, and directory ${policy.name} offers only ${policy.challengeTypes.join(', ') || 'no challenge'}`,
    );
  }
  return undefined;
}

/** Each refused identifier says it: a list of a thousand names would make an answer of megabytes. */
function someOf(names: readonly string[]): string {
  const few = names.slice(0, mostTold).join(', ');
  return names.length > mostTold ? `${few} and ${names.length - mostTold} more` : few;
}

const mostTold = 10;

function impossible(identifier: Identifier): string {
  return identifier.type === 'ip'
    ? 'an IP address is proven by http-01 or tls-alpn-01 (RFC 8738)'
    : 'a wildcard is proven by dns-01 only (RFC 8555 §7.1.3)';
}

/** The names of this binding need no challenge. */
function isAuthorizedBeforehand(
  credential: EabCredential | undefined,
): credential is EabCredential {
  return credential?.challengeRequired === false && credential.allow.length > 0;
}

/**
 * What can prove control of an identifier: a wildcard only by dns-01, since a host shows nothing of
 * its siblings (RFC 8555 §7.1.3); an address never by dns-01 (RFC 8738 §7).
 */
function offeredChallenges(
  types: readonly ChallengeType[],
  identifier: Identifier,
): readonly ChallengeType[] {
  const { wildcard } = baseOf(identifier);
  return types.filter((type) => (type === 'dns-01' ? identifier.type === 'dns' : !wildcard));
}

/** An authorization to be inserted: valid at once when the binding vouches for the name, pending otherwise. */
export function makeAuthorization(
  { deps, policy, access, now }: Asker,
  asked: Identifier,
  pendingUntil: Date,
): AuthorizationRecord {
  const { account, credential } = access;
  const beforehand = isAuthorizedBeforehand(credential) ? credential.kid : undefined;
  const { identifier, wildcard } = baseOf(asked);
  const lifetime = policy.authorizationLifetimeSeconds;
  return {
    tenant: deps.tenant,
    directory: policy.name,
    authorizationId: randomText(deps, 16),
    accountId: account.accountId,
    identifier,
    wildcard,
    createdAt: now,
    token: randomText(deps, 32),
    attempts: 0,
    errors: [],
    ...(beforehand === undefined
      ? {
          status: 'pending',
          expiresAt: pendingUntil,
          offered: offeredChallenges(policy.challengeTypes, asked),
          challengeStatus: 'pending',
        }
      : {
          status: 'valid',
          expiresAt: new Date(now.getTime() + lifetime * 1000),
          offered: [],
          challengeStatus: 'valid',
          validatedAt: now,
          preauthorizedBy: beforehand,
        }),
  };
}

/** base64url of random octets: 16 for ids (RFC 8555 §10.5), 32 for tokens (§8.1). */
export function randomText({ randomBytes }: Asker['deps'], octets: number): string {
  return Buffer.from(randomBytes(octets)).toString('base64url');
}
