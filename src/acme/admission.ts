import type { Named, PublicContext, SignedContext } from './context.ts';
import { type AccountKey, loadAccountKey, parseJwk } from './jwk.ts';
import { type ParsedJws, parseJws, verifyJws } from './jws.ts';
import type { Nonces } from './nonces.ts';
import type { AccountAccess, AcmeStore, DirectoryPolicy, PublicJwk } from './ports.ts';
import { AcmeProblem } from './problem.ts';
import type { ProtocolRoute } from './protocol.ts';
import { type JsonObject, parseJsonObject } from './strict-json.ts';

/** Accounts whose imported key is kept: an import costs as much as a signature's check. */
const keptKeys = 10_000;

type SignedRoute = Extract<ProtocolRoute, { readonly method: 'POST' }>;

/**
 * Lets a POST in or refuses it (RFC 8555 §6.2 to §6.5): what costs nothing is checked first, and
 * the database is asked only when nonce, URL and, where the request brings its key, the signature
 * are right.
 */
export function createAdmission(
  nonces: Nonces,
): (route: SignedRoute, context: PublicContext) => Promise<SignedContext> {
  const keyOf = keptAccountKeys();
  return async (route, context) => {
    const { deps, policy, request, urls } = context;
    const jws = readJws(request.contentType, request.body);
    refuseWrongIdentity(route, jws);
    refuseOtherUrl(jws, requestUrl(context));
    const nonce = nonces.check(jws.nonce ?? '');
    if (nonce === undefined) throw staleNonce();
    const spent = { value: jws.nonce ?? '', notAfter: nonce.notAfter };
    let named: Named = {};
    const admit = async (
      account: { readonly accountId: string } | { readonly thumbprint: string } | undefined,
    ): Promise<AccountAccess | undefined> => {
      // One round trip; the nonce's commit is asynchronous by itself.
      const [admitted, found] = await deps.unitOfWork.readOne(async ({ acme }) =>
        Promise.all([
          acme.admit(deps.tenant, policy.name, spent, account),
          readNamed(context, acme),
        ]),
      );
      if (!admitted.fresh) throw staleNonce();
      named = found;
      return admitted.access;
    };
    let key: AccountKey;
    let access: AccountAccess | undefined;
    if (jws.kid === undefined) {
      key = parseJwk(jws.jwk);
      await verifyJws(jws, key);
      // A certificate's key signs for itself, not for an account (RFC 8555 §7.6).
      access = await admit(route.signedBy === 'key' ? { thumbprint: key.thumbprint } : undefined);
    } else {
      const accountId = urls.accountIdOf(jws.kid);
      if (accountId === undefined) throw noAccount(jws.kid, policy);
      access = await admit({ accountId });
      if (access === undefined) throw noAccount(jws.kid, policy);
      key = keyOf(access.account.thumbprint, access.account.key);
      await verifyJws(jws, key);
    }
    if (access !== undefined) refuseEnded(access, policy);
    const payload = readPayload(route, jws.payload);
    return { ...context, key, access, payload, signedUrl: jws.url, named };
  };
}

/** What the path names, sent along with the admission; whose it is, the handler asks. */
async function readNamed(
  { deps: { tenant }, policy, parameters: { orderId, authorizationId } }: PublicContext,
  acme: AcmeStore,
): Promise<Named> {
  if (orderId !== undefined) return { order: await acme.findOrder(tenant, policy.name, orderId) };
  if (authorizationId === undefined) return {};
  return { authorization: await acme.findAuthorization(tenant, policy.name, authorizationId) };
}

/** The URL that this request was sent to, as the protected header must name it (RFC 8555 §6.4). */
function requestUrl({ deps, request }: PublicContext): string {
  const directory = request.directory === '' ? '' : `${request.directory}/`;
  const query = request.query.size === 0 ? '' : `?${request.query.toString()}`;
  return `${deps.baseUrl}/acme/${directory}${request.path}${query}`;
}

function readJws(contentType: string | undefined, body: Uint8Array): ParsedJws {
  const mediaType = (contentType ?? '').split(';')[0]?.trim().toLowerCase();
  if (mediaType !== 'application/jose+json') {
    throw new AcmeProblem('malformed', {
      status: 415,
      detail: `the Content-Type is ${mediaType === '' ? 'missing' : 'another'}; every POST of ACME is application/jose+json (RFC 8555 §6.2)`,
    });
  }
  return parseJws(body, { nonce: 'required' });
}

