import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { defaultConfigurationYaml, loadConfiguration } from '../../../src/config/index.ts';
import { directoryMembers } from '../../../src/config/leaves.ts';
import { isChanceryError } from '../../../src/domain/index.ts';

let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-acme-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string, env: Record<string, string> = {}) {
  const fileName = join(folder, `chancery-${count++}.yaml`);
  writeFileSync(fileName, text);
  return loadConfiguration({
    CHANCERY_DATA: folder,
    CHANCERY_CONFIG: fileName,
    CHANCERY_DATABASE_URL: 'postgresql://app@localhost/chancery',
    ...env,
  }).acme;
}

function refusal(text: string, env: Record<string, string> = {}): string {
  try {
    load(text, env);
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    expect(error.code).toBe('configuration');
    expect(error.message).not.toContain('\n');
    return error.message;
  }
  throw new Error('the configuration was accepted');
}

describe('without a word about ACME', () => {
  it('there is an open directory, and one that always wants a binding', () => {
    const { directories, defaultDirectory } = load('');
    expect(defaultDirectory).toBe('default');
    expect(directories.map(({ name, externalAccount }) => [name, externalAccount])).toEqual([
      ['default', 'none'],
      ['eab', 'always'],
    ]);
    for (const directory of directories) {
      expect(directory).toMatchObject({
        challenges: ['http-01', 'dns-01', 'tls-alpn-01'],
        names: { allow: {}, deny: {} },
        maximumIdentifiers: 100,
        orderLifetimeSeconds: 7 * 86_400,
        authorizationLifetimeSeconds: 7 * 86_400,
        retrySeconds: [1, 2, 4],
      });
    }
  });

  it('orders are not limited, guessing and flooding are', () => {
    expect(load('').directories[0]?.limits).toEqual({
      newAccountPerAddress: { burst: 1000, seconds: 3600 },
      newOrderPerAccount: undefined,
      newOrderPerCredential: undefined,
      newOrderPerName: undefined,
      failedValidationPerName: { burst: 30, seconds: 3600 },
    });
  });

  it('validation uses the ports of the RFCs, and never connects to this machine (I39)', () => {
    expect(load('').directories[0]?.validation).toEqual({
      resolver: undefined,
      http01Port: 80,
      tlsAlpn01Port: 443,
      sourceAddress: undefined,
      targets: [],
      allowLoopback: false,
      timeoutMilliseconds: 10_000,
    });
  });
});

describe('the variables of interface.md', () => {
  it('point validation of every directory at a resolver and ports of a trial', () => {
    const { directories } = load('', {
      CHANCERY_ACME_RESOLVER: '127.0.0.1:5353',
      CHANCERY_ACME_HTTP01_PORT: '5002',
      CHANCERY_ACME_TLSALPN01_PORT: '5001',
      CHANCERY_ACME_ALLOW_LOOPBACK: 'true',
      CHANCERY_ACME_TARGETS: '127.0.0.0/8, ::1',
    });
    for (const { validation } of directories) {
      expect(validation).toMatchObject({
        resolver: { host: '127.0.0.1', port: 5353 },
        http01Port: 5002,
        tlsAlpn01Port: 5001,
        allowLoopback: true,
        targets: ['127.0.0.0/8', '::1'],
      });
    }
  });

  it.each([
    ['CHANCERY_ACME_ALLOW_LOOPBACK', 'yes', /^CHANCERY_ACME_ALLOW_LOOPBACK: must be true or false/],
    ['CHANCERY_ACME_RESOLVER', '127.0.0.1', /^CHANCERY_ACME_RESOLVER: must be host:port/],
    ['CHANCERY_ACME_RESOLVER', '::1:70000', /^CHANCERY_ACME_RESOLVER: must be host:port/],
    ['CHANCERY_ACME_RESOLVER', '[::1]:70000', /^CHANCERY_ACME_RESOLVER: must end in a port/],
    ['CHANCERY_ACME_RESOLVER', 'ns.example:53', /^CHANCERY_ACME_RESOLVER: .* by its address/],
    ['CHANCERY_ACME_SOURCE_ADDRESS', 'eth0', /^CHANCERY_ACME_SOURCE_ADDRESS: must be an IPv4/],
    ['CHANCERY_ACME_TARGETS', '10.0.0.0/33', /^CHANCERY_ACME_TARGETS: must be an address or a/],
    ['CHANCERY_ACME_DIRECTORIES', '{', /^CHANCERY_ACME_DIRECTORIES: must be JSON/],
    [
      'CHANCERY_ACME_DIRECTORIES',
      '{"web":{"chalenges":["dns-01"]}}',
      /^CHANCERY_ACME_DIRECTORIES: unknown setting "chalenges" in acme\.directories\.web; did you mean "challenges"\?$/,
    ],
    ['CHANCERY_ACME_DEFAULT_DIRECTORY', 'ebb', /^CHANCERY_ACME_DEFAULT_DIRECTORY: .* "eab"\?$/],
  ])('%s=%s is refused by its name', (variable, value, message) => {
    expect(refusal('', { [variable]: value })).toMatch(message);
  });

  it('CHANCERY_ACME_DIRECTORIES is JSON, as names of directories are free', () => {
    const { directories, defaultDirectory } = load('', {
      CHANCERY_ACME_DIRECTORIES: '{"web":{"challenges":["dns-01"],"orderLifetime":"1h"}}',
    });
    expect(defaultDirectory).toBe('web');
    expect(directories).toHaveLength(1);
    expect(directories[0]).toMatchObject({
      name: 'web',
      challenges: ['dns-01'],
      orderLifetimeSeconds: 3600,
    });
  });
});

