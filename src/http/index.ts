/** The HTTP edge: REST over HTTPS, published files and health over HTTP. Only importer of express. */
export type { ObtainServerCertificate } from './server-certificate.ts';
export type { HttpServers, HttpServersOptions } from './start.ts';
export { startHttpServers } from './start.ts';
