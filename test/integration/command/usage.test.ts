/** What the command says without any server: help, usage errors (exit 2), nobody there (exit 3). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ran, run } from '../../support/installation.ts';
import { sampled } from '../../support/sampled.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-usage-'));
const environment = {
  CHANCERY_DATA: folder,
  // Nothing listens on port 1.
  CHANCERY_URL: 'https://127.0.0.1:1',
  CHANCERY_TRUST: join(folder, 'root.pem'),
  CHANCERY_CERT: join(folder, 'root.pem'),
  CHANCERY_KEY: join(folder, 'root.key'),
};

async function chancery(...parameters: readonly string[]): Promise<Ran> {
  return await run(process.execPath, [resolve('scripts/command/main.ts'), ...parameters], {
    cwd: folder,
    env: environment,
  });
}

beforeAll(async () => {
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', environment.CHANCERY_KEY],
    ...['-out', environment.CHANCERY_TRUST, '-subj', '/CN=nobody'],
  ]);
  writeFileSync(join(folder, 'some.csr'), 'some bytes');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every command with the options that its help must name. */
const commands: readonly (readonly [command: string, ...options: string[]])[] = [
  [
    'issue',
    ...'--profile --csr --dns --ip --email --uri --days --issuer --key-out --out --json'.split(' '),
  ],
  ['renew', '--key', '--out', '--json'],
  ['rekey', '--key', '--key-out', '--out', '--json'],
  [
    'revoke',
    ...'--reason --invalidity-date --comment --issuer --json'.split(' '),
    ...'--from --where --owner --tag --expiring-within --dry-run --resume --yes'.split(' '),
  ],
  ['job list', '--state', '--json'],
  ['job show', '--items', '--cursor', '--json'],
  ['job stop', '--json'],
  ['job resume', '--json'],
  [
    'certificate set',
    ...'--owner --add-tag --remove-tag --note --from --where --where-owner --dry-run --json'.split(
      ' ',
    ),
  ],
  [
    'compromise key',
    ...'--reason --comment --invalidity-date --revoke --hold --dry-run --expect --yes'.split(' '),
    ...'--renew-within --drill --json'.split(' '),
  ],
  ['compromise issuer', '--reissue-by', '--dry-run', '--expect', '--json'],
  ['incident open', '--where', '--reason', '--dry-run', '--expect', '--drill', '--json'],
  ['incident hold', '--cause', '--comment', '--json'],
  ['incident revoke', '--reason', '--invalidity-date', '--json'],
  ['incident status', '--watch', '--remaining', '--events', '--json'],
  ['incident list', '--state', '--json'],
  ['incident close', '--comment', '--format', '--out', '--json'],
  ['incident report', '--format', '--out', '--json'],
  ['export', ...'--format --out --where --status --owner'.split(' ')],
  ['hold', '--cause', '--until', '--then', '--comment', '--issuer', '--json'],
  ['release', '--comment', '--issuer', '--json'],
  ['report sp800-57', ...'--format --out --json --latest --runs --check'.split(' ')],
  ['report practice-statement', ...'--format --out --json --reviewed-by --comment'.split(' ')],
  ['evidence list', '--kind', '--subject', '--limit', '--json'],
  ['evidence record', ...'--subject --statement --failed --at --document --json'.split(' ')],
  ['list', ...'--status --subject --profile --owner --tag --expiring-within --json'.split(' ')],
  ['show', '--issuer', '--json'],
  ['history', '--issuer', '--json'],
  ['profile list', '--json'],
  ['profile show', '--json'],
  ['profile check', '--json'],
  ['issuer list', '--json'],
  ['issuer show', '--json'],
  [
    'issuer create',
    ...'--root --parent --external --key --signature --subject --days --path-length'.split(' '),
    ...'--profile --policy --map-policy --require-explicit-policy --inhibit-policy-mapping'.split(
      ' ',
    ),
    ...'--inhibit-any-policy --ca-repository --json'.split(' '),
    ...['dns', 'ip', 'email', 'uri', 'directory', 'upn'].flatMap((form) => [
      `--permit-${form}`,
      `--exclude-${form}`,
    ]),
  ],
  [
    'issuer adopt',
    ...'--key-id --token --subject --signature --chain --former-crl --json'.split(' '),
  ],
  ['issuer rollover prepare', ...'--as --key --same-name --subject --reason --approval'.split(' ')],
  ['issuer rollover activate', '--at', '--cancel', '--reason', '--approval', '--json'],
  ['issuer rollover retire', '--without-successor', '--renew-by', '--reason', '--json'],
  ['issuer rollover status', '--json'],
  ['issuer link', '--json'],
  ['issuer cross', '--by', '--chain', '--days', '--json'],
  ['key list', '--json'],
  ['key show', '--json'],
  ['key history', '--json'],
  ['key access', '--at', '--json'],
  ['key generate', ...'--type --key --record --signature-limit --reason --approval'.split(' ')],
  ['key distributed', '--location', '--reason', '--approval', '--json'],
  ...['activate', 'suspend', 'resume', 'deactivate', 'compromised', 'destroy', 'rotate'].map(
    (act) => [`key ${act}`, '--reason', '--approval', '--json'] as const,
  ),
  ['key reconcile', '--token', '--json'],
  ['key backup', '--location', '--none', '--at', '--reason', '--json'],
  ['key custodian appoint', ...'--duty --token --key --since --comment --json'.split(' ')],
  ['ceremony template'],
  ['ceremony plan', '--json'],
  ['ceremony run', '--transcript', '--plan', '--answers'],
  ['ceremony verify', '--trust', '--json'],
  ['ceremony list', '--json'],
  ['issuer csr', '--out'],
  ['issuer install', '--chain', '--json'],
  [
    'issuer policy',
    ...'--crl-shards --crl-scopes --delta --keep-expired --extended-revoke'.split(' '),
    ...'--archive-cutoff --json'.split(' '),
  ],
  [
    'import',
    ...'--issuer --issuer-certificate --index --owner --tag --dry-run --report'.split(' '),
  ],
  ['inventory purge', '--before', '--dry-run', '--json'],
  ['ocsp probe', ...'--responder --issuer --count --metrics-file --json'.split(' ')],
  [
    'ocsp staple',
    ...'--certificate --issuer --responder --out --format --haproxy-socket'.split(' '),
    ...'--on-change --once --interval --jitter'.split(' '),
  ],
  ['crl show', '--issuer', '--json'],
  ['crl publish', '--issuer', '--json'],
  ['crl shards', '--issuer', '--json'],
  ['crl retire', '--issuer', '--json'],
  ['bundle get', '--format', '--out'],
  ['principal create', '--role', '--csr', '--out', '--json'],
  ['credential create', '--scope', '--days', '--json'],
  ['credential list', '--json'],
  ['credential revoke'],
  [
    'acme eab create',
    ...'--directory --principal --allow --no-challenge --profile --quota --days'.split(' '),
    ...'--single-use --tag --json'.split(' '),
  ],
  ['acme eab list', '--directory', '--limit', '--cursor', '--json'],
  ['acme eab show', '--json'],
  ['acme eab revoke'],
  ['acme account list', '--directory', '--kid', '--json'],
  ['acme limit list', '--json'],
  ['acme limit override', '--rate', '--until', '--days', '--comment', '--json'],
  ['acme limit remove'],
  ['acme incident open', '--issuer', '--profile', '--spread', '--explanation-url', '--json'],
  ['acme incident list', '--json'],
  ['acme incident close'],
  ['init'],
  ['database verify', '--json'],
  ['database accept-restore'],
  ['database rehearse', '--keep', '--json'],
  ['node join', '--after-restore'],
  ['node prepare-responder'],
  ['token show', '--json'],
  ['token replace'],
  ['token failover-drill', '--reason', '--json'],
];

