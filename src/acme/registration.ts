import { recordDone } from '../authority/index.ts';
import type { Transaction } from '../authority/ports.ts';
import { accountPrincipal } from './account-principal.ts';
import { accountObject } from './accounts.ts';
import { parseContacts } from './contacts.ts';
import type { Handler, HandlerAnswer, SignedContext } from './context.ts';
import { termsLink } from './directories.ts';
import { macKey, parseExternalAccountBinding, randomName, secretId } from './external-account.ts';
import type { AccountKey } from './jwk.ts';
import type { AccountRecord, AcmeStore, EabCredential } from './ports.ts';
import { AcmeProblem } from './problem.ts';
import { newAccountLimits, rateLimitedProblem } from './rate-limits.ts';
import type { JsonObject } from './strict-json.ts';

/** What an external account binding was found to be, MAC included. */
interface Binding {
  readonly credential: EabCredential;
  readonly document: Readonly<Record<string, string>>;
}

/** Another request registered the same key first. */
class RegisteredMeanwhile extends Error {}

/** newAccount (RFC 8555 §7.3). A key that has an account gets that one back, unchanged (§7.3.1). */
export const registerAccount: Handler<SignedContext> = async (context) => {
  const { access, policy, now, deps, key, request } = context;
  const payload = context.payload ?? {};
  const onlyReturnExisting = booleanMember(payload, 'onlyReturnExisting');
  const termsAgreed = booleanMember(payload, 'termsOfServiceAgreed');
  if (access !== undefined) return found(context, access.account);
  if (onlyReturnExisting) {
    throw new AcmeProblem('accountDoesNotExist', {
      detail: `no account of the directory ${policy.name} has this key; register without onlyReturnExisting (RFC 8555 §7.3.1)`,
    });
  }
  const contact = parseContacts(payload['contact']);
  refuseWithoutTerms(context, termsAgreed);
  const binding = await readBinding(context, payload['externalAccountBinding']);
  const account: AccountRecord = {
    tenant: deps.tenant,
    directory: policy.name,
    accountId: randomName(deps.randomBytes),
    status: 'valid',
    key: key.jwk,
    thumbprint: key.thumbprint,
    spkiHash: key.spkiHash,
    contact,
    termsAgreedAt: termsAgreed ? now : undefined,
    kid: binding?.credential.kid,
    externalAccountBinding: binding?.document,
    createdAt: now,
    createdFrom: request.remoteAddress,
  };
  try {
    await insert(context, account, binding);
  } catch (error) {
    if (!(error instanceof RegisteredMeanwhile)) throw error;
    const first = await deps.unitOfWork.readOne(async ({ acme }) =>
      acme.findAccount(deps.tenant, policy.name, { thumbprint: key.thumbprint }),
    );
    if (first === undefined) throw error;
    return found(context, first.account);
  }
  return { ...found(context, account), status: 201 };
};

function found({ urls, policy }: SignedContext, account: AccountRecord): HandlerAnswer {
  return {
    status: 200,
    headers: { location: urls.account(account.accountId) },
    links: termsLink(policy),
    body: accountObject(account, urls),
  };
}

/** Limit, binding, account and their records are one transaction: a refusal leaves nothing behind. */
async function insert(
  { deps, policy, now, key, request }: SignedContext,
  account: AccountRecord,
  binding: Binding | undefined,
): Promise<void> {
  const principal = accountPrincipal(deps, account);
  await deps.unitOfWork.run(async (transaction) => {
    const { acme } = transaction;
    const limits = newAccountLimits(policy, request.remoteAddress);
    const limited = await acme.takeRateLimits(deps.tenant, limits, now);
    if (limited !== undefined) throw rateLimitedProblem(limited, now);
    await refuseBlockedKey(transaction, deps.tenant, key);
    if (binding !== undefined) {
      const bound = await acme.bindCredential(deps.tenant, binding.credential.kid, now);
      if (!bound) throw unusable(binding.credential, now);
    }
    if (!(await acme.insertAccount(account))) throw new RegisteredMeanwhile();
    if (binding !== undefined) await refuseUsed(acme, account, binding);
    await recordDone(deps, transaction, principal, {
      act: 'acmeAccount.create',
      object: `${account.directory}/${account.accountId}`,
      details: {
        thumbprint: account.thumbprint,
        contact: account.contact,
        termsAgreed: account.termsAgreedAt !== undefined,
        address: account.createdFrom,
      },
    });
    if (binding !== undefined) {
      await recordDone(deps, transaction, principal, {
        act: 'acmeCredential.bind',
        object: binding.credential.kid,
        details: {
          account: `${account.directory}/${account.accountId}`,
          owner: binding.credential.owner,
        },
      });
    }
  });
}

