import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  dataFolder,
  installationFolder,
  listenAddresses,
  loadConfiguration,
  loadResponderConfiguration,
} from '../../../src/config/index.ts';
import { ChanceryError } from '../../../src/domain/index.ts';

let folder: string;
let count = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const url = { CHANCERY_DATABASE_URL: 'postgresql://app@localhost/chancery' };

function file(text: string): string {
  const fileName = join(folder, `chancery-${count++}.yaml`);
  writeFileSync(fileName, text);
  return fileName;
}

function load(text: string, env: Record<string, string> = {}) {
  return loadConfiguration({ CHANCERY_CONFIG: file(text), ...url, ...env }, { cwd: folder });
}

function refusal(text: string, env: Record<string, string> = {}): string {
  try {
    load(text, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ChanceryError);
    expect((error as ChanceryError).code).toBe('configuration');
    expect((error as ChanceryError).message).not.toContain('\n');
    return (error as ChanceryError).message;
  }
  throw new Error('the configuration was accepted');
}

describe('strictness', () => {
  it('names file, line and the likely meant key of an unknown one', () => {
    expect(refusal('server:\n  host: ca.example\n\n  htpPort: 8080\n')).toMatch(
      /chancery-\d+\.yaml:4: unknown setting "htpPort" in server; did you mean "httpPort"\?$/,
    );
    expect(refusal('# comment\nsevrer: {}\n')).toMatch(
      /yaml:2: unknown setting "sevrer" at the top level; did you mean "server"\?$/,
    );
    expect(refusal('tokens:\n  root:\n    pinfile: x\n')).toMatch(
      /yaml:3: unknown setting "pinfile" in tokens\.root; did you mean "pinFile"\?$/,
    );
    expect(refusal('crl:\n  somethingElseEntirely: 1\n')).toMatch(/known are lifetime$/);
  });

  it('reports the misspelt key before what follows from it', () => {
    expect(refusal('server:\n  httpPort: nonsense\n  hots: x\n')).toMatch(
      /:3: unknown setting "hots"/,
    );
  });

  it.each([
    ['server:\n  httpPort: 70000\n', /yaml:2: server\.httpPort .*65535/],
    ['server:\n  httpPort: "8080"\n', /yaml:2: server\.httpPort expected number, received string/],
    ['server: 5\n', /yaml:1: server expected object/],
    ['log:\n  level: loud\n', /yaml:2: log\.level expected one of/],
    ['crl:\n  lifetime: 1 day\n', /yaml:2: crl\.lifetime must be a duration from 10m to 366d/],
    ['server:\n  drainTimeout: 8d\n', /from 0s to 10m/],
    ['server:\n  host: https://ca.example:8443\n', /must be a lower-case DNS name/],
    ['server:\n  host: a\n  host: b\n', /yaml:3: Map keys must be unique/],
    ['server:\n  listen: [loopback, ""]\n', /yaml:2: server\.listen\.1/],
    ['server: {\n', /yaml:\d+: /],
    ['a: &a [1]\nserver: *a\n', /unknown setting "a"/],
    ['- a\n', /yaml:1: the file expected object/],
  ])('refuses %j in one line', (text, message) => {
    expect(refusal(text)).toMatch(message);
  });

  it('treats a section whose lines are all commented out as absent', () => {
    expect(load('server:\n  # httpPort: 1\n  host:\ncrl:\n').httpPort).toBe(8080);
  });

  it('says that a file named by CHANCERY_CONFIG is missing, and does without the default one', () => {
    expect(() => loadConfiguration({ CHANCERY_CONFIG: '/nowhere/x.yaml', ...url })).toThrow(
      /\/nowhere\/x\.yaml can't be read .*check CHANCERY_CONFIG/,
    );
    expect(loadConfiguration({ CHANCERY_DATA: join(folder, 'none'), ...url }).fileName).toBe(
      undefined,
    );
  });
});

