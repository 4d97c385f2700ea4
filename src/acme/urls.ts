import type { ChallengeType } from './ports.ts';

/** The URLs of one directory, from the configured base alone: no header of a request is in them (I10). */
export interface Urls {
  readonly directory: string;
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly newAuthorization: string;
  readonly revokeCertificate: string;
  readonly keyChange: string;
  /** A certID is appended after a slash (RFC 9773 §4.1). */
  readonly renewalInfo: string;
  account(accountId: string): string;
  orders(accountId: string, cursor?: string): string;
  order(orderId: string): string;
  finalize(orderId: string): string;
  authorization(authorizationId: string): string;
  challenge(authorizationId: string, type: ChallengeType): string;
  /** `alternate` from 1: another chain of the same certificate (RFC 8555 §7.4.2). */
  certificate(orderId: string, alternate?: number): string;
  /** The account that a `kid` names; undefined when it is no account URL of this directory. */
  accountIdOf(kid: string): string | undefined;
}

export function urlsOf(baseUrl: string, directory: string): Urls {
  const at = `${baseUrl}/acme/${directory}`;
  const accounts = `${at}/account/`;
  return {
    directory: `${at}/directory`,
    newNonce: `${at}/new-nonce`,
    newAccount: `${at}/new-account`,
    newOrder: `${at}/new-order`,
    newAuthorization: `${at}/new-authz`,
    revokeCertificate: `${at}/revoke-cert`,
    keyChange: `${at}/key-change`,
    renewalInfo: `${at}/renewal-info`,
    account: (accountId) => `${accounts}${accountId}`,
    orders: (accountId, cursor) =>
      `${accounts}${accountId}/orders${cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`}`,
    order: (orderId) => `${at}/order/${orderId}`,
    finalize: (orderId) => `${at}/order/${orderId}/finalize`,
    authorization: (authorizationId) => `${at}/authorization/${authorizationId}`,
    challenge: (authorizationId, type) => `${at}/challenge/${authorizationId}/${type}`,
    certificate: (orderId, alternate) =>
      `${at}/certificate/${orderId}${alternate === undefined ? '' : `/${alternate}`}`,
    accountIdOf: (kid) => {
      const id = kid.startsWith(accounts) ? kid.slice(accounts.length) : '';
      return isObjectId(id) ? id : undefined;
    },
  };
}

/** 128 random bits as base64url: what accounts, orders and authorizations are called (RFC 8555 §10.5). */
export function isObjectId(text: string): boolean {
  return /^[\w-]{22}$/.test(text);
}
