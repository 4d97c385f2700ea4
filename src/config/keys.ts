import { configurationError } from './document.ts';
import type { Settings } from './schema.ts';
import { parseDuration } from './values.ts';

/** The period of one type of keys where it differs from the product's own; in seconds. */
export interface CryptoperiodConfiguration {
  readonly originatorUsageSeconds?: number;
  readonly recipientUsageSeconds?: number;
  readonly signatureLimit?: number;
  readonly warnAheadSeconds?: number;
  readonly reason?: string;
}

/** CMVP certificate and level of a token, as its owner states them. */
export interface ValidationConfiguration {
  readonly certificate: string;
  readonly level: number;
}

/** The life of keys, checked. */
export interface KeysConfiguration {
  readonly cryptoperiods: Readonly<Record<string, CryptoperiodConfiguration>>;
  readonly minimumStrength: number;
  readonly requireValidatedModule: boolean;
  readonly reconcileEverySeconds: number;
  readonly reconcileRoot: boolean;
  readonly validations: Readonly<
    Partial<Record<'root' | 'issuing' | 'responder', ValidationConfiguration>>
  >;
}

/** Their certificates travel with each answer, so nothing keeps them from rotating once a year. */
const yearAtMost: readonly string[] = ['ocspResponder', 'httpsServer'];
const year = 365 * 86_400;

/** @throws ChanceryError `configuration` for a long period without a reason, or a token that can't be validated */
export function keysOf(
  { keys, tokens }: Pick<Settings, 'keys' | 'tokens'>,
  place: (path: string) => string,
): KeysConfiguration {
  const cryptoperiods = Object.entries(keys.cryptoperiods).map(([type, period]) => {
    const seconds = (text: string | undefined): number | undefined =>
      text === undefined ? undefined : parseDuration(text);
    const { signatureLimit, reason } = period;
    const made = {
      originatorUsageSeconds: seconds(period.originatorUsage),
      recipientUsageSeconds: seconds(period.recipientUsage),
      warnAheadSeconds: seconds(period.warnAhead),
      ...{ signatureLimit, reason },
    };
    if (
      yearAtMost.includes(type) &&
      (made.originatorUsageSeconds ?? 0) > year &&
      reason === undefined
    ) {
      throw configurationError(
        `${place(`keys.cryptoperiods.${type}`)}: ${type} keys sign for a year at most unless a reason is written; add reason, which reports print`,
      );
    }
    return [type, withoutUndefined(made)] as const;
  });
  const validations = Object.entries(tokens).flatMap(([role, { validation }]) => {
    const { certificate, level } = validation;
    if ((certificate === undefined) !== (level === undefined)) {
      throw configurationError(
        `${place(`tokens.${role}.validation`)}: a validation has both certificate and level`,
      );
    }
    return certificate === undefined || level === undefined
      ? []
      : [[role, { certificate, level }] as const];
  });
  const found = Object.fromEntries(validations);
  if (keys.requireValidatedModule) {
    for (const role of ['root', 'issuing'] as const) {
      requireValidation(role, tokens[role].module, found[role] !== undefined, place);
      // What takes over signs with the same keys.
      const { label, module, validation } = tokens[role].standby;
      if (label === undefined) continue;
      const validated = validation.certificate !== undefined && validation.level !== undefined;
      requireValidation(`${role}.standby`, module, validated, place);
    }
  }
  return {
    cryptoperiods: Object.fromEntries(cryptoperiods),
    minimumStrength: keys.minimumStrength,
    requireValidatedModule: keys.requireValidatedModule,
    reconcileEverySeconds: parseDuration(keys.reconcileEvery) ?? 3600,
    reconcileRoot: keys.reconcileRoot,
    validations: found,
  };
}

function requireValidation(
  role: string,
  module: string | undefined,
  validated: boolean,
  place: (path: string) => string,
): void {
  if (module === undefined || /softhsm/i.test(module)) {
    throw configurationError(
      `${place('keys.requireValidatedModule')}: the ${role} token is SoftHSM, which is software without validation; name a validated module in tokens.${role}.module`,
    );
  }
  if (!validated) {
    throw configurationError(
      `${place('keys.requireValidatedModule')}: the ${role} token has no CMVP certificate; write tokens.${role}.validation: {certificate, level}`,
    );
  }
}

function withoutUndefined<T extends object>(
  value: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
