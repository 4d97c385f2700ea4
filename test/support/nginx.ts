/** nginx in front of a port, with its own defaults. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { until } from './quickstart-run.ts';
import { exchange } from './test-responder.ts';

/**
 * Starts nginx with one server that passes everything to `upstream`; answers its port. With a
 * `path` behind the upstream, nginx passes its own normalised form of the path instead of the raw one.
 */
export async function startNginx(upstream: number, path = ''): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-nginx-'));
  mkdirSync(join(folder, 'tmp'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/tmp/${name};`)
    .join(' ');
  const configuration = join(folder, 'nginx.conf');
  writeFileSync(
    configuration,
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 64; }
http { access_log off; ${temporary}
  server { listen 127.0.0.1:${port}; merge_slashes on;
    location / { proxy_pass http://127.0.0.1:${upstream}${path}; } } }
`,
  );
  const child = spawn('nginx', ['-p', folder, '-c', configuration, '-e', `${folder}/error.log`], {
    stdio: 'ignore',
  });
  // A test starts it, where no hook of the file can be added any more.
  onTestFinished(async () => {
    const gone = new Promise((done) => child.once('exit', done));
    if (child.exitCode === null && child.kill('SIGTERM')) await gone;
    rmSync(folder, { recursive: true, force: true });
  });
  await until('nginx to answer', async () =>
    exchange(port, { target: '/healthz' }).then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  return port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