describe('environment', () => {
  it('wins over the file, converts numbers and lists, and ignores empty variables', () => {
    const configuration = load('server:\n  httpPort: 1\n  host: a.example\n', {
      CHANCERY_HTTP_PORT: '9090',
      CHANCERY_LISTEN: '0.0.0.0, ::',
      CHANCERY_HOST: '',
      CHANCERY_ISSUING_TOKEN_ENVIRONMENT: 'SOFTHSM2_CONF=/etc/a=b.conf,DEBUG=1',
    });
    expect(configuration.httpPort).toBe(9090);
    expect(configuration.listen).toEqual(['0.0.0.0', '::']);
    expect(configuration.host).toBe('a.example');
    expect(configuration.tokens.issuing.environment).toEqual({
      SOFTHSM2_CONF: '/etc/a=b.conf',
      DEBUG: '1',
    });
  });

  it.each([
    ['CHANCERY_HTTP_PORT', '80a', /^CHANCERY_HTTP_PORT: must be a number, but is "80a"$/],
    ['CHANCERY_HTTP_PORT', '0', /^CHANCERY_HTTP_PORT: /],
    ['CHANCERY_CRL_LIFETIME', '5', /^CHANCERY_CRL_LIFETIME: must be a duration/],
    ['CHANCERY_LISTEN', 'loopback,', /^CHANCERY_LISTEN: /],
    [
      'CHANCERY_ROOT_TOKEN_ENVIRONMENT',
      'x',
      /^CHANCERY_ROOT_TOKEN_ENVIRONMENT: must be NAME=value/,
    ],
    ['CHANCERY_METRICS_LISTEN', '9464', /^CHANCERY_METRICS_LISTEN: must be host:port/],
    ['CHANCERY_DATABASE_URL', 'mysql://x', /^CHANCERY_DATABASE_URL: must be a postgresql/],
  ])('names the variable %s in the refusal of %j', (variable, value, message) => {
    expect(refusal('', { [variable]: value })).toMatch(message);
  });

  it('warns of a variable that is nearly one of ours, and of no other', () => {
    const { warnings } = load('', { CHANCERY_HTPP_PORT: '1', CHANCERY_URL: 'x', OTHER: 'y' });
    expect(warnings).toEqual([
      'the variable CHANCERY_HTPP_PORT is no setting; did you mean CHANCERY_HTTP_PORT?',
    ]);
  });
});

describe('what comes out', () => {
  it('listens on loopback only unless told otherwise', () => {
    const { listen } = load('');
    expect(listen).toContain('127.0.0.1');
    for (const address of listen) expect(['127.0.0.1', '::1']).toContain(address);
    expect(listenAddresses(['loopback', '127.0.0.1', '10.0.0.1'])).toContain('10.0.0.1');
  });

  it('derives URLs from host and ports, and takes them as given otherwise', () => {
    expect(load('server:\n  host: ca.example\n').urls).toEqual({
      http: 'http://ca.example:8080',
      https: 'https://ca.example:8443',
      ocsp: 'http://ca.example:8081/',
    });
    expect(
      load('urls:\n  http: http://pki.example/\n  ocsp: http://o.example\n').urls,
    ).toMatchObject({
      http: 'http://pki.example',
      ocsp: 'http://o.example',
    });
  });

  it('keeps state in the data folder, whatever the working directory', () => {
    expect(dataFolder({}, '/')).toBe(join(installationFolder, 'data'));
    expect(dataFolder({ CHANCERY_DATA: 'state' }, '/srv')).toBe('/srv/state');
    const { tokens, httpsFolder, store } = load('', { CHANCERY_DATA: '/srv/data' });
    expect(tokens.root.pinFile).toBe('/srv/data/tokens/root/pin');
    expect(tokens.root.environment).toEqual({
      SOFTHSM2_CONF: '/srv/data/tokens/root/softhsm2.conf',
    });
    expect(httpsFolder).toBe('/srv/data/https');
    expect(store).toEqual({ kind: 'file', folder: '/srv/data/published' });
  });

  it('has a second token once its label is set, and refuses half of one', () => {
    expect(load('').tokens.issuing).toMatchObject({
      standby: undefined,
      keepAliveMilliseconds: 30_000,
      libraryParameters: undefined,
    });
    const text = "tokens:\n  issuing:\n    keepAlive: 'off'\n    standby:\n      label: second\n";
    const { issuing } = load(text, { CHANCERY_DATA: '/srv/data' }).tokens;
    expect(issuing.keepAliveMilliseconds).toBe(0);
    expect(issuing.standby).toEqual({
      label: 'second',
      module: undefined,
      serialNumber: undefined,
      pinFile: '/srv/data/tokens/issuing/standby/pin',
      environment: { SOFTHSM2_CONF: '/srv/data/tokens/issuing/standby/softhsm2.conf' },
      libraryParameters: undefined,
      failBackMilliseconds: 60_000,
    });
    expect(refusal('tokens:\n  issuing:\n    standby:\n      serialNumber: "1"\n')).toContain(
      'tokens.issuing.standby.serialNumber is set without tokens.issuing.standby.label',
    );
    const pins = '    pinFile: /p\n    standby:\n      label: second\n      pinFile: /p\n';
    expect(refusal(`tokens:\n  issuing:\n${pins}`)).toContain('a file of its own');
    const validated = '    module: /m.so\n    validation: { certificate: "1", level: 3 }\n';
    const root = `keys:\n  requireValidatedModule: true\ntokens:\n  root:\n${validated}`;
    const both = `${root}  issuing:\n${validated}`;
    expect(load(both).keys.requireValidatedModule).toBe(true);
    expect(refusal(`${both}    standby:\n      label: second\n      module: /m2.so\n`)).toContain(
      'the issuing.standby token has no CMVP certificate',
    );
  });

  it("counts relative paths from the file's folder, in variables from the working directory", () => {
    const text = 'tokens:\n  issuing:\n    pinFile: pins/issuing\n';
    expect(load(text).tokens.issuing.pinFile).toBe(join(folder, 'pins/issuing'));
    const env = { CHANCERY_CONFIG: file(text), CHANCERY_ISSUING_TOKEN_PIN_FILE: 'p', ...url };
    expect(loadConfiguration(env, { cwd: '/srv' }).tokens.issuing.pinFile).toBe('/srv/p');
  });

  it('says which database URL is missing, for each process its own', () => {
    const env = { CHANCERY_CONFIG: file('') };
    expect(() => loadConfiguration(env)).toThrow(/database\.url is missing.*CHANCERY_DATABASE_URL/);
    expect(() => loadResponderConfiguration({ ...env, ...url })).toThrow(
      /database\.ocspUrl is missing.*CHANCERY_OCSP_DATABASE_URL/,
    );
  });

  it("gives the responder its own role's database and folders", () => {
    const configuration = loadResponderConfiguration({
      CHANCERY_DATA: '/srv/data',
      CHANCERY_CONFIG: file('server:\n  ocspMetricsListen: "[::1]:9465"\n'),
      CHANCERY_OCSP_DATABASE_URL: 'postgresql://ocsp@/chancery?host=/run/pg',
    });
    expect(configuration.database?.url).toBe('postgresql://ocsp@/chancery?host=/run/pg');
    expect(configuration.authorityUrl).toBe('https://localhost:8443');
    expect(configuration.metricsListen).toEqual({ host: '::1', port: 9465 });
    expect(configuration.keyFile).toBe('/srv/data/responder/key.pem');
    expect(configuration.trustFile).toBe('/srv/data/trust/root.pem');
    expect(configuration.token.label).toBe('chancery-responder');
    expect([configuration.delegateKeys, configuration.responderId]).toEqual([['p256'], 'key']);
    expect(configuration.requesterFiles).toBeUndefined();
  });

  it('reads what the responder says and to whom, and refuses an allow list that is empty', () => {
    const responder = (text: string, env: Readonly<Record<string, string>> = {}) =>
      loadResponderConfiguration(
        { CHANCERY_CONFIG: file(text), CHANCERY_OCSP_DATABASE_URL: 'postgresql://o@h/c', ...env },
        { cwd: '/srv' },
      );
    const text = 'ocsp:\n  signedRequests:\n    require: true\n    allow: [partners.pem]\n';
    expect(responder(text).requesterFiles).toEqual([join(folder, 'partners.pem')]);
    const variables = {
      CHANCERY_OCSP_SIGNED_REQUESTS_REQUIRE: 'true',
      CHANCERY_OCSP_SIGNED_REQUESTS_ALLOW: 'a.pem,/b.pem',
      CHANCERY_OCSP_DELEGATE_KEYS: 'p384,rsa3072',
      CHANCERY_OCSP_RESPONDER_ID: 'name',
    };
    expect(responder('', variables)).toMatchObject({
      requesterFiles: ['/srv/a.pem', '/b.pem'],
      delegateKeys: ['p384', 'rsa3072'],
      responderId: 'name',
    });
    expect(() => responder('ocsp:\n  signedRequests:\n    require: true\n')).toThrow(
      /signedRequests\.allow names nobody/,
    );
    expect(() => responder('ocsp:\n  delegateKeys: [p256, p256]\n')).toThrow(/once/);
    expect(() => responder('ocsp:\n  delegateKeys: []\n')).toThrow(/delegateKeys/);
    expect(() => responder('ocsp:\n  delegateKeys: [rsa1024]\n')).toThrow(/delegateKeys/);
  });
});

