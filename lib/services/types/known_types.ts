/**
 * The message types that the server knows: added, checked against what is there, stored as records, and linked anew.
 *
 * Changes come one after the other, and files are read and linked one at a time, in turns with others. What is
 * known changes in the moment in which it is committed.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { quote } from "../../base/quote.ts";
import { type TypeFile, TypeFileSchema } from "../../gen/parley/v1/type_pb.ts";
import { breaksBetween } from "../../logic/types/compatibility.ts";
import { MAX_TYPE_FILES, MAX_TYPES, MAX_TYPES_BYTES } from "../../logic/types/limits.ts";
import { MessageTypes } from "../../logic/types/message_types.ts";
import { readTypeFile, type TypeFile as Descriptor } from "../../logic/types/type_file.ts";
import type { Store } from "../../ports/store.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import type { ServerContext } from "../connection/server_context.ts";
import { UNTOLD } from "../connection/ticket.ts";
import { committed } from "../kept/committed.ts";

/** The records: one a file, under its path. */
export const TYPE_RECORDS = "types/";
const RECORDS_A_PAGE = 64;
/** Reading or linking a file costs as much as that many small messages. */
const FILE_UNITS = 4096;
/** The most changes that wait for each other: each holds its request. */
const MAX_WAITING = 4;
/** The most breaks that a refusal names. */
const NAMED_BREAKS = 5;

const log = logger("server");

/** What adding files does, or would do. */
export interface TypesChange {
  /** The paths of files that are new, and of those that there is another version of. */
  readonly added: string[];
  readonly changed: string[];
  /** What breaks those who read, one sentence each. */
  readonly breaks: string[];
}

/** A change that was looked at, and what is known once it is made. */
interface Prepared extends TypesChange {
  readonly types: MessageTypes;
}

/** The types of one server. */
export class KnownTypes {
  readonly #context: ServerContext;
  readonly #store: Store;
  readonly #turn: TurnTaker;
  #types = MessageTypes.none();
  /** What is stored of each file, by its path. */
  #stored = new Map<string, TypeFile>();
  /** The change under way: the next begins with its end. */
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** The next reading of what others have changed, while it has not begun. */
  #loading: Promise<void> | null = null;

  constructor(context: ServerContext, store: Store) {
    this.#context = context;
    this.#store = store;
    this.#turn = context.turns.join();
  }

  /** The types that are known at this moment. */
  get types(): MessageTypes {
    return this.#types;
  }

