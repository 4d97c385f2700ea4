import { rmSync } from 'node:fs';
import type { FailoverDrill } from '../../src/authority/index.ts';
import { systemClock } from '../../src/composition.ts';
import {
  loadConfiguration,
  loadResponderConfiguration,
  type TokenConfiguration,
} from '../../src/config/index.ts';
import { openConfiguredToken, type Token } from '../../src/hsm/index.ts';
import { usageError } from './exit.ts';
import { failoverDrill } from './failover-drill.ts';
import { replaceToken } from './initialise.ts';
import { withDatabase } from './with-database.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The tokens that an operator can look at on this machine. */
export const tokenRoles = ['root', 'issuing', 'responder'] as const;

export interface TokenReport {
  readonly label: string;
  readonly serialNumber: string;
  readonly manufacturer: string;
  readonly model: string;
  /** SoftHSM is software, and shown as such. */
  readonly hardware: boolean;
  readonly keyIds: readonly string[];
  readonly blockedKeys: readonly { readonly keyId: string; readonly reason: string }[];
  /** The second token, where one is configured. */
  readonly standby?: Omit<TokenReport, 'standby'> | undefined;
}

/** Opens a token in a signer process of its own and reads what is in it. */
export async function showToken(environment: Environment, role: string): Promise<TokenReport> {
  return withToken(environment, role, async (token) => {
    const own = await reportOf(token);
    const standby = token.standby?.token;
    return standby === undefined ? own : { ...own, standby: await reportOf(standby) };
  });
}

async function reportOf(token: Token): Promise<Omit<TokenReport, 'standby'>> {
  const { label, serialNumber, manufacturer, model, hardware } = await token.identity();
  return {
    label,
    serialNumber,
    manufacturer,
    model,
    hardware,
    keyIds: await token.keyIds(),
    blockedKeys: token.blockedKeys().map(({ keyId, reason }) => ({ keyId, reason })),
  };
}

/** An operator examined the token: a key that was blocked after a wrong signature may sign again. */
export async function clearBlockedKey(
  environment: Environment,
  role: string,
  keyId: string,
): Promise<void> {
  await withToken(environment, role, async (token) => {
    if (!token.blockedKeys().some((blocked) => blocked.keyId === keyId)) {
      throw usageError(`key ${keyId} of the ${role} token is not blocked`);
    }
    await token.clearBlockedKey(keyId);
  });
}

/** A refused PIN is not tried again until its file changes, or until this is called. */
export function retryPin(environment: Environment, role: string): void {
  rmSync(`${tokenOf(environment, role).pinFile}.refused`, { force: true });
}

/** A drill of the second token: see `failoverDrill`. */
export async function drillFailover(
  environment: Environment,
  role: string,
  reason: string,
): Promise<FailoverDrill> {
  const token = tokenOf(environment, role);
  return withDatabase(environment, async (complete) =>
    failoverDrill(complete, role as (typeof tokenRoles)[number], token, reason),
  );
}

/** An empty token where one is lost for good, with a self-test key and nothing else. */
export async function replaceLostToken(
  environment: Environment,
  role: string,
  say: (step: string) => void,
): Promise<void> {
  const token = tokenOf(environment, role);
  await replaceToken(role as (typeof tokenRoles)[number], token, say);
}

async function withToken<T>(
  environment: Environment,
  role: string,
  work: (token: Token) => Promise<T>,
): Promise<T> {
  const token = openConfiguredToken(
    role as (typeof tokenRoles)[number],
    tokenOf(environment, role),
    {
      sessions: 1,
      clock: systemClock,
    },
  );
  try {
    return await work(token);
  } finally {
    await token.close();
  }
}

function tokenOf(environment: Environment, role: string): TokenConfiguration {
  // No database is opened here, but the configuration as a whole must be right.
  const placeholder = 'postgresql://nobody@localhost/none';
  const complete = {
    CHANCERY_DATABASE_URL: placeholder,
    CHANCERY_OCSP_DATABASE_URL: placeholder,
    ...environment,
  };
  if (role === 'responder') {
    return loadResponderConfiguration(complete).token;
  }
  if (role === 'root' || role === 'issuing') {
    return loadConfiguration(complete).tokens[role];
  }
  throw usageError(`there is no token ${role}; one of ${tokenRoles.join(', ')}`);
}
