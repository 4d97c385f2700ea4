import type { TokenIdentity } from './ports.ts';

/** What the configuration says of a token's validation (FIPS 140, CMVP). */
export interface ModuleValidation {
  /** Number of the CMVP certificate. */
  readonly certificate: string;
  /** FIPS 140-3 (or 140-2) overall level. */
  readonly level: number;
}

/** What a module is, in one line, and whether it counts as validated. */
export interface ModuleStanding {
  readonly validated: boolean;
  readonly text: string;
}

/**
 * SoftHSM is software without validation, whatever the configuration says of it.
 *
 * @param validation of the token that holds the key, from `tokens.<role>.validation`
 */
export function moduleStanding(
  token: Pick<TokenIdentity, 'manufacturer' | 'model' | 'hardware'>,
  validation: ModuleValidation | undefined,
): ModuleStanding {
  const kind = token.hardware ? 'hardware' : 'software';
  if (/softhsm/i.test(`${token.manufacturer} ${token.model}`) || validation === undefined) {
    return { validated: false, text: `${kind}, not validated` };
  }
  return {
    validated: true,
    text: `${kind}, CMVP certificate ${validation.certificate}, level ${validation.level} (from the configuration)`,
  };
}