describe('directories of the file', () => {
  it('have members of their own before those of the section', () => {
    const text = `
acme:
  resolver: 192.0.2.53:53
  targets: [10.0.0.0/8]
  defaultDirectory: servers
  directories:
    devices:
      resolver: "[2001:db8::53]:53"
      targets: [fd00::/8]
      names: { allow: { dns: [.devices.example] }, deny: { ip: [10.0.0.0/8] } }
      limits: { newOrderPerAccount: 20/1h, newAccountPerAddress: off }
      retryDelays: []
    servers: {}
`;
    const { directories, defaultDirectory } = load(text);
    expect(defaultDirectory).toBe('servers');
    expect(directories[0]).toMatchObject({
      validation: { resolver: { host: '2001:db8::53', port: 53 }, targets: ['fd00::/8'] },
      names: { allow: { dns: ['.devices.example'] }, deny: { ip: ['10.0.0.0/8'] } },
      limits: {
        newOrderPerAccount: { burst: 20, seconds: 3600 },
        newAccountPerAddress: undefined,
        failedValidationPerName: { burst: 30, seconds: 3600 },
      },
      retrySeconds: [],
    });
    expect(directories[1]?.validation).toMatchObject({
      resolver: { host: '192.0.2.53', port: 53 },
      targets: ['10.0.0.0/8'],
    });
  });

  const inWeb = (line: string): string => `acme:\n  directories:\n    web:\n      ${line}\n`;

  it.each([
    [
      inWeb('extrenalAccount: none'),
      /yaml:4: unknown setting "extrenalAccount" in acme\.directories\.web; did you mean "externalAccount"\?$/,
    ],
    [
      inWeb('limits: { newOrdersPerAccount: 1/1h }'),
      /in acme\.directories\.web\.limits; did you mean "newOrderPerAccount"\?$/,
    ],
    [inWeb('limits: { newOrderPerAccount: 5 per hour }'), /yaml:4: .* such as 100\/1h, or off$/],
    [inWeb('limits: { newOrderPerAccount: 0/1h }'), /such as 100\/1h, or off$/],
    [inWeb('externalAccount: sometimes'), /yaml:4: acme\.directories\.web\.externalAccount/],
    [inWeb('challenges: [http-02]'), /yaml:4: acme\.directories\.web\.challenges\.0/],
    [inWeb('names: { allow: { ip: [fd00::/129] } }'), /must be an address or a block/],
    ['acme:\n  directories:\n    Web: {}\n', /yaml:3: acme\.directories\.Web is no name for a/],
    ['acme:\n  directories:\n    directory: {}\n', /is no name for a directory/],
    ['acme:\n  directories: {}\n', /yaml:2: acme\.directories must name a directory$/],
    ['acme:\n  directory: {}\n', /unknown setting "directory" in acme; did you mean/],
  ])('%j is refused with its line', (text, message) => {
    expect(refusal(text)).toMatch(message);
  });
});

describe('what init writes', () => {
  it('shows a directory with all its members, which is accepted when its comments are taken away', () => {
    const lines = defaultConfigurationYaml().split('\n');
    const from = lines.findIndex((line) => line.startsWith('  # directories:'));
    const to = lines.findIndex((line, index) => index > from && !line.startsWith('  #'));
    const text = lines.slice(from, to).map((line) => line.replace('# ', ''));
    const content = parse(text.join('\n').replace('# default:', '#')) as {
      directories: { web: Record<string, unknown> };
    };
    expect(Object.keys(content.directories.web)).toEqual(
      expect.arrayContaining([
        'profiles',
        'challenges',
        'externalAccount',
        'limits',
        'retryDelays',
      ]),
    );
    const { directories } = load(JSON.stringify({ acme: content }));
    expect(directories[0]).toMatchObject({ name: 'web', retrySeconds: [1, 2, 4] });
  });

  it('documents each member of a directory', () => {
    for (const { path, text, defaultValue, defaultText } of directoryMembers) {
      expect(text, path.join('.')).toMatch(/\.$/);
      expect(defaultValue ?? defaultText, path.join('.')).toBeDefined();
    }
  });
});
