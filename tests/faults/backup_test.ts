/**
 * A backup of a large database over TLS, by the command line, while others publish and ask: they are served, the copy is whole, and
 * one that is cut in the middle leaves nothing under the name of the file. BACKUP_MIB=1024 is the long run.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type Client, connect } from "../../lib/client/mod.ts";
import { Running } from "../cli/processes.ts";
import { testCertificate } from "../support/certificate.ts";
import { MeasuredServer } from "../support/measured_server.ts";
import { until } from "../support/until.ts";

const SIZE_MIB = Number(Deno.env.get("BACKUP_MIB") ?? 50);
/** How long the server may take for its copy, on a busy disk. */
const COPY_MS = 120_000 + SIZE_MIB * 500;
const MIB = 1024 * 1024;
const EVENT_BYTES = 100_000;
const HELD_AT_ONCE = 32;

/** A server with so much in its database, and a folder for copies. */
class Place implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly server: MeasuredServer,
    readonly client: Client,
    readonly ca: string,
  ) {}

  static async make(): Promise<Place> {
    const folder = await Deno.makeTempDir({ prefix: "parley-backup-" });
    const ca = `${folder}/ca.pem`;
    await Deno.writeTextFile(ca, (await testCertificate()).ca);
    const config = { data: `${folder}/data`, keep: [{ pattern: "k.>" }] };
    const server = await MeasuredServer.start({ tls: true, config });
    const client = await connect(`parley://127.0.0.1:${server.ports.tcp}`);
    // What cannot be compressed, so that the file is as large as it says.
    const payload = crypto.getRandomValues(new Uint8Array(65_536));
    const event = new Uint8Array(EVENT_BYTES);
    for (let at = 0; at < event.length; at += payload.length) {
      event.set(payload.subarray(0, Math.min(payload.length, event.length - at)), at);
    }
    let left = Math.ceil(SIZE_MIB * MIB / EVENT_BYTES);
    const fill = async () => {
      while (left-- > 0) await client.publish("k.full", event);
    };
    await Promise.all(Array.from({ length: HELD_AT_ONCE }, fill));
    return new Place(folder, server, client, ca);
  }

  /** Begins a backup over TLS. */
  backUp(to: string): Running {
    const url = `parleys://127.0.0.1:${this.server.ports.tls}`;
    return new Running(["backup", "--server", url, "--ca", this.ca, to, "--json"]);
  }

  /** The files of the folder that a backup could have left. */
  left(): string[] {
    return Array.from(Deno.readDirSync(this.folder), ({ name }) => name)
      .filter((name) => name.includes(".db"));
  }

  /** The copies that the server keeps. */
  copies(): string[] {
    return Array.from(Deno.readDirSync(`${this.folder}/data`), ({ name }) => name)
      .filter((name) => name.includes("backup"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The events of a copy, as SQLite tells them. */
function isSound(path: string): boolean {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return Object.values(database.prepare("PRAGMA integrity_check(1)").get()!)[0] === "ok";
  } finally {
    database.close();
  }
}

Deno.test("a large backup over TLS under load is whole, and leaves others alone", async () => {
  await using place = await Place.make();
  const { server, client } = place;
  const to = `${place.folder}/whole.db`;
  await server.innocents.during(`a backup of ${SIZE_MIB} MiB over TLS`, async () => {
    const tookMs: number[] = [];
    let over = false;
    const load = (async () => {
      while (!over) {
        const startedMs = performance.now();
        await client.publish("k.load", "x".repeat(1000));
        tookMs.push(performance.now() - startedMs);
      }
    })();
    const startedMs = performance.now();
    await using running = place.backUp(to);
    const { code, rest, log } = await running.ended();
    const seconds = (performance.now() - startedMs) / 1000;
    over = true;
    await load;
    assert.equal(code, 0, log);
    const { bytes } = JSON.parse(rest);
    assert.equal((await Deno.stat(to)).size, bytes);
    assert(bytes >= SIZE_MIB * MIB * 0.9, `${bytes} bytes`);
    const most = server.mostAboveQuietMiB;
    tookMs.sort((one, other) => one - other);
    const p99Ms = tookMs[Math.floor(tookMs.length * 0.99)];
    return `${(bytes / MIB / seconds).toFixed(0)} MiB a second, ${tookMs.length} kept events ` +
      `acknowledged meanwhile, p99 ${p99Ms.toFixed(1)} ms, longest ${
        tookMs.at(-1)!.toFixed(0)
      } ms, ` +
      `memory at most ${most} MiB above quiet`;
  });
  assert(isSound(to));
  assert.deepEqual(place.left(), ["whole.db"]);
  assert.deepEqual(place.copies(), []);
  assert.equal((await server.stats()).internalErrors, 0);
});

Deno.test("a backup that is cut in the middle leaves nothing under its name, and the next one is whole", async () => {
  await using place = await Place.make();
  const to = `${place.folder}/cut.db`;
  {
    await using killed = place.backUp(to);
    await until(() => partOf(place) > 0, "some of it has come", COPY_MS);
    await killed.end("SIGKILL");
  }
  assert(!place.left().includes("cut.db"), "what is half has not the name");
  await until(() => place.copies().length === 0, "the server's copy goes with its reader");
  for (const name of place.left()) await Deno.remove(`${place.folder}/${name}`);
  {
    await using interrupted = place.backUp(to);
    await until(() => partOf(place) > 0, "some of it has come", COPY_MS);
    assert.notEqual((await interrupted.end("SIGINT")).code, 0);
  }
  assert.deepEqual(place.left(), [], "who is interrupted takes its own away");
  await until(() => place.copies().length === 0, "the server's copy goes with its reader");
  await using last = place.backUp(to);
  const { code, log } = await last.ended();
  assert.equal(code, 0, log);
  assert(isSound(to));
});

/** How many bytes there are of a file that is not whole. */
function partOf(place: Place): number {
  const [part] = place.left();
  try {
    return part === undefined ? 0 : Deno.statSync(`${place.folder}/${part}`).size;
  } catch {
    return 0;
  }
}
