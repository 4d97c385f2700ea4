/** Ceph's S3 gateway (Debian's radosgw) over one monitor and one store in memory: a real server that honours conditional writes. */
import { execFile, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AwsClient } from 'aws4fetch';
import type { S3Options } from '../../src/storage/s3-client.ts';
import { until } from './quickstart-run.ts';

const execute = promisify(execFile);

/**
 * Starts it, and makes an account and a bucket.
 *
 * @param atEnd is given what stops it, before anything is started: a start that fails leaves nothing
 */
export async function startRadosGateway(
  atEnd: (stop: () => Promise<void>) => void,
): Promise<S3Options> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-rados-'));
  const [monitor, gateway] = [await freePort(), await freePort()];
  const configuration = join(folder, 'ceph.conf');
  const keyring = join(folder, 'keyring');
  const fsid = randomUUID();
  for (const name of ['mon', 'osd', 'run']) mkdirSync(join(folder, name));
  writeFileSync(configuration, clusterSettings(folder, fsid, monitor));
  const started: ReturnType<typeof spawn>[] = [];
  atEnd(async () => {
    const gone = started.map(async (child) =>
      child.exitCode === null && child.kill('SIGKILL')
        ? new Promise((done) => child.once('exit', done))
        : undefined,
    );
    await Promise.all(gone);
    rmSync(folder, { recursive: true, force: true });
  });
  const start = (program: string, ...parameters: string[]): void => {
    const all = ['-c', configuration, '-f', ...parameters];
    started.push(spawn(program, all, { stdio: 'ignore' }));
  };
  const run = async (program: string, ...parameters: string[]): Promise<void> => {
    await execute(program, ['-c', configuration, ...parameters], { timeout: 60_000 });
  };
  const key = (): string => {
    // Ceph's key: type 1 (AES), time of creation, length, 16 octets.
    const head = Buffer.alloc(12);
    head.writeUInt16LE(1, 0);
    head.writeUInt16LE(16, 10);
    return Buffer.concat([head, randomBytes(16)]).toString('base64');
  };
  appendFileSync(
    keyring,
    `[mon.]\nkey = ${key()}\ncaps mon = "allow *"\n[client.admin]\nkey = ${key()}\ncaps mon = "allow *"\ncaps osd = "allow *"\n`,
  );
  const map = join(folder, 'monmap');
  const address = `[v1:127.0.0.1:${monitor}]`;
  await execute('monmaptool', ['--create', '--addv', 'a', address, '--fsid', fsid, map]);
  await run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring);
  start('ceph-mon', '-i', 'a');
  const store = randomUUID();
  await run('ceph', 'osd', 'new', store);
  await run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', store);
  await run('ceph', 'osd', 'crush', 'add', 'osd.0', '1.0', 'host=h', 'root=default');
  start('ceph-osd', '-i', '0');
  const user = { accessKeyId: 'chancery', secretAccessKey: randomBytes(20).toString('hex') };
  start('radosgw', '-n', 'client.admin', `--rgw-frontends=beast endpoint=127.0.0.1:${gateway}`);
  const endpoint = `http://127.0.0.1:${gateway}`;
  await until(
    'the gateway to answer',
    async () =>
      fetch(endpoint).then(
        ({ ok }) => ok,
        () => false,
      ),
    90_000,
  );
  const keys = ['--access-key', user.accessKeyId, '--secret-key', user.secretAccessKey];
  await run('radosgw-admin', 'user', 'create', '--uid=chancery', '--display-name=test', ...keys);
  const client = new AwsClient({ ...user, service: 's3', region: 'us-east-1', retries: 0 });
  await client.fetch(`${endpoint}/published`, { method: 'PUT' });
  return {
    ...user,
    endpoint,
    bucket: 'published',
    prefix: 'pki/',
    region: 'us-east-1',
    pathStyle: true,
    timeoutMilliseconds: 10_000,
    attempts: 5,
    spoolFolder: join(folder, 'spool'),
  };
}

function clusterSettings(folder: string, fsid: string, monitor: number): string {
  return `[global]
fsid = ${fsid}
mon host = v1:127.0.0.1:${monitor}
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = ${folder}/run
admin socket = ${folder}/run/$name.$pid.asok
log file = ${folder}/$name.log
mon data = ${folder}/mon
osd data = ${folder}/osd
keyring = ${folder}/keyring
osd objectstore = memstore
memstore device bytes = 1073741824
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
osd crush chooseleaf type = 0
mon data avail crit = 1
mon data avail warn = 2
paxos propose interval = 0.05
paxos min wait = 0.01
rgw run sync thread = false
rgw enable gc threads = false
rgw enable lc threads = false
rgw thread pool size = 16
[mon.a]
mon addr = 127.0.0.1:${monitor}
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
