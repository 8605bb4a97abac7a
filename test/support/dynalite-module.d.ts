/** The part of dynalite that the tests use; the package has no types of its own. */
declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** Makes an HTTP server that speaks DynamoDB's protocol, with everything in memory. Times in milliseconds. */
  export default function dynalite(options: {
    readonly createTableMs: number;
    readonly deleteTableMs: number;
    readonly updateTableMs: number;
  }): Server;
}