  /** The files that are known, in the order of their paths. */
  get files(): TypeFile[] {
    return [...this.#stored.values()].sort((one, other) => one.path < other.path ? -1 : 1);
  }

  /** What is stored of a file that is known. */
  file(path: string): TypeFile | undefined {
    return this.#stored.get(path);
  }

  /** Reads what was added before the server started. What does not fit together any more is told, and nothing is known. */
  async load(): Promise<void> {
    const stored = new Map<string, TypeFile>();
    for (let after: string | null = ""; after !== null;) {
      const page = await this.#store.list(TYPE_RECORDS, after, RECORDS_A_PAGE);
      for (const { key, value } of page.records) {
        stored.set(key.slice(TYPE_RECORDS.length), fromBinary(TypeFileSchema, value));
      }
      after = page.after;
    }
    try {
      const files = [...stored.values()].map(({ fileDescriptor }) => readTypeFile(fileDescriptor));
      this.#types = await this.#link(files);
      this.#stored = stored;
    } catch (error) {
      log.error("cannot link the message types that are stored: {error}", { error });
    }
  }

  /** Reads anew what another node has added or removed, after the changes that are under way here. */
  loadAnew(): Promise<void> {
    return this.#loading ??= this.#last.then(() => {
      this.#loading = null;
      return this.load();
    });
  }

  /** Tells what `add` would do. Rejects as it does, but for breaks. */
  check(files: readonly Uint8Array[]): Promise<TypesChange> {
    return this.#afterTheLast(() => this.#prepare(files));
  }

  /**
   * Adds files, all or none; resolves when that is committed. Rejects with INVALID_ARGUMENT for files that are none or do not
   * fit together, RESOURCE_EXHAUSTED past their number or bytes, and, unless `allowBreaking`, FAILED_PRECONDITION when that
   * breaks those who read.
   */
  add(
    files: readonly Uint8Array[],
    { user, allowBreaking }: { user: string; allowBreaking: boolean },
  ): Promise<TypesChange> {
    return this.#afterTheLast(async () => {
      const change = await this.#prepare(files);
      const { added, changed, breaks, types } = change;
      if (breaks.length > 0 && !allowBreaking) throw breaksSome(breaks);
      const timeUnixMicros = BigInt(Math.floor(this.#context.clock.wallMs())) * 1000n;
      const stored = new Map(this.#stored);
      const records = [...added, ...changed].map((path) => {
        const version = (stored.get(path)?.version ?? 0) + 1;
        const fileDescriptor = types.files.get(path)!.bytes;
        const record = create(TypeFileSchema, {
          path,
          version,
          timeUnixMicros,
          user,
          fileDescriptor,
        });
        stored.set(path, record);
        return record;
      });
      await this.#commit(
        records.map((record) => (ticket = UNTOLD) =>
          this.#store.put(TYPE_RECORDS + record.path, toBinary(TypeFileSchema, record), -1, ticket)
        ),
      );
      this.#types = types;
      this.#stored = stored;
      return { added, changed, breaks };
    });
  }

  /** Removes files, all or none; resolves when that is committed. Rejects with NOT_FOUND, and FAILED_PRECONDITION when others import them. */
  remove(paths: readonly string[]): Promise<void> {
    return this.#afterTheLast(async () => {
      const gone = new Set(paths);
      const stored = new Map(this.#stored);
      for (const path of gone) {
        if (!stored.delete(path)) {
          throw new ParleyError(ErrorCode.NOT_FOUND, `cannot remove ${quote(path)}: no such file`, {
            accepted: "the path of a file of types that is known",
          });
        }
      }
      const files: Descriptor[] = [];
      for (const file of this.#types.files.values()) {
        if (gone.has(file.path)) continue;
        const wanted = file.proto.dependency.find((path) => gone.has(path));
        if (wanted !== undefined) throw stillImported(wanted, file.path);
        files.push(file);
      }
      const types = await this.#link(files);
      await this.#commit(
        [...gone].map((path) => (ticket = UNTOLD) =>
          this.#store.remove(TYPE_RECORDS + path, -1, ticket)
        ),
      );
      this.#types = types;
      this.#stored = stored;
    });
  }

  async #afterTheLast<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot take the types: ${this.#waiting} other requests about types wait`,
        { accepted: `at most ${MAX_WAITING} at once`, retryable: true },
      );
    }
    this.#waiting++;
    const done = this.#last.then(work);
    this.#last = Promise.allSettled([done]);
    try {
      return await done;
    } finally {
      this.#waiting--;
    }
  }

  async #prepare(encoded: readonly Uint8Array[]): Promise<Prepared> {
    if (encoded.length === 0 || encoded.length > MAX_TYPE_FILES) {
      throw invalidArgument(`cannot take ${encoded.length} files of types`, {
        accepted: `1 to ${MAX_TYPE_FILES} files at once`,
      });
    }
    const former = this.#types;
    const files = new Map(former.files);
    const added: string[] = [];
    const changed: string[] = [];
    for (const bytes of encoded) {
      const file = readTypeFile(bytes);
      await this.#turn.did(FILE_UNITS);
      const known = former.files.get(file.path);
      if (known === undefined) added.push(file.path);
      else if (!isEqual(known.bytes, file.bytes)) changed.push(file.path);
      files.set(file.path, file);
    }
    checkRoom(files.values());
    const types = await this.#link(files.values());
    const breaks = breaksBetween(former.linked, types.linked);
    return { added, changed, breaks, types };
  }

  async #link(files: Iterable<Descriptor>): Promise<MessageTypes> {
    const linking = MessageTypes.link(files, { former: this.#types });
    for (;;) {
      await this.#turn.did(FILE_UNITS);
      const { done, value } = linking.next();
      if (done) return value;
    }
  }

  /** Commits some changes of records together. */
  async #commit(changes: readonly ((ticket?: typeof UNTOLD) => void)[]): Promise<void> {
    if (changes.length === 0) return;
    await committed((ticket) =>
      this.#store.group(() => {
        changes.forEach((change, index) => {
          if (index < changes.length - 1) change();
          else change(ticket);
        });
      })
    );
  }
}

function checkRoom(files: Iterable<Descriptor>): void {
  let count = 0;
  let bytes = 0;
  let types = 0;
  for (const file of files) {
    count++;
    bytes += file.bytes.length;
    types += file.types;
  }
  if (count <= MAX_TYPE_FILES && bytes <= MAX_TYPES_BYTES && types <= MAX_TYPES) return;
  throw new ParleyError(
    ErrorCode.RESOURCE_EXHAUSTED,
    `cannot take the types: there would be ${count} files of ${bytes} bytes with ${types} types`,
    {
      accepted:
        `at most ${MAX_TYPE_FILES} files, ${MAX_TYPES_BYTES} bytes without comments and ${MAX_TYPES} types`,
    },
  );
}

function breaksSome(breaks: readonly string[]): ParleyError {
  const more = breaks.length > NAMED_BREAKS ? ` and ${breaks.length - NAMED_BREAKS} more` : "";
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot take the types: they break those who read: ${
      breaks.slice(0, NAMED_BREAKS).join("; ")
    }${more}`,
    { accepted: "types that the former ones can be read by, or a request that allows breaks" },
  );
}

function stillImported(path: string, by: string): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot remove ${quote(path)}: ${quote(by)} imports it`,
    { accepted: "files that no other file imports, or all of them at once" },
  );
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
