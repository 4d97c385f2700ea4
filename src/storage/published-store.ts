import { join } from 'node:path';
import type { Publisher } from '../authority/ports.ts';
import type { StoreConfiguration } from '../config/index.ts';
import { filePublisher } from './file-publisher.ts';
import { readThrough } from './read-through.ts';
import { s3Publisher } from './s3-publisher.ts';

/** Tries of one request to the store: with their pauses they fit into the lease of a CRL's build. */
const attempts = 5;

/** The store of published files as configured. */
export interface PublishedStore {
  readonly publisher: Publisher;
  /** For the HTTP port: asks a bucket at most once a second a file, however many clients ask. */
  readonly servedFiles: Pick<Publisher, 'open'>;
  close(): void;
}

/** @param workFolder - for what is on its way to a bucket, and for the copies that are served */
export function openPublishedStore(store: StoreConfiguration, workFolder: string): PublishedStore {
  switch (store.kind) {
    case 'file': {
      const publisher = filePublisher(store.folder);
      return { publisher, servedFiles: publisher, close: () => undefined };
    }
    case 's3': {
      const spoolFolder = join(workFolder, 'to-store');
      const publisher = s3Publisher({ ...store, attempts, spoolFolder });
      const servedFiles = readThrough(publisher, filePublisher(join(workFolder, 'served')));
      return { publisher, servedFiles, close: () => publisher.close() };
    }
  }
}