function refuseWrongIdentity({ signedBy, path }: SignedRoute, { kid }: ParsedJws): void {
  if (signedBy === 'key' && kid !== undefined) {
    throw new AcmeProblem('malformed', {
      detail: `${path} is signed by a key that stands in the protected header as jwk, not by an account's kid (RFC 8555 §6.2)`,
    });
  }
  if (signedBy === 'account' && kid === undefined) {
    throw new AcmeProblem('malformed', {
      detail: `${path} is signed by an account: put its URL into the protected header as kid, not a jwk (RFC 8555 §6.2)`,
    });
  }
}

function refuseOtherUrl({ url }: ParsedJws, expected: string): void {
  if (url !== expected) {
    throw new AcmeProblem('unauthorized', {
      status: 401,
      detail: `the protected header's url is not the one that the request was sent to, ${expected} (RFC 8555 §6.4)`,
    });
  }
}

function staleNonce(): AcmeProblem {
  return new AcmeProblem('badNonce', {
    detail:
      'the nonce is not one of this server, is too old or was used before; sign again with the one in this answer (RFC 8555 §6.5)',
  });
}

function noAccount(kid: string, { name }: DirectoryPolicy): AcmeProblem {
  return new AcmeProblem('accountDoesNotExist', {
    detail: `${JSON.stringify(kid.slice(0, 200))} is no account of the directory ${name}; register with new-account and use the URL of its Location header as kid (RFC 8555 §6.2)`,
  });
}

/** Whoever signs for an account must still be let in (RFC 8555 §7.3.6), and be bound where all must be. */
function refuseEnded(
  { account, credential, ownerDisabled }: AccountAccess,
  { externalAccount, name }: DirectoryPolicy,
): void {
  if (account.status !== 'valid') {
    throw new AcmeProblem('unauthorized', {
      status: 401,
      detail: `the account is ${account.status}; register another one with another key (RFC 8555 §7.3.6)`,
    });
  }
  if (credential?.revokedAt !== undefined) {
    throw new AcmeProblem('unauthorized', {
      detail: `the external account binding ${credential.kid} of this account was revoked; ask the CA's operator for another and register a new account with it`,
    });
  }
  if (ownerDisabled) {
    throw new AcmeProblem('unauthorized', {
      detail: `${credential?.owner ?? 'the principal'}, who owns the external account binding of this account, was disabled; ask the CA's operator`,
    });
  }
  if (externalAccount === 'always' && account.kid === undefined) {
    throw new AcmeProblem('externalAccountRequired', {
      detail: `the directory ${name} serves accounts with an external account binding only, and this one has none; register a new account with one (RFC 8555 §7.3.4)`,
    });
  }
}

function readPayload(
  { payload: kind, path }: SignedRoute,
  octets: Uint8Array,
): JsonObject | undefined {
  if (octets.length === 0) {
    if (kind === 'object') {
      throw new AcmeProblem('malformed', {
        detail: `${path} can't be read by POST-as-GET; its payload is a JSON object`,
      });
    }
    return undefined;
  }
  if (kind === 'nothing') {
    throw new AcmeProblem('malformed', {
      detail: `${path} is only read: its payload is empty, which base64url writes as "" (RFC 8555 §6.3)`,
    });
  }
  return parseJsonObject(octets, 'the payload');
}

/** Imported keys of accounts by thumbprint, which names exactly one key: never out of date. */
function keptAccountKeys(): (thumbprint: string, jwk: PublicJwk) => AccountKey {
  const keys = new Map<string, AccountKey>();
  return (thumbprint, jwk) => {
    const kept = keys.get(thumbprint);
    if (kept !== undefined) {
      // Last used, last dropped.
      keys.delete(thumbprint);
      keys.set(thumbprint, kept);
      return kept;
    }
    const key = loadAccountKey(jwk);
    keys.set(thumbprint, key);
    if (keys.size > keptKeys) {
      for (const oldest of keys.keys()) {
        keys.delete(oldest);
        break;
      }
    }
    return key;
  };
}
