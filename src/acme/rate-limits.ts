import { formatIpAddress } from '../pkix/index.ts';
import { baseOf, readAddress } from './identifiers.ts';
import type {
  AccountAccess,
  DirectoryLimits,
  DirectoryPolicy,
  Identifier,
  RateLimited,
  RateLimitRequest,
} from './ports.ts';
import { AcmeProblem } from './problem.ts';
import { formatTime } from './renewal-info.ts';

/** The limits by name, with what their keys are, for the message and for whoever writes an override. */
export const rateLimitNames: Readonly<Record<keyof DirectoryLimits, string>> = {
  newAccountPerAddress: 'new accounts from the address',
  newOrderPerAccount: 'new orders of the account',
  newOrderPerCredential: 'new orders of the external account',
  newOrderPerName: 'new orders for the name',
  failedValidationPerName: 'failed validations by the account of the name',
};

function requestOf(
  policy: DirectoryPolicy,
  limit: keyof DirectoryLimits,
  key: string,
): readonly RateLimitRequest[] {
  const settings = policy.limits[limit];
  if (settings === undefined) return [];
  const intervalMilliseconds = Math.max(1, Math.round((settings.seconds * 1000) / settings.burst));
  return [{ limit, key, intervalMilliseconds, burst: settings.burst }];
}

/** What a new order takes from: its account, the account's credential, and each name. */
export function newOrderLimits(
  policy: DirectoryPolicy,
  access: AccountAccess,
  identifiers: readonly Identifier[],
): readonly RateLimitRequest[] {
  const { account, credential } = access;
  return [
    ...requestOf(policy, 'newOrderPerAccount', account.accountId),
    ...(credential === undefined ? [] : requestOf(policy, 'newOrderPerCredential', credential.kid)),
    ...identifiers.flatMap(({ value }) =>
      // Directories may set different rates for one name: each counts for itself.
      requestOf(policy, 'newOrderPerName', `${policy.name}/${value}`),
    ),
  ];
}

/** What a registration takes from: its address. IPv6 by /64, of which one host may use all. */
export function newAccountLimits(
  policy: DirectoryPolicy,
  address: string,
): readonly RateLimitRequest[] {
  return requestOf(policy, 'newAccountPerAddress', `${policy.name}/${networkOf(address)}`);
}

/** What a failed validation takes from: the account and the name together, so that nobody locks out another. */
export function failedValidationLimits(
  policy: DirectoryPolicy,
  accountId: string,
  identifier: Identifier,
): readonly RateLimitRequest[] {
  const { value } = baseOf(identifier).identifier;
  return requestOf(policy, 'failedValidationPerName', `${accountId}/${value}`);
}

/** RFC 8555 §6.6: which limit, whose, and when to ask again. */
export function rateLimitedProblem(limited: RateLimited, now: Date): AcmeProblem {
  const seconds = Math.max(1, Math.ceil((limited.retryAt.getTime() - now.getTime()) / 1000));
  const names: Readonly<Record<string, string>> = rateLimitNames;
  const what = names[limited.limit] ?? 'requests of';
  const when = new Date((Math.ceil(now.getTime() / 1000) + seconds) * 1000);
  return new AcmeProblem('rateLimited', {
    detail: `too many ${what} ${limited.key} (limit ${limited.limit}): ask again after ${formatTime(when)}, or have the CA's operator set an override of this limit for this key`,
    headers: { 'retry-after': String(seconds) },
  });
}

function networkOf(address: string): string {
  const bytes = readAddress(address.replace(/%.*$/, ''));
  if (bytes === undefined) return address;
  if (bytes.length === 4) return formatIpAddress(bytes);
  // A listener on both families shows IPv4 peers as ::ffff:a.b.c.d.
  const mapped = bytes.every((octet, index) => index >= 12 || octet === (index < 10 ? 0 : 0xff));
  if (mapped) return formatIpAddress(bytes.subarray(12));
  return `${formatIpAddress(bytes.map((octet, index) => (index < 8 ? octet : 0)))}/64`;
}