test.each(sampled('help texts', commands, 12, ([command]) => command ?? ''))(
  'chancery %s -h',
  async (command, ...options) => {
    const { code, stdout, stderr } = await chancery(...command.split(' '), '-h');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`Usage: chancery ${command}`);
    expect(options.filter((option) => !stdout.includes(option))).toEqual([]);
  },
);

test('the whole help names every command, the environment and the exit statuses', async () => {
  const { code, stdout } = await chancery('--help');
  expect(code).toBe(0);
  for (const [command] of commands)
    expect(stdout).toMatch(new RegExp(`^ +${command.split(' ')[0]}\\b`, 'm'));
  for (const word of ['CHANCERY_URL', 'CHANCERY_TOKEN_FILE', 'CHANCERY_TRUST', 'Exit status']) {
    expect(stdout).toContain(word);
  }
});

const names = ['--dns', 'a.test'];
const files = ['--key-out', 'k', '--out', 'o'];
const forWeb = ['--directory', 'eab', '--principal', 'web-team'] as const;
const misused: readonly (readonly string[])[] = [
  ['compromise', 'key', 'aa', '--hold', '--revoke'],
  ['compromise', 'issuer', 'issuing', '--reason', 'certificateHold'],
  ['incident', 'open', '--reason', 'why'],
  ['incident', 'open', '--where', '--owner', 'web'],
  [],
  ['bogus'],
  ['issue'],
  ['issue', '--profile', 'tls-server', ...names, '--out', 'o'],
  ['issue', '--profile', 'tls-server', ...names, '--csr', 'some.csr', ...files],
  ['issue', '--profile', 'tls-server', ...names, ...files, '--days', '0'],
  ['issue', '--profile', 'tls-server', ...names, ...files, '--key', 'dsa'],
  ['rekey', 'c.pem', '--key', 'k', '--out', 'o'],
  ['show'],
  ['show', '12', '34'],
  ['revoke', '1234'],
  ['revoke', '1234', '--reason', 'bogus'],
  ['revoke', '1234', '--reason', 'certificateHold'],
  ['revoke', '1234', '--reason', 'superseded', '--invalidity-date', '1 May'],
  ['revoke', '--reason', 'superseded', '--where'],
  ['revoke', '1234', '--reason', 'superseded', '--where', '--owner', 'x'],
  ['hold', '1234', '--owner', 'x'],
  ['release', '--resume', 'job'],
  ['certificate', 'set', '1234'],
  ['export', '--owner', 'x'],
  ['hold', '1234', '--until', '2027-01-01T00:00:00Z'],
  ['hold', '1234', '--then', 'release'],
  ['hold', '1234', '--until', 'tomorrow', '--then', 'release'],
  ['hold', '1234', '--cause', 'boredom'],
  ['list', '--status', 'bad'],
  ['list', '--limit', '0'],
  ['list', '--expiring-within', 'soon'],
  ['issuer', 'create', 'x', '--key', 'p256'],
  ['issuer', 'create', 'x', '--root', '--external', '--key', 'p256'],
  ['issuer', 'create', 'x', '--root'],
  ['issuer', 'create', 'x', '--root', '--key', 'p999'],
  ['issuer', 'adopt', 'x'],
  ['issuer', 'rollover', 'prepare', 'x', '--reason', 'due'],
  ['issuer', 'rollover', 'activate', 'y'],
  ['issuer', 'rollover', 'activate', 'y', '--reason', 'due', '--at', 'tomorrow'],
  ['issuer', 'rollover', 'retire', 'x', '--reason', 'due', '--renew-by', '2020-01-01T00:00:00Z'],
  ['issuer', 'cross', 'x', '--by', 'y', '--chain', 'z.pem'],
  ['key', 'suspend', 'x'],
  ['key', 'access', 'x', '--at', 'yesterday'],
  ['key', 'generate', '--type', 'king', '--reason', 'due'],
  ['key', 'custodian', 'appoint', 'Anna', '--duty', 'holdsPin'],
  ['key', 'backup', 'x', '--reason', 'due'],
  ['key', 'backup', 'x', '--location', 'safe', '--reason', 'due'],
  ['ceremony', 'template', 'wedding'],
  ['token', 'failover-drill', 'issuing'],
  ['bundle', 'get'],
  ['bundle', 'get', '--format', 'jks', '--out', 'b'],
  ['principal', 'create', 'x'],
  ['principal', 'create', 'x', '--role', 'king'],
  ['principal', 'create', 'x', '--role', 'operator', '--csr', 'some.csr'],
  ['credential', 'create', 'x', '--scope', 'everything'],
  ['acme'],
  ['acme', 'eab', 'create', '--directory', 'eab'],
  ['acme', 'eab', 'create', '--principal', 'web-team'],
  ['acme', 'eab', 'create', ...forWeb, '--no-challenge'],
  ['acme', 'eab', 'create', ...forWeb, '--quota', '0'],
  ['acme', 'eab', 'create', ...forWeb, '--days', 'many'],
  ['acme', 'eab', 'show'],
  ['acme', 'limit', 'override', 'newOrderPerAccount', 'x', '--days', '1'],
  ['acme', 'limit', 'override', 'newOrderPerAccount', 'x', '--rate', '5/1h'],
  ['acme', 'limit', 'override', 'newOrderPerAccount', 'x', '--rate', 'fast', '--days', '1'],
  ['acme', 'limit', 'override', 'newOrders', 'x', '--rate', '5/1h', '--days', '1'],
  ['acme', 'incident', 'open', '--spread', 'a week'],
  ['acme', 'incident', 'close'],
  ['token', 'show', 'bogus'],
  ['report'],
  ['report', 'sp800-57', '--format', 'pdf'],
  ['report', 'sp800-57', '--format', 'html', '--json'],
  ['report', 'practice-statement', '--comment', 'read'],
  ['evidence', 'record', 'key.destruction', '--subject', 's', '--statement', 's'],
];

