/** The limit of OCSP: a node:http server that answers the same octets to everything. */
import { createServer } from 'node:http';

process.once('message', (bodyBytes: number) => {
  const body = Buffer.alloc(bodyBytes, 0x30);
  const headers = [
    'Content-Type',
    'application/ocsp-response',
    'Content-Length',
    String(bodyBytes),
  ];
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    // A server that does not read the body can't answer a POST.
    request.resume().on('end', () => response.writeHead(200, headers).end(body));
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.(typeof address === 'object' ? address?.port : undefined);
  });
});
process.once('disconnect', () => process.exit(0));
