import { print, printFields, printTable } from './output.ts';
import { cell, type Row } from './rows.ts';

const listColumns = [
  ...['keyId', 'label', 'type', 'version', 'keyAlgorithm', 'token', 'privateState'],
  ...['scope', 'originatorUsageEnd', 'signatures'],
];

/** Keys as a table, then what someone should do about them. */
export function printKeys(keys: readonly Row[]): void {
  printTable(
    listColumns,
    keys.map((key) => listColumns.map((column) => cell(key[column]))),
  );
  printWarnings(keys.flatMap(({ warnings }) => rowsOf(warnings)));
}

/** All that is known of a key, by the list of SP 800-57 Part 1 §6.2.3. */
export function printKey(key: Row): void {
  const token = key['tokenIdentity'] as Row;
  const strength = key['strength'] as Row;
  printFields([
    ['identifier', key['keyId']],
    ['record', `${cell(key['record'])}, version ${cell(key['version'])}`],
    ['label', key['label']],
    ['type', key['type']],
    ['purposes', key['purposes']],
    ['algorithm', `${cell(key['keyAlgorithm'])}, signs ${cell(key['signatureAlgorithm'])}`],
    ['strength', strengthText(strength)],
    ['owner', key['owner']],
    ['origin', `${cell(key['origin'])} ${cell(key['createdAt'])}`],
    ['private half', `${cell(key['privateState'])} since ${cell(key['stateSince'])}`],
    ['public half', key['publicState']],
    ['scope', key['scope'] === 'status' ? 'status (CRLs and OCSP delegates alone)' : 'full'],
    ['blocked', key['blockedReason']],
    ['activated', key['activatedAt']],
    ['signs until', key['originatorUsageEnd']],
    ['verified until', key['recipientUsageEnd']],
    ['reason of its period', key['periodReason']],
    ['signatures', signaturesText(key)],
    [
      'token',
      `${cell(key['token'])}: ${cell(token['label'])}, ${cell(token['manufacturer'])} ${cell(token['model'])}, serial number ${cell(token['serialNumber'])}, firmware ${cell(token['firmwareVersion'])}, CKF_HW ${cell(token['hardware'])}`,
    ],
    ['module', key['module']],
    ['attributes', attributesText(key['attributes'] as Row)],
    ['node', key['node']],
    ['backup', backupText(key['backup'] as Row | undefined)],
    ['issuer', key['issuer']],
    ['issuer stands', key['issuerStanding']],
    ['its CRLs run out', key['crlsUntil']],
    ['public key SHA-256', key['spkiHash']],
  ]);
  section('custodians', rowsOf(key['custodians']), ['id', 'person', 'duty', 'since', 'keyId']);
  section('certificates', rowsOf(key['certificates']), [
    ...['serialNumber', 'issuerId', 'subject', 'status', 'notAfter'],
  ]);
  section('distributed', rowsOf(key['distributions']), ['at', 'channel', 'location', 'by']);
  section('versions', rowsOf(key['versions']), ['version', 'keyId', 'privateState']);
  section('signatures by node', rowsOf(key['usage']), [
    ...['node', 'signatures', 'allotted', 'updatedAt'],
  ]);
  print('');
  print('history');
  printSteps(rowsOf(key['history']));
  section('evidence', rowsOf(key['evidence']), ['id', 'at', 'kind', 'by']);
  printWarnings(rowsOf(key['warnings']));
}

/** Transitions as a table. */
export function printSteps(steps: readonly Row[]): void {
  const columns = ['at', 'half', 'number', 'from', 'to', 'by', 'reason', 'approvals'];
  printTable(
    columns,
    steps.map((step) => columns.map((column) => cell(step[column]))),
  );
}

/** Who could use a key, and who could have seen it in the clear. */
export function printKeyAccess(access: Row): void {
  const clear = access['inTheClear'] as Row;
  printFields([
    ['key', access['keyId']],
    ['at', access['at']],
    ['private half then', access['privateState'] ?? 'not made yet'],
    ['could be used', access['usable'] === true ? 'yes' : 'no'],
    [
      'in the clear',
      `${clear['possible'] === true ? 'possible' : 'never'}: ${cell(clear['reason'])}`,
    ],
    ['by', clear['persons']],
    ['used without a person', rowsText(access['processes'])],
    [
      'custodians',
      rowsOf(access['custodians']).length === 0
        ? 'nobody was on record then (`chancery key custodian appoint`)'
        : undefined,
    ],
  ]);
  section('custodians', rowsOf(access['custodians']), ['id', 'person', 'duty', 'since', 'until']);
  section('principals who could have it used', rowsOf(access['principals']), [
    ...['name', 'role', 'since', 'until', 'permissions'],
  ]);
}

function section(title: string, rows: readonly Row[], columns: readonly string[]): void {
  if (rows.length === 0) return;
  print('');
  print(title);
  printTable(
    columns,
    rows.map((row) => columns.map((column) => cell(row[column]))),
  );
}

function printWarnings(warnings: readonly Row[]): void {
  if (warnings.length === 0) return;
  print('');
  for (const { kind, message } of warnings) print(`${cell(kind)}: ${cell(message)}`);
}

function rowsOf(value: unknown): readonly Row[] {
  return Array.isArray(value) ? (value as readonly Row[]) : [];
}

function rowsText(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join('; ') : '';
}

function strengthText({ bits, end }: Row): string {
  return `${cell(bits)} bits${end === undefined ? '' : `, to sign until ${cell(end)}`}`;
}

function signaturesText({ signatures, signatureLimit }: Row): string {
  const limit = signatureLimit === undefined ? '' : ` of ${cell(signatureLimit)}`;
  return `${cell(signatures) || '0'}${limit}`;
}

function attributesText(attributes: Row): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name} ${cell(value)}`)
    .join(', ');
}

function backupText(backup: Row | undefined): string {
  if (backup === undefined) return 'not on record';
  const { kind, reason, location, at } = backup;
  return [kind, reason, location, at]
    .map(cell)
    .filter((part) => part !== '')
    .join(', ');
}
