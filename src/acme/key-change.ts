import { recordDone } from '../authority/index.ts';
import { accountPrincipal } from './account-principal.ts';
import { accountObject } from './accounts.ts';
import type { AccountContext, Handler } from './context.ts';
import { type AccountKey, parseJwk, publicJwk, thumbprintOf } from './jwk.ts';
import { type ParsedJws, parseJws, verifyJws } from './jws.ts';
import { AcmeProblem } from './problem.ts';
import { refuseBlockedKey } from './registration.ts';
import { parseJsonObject } from './strict-json.ts';

/**
 * keyChange: the account goes on under another key (RFC 8555 §7.3.5). The outer JWS, by the old key,
 * was verified already; the inner one proves the new key and names account and old key. Orders and
 * authorizations are the account's and stay.
 */
export const changeKey: Handler = async (context) => {
  const { deps, policy, urls, access } = context;
  const { account } = access;
  const inner = parseJws(context.payload, { nonce: 'forbidden' });
  if (inner.kid !== undefined)
    throw refused('names an account (kid); it carries the new key as jwk');
  const next = parseJwk(inner.jwk);
  await verifyJws(inner, next);
  if (inner.url !== context.signedUrl) throw refused('has another url than the outer JWS');
  refuseOtherAccount(context, inner);
  if (next.thumbprint === account.thumbprint) throw taken(urls.account(account.accountId));
  const outcome = await deps.unitOfWork.run(async (transaction) => {
    await refuseBlockedKey(transaction, deps.tenant, next);
    const { tenant } = deps;
    const { accountId, thumbprint } = account;
    const change = { key: next.jwk, thumbprint: next.thumbprint, spkiHash: next.spkiHash };
    const changed = await transaction.acme.changeAccountKey(
      tenant,
      policy.name,
      accountId,
      thumbprint,
      change,
    );
    if (changed === 'changed') await record(context, transaction, next);
    return changed;
  });
  if (outcome === 'gone') {
    throw new AcmeProblem('unauthorized', {
      detail: 'the account has another key by now; sign with that one',
    });
  }
  if (outcome !== 'changed') throw taken(urls.account(outcome.conflict));
  return { status: 200, body: accountObject(account, urls) };
};

async function record(
  { deps, access: { account } }: AccountContext,
  transaction: Parameters<typeof recordDone>[1],
  next: AccountKey,
): Promise<void> {
  await recordDone(deps, transaction, accountPrincipal(deps, account), {
    act: 'acmeAccount.changeKey',
    object: `${account.directory}/${account.accountId}`,
    details: { thumbprint: next.thumbprint, thumbprintBefore: account.thumbprint },
  });
}

/** The keyChange object must name this account and the key that it has (RFC 8555 §7.3.5). */
function refuseOtherAccount({ urls, access: { account } }: AccountContext, inner: ParsedJws): void {
  const { account: named, oldKey } = parseJsonObject(
    inner.payload,
    'the payload of the inner JWS',
  ) as { readonly account?: unknown; readonly oldKey?: unknown };
  if (named !== urls.account(account.accountId)) {
    throw refused('names another account than the one that signed the outer JWS');
  }
  if (thumbprintOf(publicJwk(oldKey)) !== account.thumbprint) {
    throw refused("has an oldKey that is not the account's key");
  }
}

function refused(why: string): AcmeProblem {
  return new AcmeProblem('malformed', {
    detail: `the key change is refused: its inner JWS ${why} (RFC 8555 §7.3.5)`,
  });
}

function taken(accountUrl: string): AcmeProblem {
  return new AcmeProblem('malformed', {
    status: 409,
    detail: 'an account has the new key already; make a key that no account has (RFC 8555 §7.3.5)',
    headers: { location: accountUrl },
  });
}
