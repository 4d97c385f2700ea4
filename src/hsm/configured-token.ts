import type { StandbyConfiguration, TokenConfiguration } from '../config/index.ts';
import type { TokenRole } from '../keys/ports.ts';
import { findSofthsmModule } from './softhsm.ts';
import type { Token } from './token.ts';
import { openToken } from './token.ts';
import type { TokenOptions, TokenPlace } from './token-options.ts';

/**
 * Opens a token as it is configured, with its standby where there is one.
 *
 * @param more what the configuration does not say, or what is otherwise for one act
 * @throws ChanceryError `configuration` when SoftHSM is meant and not installed
 */
export function openConfiguredToken(
  role: TokenRole,
  configured: TokenConfiguration,
  more: Pick<TokenOptions, 'clock'> & Partial<TokenOptions>,
): Token {
  const { standby } = configured;
  return openToken({
    role,
    ...placeOf(configured),
    ...(standby === undefined
      ? {}
      : { standby: { ...placeOf(standby), failBackAfter: standby.failBackMilliseconds } }),
    sessions: configured.sessions,
    queueLimit: configured.queueLimit,
    defaultDeadline: configured.deadlineMilliseconds,
    keepAlive: configured.keepAliveMilliseconds,
    ...more,
  });
}

function placeOf(configured: TokenConfiguration | StandbyConfiguration): TokenPlace {
  const { label, serialNumber, pinFile, environment, libraryParameters } = configured;
  return {
    module: configured.module ?? findSofthsmModule(),
    ...{ label, serialNumber, pinFile, environment, libraryParameters },
  };
}
