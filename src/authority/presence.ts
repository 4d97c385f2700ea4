import { ChanceryError } from '../domain/index.ts';
import type { AuthoritySettings } from './dependencies.ts';
import type { IssuerRecord } from './ports.ts';

/** Whether the issuer's token is locked away between ceremonies: this process never opens it. */
export function isAbsent(
  { absentTokens }: Pick<AuthoritySettings, 'absentTokens'>,
  { tokenRole }: Pick<IssuerRecord, 'tokenRole'>,
): boolean {
  return absentTokens?.includes(tokenRole) ?? false;
}

/** @throws ChanceryError tokenAbsent: said before anything is begun that needs a signature of it */
export function requirePresent(
  settings: Pick<AuthoritySettings, 'absentTokens'>,
  issuer: Pick<IssuerRecord, 'tokenRole' | 'name'>,
): void {
  if (isAbsent(settings, issuer)) {
    throw new ChanceryError('tokenAbsent', {
      message: `the ${issuer.tokenRole} token, which has the key of issuer ${issuer.name}, is absent between ceremonies; hold one: \`chancery ceremony run FILE\` (docs/ceremonies.md)`,
      field: 'issuer',
    });
  }
}
