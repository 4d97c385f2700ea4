import type { CertificateRecord } from '../authority/ports.ts';
import type { Identifier } from './ports.ts';

/**
 * The names of a certificate as ACME identifiers; names that are no identifiers, such as mail
 * addresses, are left out. Both sides write them in the one normal form.
 */
export function certificateIdentifiers({
  names,
}: Pick<CertificateRecord, 'names'>): readonly Identifier[] {
  return names.flatMap((name): Identifier[] => {
    if (name.startsWith('DNS:')) return [{ type: 'dns', value: name.slice('DNS:'.length) }];
    if (name.startsWith('IP:')) return [{ type: 'ip', value: name.slice('IP:'.length) }];
    return [];
  });
}