test.each(
  sampled('usage errors', misused, 16, (one) => one.join(' ')).map((one) => [one] as const),
)('usage: %j is exit 2', async (parameters) => {
  const { code, stdout, stderr } = await chancery(...parameters);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr.length).toBeGreaterThan(10);
});

test('an address that is none is a usage error', async () => {
  const { code, stderr } = await run(
    process.execPath,
    [resolve('scripts/command/main.ts'), 'list'],
    { cwd: folder, env: { ...environment, CHANCERY_URL: 'http://localhost:8080' } },
  );
  expect([code, stderr]).toEqual([2, expect.stringContaining('CHANCERY_URL')]);
});

describe('nobody there is exit 3', () => {
  const asked: readonly (readonly string[])[] = [
    ['issue', '--profile', 'tls-server', ...names, ...files],
    ['issue', '--profile', 'tls-server', '--csr', 'some.csr', '--out', 'o'],
    ['revoke', '1234', '--reason', 'superseded'],
    ['hold', '1234'],
    ['release', '1234'],
    ['list'],
    ['show', '1234'],
    ['profile', 'list'],
    ['issuer', 'list'],
    ['issuer', 'create', 'x', '--root', '--key', 'p256'],
    ['issuer', 'rollover', 'status', 'x'],
    ['key', 'list'],
    ['key', 'destroy', 'x', '--reason', 'due'],
    ['report', 'sp800-57'],
    ['crl', 'publish'],
    ['bundle', 'get', '--out', 'b'],
    ['principal', 'create', 'x', '--role', 'operator'],
    ['credential', 'create', 'x'],
    ['acme', 'eab', 'create', ...forWeb],
    ['acme', 'eab', 'list'],
    ['acme', 'incident', 'open'],
  ];

  test.each(sampled('commands', asked, 6, (one) => one.join(' ')).map((one) => [one] as const))(
    '%j',
    async (parameters) => {
      const { code, stdout, stderr } = await chancery(...parameters);
      expect([code, stdout]).toEqual([3, '']);
      expect(stderr).toContain('does not answer');
    },
  );
});

test('token replace makes an empty token where none is, and leaves alone one that is there', async () => {
  expect(await chancery('token', 'replace', 'responder')).toMatchObject({ code: 0, stderr: '' });
  const pin = readFileSync(join(folder, 'tokens', 'responder', 'pin'), 'utf8');
  const again = await chancery('token', 'replace', 'responder');
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('is not lost')]);
  expect(readFileSync(join(folder, 'tokens', 'responder', 'pin'), 'utf8')).toBe(pin);
  const shown = await chancery('token', 'show', 'responder', '--json');
  expect(JSON.parse(shown.stdout)).toMatchObject({ label: 'chancery-responder', hardware: false });
});

test('output that nobody reads is no crash', async () => {
  const { stderr } = await run(
    'bash',
    ['-c', `"${process.execPath}" "${resolve('scripts/command/main.ts')}" --help | head -n 1`],
    { cwd: folder, env: environment },
  );
  expect(stderr).toBe('');
});