/**
 * The account object shows its binding, so whoever has the key of before a key change has a binding
 * for it as well, and would be let in again (RFC 8555 §7.3.4, §7.3.5).
 *
 * @throws AcmeProblem unauthorized
 */
async function refuseUsed(
  acme: AcmeStore,
  account: AccountRecord,
  { credential: { kid }, document }: Binding,
): Promise<void> {
  if (await acme.isBindingUsed(account, kid, document['signature'] ?? '')) {
    throw new AcmeProblem('unauthorized', {
      detail:
        'this external account binding was used by an account that has another key by now; make a new key and sign a binding for it',
    });
  }
}

/** A key that a certificate lost to a compromise signs for no account either. @throws AcmeProblem badPublicKey */
export async function refuseBlockedKey(
  { inventory }: Transaction,
  tenant: string,
  { spkiHash }: AccountKey,
): Promise<void> {
  if (await inventory.isKeyBlocked(tenant, spkiHash)) {
    throw new AcmeProblem('badPublicKey', {
      detail: 'this key is known to be compromised; make a new one for the account',
    });
  }
}

/** @throws AcmeProblem userActionRequired (RFC 8555 §7.3.3) */
function refuseWithoutTerms({ policy }: SignedContext, agreed: boolean): void {
  if (policy.termsOfService === undefined || agreed) return;
  throw new AcmeProblem('userActionRequired', {
    detail: `the terms of service must be agreed to: read ${policy.termsOfService} and send termsOfServiceAgreed: true`,
    instance: policy.termsOfService,
    headers: { link: termsLink(policy).join(', ') },
  });
}

/**
 * The binding to an external account, verified (RFC 8555 §7.3.4): who proves to hold the MAC key is
 * told what is wrong with the credential, who does not learns nothing of it.
 */
async function readBinding(
  { deps, policy, key, signedUrl, now }: SignedContext,
  value: unknown,
): Promise<Binding | undefined> {
  if (value === undefined) {
    if (policy.externalAccount === 'none') return undefined;
    throw new AcmeProblem('externalAccountRequired', {
      detail: `the directory ${policy.name} registers accounts with an external account binding only; ask the CA's operator for a key identifier and a MAC key (\`chancery acme eab create\`)`,
    });
  }
  const binding = parseExternalAccountBinding(value, { url: signedUrl, jwk: key.jwk });
  const credential = await deps.unitOfWork.readOne(async ({ acme }) =>
    acme.findCredential(deps.tenant, binding.kid),
  );
  if (credential === undefined || credential.directory !== policy.name) throw notBound();
  const secret = deps.secrets.find((one) => secretId(one) === credential.secretId);
  if (secret === undefined) {
    throw new TypeError(
      `the MAC key of the credential ${credential.kid} derives from a secret (${credential.secretId}) that is not in this node's file of ACME secrets`,
    );
  }
  if (!(await binding.verify(macKey(secret, credential.kid)))) throw notBound();
  if (!isUsable(credential, now)) throw unusable(credential, now);
  const owner = await deps.unitOfWork.readOne(async ({ principals }) =>
    principals.findByName(deps.tenant, credential.owner),
  );
  if (owner === undefined || owner.disabledAt !== undefined) {
    throw new AcmeProblem('unauthorized', {
      detail: `${credential.owner}, who owns this external account binding, was disabled; ask the CA's operator`,
    });
  }
  return { credential, document: binding.document };
}

function notBound(): AcmeProblem {
  return new AcmeProblem('unauthorized', {
    detail:
      'the external account binding does not verify: its kid is none of this directory, or the MAC key is another; the key is base64url and is decoded before use (RFC 8555 §7.3.4)',
  });
}

function isUsable(credential: EabCredential, now: Date): boolean {
  return (
    credential.revokedAt === undefined &&
    (credential.notAfter === undefined || credential.notAfter > now) &&
    !(credential.singleUse && credential.accounts > 0)
  );
}

function unusable({ kid, revokedAt, notAfter }: EabCredential, now: Date): AcmeProblem {
  const why =
    revokedAt !== undefined
      ? 'was revoked'
      : notAfter !== undefined && notAfter <= now
        ? `binds no new account since ${notAfter.toISOString()}`
        : 'is for one account and was used';
  return new AcmeProblem('unauthorized', {
    detail: `the external account binding ${kid} ${why}; ask the CA's operator for another`,
  });
}

function booleanMember(payload: JsonObject, name: string): boolean {
  const value = payload[name] ?? false;
  if (typeof value !== 'boolean') {
    throw new AcmeProblem('malformed', { detail: `${name} is neither true nor false` });
  }
  return value;
}
