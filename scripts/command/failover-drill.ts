import { setTimeout as delay } from 'node:timers/promises';
import {
  type ComparedKey,
  compareCopies,
  type FailoverDrill,
  keysToCompare,
  recordFailoverDrill,
} from '../../src/authority/index.ts';
import { systemClock } from '../../src/composition.ts';
import { loadConfiguration, type TokenConfiguration } from '../../src/config/index.ts';
import { ChanceryError, defaultTenant } from '../../src/domain/index.ts';
import { openConfiguredToken, type Token } from '../../src/hsm/index.ts';
import type { TokenRole } from '../../src/keys/ports.ts';
import { openStorage } from '../../src/storage/index.ts';
import { localOperator } from './accept-restore.ts';

/** The first token need not have been well for long: it is a drill, and its process was ended by us. */
const failBackMilliseconds = 1000;
/** How long the standby may take to sign, and the first to come back. */
const patience = 60_000;

/**
 * Opens both tokens in signer processes of the drill's own, compares the standby's keys with the
 * inventory, ends the first token's process and sees the standby sign, lets the first come back, and
 * keeps what was seen. A CA that runs is not disturbed. Issuers' keys sign no probes: the self-test
 * keys of the two tokens do.
 */
export async function failoverDrill(
  environment: Readonly<Record<string, string | undefined>>,
  role: TokenRole,
  token: TokenConfiguration,
  reason: string,
): Promise<FailoverDrill> {
  const { standby } = token;
  if (standby === undefined) {
    throw new ChanceryError('configuration', {
      message: `the ${role} token has no standby; set tokens.${role}.standby.label and what belongs to it`,
    });
  }
  const { database } = loadConfiguration(environment);
  const storage = await openStorage({
    url: database.url,
    schema: database.schema,
    poolSize: 2,
    statementTimeout: database.statementTimeoutMilliseconds,
    applicationName: 'chancery-drill',
  });
  const pair = openConfiguredToken(
    role,
    { ...token, standby: { ...standby, failBackMilliseconds } },
    { sessions: 1, clock: systemClock },
  );
  try {
    const records = await storage.unitOfWork.read(async (transaction) =>
      transaction.keys.list(defaultTenant),
    );
    const drill = await held(pair, role, reason, (objects) =>
      compareCopies(keysToCompare(records, role), objects),
    );
    await recordFailoverDrill(
      { unitOfWork: storage.unitOfWork, clock: systemClock },
      localOperator,
      drill,
    );
    return drill;
  } finally {
    await pair.close();
    await storage.close();
  }
}

async function held(
  pair: Token,
  role: TokenRole,
  reason: string,
  compare: (objects: Parameters<typeof compareCopies>[1]) => readonly ComparedKey[],
): Promise<FailoverDrill> {
  const { standby } = pair;
  if (standby === undefined) throw new TypeError('the token was opened without its standby');
  const startedAt = systemClock.now();
  const began = performance.now();
  const findings: string[] = [];
  const tokens = { first: await pair.identity(), standby: await standby.token.identity() };
  await pair.selfTest();
  const keys = compare(await standby.token.objects());
  for (const { label, keyId, problem } of keys) {
    if (problem !== undefined) findings.push(`key ${label} (${keyId}): ${problem}`);
  }
  standby.holdFirst();
  const takeoverMilliseconds = await until(async () => {
    await pair.selfTest();
    return pair.standby?.serving === true;
  });
  if (takeoverMilliseconds === undefined) {
    findings.push(
      'the standby made no signature: has it a self-test key, cloned or made by `chancery token replace`?',
    );
  }
  standby.releaseFirst();
  const failBackMilliseconds =
    takeoverMilliseconds === undefined
      ? undefined
      : await until(() => Promise.resolve(pair.standby?.serving === false));
  if (takeoverMilliseconds !== undefined && failBackMilliseconds === undefined) {
    findings.push('the first token did not come back after its process had been ended');
  }
  return {
    role,
    reason,
    outcome: findings.length === 0 ? 'passed' : 'failed',
    startedAt: startedAt.toISOString(),
    durationMilliseconds: Math.round(performance.now() - began),
    tokens,
    takeoverMilliseconds,
    failBackMilliseconds,
    keys,
    findings,
  };
}

/** Milliseconds until the condition held; undefined when it never did. What it throws is tried again. */
async function until(condition: () => Promise<boolean>): Promise<number | undefined> {
  const began = performance.now();
  while (performance.now() - began < patience) {
    if (await condition().catch(() => false)) return Math.round(performance.now() - began);
    await delay(20);
  }
  return undefined;
}
