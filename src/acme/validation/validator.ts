import type { ChallengeValidator, Identifier, ValidationOutcome } from '../ports.ts';
import { startDeadline } from './deadline.ts';
import { validateDns01 } from './dns-01.ts';
import { codeOf, ValidationFailure } from './failure.ts';
import { validateHttp01 } from './http-01.ts';
import { type Attempt, checkValidationSettings, type ValidationSettings } from './settings.ts';
import { validateTlsAlpn01 } from './tls-alpn-01.ts';

/** One line for the operator. */
export type ValidationLog = (
  level: 'info' | 'warn' | 'alarm',
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

type Challenge = Parameters<ChallengeValidator['validate']>[0];

/**
 * The one place that talks to strangers (RFC 8555 §10.4). An attempt has a deadline, looks each host
 * up once, connects to allowed addresses only, reads a few KiB, and says nothing of what it read.
 */
export function createValidator(
  settingsOf: (directory: string) => ValidationSettings,
  log: ValidationLog,
): ChallengeValidator {
  return {
    validate: async (challenge) => {
      const { directory, type, identifier } = challenge;
      const about = { directory, challenge: type, identifier: identifier.value };
      try {
        return await attemptOne(challenge, settingsOf(directory));
      } catch (error) {
        if (error instanceof ValidationFailure) {
          const { type: problem, message: detail, retryable } = error;
          log('info', 'a challenge was not met', { ...about, problem, detail });
          return { valid: false, type: problem, detail, retryable };
        }
        log('alarm', 'validation failed by itself', {
          ...about,
          code: codeOf(error),
          error: error instanceof Error ? error.stack : undefined,
        });
        return {
          valid: false,
          type: 'serverInternal',
          detail: "validation failed on the CA's side; its log has the reason",
          retryable: true,
        };
      }
    },
  };
}

async function attemptOne(
  challenge: Challenge,
  settings: ValidationSettings,
): Promise<ValidationOutcome> {
  const { targets } = checkValidationSettings(settings);
  const deadline = startDeadline(settings.timeoutMilliseconds);
  try {
    return { valid: true, ...(await dispatch(challenge, { settings, targets, deadline })) };
  } finally {
    deadline.end();
  }
}

async function dispatch(
  { type, identifier, token, keyAuthorization }: Challenge,
  attempt: Attempt,
): Promise<{ readonly address?: string }> {
  refuseWildcard(identifier, type);
  switch (type) {
    case 'http-01':
      return { address: await validateHttp01(identifier, token, keyAuthorization, attempt) };
    case 'dns-01':
      await validateDns01(identifier, keyAuthorization, attempt);
      return {};
    case 'tls-alpn-01':
      return { address: await validateTlsAlpn01(identifier, keyAuthorization, attempt) };
    default:
      return type satisfies never;
  }
}

/** Wildcards come without their `*.` (RFC 8555 §7.1.3); a star here would be a defect of ours. */
function refuseWildcard({ value }: Identifier, type: string): void {
  if (value.includes('*')) throw new Error(`${type} was asked to validate a wildcard`);
}
