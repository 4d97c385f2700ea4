import { print, printFields, printTable } from './output.ts';
import { cell, type Row } from './rows.ts';

/** What an incident reaches, as REST shows it. */
export interface BlastRadiusJson {
  readonly kind: string;
  readonly issuer?: string;
  readonly issuerId?: string;
  readonly spkiHash?: string;
  readonly keyId?: string;
  readonly reach: Row & {
    readonly certificates: number;
    readonly owners: readonly { readonly owner: string; readonly certificates: number }[];
    readonly ownerCount: number;
  };
  readonly caCertificates: readonly Row[];
  readonly ownCertificates: readonly Row[];
  readonly trustBundles: readonly string[];
  readonly subordinateIssuers: readonly Row[];
  readonly siblingKeys: readonly Row[];
  readonly signatures?: Row & { readonly crlList: readonly Row[] };
  readonly notes: readonly string[];
}

const shownOwners = 20;
const shownCrls = 20;

/** Prints it for people: counts first, then each list that is not empty. */
export function printBlastRadius(radius: BlastRadiusJson): void {
  const { reach, signatures } = radius;
  printFields([
    ['what', radius.kind],
    ['issuer', radius.issuer],
    ['issuerId', radius.issuerId],
    ['key (SHA-256)', radius.spkiHash],
    ['key of the inventory', radius.keyId],
    ...Object.entries(reach)
      .filter(([name]) => name !== 'owners')
      .map(([name, value]) => [name, String(value)] as const),
    ['trust bundles', radius.trustBundles],
  ]);
  section(
    `Owners (${reach.ownerCount})`,
    ['owner', 'certificates'],
    reach.owners.slice(0, shownOwners),
  );
  const authorities = ['serialNumber', 'issuerId', 'status', 'notAfter', 'subject'];
  section('CA certificates of the key itself', authorities, radius.ownCertificates);
  section('CA certificates that it signed', authorities, radius.caCertificates);
  section(
    'Issuers below',
    ['name', 'issuerId', 'depth', 'certificates'],
    radius.subordinateIssuers,
  );
  section(
    'Sibling keys: look at each',
    ['keyId', 'type', 'privateState', 'because', 'label'],
    radius.siblingKeys,
  );
  if (signatures !== undefined) {
    const { crlList, ...counts } = signatures;
    print(`\nSignatures since ${cell(counts['since'])}`);
    printFields(Object.entries(counts).filter(([name]) => name !== 'since'));
    section('CRLs', ['crlNumber', 'shard', 'thisUpdate'], crlList.slice(0, shownCrls));
    print(
      `list the certificates: chancery list --issuer ${radius.issuer ?? ''} --requested-after ${cell(counts['since'])}`,
    );
  }
  for (const note of radius.notes) print(`note: ${note}`);
}

function section(title: string, columns: readonly string[], rows: readonly object[]): void {
  if (rows.length === 0) return;
  print(`\n${title}`);
  printTable(
    columns,
    rows.map((row) => columns.map((column) => cell((row as Row)[column]))),
  );
}
