import type { AcmeStore } from '../acme/ports.ts';
import { accessOf, accountOf, credentialOf } from './acme-rows.ts';
import type { Row, Session } from './pool.ts';
import { missing } from './records.ts';
import { bigint, fromHex, optionalText } from './rows.ts';
import { formatCursor, largestPage, parseCursor } from './search.ts';
import type { acmeAccountStatements } from './sql/acme-accounts.ts';

/** Accounts (RFC 8555 §7.1.2) and the credentials that they are bound to (§7.3.4). */
export function accountStore(
  session: Session,
  sql: ReturnType<typeof acmeAccountStatements>,
): Pick<
  AcmeStore,
  | 'admit'
  | 'insertAccount'
  | 'findAccount'
  | 'updateAccount'
  | 'endAccount'
  | 'changeAccountKey'
  | 'isAccountKey'
  | 'listAccounts'
  | 'insertCredential'
  | 'findCredential'
  | 'listCredentials'
  | 'revokeCredential'
  | 'bindCredential'
  | 'isBindingUsed'
  | 'spendQuota'
> {
  return {
    admit: async (tenant, directory, nonce, account) => {
      const [row] = await session.query(
        account !== undefined && 'thumbprint' in account ? sql.admitByThumbprint : sql.admitById,
        [tenant, directory, nonce.value, nonce.notAfter, keyOf(account), session.autocommit],
      );
      if (row === undefined) throw new TypeError('the admission of a nonce answers one row');
      const access = accessOf(row);
      return { fresh: row['fresh'] === true, ...(access !== undefined && { access }) };
    },

    insertAccount: async (record) => {
      const inserted = await session.execute(sql.insert, [
        record.tenant,
        record.directory,
        record.accountId,
        record.status,
        JSON.stringify(record.key),
        record.thumbprint,
        fromHex(record.spkiHash),
        record.contact,
        record.termsAgreedAt,
        record.kid,
        record.externalAccountBinding && JSON.stringify(record.externalAccountBinding),
        record.createdAt,
        record.createdFrom,
      ]);
      return inserted === 1;
    },

    findAccount: async (tenant, directory, account) => {
      const [row] = await session.query(
        'thumbprint' in account ? sql.findByThumbprint : sql.findById,
        [tenant, directory, keyOf(account)],
      );
      return row && accessOf(row);
    },

    updateAccount: async (tenant, accountId, change) => {
      const changed = await session.execute(sql.update, [
        tenant,
        accountId,
        change.contact,
        change.termsAgreedAt,
      ]);
      if (changed === 0) throw missing(`account ${accountId}`);
    },

    endAccount: async (tenant, accountId, status) =>
      (await session.execute(sql.end, [tenant, accountId, status])) === 1,

    changeAccountKey: async (tenant, directory, accountId, oldThumbprint, next) => {
      const [row] = await session.query(sql.changeKey, [
        tenant,
        directory,
        accountId,
        oldThumbprint,
        JSON.stringify(next.key),
        next.thumbprint,
        fromHex(next.spkiHash),
      ]);
      const conflict = row && optionalText(row, 'conflict');
      if (conflict !== undefined) return { conflict };
      return row?.['changed'] === true ? 'changed' : 'gone';
    },

    isAccountKey: async (tenant, spkiHash) =>
      (await session.query(sql.isKey, [tenant, fromHex(spkiHash)])).length > 0,

    listAccounts: async (tenant, filter) =>
      await pageOf(filter, accountOf, async (before, limit) =>
        session.query(sql.list, [tenant, filter.directory, filter.kid, before, limit]),
      ),

    insertCredential: async (record) => {
      await session.execute(sql.insertCredential, [
        record.tenant,
        record.kid,
        record.directory,
        record.owner,
        record.secretId,
        record.allow,
        record.challengeRequired,
        record.profiles,
        record.quota,
        record.issued,
        record.singleUse,
        record.accounts,
        record.tags,
        record.createdAt,
        record.createdBy,
        record.notAfter,
        record.revokedAt,
        record.revokedBy,
      ]);
    },

    findCredential: async (tenant, kid) => {
      const [row] = await session.query(sql.findCredential, [tenant, kid]);
      return row && credentialOf(row);
    },

    listCredentials: async (tenant, filter) =>
      await pageOf(filter, credentialOf, async (before, limit) =>
        session.query(sql.listCredentials, [tenant, filter.directory, before, limit]),
      ),

    revokeCredential: async (tenant, kid, at, by) =>
      (await session.execute(sql.revokeCredential, [tenant, kid, at, by])) === 1,

    bindCredential: async (tenant, kid, now) =>
      (await session.execute(sql.bindCredential, [tenant, kid, now])) === 1,

    isBindingUsed: async ({ tenant, accountId }, kid, signature) =>
      (await session.query(sql.isBindingUsed, [tenant, kid, accountId, signature])).length > 0,

    spendQuota: async (tenant, kid) => (await session.execute(sql.spendQuota, [tenant, kid])) === 1,
  };
}

function keyOf(
  account: { readonly accountId: string } | { readonly thumbprint: string } | undefined,
): string | undefined {
  if (account === undefined) return undefined;
  return 'thumbprint' in account ? account.thumbprint : account.accountId;
}

/** One page by the rows' numbers, newest first; one row more says whether another follows. */
export async function pageOf<T>(
  filter: { readonly cursor?: string | undefined; readonly limit: number },
  read: (row: Row) => T,
  select: (before: bigint | undefined, limit: number) => Promise<readonly Row[]>,
): Promise<{ readonly items: readonly T[]; readonly next: string | null }> {
  const limit = Math.min(Math.max(Math.trunc(filter.limit), 1), largestPage);
  const before = filter.cursor === undefined ? undefined : parseCursor(filter.cursor);
  const rows = await select(before, limit + 1);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page.map((row) => read(row)),
    next: last !== undefined && rows.length > limit ? formatCursor(bigint(last, 'id')) : null,
  };
}
