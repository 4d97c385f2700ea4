/** Stands in for the CA or the responder: answers /readyz, tells what it was given. */
import { createServer } from 'node:http';

const isCa = process.argv[2] === 'ca';
if (isCa && process.env['STAND_IN_CONFIGURATION_ERROR'] === 'yes') {
  console.error('chancery.yaml line 3: unknown key "htpp", did you mean "http"?');
  process.exit(78);
}
if (!isCa && process.env['STAND_IN_CRASH'] === 'yes') throw new Error('the token is missing');
const port = Number(process.env[isCa ? 'CHANCERY_HTTP_PORT' : 'CHANCERY_OCSP_PORT']);
const server = createServer((request, response) => {
  const names = ['OWNER_URL', 'URL'].map((name) => `CHANCERY_DATABASE_${name}`);
  const given = [...names, 'CHANCERY_OCSP_DATABASE_URL'].filter((name) => process.env[name]);
  const variable = request.url?.startsWith('/variable/') ? request.url.slice(10) : undefined;
  if (variable !== undefined) response.end(process.env[variable] ?? '');
  else response.end(request.url === '/readyz' ? 'ready' : given.join(' '));
});
server.listen(port, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
