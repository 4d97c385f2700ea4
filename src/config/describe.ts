import { stringify } from 'yaml';
import type { Leaf } from './leaves.ts';
import { directoryMembers, leaves } from './leaves.ts';

/** What each section of the file is about. */
const sectionTexts: Readonly<Record<string, string>> = {
  server: 'Listeners, host name and limits of CA and responder.',
  urls: "Base URLs in certificates, when they differ from host and ports. They are kept with each issuer when it is made; changing them later doesn't change issuers that exist.",
  database: 'PostgreSQL. Passwords stand in files of their own, never here.',
  'tokens.root': "The root issuers' token; opened only for the act that needs it.",
  'tokens.issuing': "The other issuers' token.",
  'tokens.responder': "The responder's token.",
  'tokens.root.standby':
    'A second root token; `docs/operations/tokens.md` tells how the keys get there.',
  'tokens.issuing.standby': 'A second issuing token with the same keys.',
  'tokens.responder.standby': 'A second responder token with the same keys.',
  ...Object.fromEntries(
    ['root', 'issuing', 'responder'].flatMap((role) => [
      [`tokens.${role}.validation`, 'The validation of its module, as you state it.'],
      [`tokens.${role}.standby.validation`, 'The validation of the second token’s module.'],
    ]),
  ),
  profiles: 'Certificate profiles.',
  'names.allow':
    'Names that certificates may carry. Without a list any name that the profile allows.',
  'names.deny': 'Names that certificates must not carry, whatever is allowed above.',
  crl: 'Certificate revocation lists.',
  ceremonies: 'Ceremonies, and the alarm before what an absent token signed ends.',
  ocsp: 'The OCSP responder.',
  acme: 'ACME: its directories, and how validation reaches the names it is asked about.',
  store: 'Where CRLs and CA certificates are published.',
  folders: 'Where files are kept.',
  log: 'The log.',
};

/**
 * The commented configuration that `init` writes: every setting with its meaning, its variable and
 * its default, all of them commented out, so that later versions' defaults still reach this file.
 *
 * @param set dotted paths that are written as real settings, for example `{'server.httpPort': 8090}`
 */
export function defaultConfigurationYaml(set: Readonly<Record<string, unknown>> = {}): string {
  const lines = [
    '# Configuration of Chancery. Every setting is shown with its default; uncomment to change.',
    '# An unknown key is an error. A variable of the environment wins over this file.',
    "# Durations: 30s, 15m, 24h, 7d. Relative paths count from this file's folder.",
  ];
  let open: readonly string[] = [];
  for (const leaf of leaves) {
    const section = leaf.path.slice(0, -1);
    if (section.join('.') !== open.join('.')) {
      lines.push('');
      lines.push(...sectionLines(open, section));
      open = section;
    }
    lines.push(...leafLines(leaf, set[leaf.path.join('.')]));
  }
  return `${lines.join('\n')}\n`;
}

/** The reference page of the documentation; a test compares it with the file in the repository. */
export function configurationReference(): string {
  const lines = [
    '# Configuration',
    '',
    'One YAML file: `$CHANCERY_CONFIG`, else `chancery.yaml` in the data folder `$CHANCERY_DATA`',
    '(default `data` in the clone). It is strict: an unknown key stops the start and names file, line',
    'and the likely meant key. Every setting can be overridden by its variable; lists are then',
    "separated by commas. Relative paths count from the file's folder, in variables from the working",
    'directory. Secrets are never values, only names of files (mode 0600). Durations are written as',
    '`30s`, `15m`, `24h`, `7d`.',
    '',
    'A wrong configuration is one line on standard error and exit status 78.',
    '',
    '(This page is generated from the schema in `src/config/schema.ts`.)',
  ];
  let open = '';
  for (const leaf of leaves) {
    const section = leaf.path.slice(0, -1).join('.');
    if (section !== open) {
      lines.push('', `## ${section}`, '', sectionTexts[section] ?? '', '');
      lines.push('| setting | variable | default | meaning |', '|---|---|---|---|');
      open = section;
    }
    const name = leaf.path.at(-1) ?? '';
    lines.push(`| \`${name}\` | \`${leaf.variable}\` | ${defaultOf(leaf)} | ${leaf.text} |`);
    if (isDirectories(leaf)) lines.push(...directoryReference());
  }
  return `${lines.join('\n')}\n`;
}

function sectionLines(open: readonly string[], section: readonly string[]): string[] {
  const lines: string[] = [];
  const text = sectionTexts[section.join('.')];
  section.forEach((key, depth) => {
    if (open[depth] === key && open.slice(0, depth).join() === section.slice(0, depth).join()) {
      return;
    }
    const indent = '  '.repeat(depth);
    if (text !== undefined && depth === section.length - 1) lines.push(`${indent}# ${text}`);
    lines.push(`${indent}${key}:`);
  });
  return lines;
}

function leafLines(leaf: Leaf, value: unknown): string[] {
  const indent = '  '.repeat(leaf.path.length - 1);
  const name = leaf.path.at(-1) ?? '';
  const note = `${indent}# ${leaf.text} (${leaf.variable})`;
  if (value !== undefined) return [note, `${indent}${inline(name, value)}`];
  if (leaf.defaultValue !== undefined && leaf.kind !== 'json')
    return [note, `${indent}# ${inline(name, leaf.defaultValue)}`];
  const line = `${indent}# ${name}:   # default: ${leaf.defaultText ?? 'none'}`;
  return isDirectories(leaf) ? [note, line, ...directoryExample(indent)] : [note, line];
}

/** The one setting whose members have a table of their own. */
function isDirectories({ path }: Leaf): boolean {
  return path.join('.') === 'acme.directories';
}

/** A directory with everything that it may say, as comments below `directories`. */
function directoryExample(indent: string): readonly string[] {
  const example: Record<string, unknown> = {};
  for (const { path, defaultValue } of directoryMembers) {
    if (defaultValue === undefined) continue;
    let place = example;
    for (const key of path.slice(0, -1)) place = (place[key] ??= {}) as typeof place;
    place[path.at(-1) ?? ''] = defaultValue;
  }
  const web = { profiles: { 'tls-server': 'Servers, 90 days' }, ...example };
  return stringify({ web }, { lineWidth: 0, flowCollectionPadding: false })
    .trimEnd()
    .split('\n')
    .map((line) => `${indent}#   ${line}`);
}

function directoryReference(): readonly string[] {
  return [
    '',
    '### acme.directories.NAME',
    '',
    'The name stands in the URL: `/acme/NAME/directory`; 1 to 32 lower-case letters, digits and hyphens,',
    'not `directory`. All members of a directory may be left out. `docs/acme.md` shows one in use.',
    '',
    '| member | default | meaning |',
    '|---|---|---|',
    ...directoryMembers.map(
      (one) => `| \`${one.path.join('.')}\` | ${defaultOf(one)} | ${one.text} |`,
    ),
  ];
}

function inline(name: string, value: unknown): string {
  return stringify({ [name]: value }, { collectionStyle: 'flow', lineWidth: 0 })
    .trim()
    .replace(/^\{ ?/, '')
    .replace(/ ?\}$/, '')
    .trim();
}

function defaultOf(leaf: Pick<Leaf, 'defaultValue' | 'defaultText'>): string {
  const { defaultValue: value, defaultText } = leaf;
  if (value === undefined || typeof value === 'object') {
    if (!Array.isArray(value)) return defaultText ?? 'none';
    if (value.length === 0) return 'none';
  }
  return `\`${Array.isArray(value) ? value.join(',') : String(value as string | number | boolean)}\``;
}
