/**
 * Tests how people on the text listener say who they are: with nothing but lines.
 */
import assert from "node:assert/strict";
import { stringify } from "smol-toml";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles } from "../../support/until.ts";
import { user } from "../../support/users.ts";

/** A person with `nc`. */
class Person implements Disposable {
  seen = "";
  readonly #connection: Deno.Conn;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  static async connect(server: TestServer): Promise<Person> {
    return new Person(await Deno.connect({ hostname: "127.0.0.1", port: server.port("text") }));
  }

  async type(line: string): Promise<void> {
    await this.#connection.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Reads until the end of what is shown is `text`, and forgets all of it. */
  async sees(text: string): Promise<string> {
    const into = new Uint8Array(4096);
    while (!this.seen.includes(text)) {
      const count = await settles(this.#connection.read(into), `"${text}" after "${this.seen}"`);
      if (count === null) throw new Error(`the end instead of "${text}", after "${this.seen}"`);
      this.seen += new TextDecoder().decode(into.subarray(0, count));
    }
    const { seen } = this;
    this.seen = "";
    return seen;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

async function start(guestRole = ""): Promise<TestServer> {
  return await startServer({
    users: [await user("ada", "chats"), await user("eve", "nothing")],
    roles: { chats: { allow: { join: "*" } }, nothing: {} },
    auth: { guest_role: guestRole },
  });
}

const NAME = "[ENTER YOUR NAME]: ";
const PASSWORD = "[ENTER YOUR PASSWORD]: ";

Deno.test("a person gives the password after the name, and is in the room", async () => {
  await using server = await start();
  using ada = await Person.connect(server);
  await ada.sees(NAME);
  await ada.type("ada");
  await ada.sees(PASSWORD);
  await ada.type("wrong");
  const refused = await ada.sees(NAME);
  assert.match(refused, /Cannot come in: the user, the password or the token is wrong\./);
  await ada.type("ada");
  await ada.sees(PASSWORD);
  await ada.type("ada's secret");
  await ada.sees("][ada]:");
  await ada.type("/me waves");
  await ada.sees("]* ada waves");
});

Deno.test("name and password may be typed, or piped, in one go", async () => {
  await using server = await start();
  using ada = await Person.connect(server);
  await ada.type("ada\nada's secret\n/me waves");
  await ada.sees("]* ada waves");
});

Deno.test("where guests are welcome only the name of a user takes a password", async () => {
  await using server = await start("chats");
  using guest = await Person.connect(server);
  await guest.sees(NAME);
  await guest.type("ADA");
  await guest.sees(PASSWORD);
  await guest.type("wrong");
  await guest.sees(NAME);
  await guest.type("bob");
  await guest.sees("][bob]:");
  await guest.type("/name \u0430da");
  assert.match(await guest.sees("][bob]:"), /: it looks like that of a user\./);
  await guest.type("/name Ada");
  assert.match(await guest.sees("][bob]:"), /Cannot take the name "Ada": it is that of a user\./);
});

Deno.test("a person who may not be in a room any more is told so", async () => {
  const file = await Deno.makeTempFile({ prefix: "parley-users-" });
  const ada = await user("ada", "chats");
  const text = (join: string) => stringify({ users: [ada], roles: { chats: { allow: { join } } } });
  await Deno.writeTextFile(file, text("*"));
  {
    await using server = await startServer({ auth: { users_file: file } });
    using person = await Person.connect(server);
    await person.type("ada\nada's secret");
    await person.sees("][ada]:");
    await Deno.writeTextFile(file, text("other"));
    await server.server.reload();
    await person.sees('The stay in the room "lobby" has ended');
  }
  await Deno.remove(file);
});

Deno.test("a user who may come into no room is told so", async () => {
  await using server = await start();
  using eve = await Person.connect(server);
  await eve.sees(NAME);
  await eve.type("eve");
  await eve.sees(PASSWORD);
  await eve.type("eve's secret");
  assert.match(await eve.sees(NAME), /this user has no permission join\./);
});
