/** nginx and haproxy with a stapled answer, as an operator would set them up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { run } from './installation.ts';
import { until } from './quickstart-run.ts';

/** nginx with `ssl_stapling_file`; the answer is its port and how to have it read the file again. */
export async function startStaplingNginx(
  folder: string,
  files: { readonly certificate: string; readonly key: string; readonly staple: string },
): Promise<{ readonly port: number; readonly reload: readonly string[] }> {
  mkdirSync(join(folder, 'tmp'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/tmp/${name};`)
    .join(' ');
  const configuration = join(folder, 'nginx.conf');
  writeFileSync(
    configuration,
    `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log; user root; worker_processes 1;
events { worker_connections 64; }
http { access_log off; ${temporary}
  server { listen 127.0.0.1:${port} ssl; server_name localhost;
    ssl_certificate ${files.certificate}; ssl_certificate_key ${files.key};
    ssl_stapling on; ssl_stapling_file ${files.staple};
    location / { return 200 "ok"; } } }
`,
  );
  const common = ['-p', folder, '-c', configuration, '-e', `${folder}/error.log`];
  stopAfterwards(spawn('nginx', common, { stdio: 'ignore' }));
  await untilListening(port);
  return { port, reload: ['nginx', ...common, '-s', 'reload'] };
}

/** haproxy with the `.ocsp` file beside the certificate, and its runtime socket. */
export async function startStaplingHaproxy(
  folder: string,
  certificateAndKey: string,
): Promise<{ readonly port: number; readonly socket: string }> {
  const port = await freePort();
  const socket = join(folder, 'haproxy.sock');
  const configuration = join(folder, 'haproxy.cfg');
  writeFileSync(
    configuration,
    `global
  stats socket ${socket} mode 600 level admin
  maxconn 50
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend site
  bind 127.0.0.1:${port} ssl crt ${certificateAndKey}
  http-request return status 200 content-type text/plain string ok
`,
  );
  stopAfterwards(spawn('haproxy', ['-db', '-f', configuration], { stdio: 'ignore' }));
  await untilListening(port);
  return { port, socket };
}

/** A test starts it, where no hook of the file can be added any more. */
function stopAfterwards(child: ChildProcess): void {
  onTestFinished(async () => {
    const gone = new Promise((done) => child.once('exit', done));
    if (child.exitCode === null && child.kill('SIGTERM')) await gone;
  });
}

async function untilListening(port: number): Promise<void> {
  await until(
    `a TLS server on port ${port}`,
    async () =>
      (await run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-brief'])).code === 0,
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
