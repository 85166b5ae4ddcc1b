/**
 * Topics: those that are kept, as a list or a tree of their levels, the live tail of any pattern, and the policies.
 */
/// <reference lib="dom" />
import { useState } from "preact/hooks";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { ask } from "../../data/ask.ts";
import { mayAny } from "../../data/rights.ts";
import { Choice, Field, SearchField } from "../../parts/fields.tsx";
import { Empty } from "../../parts/states.tsx";
import { navigate, route, setQuery } from "../../router.ts";
import type { Command, Place } from "../../shell/places.ts";
import { KeepPolicies } from "./keep.tsx";
import { TopicList } from "./list.tsx";
import { LiveTail } from "./live_tail.tsx";
import { publish } from "./publish.tsx";
import { TopicView } from "./topic_view.tsx";
import { TopicTree } from "./tree_view.tsx";

const MOST_COMMANDS = 20;

/** The page. */
export const topics: Place = {
  id: "topics",
  title: "Topics",
  icon: "topics",
  key: "t",
  View: TopicsView,
  commands,
};

async function commands(text: string, signal: AbortSignal): Promise<readonly Command[]> {
  const request = { contains: text.trim(), limit: MOST_COMMANDS };
  const { topics } = await ask(Topics.method.list, request, { signal });
  return topics.map(({ topic }) => ({
    title: topic,
    kind: "Topic",
    run: () => navigate(["topics", topic]),
  }));
}

type View = "list" | "tree" | "live" | "policies";

const VIEWS: readonly (readonly [View, string])[] = [
  ["list", "List"],
  ["tree", "Tree"],
  ["live", "Live"],
  ["policies", "Policies"],
];

function TopicsView({ path }: { path: readonly string[] }) {
  const [name] = path;
  if (name !== undefined && name !== "") return <TopicView topic={name} />;
  const view = (route.value.query.view ?? "list") as View;
  return (
    <>
      <div class="page-head">
        <h1>Topics</h1>
        <span class="grow" />
        <Choice
          label="What is shown"
          value={view}
          options={VIEWS}
          onChange={(chosen) => setQuery({ view: chosen === "list" ? "" : chosen }, false)}
        />
        {mayAny("publish") && (
          <button type="button" class="button main" onClick={() => publish("")}>Publish</button>
        )}
      </div>
      {view === "live" ? <Live /> : view === "policies" ? <KeepPolicies /> : <Kept view={view} />}
    </>
  );
}

function Live() {
  const { pattern = "" } = route.value.query;
  const [typed, setTyped] = useState(pattern === "" ? ">" : pattern);
  return (
    <div class="stack">
      <form
        class="row fields"
        onSubmit={(event) => {
          event.preventDefault();
          setQuery({ pattern: typed.trim() });
        }}
      >
        <Field
          label="Topics"
          value={typed}
          onChange={setTyped}
          hint='"*" stands for one level, ">" for the rest'
        />
        <button type="submit" class="button main">Follow</button>
      </form>
      {pattern === ""
        ? <Empty title="Which topics?">Say a topic or a pattern, and follow it.</Empty>
        : <LiveTail pattern={pattern} />}
    </div>
  );
}

function Kept({ view }: { view: "list" | "tree" }) {
  const { find = "" } = route.value.query;
  return (
    <div class="stack">
      <SearchField
        label="Find by a text or a pattern"
        value={find}
        onChange={(value) => setQuery({ find: value })}
      />
      {view === "tree" && find.trim() === "" ? <TopicTree /> : <TopicList find={find} />}
    </div>
  );
}
