/** PostgreSQL and the stores of published files: adapters of the ports that other folders own. */
export { databaseUser } from './connection.ts';
export { fileEntrySpools } from './entry-spool.ts';
export { filePublisher } from './file-publisher.ts';
export type { MigrateOptions } from './migrate.ts';
export { migrate } from './migrate.ts';
export { openPublishedStore } from './published-store.ts';
export type { RehearsalReport } from './rehearsal.ts';
export { rehearse } from './rehearsal.ts';
export { s3Publisher } from './s3-publisher.ts';
export type {
  ReplicaStorage,
  StatusStorage,
  Storage,
  StorageMetrics,
  StorageOptions,
} from './storage.ts';
export { openReplica, openStatusStorage, openStorage } from './storage.ts';
export type { Verification } from './verification.ts';