describe('secrets', () => {
  it('takes the password from its file and puts it, escaped, into the URL', () => {
    writeFileSync(join(folder, 'pw'), 'p@ss/w:rd\n');
    const text =
      'database:\n  url: postgresql://app@db.example:5432/chancery\n  passwordFile: pw\n';
    const env = { CHANCERY_CONFIG: file(text) };
    expect(loadConfiguration(env, { cwd: '/' }).database.url).toBe(
      'postgresql://app:p%40ss%2Fw%3Ard@db.example:5432/chancery',
    );
  });

  it('refuses a password in the file, and never repeats it in the message', () => {
    for (const bad of ['postgresql://app:hunter2@h/db', 'postgresql://app@h/db?password=hunter2']) {
      const env = { CHANCERY_CONFIG: file(`database:\n  url: ${bad}\n`) };
      let message = '';
      try {
        loadConfiguration(env);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toMatch(/yaml:2: database\.url holds a password/);
      expect(message).not.toContain('hunter2');
    }
  });

  it('says when the file of a secret is missing or empty', () => {
    writeFileSync(join(folder, 'empty'), '\n');
    expect(refusal('database:\n  passwordFile: nowhere\n')).toMatch(
      /passwordFile: .*can't be read/,
    );
    expect(refusal('database:\n  passwordFile: empty\n')).toMatch(/is empty$/);
  });
});
