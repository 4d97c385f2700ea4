/** PKCS#11 tokens behind signer processes: the only way to a signature of a token key. */

export type { InitialiseTokenOptions } from './initialise-token.ts';
export { initialiseToken } from './initialise-token.ts';
export type { BlockedKey } from './messages.ts';
export { createPinFile } from './pin-file.ts';
export type { SofthsmConfiguration } from './softhsm.ts';
export { findSofthsmModule, softhsmConfiguration } from './softhsm.ts';
export type { Token } from './token.ts';
export { openToken, routeSigner } from './token.ts';
export type { TokenHealth, TokenMetrics, TokenOptions } from './token-options.ts';
